package memorytest

import (
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// finished creates a run that has ended and that nobody holds.
func (p *probe) finished() string {
	p.Helper()
	l := p.owned("a")
	l = p.append(l, ended(l))
	p.append(l, letGo(l))
	return l.Run
}

// letGo gives up an ended run.
func letGo(l memory.Lease) memory.Batch {
	b := parked(l, time.Time{})
	b.Summary.Status = coordinator.StatusDone
	return b
}

func (p *probe) claimEnded(run, owner string, d time.Duration) memory.Lease {
	p.Helper()
	l, err := p.store.ClaimEnded(p.ctx, run, owner, d)
	p.must(err)
	return l
}

// rerun is the append that opens an ended run again.
func rerun(l memory.Lease) memory.Batch {
	b := batch(l, 2)
	b.Events[0] = coordinator.Event{Seq: l.Tail + 1, Kind: coordinator.Rerun, By: "ann"}
	return b
}

var rerunClaims = []claim{
	{"only a run that has ended is claimed for a rerun", func(p *probe) {
		_, err := p.store.ClaimEnded(p.ctx, p.due(), "b", lease)
		p.wants(err, memory.ErrNotEnded)
		_, err = p.store.ClaimEnded(p.ctx, p.owned("a").Run, "a", lease)
		p.wants(err, memory.ErrNotEnded)
		_, err = p.store.ClaimEnded(p.ctx, "r-0-none", "b", lease)
		p.wants(err, memory.ErrNotFound)
		if _, err := p.store.ClaimEnded(p.ctx, p.finished(), "", lease); err == nil {
			p.Error("claimed by nobody")
		}
	}},
	{"an ended run is leased to one owner at a time", func(p *probe) {
		l := p.owned("a")
		l = p.append(l, ended(l))
		_, err := p.store.ClaimEnded(p.ctx, l.Run, "b", lease)
		p.wants(err, memory.ErrOwned)
		p.append(l, letGo(l))
		got := p.claimEnded(l.Run, "b", lease)
		equal(p, "epoch", got.Epoch, 2)
		equal(p, "owner", got.Owner, "b")
		equal(p, "tail", got.Tail, 2)
		_, err = p.store.ClaimEnded(p.ctx, l.Run, "c", lease)
		p.wants(err, memory.ErrOwned)
		equal(p, "epoch, again", p.claimEnded(l.Run, "b", lease).Epoch, 3)
		p.wants(p.store.Append(p.ctx, rerun(got)), memory.ErrFenced)
		p.wants(p.store.Append(p.ctx, rerun(l)), memory.ErrFenced)
	}},
	{"a rerun opens the run again", func(p *probe) {
		run := p.finished()
		l := p.claimEnded(run, "b", lease)
		l = p.append(l, rerun(l))
		equal(p, "journal", p.kinds(run), "1 submitted,2 ended,3 rerun,4 skipped,")
		p.same("active", p.runs(memory.RunFilter{Status: coordinator.StatusActive}), []string{run})
		p.same("done", p.runs(memory.RunFilter{Status: coordinator.StatusDone}), nil)
		_, err := p.store.Post(p.ctx, run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		l.Tail++
		l = p.append(l, asking(l, coordinator.Escalation{ID: run + ".1"}))
		p.same("inbox", p.inbox(memory.InboxFilter{}), []string{run + ".1"})
		equal(p, "claimed while held", len(p.claim("c", 10)), 0)
		l = p.append(l, ended(l))
		p.append(l, letGo(l))
		p.same("done again", p.runs(memory.RunFilter{Status: coordinator.StatusDone}), []string{run})
		p.same("inbox of the ended run", p.inbox(memory.InboxFilter{}), nil)
		_, err = p.store.Post(p.ctx, run, coordinator.Event{Kind: coordinator.Cancelled})
		p.wants(err, memory.ErrEnded)
		p.claimEnded(run, "c", lease)
	}},
	{"nothing but a rerun follows the end", func(p *probe) {
		l := p.claimEnded(p.finished(), "b", lease)
		p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrEnded)
		b := batch(l, 2)
		b.Events[1].Kind = coordinator.Rerun
		if err := p.store.Append(p.ctx, b); err == nil {
			p.Error("a rerun in the middle of a batch was taken")
		}
		_, err := p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Rerun})
		if err == nil {
			p.Error("a rerun was posted")
		}
		_, err = p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.wants(err, memory.ErrEnded)
		_, err = p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.wants(err, memory.ErrEnded)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 ended,")
	}},
	{"a run that has not ended has no rerun", func(p *probe) {
		l := p.owned("a")
		p.wants(p.store.Append(p.ctx, rerun(l)), memory.ErrNotEnded)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,")
	}},
	{"an owner that dies before the rerun leaves the run ended", func(p *probe) {
		run := p.finished()
		dead := p.claimEnded(run, "b", time.Microsecond)
		p.eventually("the lease runs out", func() bool { return p.now().After(dead.Until) })
		equal(p, "due", len(p.claim("c", 10)), 0)
		next, err := p.store.NextDue(p.ctx)
		p.must(err)
		equal(p, "next due", next, time.Time{})
		_, err = p.store.ClaimRun(p.ctx, run, "c", lease)
		p.wants(err, memory.ErrEnded)
		_, err = p.store.Post(p.ctx, run, coordinator.Event{Kind: coordinator.Cancelled})
		p.wants(err, memory.ErrEnded)
		p.same("done", p.runs(memory.RunFilter{Status: coordinator.StatusDone}), []string{run})
		l := p.claimEnded(run, "c", lease)
		p.wants(p.store.Append(p.ctx, rerun(dead)), memory.ErrFenced)
		p.append(l, rerun(l))
	}},
	{"renewing the lease of an ended run makes it nobody's work", func(p *probe) {
		l := p.claimEnded(p.finished(), "b", time.Microsecond)
		renewed, err := p.store.Renew(p.ctx, []memory.Lease{l}, time.Microsecond)
		p.must(err)
		equal(p, "lost", renewed[0].Lost, false)
		p.eventually("the lease runs out", func() bool { return p.now().After(renewed[0].Until) })
		equal(p, "due", len(p.claim("c", 10)), 0)
	}},
	{"an owner that dies after the rerun is replaced", func(p *probe) {
		run := p.finished()
		l := p.claimEnded(run, "b", time.Microsecond)
		p.append(l, rerun(l))
		var got []memory.Lease
		p.eventually("the run is due by its lease", func() bool {
			got = p.claim("c", 10)
			return len(got) == 1
		})
		equal(p, "run", got[0].Run, run)
		equal(p, "epoch", got[0].Epoch, l.Epoch+1)
		equal(p, "tail", got[0].Tail, 4)
	}},
	{"a rerun may be parked at once", func(p *probe) {
		l := p.claimEnded(p.finished(), "b", lease)
		b := rerun(l)
		b.Park, b.Needs = true, []string{"ocr"}
		p.append(l, b)
		equal(p, "due", len(p.claim("c", 10)), 0)
		n, err := p.store.Offer(p.ctx, []string{"ocr"})
		p.must(err)
		equal(p, "made due", n, 1)
		equal(p, "run", p.claimOne("c").Run, l.Run)
	}},
	{"a rerun may end at once", func(p *probe) {
		l := p.claimEnded(p.finished(), "b", lease)
		b := rerun(l)
		b.Events[1] = coordinator.Event{Seq: l.Tail + 2, Kind: coordinator.Ended}
		b.Summary.Status, b.Park = coordinator.StatusFailed, true
		p.append(l, b)
		p.same("failed", p.runs(memory.RunFilter{Status: coordinator.StatusFailed}), []string{l.Run})
		equal(p, "due", len(p.claim("c", 10)), 0)
		p.claimEnded(l.Run, "c", lease)
	}},
	{"a rerun sent again succeeds and adds nothing", func(p *probe) {
		l := p.claimEnded(p.finished(), "b", lease)
		b := rerun(l)
		l = p.append(l, b)
		p.must(p.store.Append(p.ctx, b))
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 ended,3 rerun,4 skipped,")
		p.append(l, batch(l, 1))
	}},
	{"who claims an ended run may let go of it", func(p *probe) {
		run := p.finished()
		l := p.claimEnded(run, "b", lease)
		p.append(l, letGo(l))
		equal(p, "due", len(p.claim("c", 10)), 0)
		p.claimEnded(run, "c", lease)
	}},
	{"a denial after the end comes before the rerun", func(p *probe) {
		run := p.finished()
		l := p.claimEnded(run, "b", lease)
		_, err := p.store.Post(p.ctx, run, denied("bob"))
		p.must(err)
		p.wants(p.store.Append(p.ctx, rerun(l)), memory.ErrSequence)
		l.Tail++
		p.append(l, rerun(l))
		equal(p, "journal", p.kinds(run), "1 submitted,2 ended,3 denied,4 rerun,5 skipped,")
	}},
}
