package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// job is an attempt about to be made.
type job struct {
	coordinator.Do
	known []string // steps that a plan it answers with may name, but not define anew
}

// grace is how long a worker may take to notice that its time is over.
const grace = time.Second

// attempt calls the worker once and words the outcome as an event. gone is closed when the worker has returned,
// which is later than the outcome if it ignores its context.
func (rt *Runtime) attempt(ctx context.Context, l *live, j job) (e coordinator.Event, gone <-chan struct{}) {
	ctx, cancel := context.WithTimeout(coordinator.ContextWithKey(ctx, j.Attempt.Key), j.Timeout)
	defer cancel()
	card, w := rt.cards[j.Worker], rt.o.Workers[j.Worker]
	if !l.stillHeld() {
		never := make(chan struct{})
		close(never)
		err := coordinator.NotDone(errors.New("the lease ran out before the call; it was not made"))
		return failed(j.Event, card, err, coordinator.Usage{}), never
	}
	res, gone, err := callWithin(ctx, w, j.Attempt)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("gave no answer within %s: %w", j.Timeout, err)
	}
	if err == nil {
		if e, err = rt.success(j, card, res); err == nil {
			return e, gone
		}
	}
	if f := coordinator.FailureOf(err); !f.NotDone && !card.Effect.Repeatable() {
		if e, ok := rt.reconcile(ctx, j, w, card); ok {
			return e, gone
		}
	}
	e = failed(j.Event, card, err, finite(res.Usage))
	e.Models, e.Exchange = maps.Clone(res.Models), res.Exchange
	return readable(e), gone
}

// maxExchange bounds what is kept of one attempt's talk with a model, in bytes.
const maxExchange = 2 << 20

// readable drops what is kept for people only where it could not be journaled: an outcome must not be lost for its footnote.
func readable(e coordinator.Event) coordinator.Event {
	if len(e.Exchange) > maxExchange || len(e.Exchange) > 0 && !json.Valid(e.Exchange) {
		e.Exchange = nil
		e.Note = strings.TrimPrefix(e.Note+"; what the model was asked is not kept: it is too large, or no JSON", "; ")
	}
	for name, u := range e.Models {
		e.Models[name] = finite(u)
	}
	return e
}

// callWithin makes the attempt, and gives a worker up that does not return when its time is over.
func callWithin(ctx context.Context, w coordinator.Worker, a coordinator.Attempt) (res coordinator.Result, gone <-chan struct{}, err error) {
	returned := make(chan struct{})
	var theirs struct {
		res coordinator.Result
		err error
	}
	go func() {
		defer close(returned)
		theirs.res, theirs.err = call(ctx, w, a)
	}()
	select {
	case <-returned:
		return theirs.res, returned, theirs.err
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-returned:
		return theirs.res, returned, theirs.err
	case <-late.C:
		return coordinator.Result{}, returned, fmt.Errorf("it does not return although it was told to: %w", ctx.Err())
	}
}

// call makes the attempt; a panic of the worker is its failure, not ours.
func call(ctx context.Context, w coordinator.Worker, a coordinator.Attempt) (res coordinator.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("worker panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return w.Do(ctx, a)
}

// stillHeld reports whether the lease stands, as far as this process can tell, just before an effect.
func (l *live) stillHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.lost && time.Now().Before(l.heldTill)
}

// finite drops a cost that is no number.
func finite(u coordinator.Usage) coordinator.Usage {
	if math.IsNaN(u.Cost) || math.IsInf(u.Cost, 0) {
		u.Cost = 0
	}
	return u
}

func outcome(started coordinator.Event, k coordinator.Kind) coordinator.Event {
	return coordinator.Event{
		Kind: k, Path: started.Path, Generation: started.Generation, Turn: started.Turn, Number: started.Number,
	}
}

// failed words an error. Its text may come from outside, as an output may.
func failed(started coordinator.Event, card coordinator.Card, err error, u coordinator.Usage) coordinator.Event {
	e := outcome(started, coordinator.Failed)
	e.Failure, e.Usage, e.Label = coordinator.FailureOf(err), u, coordinator.Untrusted
	if card.Trusted || card.Effect == coordinator.EffectNone {
		e.Label = coordinator.Trusted.Join(started.Label)
	}
	return e
}

// success words a result; the error says why it is none.
func (rt *Runtime) success(j job, card coordinator.Card, res coordinator.Result) (coordinator.Event, error) {
	e := outcome(j.Event, coordinator.Succeeded)
	e.Confidence, e.Usage, e.State, e.Note = res.Confidence, res.Usage, res.State, res.Note
	e.Models, e.Exchange = maps.Clone(res.Models), res.Exchange
	e = readable(e)
	e.Label = labelOf(j.Attempt, card, res)
	if _, err := json.Marshal(e); err != nil { // NaN, a state that is no JSON: it could never be journaled
		return outcome(j.Event, coordinator.Succeeded), fmt.Errorf("its answer cannot be journaled: %w", err)
	}
	e.Verdict = coordinator.VerdictAccept
	if j.Step != nil && len(res.Calls) == 0 {
		e.Verdict = rt.o.Judge(j.Step.Accept, res.Confidence)
	}
	switch {
	case len(res.Calls) > 0 && (res.Plan != nil || len(res.Output) > 0), res.Plan != nil && len(res.Output) > 0:
		return e, errors.New("the worker answered with more than one of output, calls and plan")
	case len(res.Calls) > 0:
		return rt.calls(e, card, res.Calls)
	case res.Plan != nil:
		return rt.plan(e, j, card, res.Plan)
	}
	if res.Output == nil {
		res.Output = json.RawMessage("null")
	}
	out, err := coordinator.Canonical(res.Output)
	if err != nil {
		return e, fmt.Errorf("its output is no JSON: %w", err)
	}
	if len(out) > rt.o.Limits.Payload {
		return e, fmt.Errorf("its output has %d bytes; %d is the limit", len(out), rt.o.Limits.Payload)
	}
	e.Output = out
	return e, nil
}

// labelOf joins what the worker read with what it added by itself.
func labelOf(a coordinator.Attempt, card coordinator.Card, res coordinator.Result) coordinator.Label {
	switch {
	case res.Plan != nil && card.Kind == "pipeline": // a file's own words; its input is labelled on its own
		return coordinator.Trusted
	case res.Label != "":
		return a.Label.Join(res.Label)
	case card.Trusted, card.Effect == coordinator.EffectNone:
		return a.Label.Join(coordinator.Trusted)
	}
	return coordinator.Untrusted
}

// calls marks those that must not be made: the worker sees why in its next turn.
func (rt *Runtime) calls(e coordinator.Event, card coordinator.Card, calls []coordinator.Call) (coordinator.Event, error) {
	if len(calls) > rt.o.Limits.FanOut {
		return e, fmt.Errorf("it asked for %d calls at once; %d is the limit", len(calls), rt.o.Limits.FanOut)
	}
	e.Kind = coordinator.Called
	e.Calls = slices.Clone(calls)
	for i := range e.Calls {
		c := &e.Calls[i]
		in, err := coordinator.Canonical(c.Input)
		if err != nil {
			c.Input, c.Refused = json.RawMessage("null"), "its input is no JSON: "+err.Error()
			continue
		}
		c.Input, c.Refused = in, rt.refusal(card, c.Use, in)
	}
	return e, nil
}

func (rt *Runtime) refusal(card coordinator.Card, use string, in json.RawMessage) string {
	_, known := rt.cards[use]
	switch {
	case use == coordinator.Person:
		return badQuestion(in)
	case !slices.Contains(card.Calls, use):
		return fmt.Sprintf("%s may not call %q", card.Name, use)
	case !known:
		return fmt.Sprintf("there is no worker %q here", use)
	case len(in) > rt.o.Limits.Payload:
		return fmt.Sprintf("its input has %d bytes; %d is the limit", len(in), rt.o.Limits.Payload)
	}
	if s := rt.inputs[use]; s != nil {
		if err := s.Validate(in); err != nil {
			return "its input does not fit: " + err.Error()
		}
	}
	return ""
}

// badQuestion reports a question whose answer could never fit.
func badQuestion(in json.RawMessage) string {
	var q struct{ Schema json.RawMessage }
	if json.Unmarshal(in, &q) != nil {
		return ""
	}
	if _, err := schema.Compile(q.Schema); err != nil && string(q.Schema) != "null" {
		return "the schema of its answer: " + err.Error()
	}
	return ""
}

func (rt *Runtime) plan(e coordinator.Event, j job, card coordinator.Card, p *coordinator.Plan) (coordinator.Event, error) {
	e.Kind, e.Plan, e.Replans = coordinator.Planned, p, card.Replans
	if err := coordinator.Check(p, rt.Card, rt.o.Limits, j.known...); err != nil && !card.Replans {
		return e, coordinator.Permanent(err)
	} else if err != nil {
		return e, coordinator.NotDone(err)
	}
	if err := check(p.Input, j.Attempt.Input); err != nil {
		return e, coordinator.Permanent(&InputError{p.Name, err})
	}
	return e, nil
}

// reconcileTime bounds how long a worker may take to find out what happened.
const reconcileTime = 30 * time.Second

// reconcile asks a worker that can find out whether an attempt of unknown outcome happened.
func (rt *Runtime) reconcile(ctx context.Context, j job, w coordinator.Worker, card coordinator.Card) (coordinator.Event, bool) {
	r, ok := w.(coordinator.Reconciler)
	if !ok {
		return coordinator.Event{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(j.Timeout, reconcileTime))
	defer cancel()
	res, happened, err := r.Reconcile(ctx, j.Attempt)
	switch {
	case err != nil:
		rt.o.Log.Warn("reconcile", "run", j.Attempt.Run, "path", j.Attempt.Path, "error", err)
		return coordinator.Event{}, false
	case !happened:
		return failed(j.Event, card, coordinator.NotDone(errors.New("it did not happen, as "+j.Worker+" found out")), coordinator.Usage{}), true
	}
	e, err := rt.success(j, card, res)
	return e, err == nil
}
