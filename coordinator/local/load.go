package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// load replays the journal, and tells what came after what was told before.
func (l *live) load(ctx context.Context) error {
	var run *coordinator.Run
	var list []coordinator.Event
	err := l.rt.insist(ctx, func() (err error) {
		list = list[:0]
		run, err = coordinator.Replay(func(yield func(coordinator.Event, error) bool) {
			for e, err := range l.rt.store.Read(ctx, l.id, 0) {
				list = append(list, e)
				if !yield(e, err) {
					return
				}
			}
		})
		return err
	})
	if err != nil {
		return err
	}
	told := l.seq
	l.run, l.pending, l.launch = run, nil, nil
	l.advanceTo(run.Seq())
	l.published = map[string]coordinator.Escalation{}
	for _, q := range run.Open() {
		l.published[q.ID] = q
	}
	for _, e := range list {
		if e.Kind == coordinator.Decided {
			delete(l.published, e.ID) // closed in the store; if the answer made no sense, it is opened there again
		}
		if told > 0 && e.Seq > told {
			l.tell(e)
		}
	}
	return nil
}

// reload forgets what the journal did not take and offers it the outcomes in hand.
func (l *live) reload(ctx context.Context) error {
	var outcomes []coordinator.Event
	for _, e := range l.pending {
		switch e.Kind {
		case coordinator.Succeeded, coordinator.Called, coordinator.Planned, coordinator.Failed:
			outcomes = append(outcomes, e)
		}
	}
	l.dropLaunch()
	known := l.published
	if err := l.load(ctx); err != nil {
		return err
	}
	for id, q := range known { // what the store still shows but the run has closed is withdrawn with the next flush
		if _, open := l.published[id]; !open {
			l.published[id] = q
		}
	}
	l.putBack(outcomes)
	return nil
}

// catchUp reads what others appended.
func (l *live) catchUp(ctx context.Context) error {
	return l.rt.insist(ctx, func() error {
		for e, err := range l.rt.store.Read(ctx, l.id, l.run.Seq()) {
			if err != nil {
				return err
			}
			if err := l.run.Apply(e); err != nil {
				return fmt.Errorf("journal %s: %w", l.id, err)
			}
			if e.Kind == coordinator.Decided {
				delete(l.published, e.ID) // the store has closed it; if the answer made no sense, it is opened there again
			}
			l.advanceTo(e.Seq)
			l.tell(e)
		}
		return nil
	})
}

// unreadable puts a run aside that this program cannot fold, so that it never wedges others.
func (l *live) unreadable(ctx context.Context, cause error) error {
	if errors.Is(cause, memory.ErrUnavailable) || ctx.Err() != nil {
		return cause
	}
	l.rt.o.Log.Error("run cannot be read", "run", l.id, "error", cause)
	if err := l.rt.putAside(ctx, l.lease, cause.Error()); err != nil {
		l.rt.o.Log.Error("run cannot be put aside", "run", l.id, "error", err)
	}
	return cause
}
