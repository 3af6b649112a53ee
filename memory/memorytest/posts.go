package memorytest

import (
	"fmt"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

var postClaims = []claim{
	{"a foreign event lands at the tail, wherever it is", func(p *probe) {
		l := p.owned("a")
		p.append(l, batch(l, 3))
		e, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled, By: "ann"})
		p.must(err)
		equal(p, "seq", e.Seq, 5)
		equal(p, "by", e.By, "ann")
		if e.At.IsZero() {
			p.Error("the event has no time")
		}
		equal(p, "read", p.read(l.Run, 4)[0].At, e.At)
	}},
	{"only foreign kinds may be posted", func(p *probe) {
		if _, err := p.store.Post(p.ctx, p.due(), coordinator.Event{Kind: coordinator.Succeeded}); err == nil {
			p.Error("an owner's event was taken")
		}
	}},
	{"a decision needs its question open", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		_, err := p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.wants(err, memory.ErrNotOpen)
		p.append(l, asking(l, coordinator.Escalation{ID: id}))
		_, err = p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.must(err)
		_, err = p.store.Post(p.ctx, l.Run, decided(id, "other"))
		p.wants(err, memory.ErrNotOpen)
		_, err = p.store.Escalation(p.ctx, l.Run, id)
		p.wants(err, memory.ErrNotOpen)
	}},
	{"a repeated decision id gets the first one's event", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		p.append(l, asking(l, coordinator.Escalation{ID: id}))
		first, err := p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.must(err)
		repeat := decided(id, "d")
		repeat.Decision.Verb = coordinator.Reject
		second, err := p.store.Post(p.ctx, l.Run, repeat)
		p.must(err)
		equal(p, "seq", second.Seq, first.Seq)
		equal(p, "at", second.At, first.At)
		equal(p, "verb", second.Decision.Verb, coordinator.Approve)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 asked,3 decided,")
	}},
	{"one of many racing decisions wins", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		p.append(l, asking(l, coordinator.Escalation{ID: id}))
		var all sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			all.Go(func() { _, errs[i] = p.store.Post(p.ctx, l.Run, decided(id, fmt.Sprint(i))) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			p.wants(err, memory.ErrNotOpen)
		}
		equal(p, "winners", won, 1)
	}},
	{"an owner's append loses against a foreign event it has not seen", func(p *probe) {
		l := p.owned("a")
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrSequence)
		l.Tail = 2
		p.append(l, batch(l, 1))
	}},
	{"a question that its owner closed cannot be decided", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		l = p.append(l, asking(l, coordinator.Escalation{ID: id}))
		b := batch(l, 1)
		b.Close = []string{id}
		p.append(l, b)
		_, err := p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.wants(err, memory.ErrNotOpen)
	}},
	{"an ended run takes nothing", func(p *probe) {
		l := p.owned("a")
		id := l.Run + ".1"
		l = p.append(l, asking(l, coordinator.Escalation{ID: id}))
		p.append(l, ended(l))
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.wants(err, memory.ErrEnded)
		_, err = p.store.Post(p.ctx, l.Run, decided(id, "d"))
		p.wants(err, memory.ErrNotOpen)
	}},
	{"a parked run becomes due", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, time.Time{}))
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		got := p.claimOne("b")
		equal(p, "tail", got.Tail, 2)
	}},
	{"a run parked for later becomes due now", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, p.now().Add(time.Hour)))
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		p.claimOne("b")
	}},
	{"an owned run stays owned", func(p *probe) {
		l := p.owned("a")
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		equal(p, "claimed", len(p.claim("b", 10)), 0)
		renewed, err := p.store.Renew(p.ctx, []memory.Lease{l}, lease)
		p.must(err)
		equal(p, "tail", renewed[0].Tail, 2)
	}},
	{"an unknown run is not found", func(p *probe) {
		_, err := p.store.Post(p.ctx, "r-0-none", coordinator.Event{Kind: coordinator.Cancelled})
		p.wants(err, memory.ErrNotFound)
	}},
	{"a released run is counted anew", func(p *probe) {
		run := p.due()
		l := p.claimOne("a")
		for range 2 {
			var err error
			l, err = p.store.ClaimRun(p.ctx, run, "a", lease)
			p.must(err)
		}
		equal(p, "claims", l.Claims, 3)
		_, err := p.store.Post(p.ctx, run, coordinator.Event{Kind: coordinator.Released, By: "ann"})
		p.must(err)
		l, err = p.store.ClaimRun(p.ctx, run, "a", lease)
		p.must(err)
		equal(p, "claims", l.Claims, 1)
	}},
}
