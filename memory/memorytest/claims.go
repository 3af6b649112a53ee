package memorytest

import (
	"context"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

var claimClaims = []claim{
	{"the oldest due run comes first", func(p *probe) {
		var runs []string
		for range 12 {
			runs = append(runs, p.due())
		}
		got := p.claim("a", 5)
		got = append(got, p.claim("a", 100)...)
		equal(p, "runs", len(got), len(runs))
		for i, l := range got {
			equal(p, "run", l.Run, runs[i])
		}
	}},
	{"due times order parked runs", func(p *probe) {
		now := p.now()
		first, second := p.owned("a"), p.owned("a")
		p.append(first, parked(first, now.Add(-time.Second)))
		p.append(second, parked(second, now.Add(-time.Minute)))
		got := p.claim("b", 10)
		equal(p, "runs", len(got), 2)
		equal(p, "oldest", got[0].Run, second.Run)
	}},
	{"a run is claimed once", func(p *probe) {
		for range 30 {
			p.due()
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := map[string]int{}
		for _, owner := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				for {
					leases, err := p.store.Claim(p.ctx, owner, lease, 4)
					if err != nil {
						p.Error(err)
					}
					mu.Lock()
					for _, l := range leases {
						taken[l.Run]++
					}
					complete := len(taken) == 30
					mu.Unlock()
					if complete || err != nil {
						return
					}
				}
			})
		}
		all.Wait()
		for run, n := range taken {
			equal(p, "claims of "+run, n, 1)
		}
	}},
	{"max zero claims nothing", func(p *probe) {
		p.due()
		equal(p, "claimed", len(p.claim("a", 0)), 0)
	}},
	{"a run parked for later is not due before its time", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, p.now().Add(lease)))
		equal(p, "claimed", len(p.claim("b", 10)), 0)
		l = p.owned("a")
		due := p.now().Add(30 * time.Millisecond)
		p.append(l, parked(l, due))
		p.eventually("the run falls due", func() bool { return len(p.claim("b", 10)) == 1 })
		if now := p.now(); now.Before(due) {
			p.Errorf("claimed at %s, due at %s", now, due)
		}
	}},
	{"a lease that runs out lets others claim, with a higher epoch", func(p *probe) {
		n := newRun("")
		n.Owner, n.Lease = "a", 30*time.Millisecond
		created, err := p.store.Create(p.ctx, n)
		p.must(err)
		old := created.Lease
		var got []memory.Lease
		p.eventually("the lease runs out", func() bool {
			got = p.claim("b", 10)
			return len(got) == 1
		})
		equal(p, "epoch", got[0].Epoch, old.Epoch+1)
		equal(p, "claims", got[0].Claims, 2)
		p.wants(p.store.Append(p.ctx, batch(old, 1)), memory.ErrFenced)
		renewed, err := p.store.Renew(p.ctx, []memory.Lease{old}, lease)
		p.must(err)
		equal(p, "lost", renewed[0].Lost, true)
	}},
	{"an owner that is late but not replaced may go on", func(p *probe) {
		n := newRun("")
		n.Owner, n.Lease = "a", time.Microsecond
		created, err := p.store.Create(p.ctx, n)
		p.must(err)
		p.append(created.Lease, batch(created.Lease, 1))
		renewed, err := p.store.Renew(p.ctx, []memory.Lease{created.Lease}, lease)
		p.must(err)
		equal(p, "lost", renewed[0].Lost, false)
		equal(p, "claimed", len(p.claim("b", 10)), 0)
	}},
	{"an append extends the lease", func(p *probe) {
		n := newRun("")
		n.Owner, n.Lease = "a", time.Microsecond
		created, err := p.store.Create(p.ctx, n)
		p.must(err)
		b := batch(created.Lease, 1)
		b.Lease = lease
		p.append(created.Lease, b)
		equal(p, "claimed", len(p.claim("b", 10)), 0)
	}},
	{"an append starts the count of claims anew", func(p *probe) {
		run := p.due()
		for want := 1; want <= 3; want++ {
			l, err := p.store.ClaimRun(p.ctx, run, "a", time.Microsecond)
			p.must(err)
			equal(p, "claims", l.Claims, want)
		}
		l, err := p.store.ClaimRun(p.ctx, run, "a", lease)
		p.must(err)
		p.append(l, parked(l, p.now()))
		equal(p, "claims", p.claimOne("b").Claims, 1)
	}},
	{"one run is claimed although it is not due", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, time.Time{}))
		got, err := p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.must(err)
		equal(p, "epoch", got.Epoch, 2)
		equal(p, "owner", got.Owner, "b")
		_, err = p.store.ClaimRun(p.ctx, l.Run, "c", lease)
		p.wants(err, memory.ErrOwned)
		_, err = p.store.ClaimRun(p.ctx, "r-0-none", "c", lease)
		p.wants(err, memory.ErrNotFound)
	}},
	{"an owner may claim its own run again", func(p *probe) {
		l := p.owned("a")
		got, err := p.store.ClaimRun(p.ctx, l.Run, "a", lease)
		p.must(err)
		equal(p, "epoch", got.Epoch, l.Epoch+1)
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrFenced)
	}},
	{"renewals come back in order, with the tail", func(p *probe) {
		var leases []memory.Lease
		for range 20 {
			leases = append(leases, p.owned("a"))
		}
		leases[7].Epoch = 9
		leases[8].Run = "r-0-none"
		p.append(leases[3], batch(leases[3], 2))
		got, err := p.store.Renew(p.ctx, leases, 2*lease)
		p.must(err)
		for i, l := range got {
			equal(p, "run", l.Run, leases[i].Run)
			equal(p, "lost", l.Lost, i == 7 || i == 8)
			if !l.Lost && !l.Until.After(leases[i].Until) {
				p.Errorf("lease of %s until %s, was %s", l.Run, l.Until, leases[i].Until)
			}
		}
		equal(p, "tail", got[3].Tail, 3)
	}},
	{"renewing never shortens a lease", func(p *probe) {
		l := p.owned("a")
		got, err := p.store.Renew(p.ctx, []memory.Lease{l}, time.Second)
		p.must(err)
		equal(p, "until", got[0].Until, l.Until)
	}},
	{"offering a worker makes the runs due that miss it", func(p *probe) {
		one, two, three := p.owned("a"), p.owned("a"), p.owned("a")
		p.append(one, parked(one, time.Time{}, "ocr", "mail send: x"))
		p.append(two, parked(two, time.Time{}, "ocr"))
		p.append(three, parked(three, time.Time{}, "fax"))
		n, err := p.store.Offer(p.ctx, []string{"mail send: x", "nobody"})
		p.must(err)
		equal(p, "made due", n, 1)
		equal(p, "run", p.claimOne("b").Run, one.Run)
		n, err = p.store.Offer(p.ctx, []string{"ocr"})
		p.must(err)
		equal(p, "made due", n, 1)
		equal(p, "run", p.claimOne("b").Run, two.Run)
		n, err = p.store.Offer(p.ctx, []string{"ocr"})
		p.must(err)
		equal(p, "made due again", n, 0)
	}},
	{"a claimed run does not miss workers any more", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, time.Time{}, "ocr"))
		_, err := p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.must(err)
		n, err := p.store.Offer(p.ctx, []string{"ocr"})
		p.must(err)
		equal(p, "made due", n, 0)
	}},
	{"the next due time is that of the earliest run that nobody holds", func(p *probe) {
		next, err := p.store.NextDue(p.ctx)
		p.must(err)
		equal(p, "nothing waits", next, time.Time{})
		soonest, later := p.now().Add(time.Hour), p.now().Add(2*time.Hour)
		for _, due := range []time.Time{later, soonest} {
			l := p.owned("a")
			p.append(l, parked(l, due))
		}
		p.owned("a") // held: its lease ends earlier, but it is nobody's to wait for
		next, err = p.store.NextDue(p.ctx)
		p.must(err)
		equal(p, "next", next, soonest)
		p.due()
		next, err = p.store.NextDue(p.ctx)
		p.must(err)
		if next.After(p.now()) {
			p.Errorf("a run is due, but the next due time is %s", next)
		}
	}},
	{"the store's time never runs backwards", func(p *probe) {
		last := p.now()
		for range 100 {
			now := p.now()
			if now.Before(last) {
				p.Fatalf("%s after %s", now, last)
			}
			last = now
		}
		l := p.owned("a")
		e, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		p.read(l.Run, 0)
		if now := p.now(); now.Before(e.At) {
			p.Errorf("it is %s, but an event was at %s", now, e.At)
		}
	}},
}

// awaits takes wake-ups until the wanted one comes.
func (p *probe) awaits(ch <-chan string, want string) {
	p.Helper()
	timeout := time.After(soon)
	for {
		select {
		case got, ok := <-ch:
			if !ok {
				p.Fatalf("the channel closed before %q came", want)
			}
			if got == want {
				return
			}
		case <-timeout:
			p.Fatalf("no wake-up %q within %s", want, soon)
		}
	}
}

var wakeClaims = []claim{
	{"the owner hears of a foreign event", func(p *probe) {
		ch, err := p.store.Wakeups(p.ctx, "a")
		p.must(err)
		l := p.owned("a")
		_, err = p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		p.awaits(ch, l.Run)
	}},
	{"everybody hears that a run may be due", func(p *probe) {
		ctx, cancel := context.WithCancel(p.ctx)
		defer cancel()
		one, err := p.store.Wakeups(ctx, "a")
		p.must(err)
		two, err := p.store.Wakeups(ctx, "b")
		p.must(err)
		p.due()
		p.awaits(one, "")
		p.awaits(two, "")
		l := p.claimOne("a")
		p.append(l, parked(l, p.now()))
		p.awaits(one, "")
		p.awaits(two, "")
	}},
	{"a parked run, a decision and an offer wake everybody", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		l = p.append(l, asking(l, coordinator.Escalation{ID: id}))
		p.append(l, parked(l, time.Time{}, "ocr"))
		ch, err := p.store.Wakeups(p.ctx, "b")
		p.must(err)
		_, err = p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.must(err)
		p.awaits(ch, "")
		l = p.claimOne("b")
		p.append(l, parked(l, time.Time{}, "ocr"))
		_, err = p.store.Offer(p.ctx, []string{"ocr"})
		p.must(err)
		p.awaits(ch, "")
	}},
	{"the channel closes with its context", func(p *probe) {
		ctx, cancel := context.WithCancel(p.ctx)
		ch, err := p.store.Wakeups(ctx, "a")
		p.must(err)
		cancel()
		p.eventually("the channel closes", func() bool {
			select {
			case _, ok := <-ch:
				return !ok
			default:
				return false
			}
		})
	}},
	{"a listener that sleeps holds nobody up", func(p *probe) {
		_, err := p.store.Wakeups(p.ctx, "a")
		p.must(err)
		l := p.owned("a")
		for range 600 {
			_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
			p.must(err)
		}
		equal(p, "events", len(p.read(l.Run, 1)), 600)
	}},
}
