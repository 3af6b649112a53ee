package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// park says that the run is given up with this append.
type park struct {
	on    bool
	due   time.Time
	timer time.Time // the earliest that moves it by itself
	needs []string
}

func batchID() string { return rand.Text() }

// flush journals what is pending in one append, and with it the summary and the questions that opened or closed.
// Unanswered appends are sent again unchanged. Afterwards the events are told to whoever watches.
func (l *live) flush(ctx context.Context, p park) error {
	if len(l.pending) == 0 && !p.on {
		return nil
	}
	now, err := l.rt.now(ctx)
	if err != nil {
		return err
	}
	opened, closed, open := l.questions()
	b := memory.Batch{
		Run: l.id, ID: batchID(), Epoch: l.lease.Epoch, Owner: l.rt.owner, Expect: l.seq, Events: l.pending,
		Summary: l.summary(p, now), Open: opened, Close: closed,
		Lease: l.rt.o.Lease, Park: p.on, Due: p.due, Needs: p.needs,
	}
	sent := time.Now()
	if err := l.rt.insist(ctx, func() error { return l.rt.store.Append(ctx, b) }); err != nil {
		return fmt.Errorf("journal %s: %w", l.id, err)
	}
	l.hold(sent)
	l.published = open
	l.advanceTo(l.seq + int64(len(l.pending)))
	written := l.pending
	l.pending = nil
	for _, e := range written {
		l.tell(e)
	}
	return nil
}

func (l *live) hold(since time.Time) {
	l.mu.Lock()
	l.heldTill = since.Add(l.rt.o.Lease)
	l.mu.Unlock()
}

// questions compares the run's open questions with those the store shows.
func (l *live) questions() (opened []coordinator.Escalation, closed []string, open map[string]coordinator.Escalation) {
	open = map[string]coordinator.Escalation{}
	for _, q := range l.run.Open() {
		open[q.ID] = q
		if known, ok := l.published[q.ID]; !ok || !reflect.DeepEqual(known, q) {
			opened = append(opened, q)
		}
	}
	for id := range l.published {
		if _, ok := open[id]; !ok {
			closed = append(closed, id)
		}
	}
	slices.Sort(closed)
	return opened, closed, open
}

func (l *live) summary(p park, now time.Time) memory.Summary {
	s := summarise(l.run, p.needs, now)
	s.Due = p.timer
	return s
}

// summarise is what lists show of the run.
func summarise(r *coordinator.Run, needs []string, now time.Time) memory.Summary {
	t := r.Task()
	s := memory.Summary{
		Run: r.ID(), Pipeline: t.Plan.Name, Goal: t.Goal, Batch: t.Batch, By: t.By, Status: r.Status(), Version: t.Version,
		Created: r.SubmittedAt(), Updated: now, Steps: r.Finished(), Open: len(r.Open()), Seq: r.Seq(), Needs: needs,
		Usage: r.Spent().Usage,
	}
	if f := r.Failure(); f != nil {
		s.Error = f.Message
	}
	if len(needs) > 0 && s.Status == coordinator.StatusActive {
		s.Status = coordinator.StatusWaiting
	}
	return s
}

// now is the store's time, asked for until it is answered.
func (rt *Runtime) now(ctx context.Context) (now time.Time, err error) {
	err = rt.insist(ctx, func() (err error) {
		now, err = rt.store.Now(ctx)
		return err
	})
	return now, err
}

// insist repeats a request that the store did not answer, until it is answered or the patience is at its end.
func (rt *Runtime) insist(ctx context.Context, request func() error) error {
	var since time.Time
	wait := 50 * time.Millisecond
	for {
		err := request()
		if err == nil || !errors.Is(err, memory.ErrUnavailable) {
			return err
		}
		if since.IsZero() {
			since = time.Now()
			rt.o.Log.Warn("the store does not answer; asking again", "error", err)
		}
		if time.Since(since) > rt.o.Patience {
			return fmt.Errorf("gave up after %s: %w", rt.o.Patience, err)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, 2*time.Second)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
