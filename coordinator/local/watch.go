package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// WaitingError says that a run cannot go on without people, or without a worker that is missing here.
type WaitingError struct {
	Run   string
	Open  []coordinator.Escalation
	Needs []string // workers
}

func (e *WaitingError) Error() string {
	if len(e.Open) == 0 {
		return fmt.Sprintf("run %s waits for %s", e.Run, strings.Join(e.Needs, ", "))
	}
	questions := make([]string, len(e.Open))
	for i, q := range e.Open {
		questions[i] = fmt.Sprintf("%s: %s", q.ID, q.Question)
	}
	return fmt.Sprintf("run %s waits for people: %s", e.Run, strings.Join(questions, "; "))
}

// RunError says why a run failed or was cancelled.
type RunError struct {
	Run     string
	Status  coordinator.Status
	Message string
	Output  json.RawMessage
}

func (e *RunError) Error() string { return fmt.Sprintf("run %s %s: %s", e.Run, e.Status, e.Message) }

// look is how often runs of other processes are looked at; this process's own announce themselves.
const lookEvery = 100 * time.Millisecond

// Load reads a run's journal and returns the run as it stands.
func (rt *Runtime) Load(ctx context.Context, run string) (*coordinator.Run, error) {
	if _, err := rt.store.Summary(ctx, run); err != nil {
		return nil, fmt.Errorf("run %s: %w", run, err)
	}
	r, err := coordinator.Replay(rt.store.Read(ctx, run, 0))
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run, err)
	}
	return r, nil
}

// Wait returns the run when it has ended, a *WaitingError when only people or a missing worker can move it, or ctx's error.
// A run that failed or was cancelled is returned beside a *RunError.
func (rt *Runtime) Wait(ctx context.Context, run string) (*coordinator.Run, error) {
	for {
		changed := rt.onChange(run)
		over, r, err := rt.look(ctx, run)
		if over || err != nil {
			return r, err
		}
		t := time.NewTimer(lookEvery)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
		t.Stop()
		if err != nil {
			return nil, err
		}
	}
}

// look reports whether there is nothing more to wait for.
func (rt *Runtime) look(ctx context.Context, run string) (bool, *coordinator.Run, error) {
	rt.mu.Lock()
	l, failure := rt.live[run], rt.failed[run]
	rt.mu.Unlock()
	if l != nil {
		return false, nil, nil
	}
	s, err := rt.store.Summary(ctx, run)
	switch {
	case errors.Is(err, memory.ErrUnavailable):
		return false, nil, rt.pause(ctx, err)
	case err != nil:
		return false, nil, fmt.Errorf("run %s: %w", run, err)
	case s.Status.Final():
		r, err := rt.ended(ctx, run)
		return true, r, err
	case failure != nil:
		return false, nil, fmt.Errorf("run %s: %w", run, failure)
	case s.Status == coordinator.StatusQuarantined:
		return false, nil, fmt.Errorf("run %s is quarantined: %s", run, s.Error)
	case s.Status == coordinator.StatusActive, rt.unseen(ctx, run, s.Seq):
		return false, nil, nil
	}
	open, _, err := rt.store.Inbox(ctx, memory.InboxFilter{Run: run, Limit: 1000})
	if err != nil || len(open) == 0 && len(s.Needs) == 0 {
		return false, nil, err
	}
	return false, nil, &WaitingError{Run: run, Open: open, Needs: s.Needs}
}

// unseen reports whether somebody appended what the run's owner has not seen.
func (rt *Runtime) unseen(ctx context.Context, run string, seq int64) bool {
	for _, err := range rt.store.Read(ctx, run, seq) {
		return err == nil
	}
	return false
}

func (rt *Runtime) ended(ctx context.Context, run string) (*coordinator.Run, error) {
	r, err := rt.Load(ctx, run)
	if err != nil || r.Status() == coordinator.StatusDone {
		return r, err
	}
	out, _ := r.Output("")
	e := &RunError{Run: run, Status: r.Status(), Output: out}
	if f := r.Failure(); f != nil {
		e.Message = f.Message
	}
	return r, e
}

// Watch yields a run's events from after+1 on, and goes on until the run has ended or ctx ends.
func (rt *Runtime) Watch(ctx context.Context, run string, after int64) iter.Seq2[coordinator.Event, error] {
	return func(yield func(coordinator.Event, error) bool) {
		for {
			changed := rt.onChange(run)
			for e, err := range rt.store.Read(ctx, run, after) {
				if !yield(e, err) || err != nil || e.Kind == coordinator.Ended {
					return
				}
				after = e.Seq
			}
			t := time.NewTimer(lookEvery)
			select {
			case <-changed:
				t.Stop()
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				yield(coordinator.Event{}, ctx.Err())
				return
			}
		}
	}
}

// onChange returns a channel that is closed when this process next appends to the run or lets it go.
func (rt *Runtime) onChange(run string) <-chan struct{} {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c, ok := rt.changed[run]
	if !ok {
		c = make(chan struct{})
		rt.changed[run] = c
	}
	return c
}

func (rt *Runtime) announce(run string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if c, ok := rt.changed[run]; ok {
		close(c)
		delete(rt.changed, run)
	}
}
