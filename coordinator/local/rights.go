package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// Act is what a person can do to a run as a whole.
type Act string

const (
	ActCancel Act = "cancel"
	ActRedo   Act = "redo"
	ActRerun  Act = "rerun"
)

// RightsError says that somebody has no right to do what they tried. The journal keeps that they tried.
type RightsError struct {
	By, Act, Run string
	Err          error
}

func (e *RightsError) Error() string { return fmt.Sprintf("%s %s: %v", e.Act, e.Run, e.Err) }
func (e *RightsError) Unwrap() error { return e.Err }

func (rt *Runtime) mayDecide(by string, q coordinator.Escalation) error {
	if bar := q.Bars(by); bar != "" {
		return errors.New(bar)
	}
	if rt.o.Rights == nil {
		return nil
	}
	return rt.o.Rights(by, q)
}

func (rt *Runtime) may(ctx context.Context, by string, act Act, run string) error {
	if rt.o.May == nil {
		return nil
	}
	s, err := rt.store.Summary(ctx, run)
	if err != nil {
		return fmt.Errorf("%s %s: %w", act, run, err)
	}
	if err := rt.o.May(by, act, s); err != nil {
		rt.deny(ctx, coordinator.Event{By: by}, run, string(act), err)
		return &RightsError{by, string(act), run, err}
	}
	return nil
}

// deny keeps in the log and in the run's journal that somebody tried what they may not. The refusal stands also where
// that cannot be written.
func (rt *Runtime) deny(ctx context.Context, e coordinator.Event, run, act string, why error) {
	rt.o.Log.Warn("refused", "act", act, "run", run, "escalation", e.ID, "by", e.By, "error", why)
	e.Kind, e.Note = coordinator.Denied, act+": "+why.Error()
	if _, err := rt.store.Post(ctx, run, e); err != nil {
		rt.o.Log.Warn("the refusal is not in the journal", "run", run, "error", err)
	}
}

// Claim takes a question on: from now on nobody else can decide it, until By or somebody who could decide it too gives it
// back. Whoever may not decide it cannot claim it. memory.ErrClaimed: somebody else was faster.
func (rt *Runtime) Claim(ctx context.Context, escalation, by string) error {
	return rt.takeOn(ctx, coordinator.Claimed, escalation, by)
}

// Unclaim gives a question back.
func (rt *Runtime) Unclaim(ctx context.Context, escalation, by string) error {
	return rt.takeOn(ctx, coordinator.Unclaimed, escalation, by)
}

func (rt *Runtime) takeOn(ctx context.Context, kind coordinator.Kind, escalation, by string) error {
	run := coordinator.RunOf(escalation)
	q, err := rt.store.Escalation(ctx, run, escalation)
	if err != nil {
		return rt.notOpen(ctx, run, escalation, err)
	}
	if by == "" {
		return &DecisionError{escalation, errors.New("it needs somebody's name")}
	}
	holder := q.Claimed
	if kind == coordinator.Unclaimed {
		if holder == "" {
			return nil
		}
		q.Claimed = "" // a colleague may take it out of the hands of somebody who is away
	}
	if err := rt.mayDecide(by, q); err != nil {
		rt.deny(ctx, coordinator.Event{Path: q.Path, ID: q.ID, By: by}, run, string(kind), err)
		return &DecisionError{escalation, err}
	}
	if kind == coordinator.Claimed && holder == by {
		return nil
	}
	err = rt.post(ctx, run, coordinator.Event{Kind: kind, Path: q.Path, ID: escalation, By: by})
	if errors.Is(err, memory.ErrClaimed) {
		return &DecisionError{escalation, err}
	}
	if err != nil {
		return rt.notOpen(ctx, run, escalation, err)
	}
	return nil
}
