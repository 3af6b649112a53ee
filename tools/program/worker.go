package program

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
	"github.com/tuttirun/tutti/tools/secret"
)

// program is one that may be run.
type program struct {
	Program   // with defaults
	name      string
	workspace string // absolute
	words     []word // run, with what each word stands for
	pinned    *word  // the one that SHA256 is about
	args      []argument
	env       []string
	hidden    secret.Set // values that must not show in errors
	longest   int        // bytes of the longest of them
	exit      map[int]meaning
	input     *schema.Schema
	output    *schema.Schema // nil: the output is text
	slots     chan struct{}  // shared by all programs
}

// maxWait is how much of an attempt may go by until it is a program's turn.
const maxWait = time.Minute

// patience is how long an attempt may take: its turn comes, it runs, it is told to stop.
func (p *program) patience() time.Duration { return maxWait + p.Timeout + p.Grace }

// worker gives its function the whole attempt, and its card a timeout.
type worker struct {
	coordinator.Worker
	timeout time.Duration
}

func (w worker) Card() coordinator.Card {
	c := w.Worker.Card()
	c.Timeout = w.timeout
	return c
}

type attemptContext struct{}

func (w worker) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	if len(a.Input) == 0 || string(a.Input) == "null" {
		a.Input = json.RawMessage("{}")
	}
	return w.Worker.Do(context.WithValue(ctx, attemptContext{}, a), a)
}

// call is the function of exec.<name>.
func (p *program) call(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
	a, _ := ctx.Value(attemptContext{}).(coordinator.Attempt)
	a.Input = input
	return p.do(ctx, a)
}

// programs are those of a workspace, by name.
type programs []*program

// runInput is the input of exec.run.
type runInput struct {
	Program string          `json:"program"`
	Input   json.RawMessage `json:"input,omitempty"`
}

// call is the function of exec.run.
func (set programs) call(ctx context.Context, in runInput) (json.RawMessage, error) {
	i := slices.IndexFunc(set, func(p *program) bool { return p.name == in.Program })
	if i < 0 {
		return nil, permanent("program %q is not named in the workspace", in.Program)
	}
	p := set[i]
	if len(in.Input) == 0 {
		in.Input = json.RawMessage("{}")
	}
	if err := p.input.Validate(in.Input); err != nil {
		return nil, permanent("%s: input: %w", p.name, err)
	}
	out, err := p.call(ctx, in.Input)
	if err != nil && !p.Effect.Changes() { // exec.run may count as dangerous, this program is not
		err = coordinator.NotDone(err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	return out, nil
}

// dangers orders the effects.
var dangers = []coordinator.Effect{
	coordinator.EffectNone, coordinator.EffectRead, coordinator.EffectIdempotent, coordinator.EffectUnrepeatable,
}

// effect is the most dangerous of all.
func (set programs) effect() coordinator.Effect {
	return slices.MaxFunc(set, func(p, q *program) int {
		return cmp.Compare(slices.Index(dangers, p.Effect), slices.Index(dangers, q.Effect))
	}).Effect
}

func (set programs) authority() []string {
	if slices.ContainsFunc(set, func(p *program) bool { return len(p.Authority) > 0 }) {
		return []string{"program", "input"}
	}
	return []string{"program"}
}

// describe lists the programs for people and planners.
func (set programs) describe() string {
	var b strings.Builder
	b.WriteString("Runs one of the workspace's programs, chosen by its name:")
	for _, p := range set {
		fmt.Fprintf(&b, "\n%s (%s): %s", p.name, p.Effect, p.Description)
	}
	return b.String()
}

// input is the schema of exec.run.
func (set programs) input() json.RawMessage {
	names := make([]string, len(set))
	for i, p := range set {
		names[i] = p.name
	}
	raw, _ := json.Marshal(map[string]any{ // of strings: it cannot fail
		"type": "object",
		"properties": map[string]any{
			"program": map[string]any{"type": "string", "enum": names},
			"input":   map[string]any{"type": "object", "description": "what the program takes; see exec.<program>"},
		},
		"required": []string{"program"}, "additionalProperties": false,
	})
	return raw
}

func permanent(format string, args ...any) error {
	return coordinator.Permanent(fmt.Errorf(format, args...))
}
