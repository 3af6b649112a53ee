package local

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

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
	j := job{Do: coordinator.Do{Worker: e.Worker, Attempt: a, Step: step, Timeout: e.Deadline.Sub(e.At), Event: e}}
	l.flying[e.Path] = &flight{started: e, cancel: func() {}}
	l.rt.running.Add(1)
	go func() {
		defer l.rt.running.Done()
		out, ok := l.rt.reconcile(ctx, j, w, l.rt.cards[e.Worker])
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

// testify lets a former owner answer the questions about effects in doubt with the outcomes it has in hand, or gets from
// calls that are still running. The new owner asks only when an attempt's time is over, so it is tried again for a while.
func (l *live) testify(ctx context.Context) {
	wanted := map[string]bool{}
	patience := max(l.lastDeadline.Sub(l.run.At()), 0) + 2*l.rt.o.Lease
	for path, f := range l.flying {
		if !f.started.Effect.Changes() {
			f.cancel()
		}
		if !f.started.Effect.Repeatable() {
			wanted[path] = true
		}
	}
	known := slices.Clone(l.pending)
	l.rt.spawn(func() {
		over := time.NewTimer(patience)
		defer over.Stop()
		again := time.NewTicker(pollEvery)
		defer again.Stop()
		for {
			l.mu.Lock()
			known, l.inbox = append(known, l.inbox...), nil
			l.mu.Unlock()
			for _, e := range known {
				delete(wanted, e.Path)
			}
			known = slices.DeleteFunc(known, func(e coordinator.Event) bool { return l.answered(ctx, e) })
			if len(known) == 0 && len(wanted) == 0 {
				return
			}
			select {
			case <-l.bell:
			case <-again.C:
			case <-over.C:
				return
			case <-ctx.Done():
				return
			}
		}
	})
}

// answered reports whether nothing more is to be said about an outcome; it answers the question about it if there is one.
func (l *live) answered(ctx context.Context, e coordinator.Event) bool {
	if e.Kind != coordinator.Succeeded {
		return true
	}
	open, _, err := l.rt.store.Inbox(ctx, memory.InboxFilter{Run: l.id, Limit: 1000})
	if err != nil {
		return false
	}
	for _, q := range open {
		if q.Reason == coordinator.ReasonInDoubt && q.Path == e.Path && q.Generation == e.Generation {
			return l.say(ctx, q, e)
		}
	}
	return false
}

func (l *live) say(ctx context.Context, q coordinator.Escalation, e coordinator.Event) bool {
	d := coordinator.Decision{
		ID: batchID(), Verb: coordinator.Amend, By: "the process that made the call", Output: e.Output, Label: e.Label,
		Comment: "it happened; the answer came after the run had been taken over",
	}
	_, err := l.rt.store.Post(ctx, l.id, coordinator.Event{Kind: coordinator.Decided, Path: q.Path, ID: q.ID, Decision: &d})
	if err != nil && !errors.Is(err, memory.ErrNotOpen) {
		l.rt.o.Log.Warn("late outcome", "run", l.id, "path", e.Path, "error", err)
		return false
	}
	return true
}
