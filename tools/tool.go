package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// Options say what a tool does to the world. The zero value is the careful reading: an effect that cannot be repeated.
type Options struct {
	Effect    coordinator.Effect // "": unrepeatable
	Authority []string           // input properties that carry authority: recipient, path, account, amount
	Trusted   bool               // the output is the operator's own word, not text from outside
	Timeout   time.Duration      // of the function; 0: the attempt's own

	// Reconcile finds out whether an attempt of unknown outcome happened, and what it gave. happened=false means that it
	// certainly did not; an error leaves the question to a person.
	Reconcile func(ctx context.Context, a coordinator.Attempt) (output any, happened bool, err error)

	// Close releases what the function keeps open. It may be called more than once.
	Close func() error

	Input  json.RawMessage // JSON Schema in place of the one from the type
	Output json.RawMessage // the same for the output
}

// New makes a worker of a function. In and Out may be of any type that JSON can hold; json.RawMessage takes and gives JSON as
// it is. The worker implements coordinator.Reconciler only if Options.Reconcile is set.
//
// New does not panic on a declaration that cannot work (a type that contains itself, an unknown validate tag, a schema that
// is none): Map returns the error, and without Map every attempt fails with it, permanently.
func New[In, Out any](name, description string, f func(ctx context.Context, in In) (Out, error), o Options) coordinator.Worker {
	t := &tool{
		card: coordinator.Card{
			Name: name, Kind: "tool", Description: description, Effect: o.Effect,
			Authority: o.Authority, Trusted: o.Trusted, Input: o.Input, Output: o.Output,
		},
		timeout:   o.Timeout,
		close:     o.Close,
		reconcile: o.Reconcile,
		call: func(ctx context.Context, raw json.RawMessage) (any, error) {
			var in In
			if err := decode(raw, &in); err != nil {
				return nil, coordinator.Permanent(err)
			}
			return f(ctx, in)
		},
	}
	t.declare(reflect.TypeFor[In](), reflect.TypeFor[Out]())
	if f == nil {
		t.broken = errors.Join(t.broken, errors.New("it has no function"))
	}
	if o.Reconcile != nil {
		return &reconciler{t}
	}
	return t
}

// tool is a worker around one function.
type tool struct {
	card      coordinator.Card
	input     *schema.Schema
	object    bool // the input is an object, so nothing at all means an empty one
	timeout   time.Duration
	call      func(ctx context.Context, input json.RawMessage) (any, error)
	reconcile func(ctx context.Context, a coordinator.Attempt) (any, bool, error)
	close     func() error
	broken    error // what is wrong with the declaration
}

// reconciler is a tool that can find out what happened.
type reconciler struct{ *tool }

// declare completes the card, and finds everything that is wrong with the declaration.
func (t *tool) declare(in, out reflect.Type) {
	var wrong []error
	if strings.TrimSpace(t.card.Name) == "" {
		wrong = append(wrong, errors.New("it has no name"))
	}
	if e := t.card.Effect; e != "" && !e.Repeatable() && e != coordinator.EffectUnrepeatable {
		wrong = append(wrong, fmt.Errorf("effect %q: write none, read, idempotent or unrepeatable", e))
	}
	if t.card.Effect == "" {
		t.card.Effect = coordinator.EffectUnrepeatable
	}
	var err error
	if t.card.Input == nil {
		t.card.Input, err = schema.Of(in)
		wrong = append(wrong, err, checkTags(in))
	}
	if t.card.Output == nil {
		t.card.Output, err = schema.Of(out)
		wrong = append(wrong, err)
	} else if _, err := schema.Compile(t.card.Output); err != nil {
		wrong = append(wrong, fmt.Errorf("output %w", err))
	}
	if t.input, err = schema.Compile(t.card.Input); err != nil {
		wrong = append(wrong, fmt.Errorf("input %w", err))
	}
	t.object = isObject(in)
	if err := errors.Join(wrong...); err != nil {
		t.broken = fmt.Errorf("tool %q: %w", t.card.Name, err)
	}
}

func isObject(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Map
}

func (t *tool) Card() coordinator.Card { return t.card }

// err reports what is wrong with the declaration; Map asks.
func (t *tool) err() error { return t.broken }

// Close releases what the tool keeps open.
func (t *tool) Close() error {
	if t.close == nil {
		return nil
	}
	return t.close()
}

func (t *tool) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	input, err := t.check(a.Input)
	if err != nil {
		return coordinator.Result{}, coordinator.Permanent(fmt.Errorf("%s: %w", t.card.Name, err))
	}
	ctx, cancel := t.context(ctx, a)
	defer cancel()
	ctx, notes := withNotes(ctx)
	out, err := t.guard(ctx, input)
	if err != nil {
		return coordinator.Result{Note: notes.text()}, fmt.Errorf("%s: %w", t.card.Name, err)
	}
	raw, err := encode(out)
	if err != nil { // it has happened, but nobody can say what came of it
		return coordinator.Result{Note: notes.text()}, fmt.Errorf("%s: output: %w", t.card.Name, err)
	}
	return coordinator.Result{Output: raw, Confidence: coordinator.Certain(), Note: notes.text()}, nil
}

func (t *tool) context(ctx context.Context, a coordinator.Attempt) (context.Context, context.CancelFunc) {
	ctx = coordinator.ContextWithKey(ctx, a.Key)
	if t.timeout > 0 {
		return context.WithTimeout(ctx, t.timeout)
	}
	return context.WithCancel(ctx)
}

// check returns the input as the function may see it.
func (t *tool) check(raw json.RawMessage) (json.RawMessage, error) {
	if t.broken != nil {
		return nil, t.broken
	}
	if empty := len(raw) == 0 || string(raw) == "null"; empty && t.object {
		raw = json.RawMessage("{}")
	} else if len(raw) == 0 {
		raw = json.RawMessage("null")
	}
	if err := t.input.Validate(raw); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	return raw, nil
}

// guard turns a panic into an error. It is not marked NotDone: the effect may have happened before.
func (t *tool) guard(ctx context.Context, input json.RawMessage) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v (at %s)", p, panicSite())
		}
	}()
	return t.call(ctx, input)
}

// panicSite finds the line that panicked: the first frame below the runtime's own.
func panicSite() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime."):
			return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// Reconcile implements coordinator.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, a coordinator.Attempt) (coordinator.Result, bool, error) {
	ctx, cancel := r.context(ctx, a)
	defer cancel()
	ctx, notes := withNotes(ctx)
	out, happened, err := r.ask(ctx, a)
	if err != nil {
		return coordinator.Result{}, false, fmt.Errorf("%s: reconcile: %w", r.card.Name, err)
	}
	if !happened {
		return coordinator.Result{}, false, nil
	}
	raw, err := encode(out)
	if err != nil {
		return coordinator.Result{}, false, fmt.Errorf("%s: reconcile: output: %w", r.card.Name, err)
	}
	return coordinator.Result{Output: raw, Confidence: coordinator.Certain(), Note: notes.text()}, true, nil
}

func (r *reconciler) ask(ctx context.Context, a coordinator.Attempt) (out any, happened bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, happened, err = nil, false, fmt.Errorf("panic: %v (at %s)", p, panicSite())
		}
	}()
	input, err := r.check(a.Input)
	if err != nil {
		return nil, false, err
	}
	a.Input = input
	return r.reconcile(ctx, a)
}
