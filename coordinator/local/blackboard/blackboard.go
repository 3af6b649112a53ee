package blackboard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools/schema"
)

// Settings bound what goes through the workers. The zero value works; every zero field takes its default.
type Settings struct {
	MaxValue  int           `json:"max_value,omitempty"`  // bytes of one value as JSON: 256 KiB
	MaxValues int           `json:"max_values,omitempty"` // values in one list: 200
	MaxBytes  int           `json:"max_bytes,omitempty"`  // bytes of the values in one list: 1 MiB
	MaxTTL    time.Duration `json:"max_ttl,omitempty"`    // the longest a value may be kept; 0: for ever
}

func (s Settings) withDefaults() Settings {
	s.MaxValue = cmp.Or(max(s.MaxValue, 0), 256<<10)
	s.MaxValues = cmp.Or(max(s.MaxValues, 0), 200)
	s.MaxBytes = cmp.Or(max(s.MaxBytes, 0), 1<<20)
	return s
}

// ErrNoStore says that a worker was asked before there was a store.
var ErrNoStore = errors.New("no store is connected")

// New makes the workers. Store is asked in each attempt, so it may be connected after the workers are made; while it returns
// nil, attempts fail without effect.
func New(s Settings, store func() memory.Blackboard) ([]coordinator.Worker, error) {
	s = s.withDefaults()
	b := shared{s, store}
	get, err1 := newWorker(getCard, b.get)
	set, err2 := newWorker(setCard, b.set)
	list, err3 := newWorker(listCard, b.list)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("blackboard: %w", err)
	}
	return []coordinator.Worker{get, set, list}, nil
}

// shared is what the workers have in common.
type shared struct {
	settings Settings
	store    func() memory.Blackboard
}

func (b shared) board() (memory.Blackboard, error) {
	if b.store != nil {
		if board := b.store(); board != nil {
			return board, nil
		}
	}
	return nil, coordinator.NotDone(ErrNoStore)
}

// Where is the part of every input that says whose values are meant.
type Where struct {
	Scope string `json:"scope,omitempty" validate:"omitempty,oneof=run workspace" jsonschema:"default=run,description=run: only this run sees the value; workspace: every run does"`
}

func (w Where) in(a coordinator.Attempt) memory.Scope {
	if w.Scope == "workspace" {
		return memory.Scope{Kind: "workspace"}
	}
	return memory.Scope{Kind: "run", ID: a.Run}
}

// worker is a coordinator.Worker around a typed function that sees the attempt and may say the label of what it found.
type worker[In, Out any] struct {
	card  coordinator.Card
	input *schema.Schema
	do    func(ctx context.Context, a coordinator.Attempt, in In) (Out, coordinator.Label, error)
}

func newWorker[In, Out any](card coordinator.Card, do func(context.Context, coordinator.Attempt, In) (Out, coordinator.Label, error)) (*worker[In, Out], error) {
	w := &worker[In, Out]{card: card, do: do}
	var err error
	if w.card.Input, err = schema.For[In](); err != nil {
		return nil, err
	}
	if w.card.Output, err = schema.For[Out](); err != nil {
		return nil, err
	}
	w.card.Kind = "tool"
	w.input, err = schema.Compile(w.card.Input)
	return w, err
}

func (w *worker[In, Out]) Card() coordinator.Card { return w.card }

func (w *worker[In, Out]) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	var in In
	raw := a.Input
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	err := w.input.Validate(raw)
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		return coordinator.Result{}, coordinator.Permanent(fmt.Errorf("%s: input: %w", w.card.Name, err))
	}
	out, label, err := w.do(ctx, a, in)
	if err != nil {
		return coordinator.Result{}, fmt.Errorf("%s: %w", w.card.Name, err)
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		return coordinator.Result{}, fmt.Errorf("%s: output: %w", w.card.Name, err)
	}
	return coordinator.Result{Output: encoded, Confidence: coordinator.Certain(), Label: label}, nil
}

// refused marks what another attempt cannot mend.
func refused(err error) error {
	if errors.Is(err, memory.ErrLimit) {
		return coordinator.Permanent(err)
	}
	return err
}
