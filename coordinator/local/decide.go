package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// DecisionError says what is wrong with an answer. The question stays open.
type DecisionError struct {
	Escalation string
	Err        error
}

func (e *DecisionError) Error() string { return fmt.Sprintf("decision on %s: %v", e.Escalation, e.Err) }
func (e *DecisionError) Unwrap() error { return e.Err }

// Decide answers an open escalation. A *DecisionError says what is wrong with the answer (verb, schema, rights);
// memory.ErrNotOpen: somebody else was faster, or the run moved on or ended.
// A decision whose ID was seen before is answered like the first one.
func (rt *Runtime) Decide(ctx context.Context, escalation string, d coordinator.Decision) error {
	run := coordinator.RunOf(escalation)
	q, err := rt.store.Escalation(ctx, run, escalation)
	if err != nil {
		if rt.known(ctx, run, escalation, d.ID) {
			return nil
		}
		return rt.notOpen(ctx, run, escalation, err)
	}
	if d, err = rt.checkDecision(ctx, q, d); err != nil {
		return &DecisionError{escalation, err}
	}
	if d.ID == "" {
		d.ID = batchID()
	}
	e := coordinator.Event{Kind: coordinator.Decided, Path: q.Path, ID: escalation, By: d.By, Decision: &d}
	err = rt.post(ctx, run, e)
	switch {
	case errors.Is(err, memory.ErrClaimed): // since it was read
		return &DecisionError{escalation, err}
	case err != nil:
		return rt.notOpen(ctx, run, escalation, err)
	}
	return nil
}

// known reports whether this very decision was taken before: whoever repeats it gets the answer of the first time.
func (rt *Runtime) known(ctx context.Context, run, escalation, decision string) bool {
	if decision == "" {
		return false
	}
	for e, err := range rt.store.Read(ctx, run, 0) {
		if err != nil {
			return false
		}
		if e.Kind == coordinator.Decided && e.ID == escalation && e.Decision.ID == decision {
			return true
		}
	}
	return false
}

// notOpen explains why a question cannot be answered any more.
func (rt *Runtime) notOpen(ctx context.Context, run, escalation string, err error) error {
	if !errors.Is(err, memory.ErrNotOpen) && !errors.Is(err, memory.ErrEnded) {
		return fmt.Errorf("escalation %s: %w", escalation, err)
	}
	s, lookErr := rt.store.Summary(ctx, run)
	if lookErr != nil {
		return fmt.Errorf("escalation %s: %w", escalation, lookErr)
	}
	if s.Status.Final() {
		return fmt.Errorf("escalation %s: the run has ended (%s): %w", escalation, s.Status, memory.ErrNotOpen)
	}
	return fmt.Errorf("escalation %s: it was answered already, or the run moved on: %w", escalation, memory.ErrNotOpen)
}

func (rt *Runtime) checkDecision(ctx context.Context, q coordinator.Escalation, d coordinator.Decision) (coordinator.Decision, error) {
	allowed := q.Reason.Verbs()
	if !slices.Contains(allowed, d.Verb) {
		words := make([]string, len(allowed))
		for i, v := range allowed {
			words[i] = string(v)
		}
		return d, fmt.Errorf("%q is no answer to a question of kind %s; possible: %s", d.Verb, q.Reason, strings.Join(words, ", "))
	}
	if err := rt.mayDecide(d.By, q); err != nil {
		rt.deny(ctx, coordinator.Event{Path: q.Path, ID: q.ID, By: d.By}, q.Run, string(d.Verb), err)
		return d, err
	}
	if d.Verb != coordinator.Amend && d.Verb != coordinator.Answer {
		return d, nil
	}
	if len(d.Output) == 0 {
		return d, fmt.Errorf("%s needs an output", d.Verb)
	}
	out, err := coordinator.Canonical(d.Output)
	if err != nil {
		return d, fmt.Errorf("output: %w", err)
	}
	if len(out) > rt.o.Limits.Payload {
		return d, fmt.Errorf("output: it has %d bytes; %d is the limit", len(out), rt.o.Limits.Payload)
	}
	d.Output = out
	return d, rt.checkAmendment(ctx, q, out)
}

func (rt *Runtime) checkAmendment(ctx context.Context, q coordinator.Escalation, out json.RawMessage) error {
	switch q.Reason {
	case coordinator.ReasonBudget:
		return strictly(out, new(coordinator.Budget))
	case coordinator.ReasonPlan:
		p := new(coordinator.Plan)
		if err := strictly(out, p); err != nil {
			return err
		}
		r, err := rt.Load(ctx, q.Run)
		if err != nil {
			return err
		}
		return coordinator.Check(p, rt.Card, rt.o.Limits, r.KnownSteps(q.Path)...)
	}
	return check(q.Schema, out)
}

func strictly(raw json.RawMessage, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// enrich adds to a question what only the runtime knows: what an amendment must look like.
func (rt *Runtime) enrich(e coordinator.Event) coordinator.Event {
	q := *e.Escalation
	card := rt.cards[q.Worker]
	switch q.Reason {
	case coordinator.ReasonLowConfidence, coordinator.ReasonFailed, coordinator.ReasonInDoubt:
		q.Schema = card.Output
	case coordinator.ReasonApproval:
		q.Schema = card.Input
	}
	if q.Effect == "" {
		q.Effect = card.Effect
	}
	e.Escalation = &q
	return e
}

// post appends a foreign event and wakes the run if it is ours.
func (rt *Runtime) post(ctx context.Context, run string, e coordinator.Event) error {
	err := rt.insist(ctx, func() error {
		_, err := rt.store.Post(ctx, run, e)
		return err
	})
	if err != nil {
		return err
	}
	rt.stir(run)
	return nil
}

// stir tells a live run, or the pump, that the journal grew.
func (rt *Runtime) stir(run string) {
	rt.mu.Lock()
	l := rt.live[run]
	rt.mu.Unlock()
	if l == nil {
		rt.nudgePump()
		return
	}
	l.mu.Lock()
	l.foreign = true
	l.mu.Unlock()
	l.kick()
}

// Cancel asks a run to stop; what is in flight is awaited, then what was done is undone.
func (rt *Runtime) Cancel(ctx context.Context, run, by string) error {
	if err := rt.may(ctx, by, ActCancel, run); err != nil {
		return err
	}
	if err := rt.post(ctx, run, coordinator.Event{Kind: coordinator.Cancelled, By: by}); err != nil {
		return fmt.Errorf("cancel %s: %w", run, err)
	}
	return nil
}

// Redo does a finished step again, with guidance. It is refused once something that depends on the step has begun.
func (rt *Runtime) Redo(ctx context.Context, run, path, by, guidance string) error {
	if err := rt.may(ctx, by, ActRedo, run); err != nil {
		return err
	}
	r, err := rt.Load(ctx, run)
	if err != nil {
		return err
	}
	if why := r.MayRedo(path); why != "" {
		return fmt.Errorf("redo %s: %s", run, why)
	}
	e := coordinator.Event{Kind: coordinator.Redone, Path: path, By: by, Guidance: guidance}
	if err := rt.post(ctx, run, e); err != nil {
		return fmt.Errorf("redo %s: %w", run, err)
	}
	return nil
}

// askPeople lets Options.People look at every open question once.
func (l *live) askPeople(ctx context.Context) {
	if l.rt.o.People == nil {
		return
	}
	open := l.run.Open()
	l.lookAway(open)
	for _, q := range open {
		if ctx, g := l.glance(ctx, q.ID); g != nil {
			l.rt.spawn(func() { l.askPerson(ctx, g, q) })
		}
	}
}

// glance is one question in front of the person on the spot.
type glance struct {
	cancel context.CancelFunc
	over   bool // answered, or left to the inbox
}

// lookAway takes questions back that were answered elsewhere.
func (l *live) lookAway(open []coordinator.Escalation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, g := range l.people {
		if !slices.ContainsFunc(open, func(q coordinator.Escalation) bool { return q.ID == id }) {
			g.cancel()
		}
	}
}

// glance marks a question as being looked at; nil when it was before.
func (l *live) glance(ctx context.Context, id string) (context.Context, *glance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.people[id] != nil {
		return ctx, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	l.people[id] = &glance{cancel: cancel}
	return ctx, l.people[id]
}

// maxAnswers is how often a person on the spot may give an answer that does not fit before the question goes to the inbox.
const maxAnswers = 5

func (l *live) askPerson(ctx context.Context, g *glance, q coordinator.Escalation) {
	defer func() {
		g.cancel()
		l.mu.Lock()
		g.over = true
		l.mu.Unlock()
		l.kick()
	}()
	for range maxAnswers {
		d, err := l.rt.o.People(ctx, q)
		if err != nil {
			return
		}
		err = l.rt.Decide(ctx, q.ID, d)
		if bad := (*DecisionError)(nil); !errors.As(err, &bad) {
			if err != nil {
				l.rt.o.Log.Warn("decision", "escalation", q.ID, "error", err)
			}
			return
		}
		l.rt.o.Log.Warn("the answer does not fit", "escalation", q.ID, "error", err)
	}
}
