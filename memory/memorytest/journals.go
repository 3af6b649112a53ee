package memorytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

var createClaims = []claim{
	{"a new run is due at once", func(p *probe) {
		run := p.due()
		l := p.claimOne("a")
		equal(p, "run", l.Run, run)
		equal(p, "epoch", l.Epoch, 1)
		equal(p, "tail", l.Tail, 1)
		equal(p, "claims", l.Claims, 1)
	}},
	{"a run created with an owner is owned", func(p *probe) {
		l := p.owned("a")
		equal(p, "claimed by others", len(p.claim("b", 10)), 0)
		p.append(l, batch(l, 1))
	}},
	{"the store sets the time of the first event", func(p *probe) {
		n := newRun("")
		n.Events[0].At = time.Now().Add(-time.Hour)
		created, err := p.store.Create(p.ctx, n)
		p.must(err)
		equal(p, "at", p.read(created.Run, 0)[0].At, created.At)
		m, err := p.store.Summary(p.ctx, created.Run)
		p.must(err)
		equal(p, "created", m.Created, created.At)
	}},
	{"the same key and task is the same run", func(p *probe) {
		first, err := p.store.Create(p.ctx, newRun("k"))
		p.must(err)
		again := newRun("k")
		again.ID = memory.NewRunID("test", "k", time.Now().Add(time.Hour))
		second, err := p.store.Create(p.ctx, again)
		p.must(err)
		equal(p, "run", second.Run, first.Run)
		equal(p, "existed", second.Existed, true)
		equal(p, "due", len(p.claim("a", 10)), 1)
	}},
	{"the same key for another task is refused", func(p *probe) {
		_, err := p.store.Create(p.ctx, newRun("k"))
		p.must(err)
		other := newRun("k")
		other.Digest = "other"
		_, err = p.store.Create(p.ctx, other)
		p.wants(err, memory.ErrKeyReused)
	}},
	{"the key outlives the run", func(p *probe) {
		n := newRun("k")
		n.Owner, n.Lease = "a", lease
		first, err := p.store.Create(p.ctx, n)
		p.must(err)
		p.append(first.Lease, ended(first.Lease))
		again, err := p.store.Create(p.ctx, newRun("k"))
		p.must(err)
		equal(p, "run", again.Run, first.Run)
		equal(p, "existed", again.Existed, true)
	}},
	{"a creation sent again gets its first answer", func(p *probe) {
		n := newRun("")
		n.Owner, n.Lease = "a", lease
		first, err := p.store.Create(p.ctx, n)
		p.must(err)
		again, err := p.store.Create(p.ctx, n)
		p.must(err)
		equal(p, "answer", again, first)
		equal(p, "journal", p.kinds(n.ID), "1 submitted,")
	}},
	{"many creations with one key make one run", func(p *probe) {
		var all sync.WaitGroup
		runs := make([]string, 8)
		for i := range runs {
			all.Go(func() {
				created, err := p.store.Create(p.ctx, newRun("k"))
				if err != nil {
					p.Error(err)
				}
				runs[i] = created.Run
			})
		}
		all.Wait()
		for _, run := range runs {
			equal(p, "run", run, runs[0])
		}
		equal(p, "due", len(p.claim("a", 10)), 1)
	}},
	{"an id that would break keys is refused", func(p *probe) {
		for _, id := range []string{"", "a.b", "a:b", "a{b", "a}b", "a/b", "a b"} {
			n := newRun("")
			n.ID = id
			if _, err := p.store.Create(p.ctx, n); err == nil {
				p.Errorf("run id %q was taken", id)
			}
		}
	}},
}

var appendClaims = []claim{
	{"events come back as they went in", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 0)
		at := p.now().Add(time.Minute)
		b.Events = []coordinator.Event{{
			Seq: 2, At: at, Kind: coordinator.Succeeded, Path: "s", Generation: 1, Number: 1, Label: coordinator.Untrusted,
			Output: json.RawMessage(`{"html":"<a href=\"x\">&</a>","n":9007199254740993}`), Usage: coordinator.Usage{Input: 3, Cost: 0.5},
		}}
		p.append(l, b)
		got := p.read(l.Run, 1)[0]
		equal(p, "output", string(got.Output), string(b.Events[0].Output))
		equal(p, "at", got.At, at)
		equal(p, "usage", got.Usage, b.Events[0].Usage)
		equal(p, "label", got.Label, coordinator.Untrusted)
	}},
	{"a foreign epoch is fenced", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 1)
		b.Epoch++
		p.wants(p.store.Append(p.ctx, b), memory.ErrFenced)
		b = batch(l, 1)
		b.Owner = "b"
		p.wants(p.store.Append(p.ctx, b), memory.ErrFenced)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,")
	}},
	{"an append behind or beyond the tail is refused", func(p *probe) {
		l := p.owned("a")
		p.append(l, batch(l, 1))
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrSequence)
		l.Tail = 5
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrSequence)
	}},
	{"the fence is checked before the sequence", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 1)
		p.append(l, batch(l, 1))
		b.Epoch = 7
		p.wants(p.store.Append(p.ctx, b), memory.ErrFenced)
	}},
	{"the same append sent again succeeds and adds nothing", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 2)
		l = p.append(l, b)
		p.must(p.store.Append(p.ctx, b))
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 skipped,3 skipped,")
		p.append(l, batch(l, 1))
	}},
	{"the same append sent again after a foreign event succeeds", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 1)
		p.append(l, b)
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled, By: "ann"})
		p.must(err)
		p.must(p.store.Append(p.ctx, b))
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 skipped,3 cancelled,")
	}},
	{"the same append sent again after a takeover is fenced", func(p *probe) {
		l := p.owned("a")
		b := parked(l, p.now())
		p.must(p.store.Append(p.ctx, b))
		p.must(p.store.Append(p.ctx, b)) // parked, but nobody else has it yet
		p.claimOne("b")
		p.wants(p.store.Append(p.ctx, b), memory.ErrFenced)
	}},
	{"all of a batch is written or none", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 3)
		b.Events[2].Seq = 9
		if err := p.store.Append(p.ctx, b); err == nil {
			p.Fatal("a batch with a gap was taken")
		}
		equal(p, "journal", p.kinds(l.Run), "1 submitted,")
	}},
	{"parking needs no events and gives the run up", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, p.now()))
		equal(p, "journal", p.kinds(l.Run), "1 submitted,")
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrFenced)
		got := p.claimOne("b")
		equal(p, "epoch", got.Epoch, 2)
	}},
	{"a parked run without a time waits for ever", func(p *probe) {
		l := p.owned("a")
		p.append(l, parked(l, time.Time{}))
		equal(p, "due", len(p.claim("b", 10)), 0)
		next, err := p.store.NextDue(p.ctx)
		p.must(err)
		equal(p, "next due", next, time.Time{})
	}},
	{"parking behind a foreign event is refused", func(p *probe) {
		l := p.owned("a")
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		p.wants(p.store.Append(p.ctx, parked(l, time.Time{})), memory.ErrSequence)
	}},
	{"times never run backwards", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 2)
		b.Events[0].At = p.now().Add(time.Hour)
		b.Events[1].At = p.now().Add(-time.Hour)
		p.append(l, b)
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		events := p.read(l.Run, 0)
		for i, e := range events[1:] {
			if e.At.Before(events[i].At) {
				p.Errorf("event %d at %s is before event %d at %s", e.Seq, e.At, events[i].Seq, events[i].At)
			}
		}
	}},
	{"nothing follows the end", func(p *probe) {
		l := p.owned("a")
		l = p.append(l, ended(l))
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrEnded)
		p.append(l, parked(l, time.Time{})) // letting go of it is no event
		_, err := p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.wants(err, memory.ErrEnded)
		equal(p, "due", len(p.claim("b", 10)), 0)
	}},
	{"an unknown run is not found", func(p *probe) {
		p.wants(p.store.Append(p.ctx, batch(memory.Lease{Run: "r-0-none", Owner: "a", Epoch: 1, Tail: 1}, 1)), memory.ErrNotFound)
	}},
	{"one of two racing appends wins", func(p *probe) {
		l := p.owned("a")
		var all sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			all.Go(func() { errs[i] = p.store.Append(p.ctx, batch(l, 1)) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			p.wants(err, memory.ErrSequence)
		}
		equal(p, "winners", won, 1)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 skipped,")
	}},
	{"appends of many runs at once all arrive", func(p *probe) {
		var all sync.WaitGroup
		for i := range 40 {
			l := p.owned(fmt.Sprint("owner", i))
			all.Go(func() {
				for range 5 {
					b := batch(l, 2)
					if err := p.store.Append(p.ctx, b); err != nil {
						p.Error(err)
						return
					}
					l.Tail += 2
				}
				tail := l.Tail
				if got := p.read(l.Run, 0); int64(len(got)) != tail {
					p.Errorf("%d events, want %d", len(got), tail)
				}
			})
		}
		all.Wait()
	}},
	{"a cancelled context changes nothing", func(p *probe) {
		l := p.owned("a")
		ctx, cancel := context.WithCancel(p.ctx)
		cancel()
		p.wants(p.store.Append(ctx, batch(l, 1)), context.Canceled)
		_, err := p.store.Create(ctx, newRun(""))
		p.wants(err, context.Canceled)
		_, err = p.store.Claim(ctx, "a", lease, 1)
		p.wants(err, context.Canceled)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,")
	}},
}

var readClaims = []claim{
	{"an unknown run is an error", func(p *probe) {
		seen := 0
		for _, err := range p.store.Read(p.ctx, "r-0-none", 0) {
			p.wants(err, memory.ErrNotFound)
			seen++
		}
		equal(p, "yields", seen, 1)
	}},
	{"reading goes on after a seq", func(p *probe) {
		l := p.owned("a")
		l = p.append(l, batch(l, 4))
		equal(p, "events", len(p.read(l.Run, 3)), 2)
		equal(p, "first", p.read(l.Run, 3)[0].Seq, 4)
		equal(p, "beyond the tail", len(p.read(l.Run, 5)), 0)
		equal(p, "before the start", len(p.read(l.Run, -1)), 5)
	}},
	{"a reader may stop early", func(p *probe) {
		l := p.owned("a")
		p.append(l, batch(l, 4))
		for e, err := range p.store.Read(p.ctx, l.Run, 0) {
			p.must(err)
			if e.Seq == 2 {
				break
			}
		}
	}},
	{"a long journal is read in order without gaps", func(p *probe) {
		l := p.owned("a")
		for range 5 {
			l = p.append(l, batch(l, 150))
		}
		for i, e := range p.read(l.Run, 0) {
			equal(p, "seq", e.Seq, int64(i+1))
		}
		equal(p, "events", len(p.read(l.Run, 0)), 751)
	}},
	{"a large value comes back whole", func(p *probe) {
		l := p.owned("a")
		large := text(3 << 20)
		b := batch(l, 2)
		b.Events[0].Kind, b.Events[0].Output = coordinator.Succeeded, large
		l = p.append(l, b)
		p.must(p.store.Append(p.ctx, b))
		if got := p.read(l.Run, 1)[0]; !bytes.Equal(got.Output, large) || got.Seq != 2 {
			p.Errorf("event %d with %d bytes, want event 2 with %d", got.Seq, len(got.Output), len(large))
		}
		e := decided(l.Run+".1", "d")
		e.Decision.Output = large
		p.append(l, asking(l, coordinator.Escalation{ID: l.Run + ".1", Proposed: large}))
		for range 2 { // written, and found again
			got, err := p.store.Post(p.ctx, l.Run, e)
			p.must(err)
			if !bytes.Equal(got.Decision.Output, large) {
				p.Errorf("decision with %d bytes, want %d", len(got.Decision.Output), len(large))
			}
		}
	}},
	{"a value over the limit is refused", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 1)
		b.Events[0].Output = text(8<<20 + 1)
		p.wants(p.store.Append(p.ctx, b), memory.ErrLimit)
		b.Events[0].Output = text(8 << 20)
		p.append(l, b)
	}},
	{"a cancelled context ends the reading with an error", func(p *probe) {
		l := p.owned("a")
		p.append(l, batch(l, 4))
		ctx, cancel := context.WithCancel(p.ctx)
		cancel()
		var last error
		for _, err := range p.store.Read(ctx, l.Run, 0) {
			last = err
		}
		p.wants(last, context.Canceled)
	}},
}
