package local

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// lookEvery is how often runs of other processes are looked at; this process's own announce themselves.
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

// Watch yields a run's events from after+1 on, and goes on until the run has ended or ctx ends.
func (rt *Runtime) Watch(ctx context.Context, run string, after int64) iter.Seq2[coordinator.Event, error] {
	return func(yield func(coordinator.Event, error) bool) {
		for {
			changed := rt.onChange(run)
			for e, err := range rt.store.Read(ctx, run, after) {
				if !yield(e, err) || err != nil {
					return
				}
				after = e.Seq
			}
			if s, err := rt.store.Summary(ctx, run); err != nil || s.Status.Final() && s.Seq <= after {
				if err != nil {
					yield(coordinator.Event{}, fmt.Errorf("run %s: %w", run, err))
				}
				return
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

// onChange returns a channel that is closed when this process next appends to the run or lets it go; nil when the run
// is not worked on here.
func (rt *Runtime) onChange(run string) <-chan struct{} {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	c, ok := rt.changed[run]
	if !ok && rt.live[run] != nil {
		c = make(chan struct{})
		rt.changed[run] = c
	}
	return c
}

func (rt *Runtime) announce(run string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if c, ok := rt.changed[run]; ok && c != nil {
		close(c)
		delete(rt.changed, run)
	}
}
