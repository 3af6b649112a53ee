package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

const (
	claimsAtOnce = 64
	pollEvery    = time.Second // a lost wake-up costs at most this
	// restEvery is between two claims of what is due by our clock and not yet by the store's, which somebody may have set back.
	restEvery = 10 * time.Millisecond
	// maxClaims is how often a run is claimed without one append before it is put aside: it kills its processes.
	maxClaims = 8
)

// startPump starts the goroutines that bring work in and keep what we have.
func (rt *Runtime) startPump() error {
	wakeups, err := rt.store.Wakeups(rt.ctx, rt.owner)
	if err != nil {
		rt.abandon()
		return fmt.Errorf("runtime: %w", err)
	}
	rt.spawn(func() { rt.listen(wakeups) })
	rt.spawn(rt.keepLeases)
	if rt.o.Passive {
		return nil
	}
	if err := rt.offer(rt.ctx); err != nil {
		rt.abandon()
		return fmt.Errorf("runtime: %w", err)
	}
	rt.spawn(rt.claimDue)
	return nil
}

func (rt *Runtime) spawn(f func()) {
	rt.running.Add(1)
	go func() { defer rt.running.Done(); f() }()
}

func (rt *Runtime) nudgePump() {
	select {
	case rt.nudge <- struct{}{}:
	default:
	}
}

// listen passes wake-ups on.
func (rt *Runtime) listen(wakeups <-chan string) {
	for run := range wakeups {
		if run == "" {
			rt.nudgePump()
			continue
		}
		rt.stir(run)
	}
}

// claimDue takes runs that are due, until the runtime closes.
func (rt *Runtime) claimDue() {
	for rt.ctx.Err() == nil && !rt.isClosing() {
		most := min(claimsAtOnce, rt.room())
		if most <= 0 {
			rt.sleepUntilNudged(pollEvery)
			continue
		}
		leases, err := rt.store.Claim(rt.ctx, rt.owner, rt.o.Lease, most)
		if err != nil && rt.ctx.Err() == nil {
			rt.o.Log.Warn("claim", "error", err)
		}
		for _, lease := range leases {
			rt.take(lease)
		}
		if len(leases) == most {
			continue
		}
		rt.nap()
	}
}

// room is how many more runs this process may hold.
func (rt *Runtime) room() int {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.o.Runs - len(rt.live)
}

// take starts a claimed run, or puts it aside when it was claimed again and again without progress.
func (rt *Runtime) take(lease memory.Lease) {
	if lease.Claims <= maxClaims {
		rt.adopt(lease)
		return
	}
	why := fmt.Sprintf("claimed %d times without progress", lease.Claims)
	e := coordinator.Event{Kind: coordinator.Quarantined, Note: why}
	if _, err := rt.store.Post(rt.ctx, lease.Run, e); err != nil {
		rt.o.Log.Error("quarantine", "run", lease.Run, "error", err)
		return
	}
	if err := rt.putAside(rt.ctx, lease, why); err != nil {
		rt.o.Log.Error("quarantine", "run", lease.Run, "error", err)
	}
}

// putAside parks a run without reading it, until somebody releases or resumes it, or a program with its rules appears.
func (rt *Runtime) putAside(ctx context.Context, lease memory.Lease, why string) error {
	s, err := rt.store.Summary(ctx, lease.Run)
	if err != nil {
		return err
	}
	held, err := rt.store.Renew(ctx, []memory.Lease{lease}, rt.o.Lease)
	if err != nil {
		return err
	}
	s.Status, s.Error, s.Needs = coordinator.StatusQuarantined, why, nil
	if s.Version > coordinator.Version {
		s.Needs = []string{rulesNeed(s.Version)}
	}
	return rt.store.Append(ctx, memory.Batch{
		Run: lease.Run, ID: batchID(), Epoch: lease.Epoch, Owner: rt.owner, Expect: held[0].Tail,
		Summary: s, Park: true, Needs: s.Needs,
	})
}

// rulesNeed is what a run of a newer version waits for.
func rulesNeed(version int) string { return fmt.Sprintf("version:%d", version) }

// offer wakes the runs that wait for something this process has.
func (rt *Runtime) offer(ctx context.Context) error {
	have := slices.Sorted(maps.Keys(rt.o.Workers))
	for v := range coordinator.Version {
		have = append(have, rulesNeed(v+1))
	}
	_, err := rt.store.Offer(ctx, have)
	return err
}

// nap sleeps until a run is due, a nudge, or the next poll.
func (rt *Runtime) nap() {
	d := pollEvery
	if due, err := rt.store.NextDue(rt.ctx); err == nil && !due.IsZero() {
		if now, err := rt.store.Now(rt.ctx); err == nil {
			d = min(d, max(due.Sub(now), restEvery))
		}
	}
	rt.sleepUntilNudged(d)
}

func (rt *Runtime) sleepUntilNudged(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-rt.nudge:
	case <-rt.ctx.Done():
	}
}

// keepLeases renews what this process holds, and learns that way of lost leases and lost wake-ups.
func (rt *Runtime) keepLeases() {
	tick := time.NewTicker(rt.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			rt.renew(rt.ctx)
			if rt.o.Passive {
				continue
			}
			if err := rt.offer(rt.ctx); err != nil && rt.ctx.Err() == nil {
				rt.o.Log.Warn("offer", "error", err)
			}
		case <-rt.ctx.Done():
			return
		}
	}
}

func (rt *Runtime) renew(ctx context.Context) {
	rt.mu.Lock()
	var leases []memory.Lease
	for _, l := range rt.live {
		leases = append(leases, l.lease)
	}
	rt.mu.Unlock()
	if len(leases) == 0 {
		return
	}
	sent := time.Now()
	renewed, err := rt.store.Renew(ctx, leases, rt.o.Lease)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			rt.o.Log.Warn("renew", "error", err)
		}
		return
	}
	for _, lease := range renewed {
		rt.renewed(lease, sent)
	}
}

func (rt *Runtime) renewed(lease memory.Lease, sent time.Time) {
	rt.mu.Lock()
	l := rt.live[lease.Run]
	rt.mu.Unlock()
	if l == nil || l.lease.Epoch != lease.Epoch {
		return
	}
	if lease.Lost {
		l.mu.Lock()
		l.lost = true
		l.mu.Unlock()
		l.kick()
		return
	}
	l.hold(sent)
	if lease.Tail > l.known.Load() {
		rt.stir(lease.Run)
	}
}
