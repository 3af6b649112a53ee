package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// attempt calls the worker once and words the outcome as an event.
func (rt *Runtime) attempt(ctx context.Context, l *live, do coordinator.Do) coordinator.Event {
	ctx, cancel := context.WithTimeout(coordinator.ContextWithKey(ctx, do.Attempt.Key), do.Timeout)
	defer cancel()
	card, w := rt.cards[do.Worker], rt.o.Workers[do.Worker]
	if !l.stillHeld() {
		return failed(do.Event, coordinator.NotDone(errors.New("the lease ran out before the call; it was not made")), coordinator.Usage{})
	}
	res, err := call(ctx, w, do.Attempt)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = keepMarks(err, fmt.Errorf("gave no answer within %s: %w", do.Timeout, err))
	}
	if err == nil {
		if e, bad := rt.success(do, card, res); bad == nil {
			return e
		} else {
			err = bad
		}
	}
	if f := coordinator.FailureOf(err); !f.NotDone && card.Effect == coordinator.EffectUnrepeatable {
		if e, ok := rt.reconcile(ctx, do, w, card); ok {
			return e
		}
	}
	return failed(do.Event, err, finite(res.Usage))
}

// keepMarks carries what the worker knew about its error over to one with a better text.
func keepMarks(old, better error) error {
	if f := coordinator.FailureOf(old); f.NotDone {
		return coordinator.NotDone(better)
	}
	return better
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

func failed(started coordinator.Event, err error, u coordinator.Usage) coordinator.Event {
	e := outcome(started, coordinator.Failed)
	e.Failure, e.Usage = coordinator.FailureOf(err), u
	return e
}

// success words a result; the error says why it is none.
func (rt *Runtime) success(do coordinator.Do, card coordinator.Card, res coordinator.Result) (coordinator.Event, error) {
	e := outcome(do.Event, coordinator.Succeeded)
	e.Confidence, e.Usage, e.State, e.Note = res.Confidence, res.Usage, res.State, res.Note
	e.Label = labelOf(do.Attempt, card, res)
	if _, err := json.Marshal(e); err != nil { // NaN, a state that is no JSON: it could never be journaled
		return outcome(do.Event, coordinator.Succeeded), fmt.Errorf("its answer cannot be journaled: %w", err)
	}
	e.Verdict = coordinator.VerdictAccept
	if do.Step != nil && len(res.Calls) == 0 {
		e.Verdict = rt.o.Judge(do.Step.Accept, res.Confidence)
	}
	switch {
	case len(res.Calls) > 0 && (res.Plan != nil || len(res.Output) > 0), res.Plan != nil && len(res.Output) > 0:
		return e, errors.New("the worker answered with more than one of output, calls and plan")
	case len(res.Calls) > 0:
		return rt.calls(e, card, res.Calls)
	case res.Plan != nil:
		return rt.plan(e, do, card, res.Plan)
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
		return ""
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

func (rt *Runtime) plan(e coordinator.Event, do coordinator.Do, card coordinator.Card, p *coordinator.Plan) (coordinator.Event, error) {
	e.Kind, e.Plan, e.Replans = coordinator.Planned, p, card.Replans
	if err := coordinator.Check(p, rt.Card, rt.o.Limits); err != nil && !card.Replans {
		return e, coordinator.Permanent(err)
	} else if err != nil {
		return e, coordinator.NotDone(err)
	}
	if err := check(p.Input, do.Attempt.Input); err != nil {
		return e, coordinator.Permanent(&InputError{p.Name, err})
	}
	return e, nil
}

// reconcile asks a worker that can find out whether an attempt of unknown outcome happened.
func (rt *Runtime) reconcile(ctx context.Context, do coordinator.Do, w coordinator.Worker, card coordinator.Card) (coordinator.Event, bool) {
	r, ok := w.(coordinator.Reconciler)
	if !ok {
		return coordinator.Event{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), do.Timeout)
	defer cancel()
	res, happened, err := r.Reconcile(ctx, do.Attempt)
	switch {
	case err != nil:
		rt.o.Log.Warn("reconcile", "run", do.Attempt.Run, "path", do.Attempt.Path, "error", err)
		return coordinator.Event{}, false
	case !happened:
		return failed(do.Event, coordinator.NotDone(errors.New("it did not happen, as "+do.Worker+" found out")), coordinator.Usage{}), true
	}
	e, err := rt.success(do, card, res)
	return e, err == nil
}

// interruptOrphans closes attempts whose process is gone: at once where repeating is safe, and where it is not,
// when the attempt can no longer be running; a worker that can find out what happened is asked first.
func (l *live) interruptOrphans(ctx context.Context, now time.Time) {
	for _, e := range l.orphans() {
		if e.Effect.Repeatable() {
			l.interrupt(e, now)
			continue
		}
		if now.Before(e.Deadline) {
			continue
		}
		w := l.rt.o.Workers[e.Worker]
		if _, can := w.(coordinator.Reconciler); !can {
			l.interrupt(e, now)
			continue
		}
		l.findOut(ctx, e, w)
	}
}

func (l *live) interrupt(e coordinator.Event, now time.Time) {
	if err := l.apply(outcome(e, coordinator.Interrupted), now); err != nil {
		l.rt.o.Log.Error("interrupt", "run", l.id, "error", err)
	}
}

func (l *live) findOut(ctx context.Context, e coordinator.Event, w coordinator.Worker) {
	a, step, _ := l.run.Started(e.Path)
	do := coordinator.Do{Worker: e.Worker, Attempt: a, Step: step, Timeout: e.Deadline.Sub(e.At), Event: e}
	l.flying[e.Path] = &flight{started: e, cancel: func() {}}
	l.rt.running.Add(1)
	go func() {
		defer l.rt.running.Done()
		out, ok := l.rt.reconcile(ctx, do, w, l.rt.cards[e.Worker])
		if !ok {
			out = outcome(e, coordinator.Interrupted)
		}
		l.deliver(out)
	}()
}

// orphans are attempts in the journal that no goroutine of this process makes.
func (l *live) orphans() []coordinator.Event {
	if l.run.Flying() == len(l.flying) {
		return nil
	}
	return slices.DeleteFunc(l.run.InFlight(), func(e coordinator.Event) bool {
		f := l.flying[e.Path]
		return f != nil && f.started.Generation == e.Generation && f.started.Turn == e.Turn && f.started.Number == e.Number
	})
}

// orphanDue is when the next orphan can be given up.
func (l *live) orphanDue() time.Time {
	var due time.Time
	for _, e := range l.orphans() {
		if due.IsZero() || e.Deadline.Before(due) {
			due = e.Deadline
		}
	}
	return due
}

// testify lets a former owner answer the questions about effects in doubt with the outcomes it still has in hand,
// or gets from calls that are still running.
func (l *live) testify(ctx context.Context) {
	wanted := map[string]bool{}
	for path, f := range l.flying {
		if !f.started.Effect.Repeatable() {
			wanted[path] = true
		}
		if !f.started.Effect.Changes() {
			f.cancel()
		}
	}
	l.mu.Lock()
	known := append(slices.Clone(l.pending), l.inbox...)
	l.inbox = nil
	l.mu.Unlock()
	l.rt.running.Add(1)
	go func() {
		defer l.rt.running.Done()
		for {
			for _, e := range known {
				l.answerDoubt(ctx, e)
				delete(wanted, e.Path)
			}
			if len(wanted) == 0 {
				return
			}
			select {
			case <-l.bell:
			case <-ctx.Done():
				return
			}
			l.mu.Lock()
			known, l.inbox = l.inbox, nil
			l.mu.Unlock()
		}
	}()
}

func (l *live) answerDoubt(ctx context.Context, e coordinator.Event) {
	if e.Kind != coordinator.Succeeded {
		return
	}
	open, _, err := l.rt.store.Inbox(ctx, memory.InboxFilter{Run: l.id})
	if err != nil {
		return
	}
	for _, q := range open {
		if q.Reason != coordinator.ReasonInDoubt || q.Path != e.Path || q.Generation != e.Generation {
			continue
		}
		d := coordinator.Decision{
			ID: batchID(), Verb: coordinator.Amend, By: "the process that made the call", Output: e.Output, Label: e.Label,
			Comment: "it happened; the answer came after the run had been taken over",
		}
		if _, err := l.rt.store.Post(ctx, l.id, coordinator.Event{Kind: coordinator.Decided, Path: q.Path, ID: q.ID, Decision: &d}); err != nil {
			l.rt.o.Log.Warn("late outcome", "run", l.id, "path", e.Path, "error", err)
		}
	}
}
