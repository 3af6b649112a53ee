package local

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// live is one run that this process owns, worked off by one goroutine: loop.
type live struct {
	rt    *Runtime
	id    string
	lease memory.Lease
	done  chan struct{} // closed when the run has been let go
	bell  chan struct{} // something happened

	mu       sync.Mutex
	inbox    []coordinator.Event // outcomes not yet taken
	foreign  bool                // the journal may have grown by others
	lost     bool                // the lease is gone
	heldTill time.Time           // of the process's own clock: when the lease ends at the latest
	people   map[string]*glance  // questions shown to Options.People

	known atomic.Int64 // seq of the last event this process knows

	// Below here only loop's goroutine.
	run       *coordinator.Run
	pending   []coordinator.Event               // applied, not yet journaled
	launch    []job                             // to call once their started events are journaled
	starved   bool                              // an attempt lacks nothing but a free slot
	flying    map[string]*flight                // by path: attempts whose goroutine runs
	published map[string]coordinator.Escalation // open questions as the store knows them
	seq       int64                             // journaled

	lastDeadline time.Time // of the attempts started here: until then a new owner may ask what became of them
}

// flight is an attempt in progress.
type flight struct {
	started coordinator.Event
	cancel  context.CancelFunc
}

var errLetGo = errors.New("let go")

// adopt starts the goroutine of a run this process has just leased.
func (rt *Runtime) adopt(lease memory.Lease) {
	l := &live{
		rt: rt, id: lease.Run, lease: lease, done: make(chan struct{}), bell: make(chan struct{}, 1),
		flying: map[string]*flight{}, people: map[string]*glance{}, heldTill: time.Now().Add(rt.o.Lease),
	}
	rt.mu.Lock()
	if old := rt.live[l.id]; old != nil && old.lease.Epoch > lease.Epoch { // taken again meanwhile, by ourselves
		rt.mu.Unlock()
		return
	}
	rt.live[l.id] = l
	delete(rt.failed, l.id)
	rt.running.Add(1)
	rt.mu.Unlock()
	go func() {
		defer rt.running.Done()
		err := l.loop(rt.ctx)
		rt.mu.Lock()
		if rt.live[l.id] == l {
			delete(rt.live, l.id)
		}
		full := len(rt.live)+1 >= rt.o.Runs
		delete(rt.hungry, l)
		if err != nil && !errors.Is(err, errLetGo) {
			rt.failed[l.id] = err
		}
		rt.mu.Unlock()
		close(l.done)
		rt.announce(l.id)
		if full {
			rt.nudgePump() // there is room again
		}
	}()
}

func (l *live) kick() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// loop works the run off until it ends, waits for something far away, or belongs to somebody else.
func (l *live) loop(ctx context.Context) error {
	defer l.lookAway(nil)
	defer l.dropLaunch()
	if err := l.load(ctx); err != nil {
		return l.unreadable(ctx, err)
	}
	for {
		next, err := l.advance(ctx)
		if err == nil {
			err = l.rest(ctx, next)
		}
		switch {
		case errors.Is(err, errLetGo):
			return err
		case errors.Is(err, memory.ErrSequence):
			if err := l.reload(ctx); err != nil {
				return l.unreadable(ctx, err)
			}
		case errors.Is(err, memory.ErrFenced):
			l.rt.o.Log.Warn("run taken over by another process", "run", l.id)
			l.testify(ctx)
			return errLetGo
		case err != nil:
			l.rt.o.Log.Error("run let go", "run", l.id, "error", err)
			return err
		}
	}
}

// advance takes what happened, asks the run what to do, journals it and acts, until only waiting is left.
func (l *live) advance(ctx context.Context) (coordinator.Wait, error) {
	for {
		if err := ctx.Err(); err != nil {
			return coordinator.Wait{}, err
		}
		if err := l.takeInbox(ctx); err != nil {
			return coordinator.Wait{}, err
		}
		now, err := l.rt.now(ctx)
		if err != nil {
			return coordinator.Wait{}, err
		}
		l.interruptOrphans(ctx, now)
		actions := l.run.Next(now)
		recorded := l.record(actions, now)
		if recorded {
			continue
		}
		l.start(actions, now)
		if err := l.flush(ctx, park{}); err != nil {
			return coordinator.Wait{}, err
		}
		l.depart(ctx)
		l.reap()
		switch last := actions[len(actions)-1].(type) {
		case coordinator.Stop:
			return coordinator.Wait{}, l.finish(ctx)
		case coordinator.Wait:
			return last, nil
		}
	}
}

// record applies what follows from the state alone. A record that an earlier one of the same reading has overtaken is left out.
func (l *live) record(actions []coordinator.Action, now time.Time) bool {
	any := false
	for _, a := range actions {
		var e coordinator.Event
		switch a := a.(type) {
		case coordinator.Record:
			e = a.Event
		case coordinator.Ask:
			e = l.rt.enrich(a.Event)
		default:
			continue
		}
		if err := l.apply(e, now); err != nil {
			l.rt.o.Log.Debug("record overtaken", "run", l.id, "error", err)
			continue
		}
		any = true
	}
	return any
}

// apply numbers an event, takes it into the run and keeps it for the next flush.
func (l *live) apply(e coordinator.Event, now time.Time) error {
	e.Seq, e.At = l.run.Seq()+1, now
	if err := l.run.Apply(e); err != nil {
		return err
	}
	l.pending = append(l.pending, e)
	return nil
}

// start journals the intent of every attempt that a slot is free for.
func (l *live) start(actions []coordinator.Action, now time.Time) {
	l.starved = false
	if l.rt.isClosing() {
		return
	}
	for _, a := range actions {
		do, ok := a.(coordinator.Do)
		if !ok {
			continue
		}
		w := l.rt.o.Workers[do.Worker]
		if w == nil {
			continue
		}
		if !l.rt.takeSlot(l) {
			l.starved = true
			return
		}
		do.Timeout = cmp.Or(do.Timeout, l.rt.cards[do.Worker].Timeout, coordinator.DefaultTimeout)
		e := do.Event
		e.Effect = l.rt.cards[do.Worker].Effect
		e.Epoch, e.Deadline = l.lease.Epoch, now.Add(do.Timeout)
		if err := l.apply(e, now); err != nil {
			l.rt.freeSlot()
			l.rt.o.Log.Error("attempt refused by the run", "run", l.id, "error", err)
			continue
		}
		do.Event, do.Attempt.Deadline = l.pending[len(l.pending)-1], e.Deadline
		if e.Deadline.After(l.lastDeadline) {
			l.lastDeadline = e.Deadline
		}
		l.launch = append(l.launch, job{Do: do, known: l.run.KnownSteps(e.Path)})
	}
	if len(l.launch) >= coordinator.MaxDos { // there may be more
		l.kick()
	}
}

// depart calls the workers whose intent is journaled.
func (l *live) depart(ctx context.Context) {
	for _, j := range l.launch {
		actx, cancel := context.WithCancel(ctx)
		l.flying[j.Event.Path] = &flight{started: j.Event, cancel: cancel}
		l.rt.spawn(func() {
			defer cancel()
			e, gone := l.rt.attempt(actx, l, j)
			l.deliver(e)
			<-gone // a worker that ignores its context keeps its slot
			l.rt.freeSlot()
		})
	}
	l.launch = l.launch[:0]
}

// deliver hands an outcome to the loop.
func (l *live) deliver(e coordinator.Event) {
	l.mu.Lock()
	l.inbox = append(l.inbox, e)
	l.mu.Unlock()
	l.kick()
}

// takeInbox applies the outcomes that have come in, and what others appended.
func (l *live) takeInbox(ctx context.Context) error {
	l.mu.Lock()
	outcomes, foreign, lost := l.inbox, l.foreign, l.lost
	l.inbox, l.foreign = nil, false
	l.mu.Unlock()
	if lost {
		l.putBack(outcomes)
		return memory.ErrFenced
	}
	if foreign {
		if err := l.flush(ctx, park{}); err != nil {
			l.putBack(outcomes)
			return err
		}
		if err := l.catchUp(ctx); err != nil {
			l.putBack(outcomes)
			return err
		}
	}
	now, err := l.rt.now(ctx)
	if err != nil {
		l.putBack(outcomes)
		return err
	}
	for _, e := range outcomes {
		delete(l.flying, e.Path)
		if err := l.apply(e, now); err != nil {
			l.refused(e, err, now)
		}
	}
	return nil
}

// refused words an outcome that the run cannot take as the attempt's failure: left in flight, it would be made again for ever.
func (l *live) refused(e coordinator.Event, why error, now time.Time) {
	bad := outcome(e, coordinator.Failed)
	bad.Usage, bad.Failure = e.Usage, &coordinator.Failure{Message: why.Error(), NotDone: e.Kind != coordinator.Succeeded}
	if err := l.apply(bad, now); err != nil {
		l.rt.o.Log.Warn("outcome no longer wanted", "run", l.id, "error", why)
	}
}

func (l *live) putBack(outcomes []coordinator.Event) {
	l.mu.Lock()
	l.inbox = append(outcomes, l.inbox...)
	l.mu.Unlock()
}

func (l *live) advanceTo(seq int64) {
	l.seq = seq
	l.known.Store(seq)
}

func (l *live) tell(e coordinator.Event) {
	l.rt.o.Log.Debug("event", "run", l.id, "seq", e.Seq, "kind", e.Kind, "path", e.Path)
	l.rt.o.Observe(l.id, e)
	l.rt.announce(l.id)
}

// dropLaunch gives back the slots of attempts that were never journaled.
func (l *live) dropLaunch() {
	for range l.launch {
		l.rt.freeSlot()
	}
	l.launch = nil
}

// rest waits until something happens, or parks the run.
func (l *live) rest(ctx context.Context, w coordinator.Wait) error {
	l.askPeople(ctx)
	if l.busy() {
		return l.wait(ctx, w)
	}
	missing, startable := l.missing()
	w.Until, w.Timer = earliest(w.Until, l.orphanDue()), earliest(w.Timer, l.orphanDue())
	switch {
	case l.rt.isClosing():
		now, err := l.rt.now(ctx)
		if err != nil {
			return err
		}
		due := w.Until
		if startable || w.Open == 0 && w.Until.IsZero() && len(missing) == 0 {
			due = now
		}
		return l.leave(ctx, park{on: true, due: due, timer: due, needs: missing})
	case l.rt.o.Passive && !w.Timer.IsZero(), l.starved: // a passive runtime sits timers out, but no question's deadline
		return l.wait(ctx, w)
	}
	return l.leave(ctx, park{on: true, due: w.Until, timer: w.Timer, needs: missing})
}

func (l *live) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range l.people {
		if !g.over {
			return true
		}
	}
	return len(l.flying) > 0 || len(l.inbox) > 0 || l.foreign || l.lost
}

// missing names the workers that the run needs and this process does not have.
func (l *live) missing() (names []string, startable bool) {
	for _, a := range l.run.Next(l.run.At()) {
		do, ok := a.(coordinator.Do)
		switch {
		case !ok:
		case l.rt.o.Workers[do.Worker] != nil:
			startable = true
		case !slices.Contains(names, do.Worker):
			names = append(names, do.Worker)
		}
	}
	return names, startable
}

// wait blocks until the bell rings or the time comes.
func (l *live) wait(ctx context.Context, w coordinator.Wait) error {
	var timer <-chan time.Time
	until := earliest(w.Until, l.orphanDue())
	if !until.IsZero() {
		now, err := l.rt.now(ctx)
		if err != nil {
			return err
		}
		t := time.NewTimer(max(until.Sub(now), 0))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-l.bell:
	case <-timer:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// leave parks the run; when others appended meanwhile it stays.
func (l *live) leave(ctx context.Context, p park) error {
	if err := l.flush(ctx, p); err != nil {
		return err
	}
	return errLetGo
}

// finish journals the end with the last summary.
func (l *live) finish(ctx context.Context) error { return l.leave(ctx, park{on: true}) }

// earliest of two times, where zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// reap interrupts calls without effect of a run that stops; the others are awaited.
func (l *live) reap() {
	if s := l.run.Status(); s != coordinator.StatusCancelling {
		return
	}
	for _, f := range l.flying {
		if !f.started.Effect.Changes() {
			f.cancel()
		}
	}
}
