package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// Rerun says how an ended run is to go on.
type Rerun struct {
	Plan     *coordinator.Plan // a corrected one; nil: the run's own
	From     []string          // steps to do again although they are done
	By       string
	Detached bool // leave it to whoever claims or resumes it
}

// Rerun opens a run again that has ended, and works it off. What is done and unchanged is kept; what failed goes on where
// it stands; what is changed, named in From, or depends on such a step is done anew, after what it did was undone where its
// step says how. Pipelines that the run used as workers are taken as they are now. memory.ErrNotEnded: the run has not
// ended; *coordinator.PlanError, *InputError: the corrected plan cannot be carried out, or not with the run's input.
func (rt *Runtime) Rerun(ctx context.Context, run string, o Rerun) error {
	if rt.isClosing() {
		return ErrClosed
	}
	if err := rt.may(ctx, o.By, ActRerun, run); err != nil {
		return err
	}
	if _, _, err := rt.PlanRerun(ctx, run, o); err != nil {
		return err
	}
	lease, err := rt.claimEnded(ctx, run)
	if err != nil {
		return fmt.Errorf("rerun %s: %w", run, err)
	}
	for {
		err := rt.reopen(ctx, lease, o)
		if errors.Is(err, memory.ErrSequence) { // something was noted behind the end
			continue
		}
		if err != nil {
			return fmt.Errorf("rerun %s: %w", run, err)
		}
		break
	}
	if !o.Detached {
		rt.adopt(lease)
	}
	return nil
}

func (rt *Runtime) claimEnded(ctx context.Context, run string) (lease memory.Lease, err error) {
	err = rt.insist(ctx, func() (err error) {
		lease, err = rt.store.ClaimEnded(ctx, run, rt.owner, rt.o.Lease)
		return err
	})
	return lease, err
}

// PlanRerun tells what Rerun would do, by the ids of the plan's steps, and the event it would write. It changes nothing.
func (rt *Runtime) PlanRerun(ctx context.Context, run string, o Rerun) (map[string]coordinator.Choice, coordinator.Event, error) {
	r, err := rt.Load(ctx, run)
	if err != nil {
		return nil, coordinator.Event{}, err
	}
	return rt.planRerun(ctx, r, o)
}

func (rt *Runtime) planRerun(ctx context.Context, r *coordinator.Run, o Rerun) (map[string]coordinator.Choice, coordinator.Event, error) {
	if !r.Status().Final() {
		return nil, coordinator.Event{}, fmt.Errorf("rerun %s: it is %s: %w", r.ID(), r.Status(), memory.ErrNotEnded)
	}
	e := coordinator.Event{Kind: coordinator.Rerun, By: o.By, From: o.From, Plan: o.Plan, Plans: rt.plansBelow(ctx, r)}
	if o.Plan != nil {
		if err := coordinator.Check(o.Plan, rt.Card, rt.o.Limits); err != nil {
			return nil, e, err
		}
		if err := check(o.Plan.Input, r.Task().Input); err != nil {
			return nil, e, &InputError{o.Plan.Name, err}
		}
	}
	choices, err := r.Rerun(e)
	if bad := (*coordinator.EventError)(nil); errors.As(err, &bad) {
		err = fmt.Errorf("rerun %s: %s", r.ID(), bad.Reason)
	}
	return choices, e, err
}

// plansBelow returns the pipelines that steps of the run were carried out by, where they are others now.
func (rt *Runtime) plansBelow(ctx context.Context, r *coordinator.Run) map[string]*coordinator.Plan {
	var plans map[string]*coordinator.Plan
	for path, was := range r.PlansBelow() {
		a, _, ok := r.Started(path)
		if !ok || a.Path == "" {
			continue
		}
		use := r.UseOf(path)
		if rt.cards[use].Kind != "pipeline" {
			continue
		}
		res, err := rt.o.Workers[use].Do(ctx, a)
		if err != nil || res.Plan == nil || samePlan(was, res.Plan) || coordinator.Check(res.Plan, rt.Card, rt.o.Limits) != nil {
			continue // the journaled plan stands
		}
		if plans == nil {
			plans = map[string]*coordinator.Plan{}
		}
		plans[path] = res.Plan
	}
	return plans
}

func samePlan(a, b *coordinator.Plan) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// reopen journals the rerun: the run's first append under this lease.
func (rt *Runtime) reopen(ctx context.Context, lease memory.Lease, o Rerun) error {
	r, err := rt.Load(ctx, lease.Run)
	if err != nil {
		return err
	}
	_, e, err := rt.planRerun(ctx, r, o)
	if err != nil {
		return err
	}
	now, err := rt.now(ctx)
	if err != nil {
		return err
	}
	expect := r.Seq()
	e.Seq, e.At = expect+1, now
	if err := r.Apply(e); err != nil {
		return err
	}
	b := memory.Batch{
		Run: lease.Run, ID: batchID(), Epoch: lease.Epoch, Owner: rt.owner, Expect: expect, Events: []coordinator.Event{e},
		Summary: summarise(r, nil, now), Lease: rt.o.Lease,
	}
	if o.Detached {
		b.Park, b.Due, b.Lease = true, now, 0
	}
	if err := rt.insist(ctx, func() error { return rt.store.Append(ctx, b) }); err != nil {
		return err
	}
	rt.o.Observe(lease.Run, e)
	return nil
}
