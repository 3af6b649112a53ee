package memorytest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func claimed(escalation, by string) coordinator.Event {
	return coordinator.Event{Kind: coordinator.Claimed, ID: escalation, By: by}
}

func unclaimed(escalation, by string) coordinator.Event {
	return coordinator.Event{Kind: coordinator.Unclaimed, ID: escalation, By: by}
}

func denied(by string) coordinator.Event {
	return coordinator.Event{Kind: coordinator.Denied, By: by, Note: "cancel: may not"}
}

func decidedBy(escalation, by string) coordinator.Event {
	e := decided(escalation, unique("decision"))
	e.By, e.Decision.By = by, by
	return e
}

// question opens one in a run that "a" holds.
func (p *probe) question() (memory.Lease, string) {
	p.Helper()
	l := p.owned("a")
	id := l.Run + ".1"
	return p.append(l, asking(l, coordinator.Escalation{ID: id, By: "finance"})), id
}

func (p *probe) post(e coordinator.Event) coordinator.Event {
	p.Helper()
	got, err := p.store.Post(p.ctx, coordinator.RunOf(e.ID), e)
	p.must(err)
	return got
}

func (p *probe) refuses(e coordinator.Event, want error) {
	p.Helper()
	_, err := p.store.Post(p.ctx, coordinator.RunOf(e.ID), e)
	p.wants(err, want)
}

// holder is who has taken a question on; every way to look at it must say the same.
func (p *probe) holder(id string) string {
	p.Helper()
	q, err := p.store.Escalation(p.ctx, coordinator.RunOf(id), id)
	p.must(err)
	for _, f := range []memory.InboxFilter{{}, {By: []string{"finance"}}, {Run: coordinator.RunOf(id)}} {
		open, _, err := p.store.Inbox(p.ctx, f)
		p.must(err)
		for _, seen := range open {
			if seen.ID == id {
				equal(p, "holder in the inbox", seen.Claimed, q.Claimed)
			}
		}
	}
	return q.Claimed
}

var takenClaims = []claim{
	{"a claim is an event, and the question shows it", func(p *probe) {
		l, id := p.question()
		e := p.post(claimed(id, "ann"))
		equal(p, "seq", e.Seq, 3)
		equal(p, "by", e.By, "ann")
		equal(p, "holder", p.holder(id), "ann")
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 asked,3 claimed,")
	}},
	{"a claimed question is nobody else's to claim", func(p *probe) {
		l, id := p.question()
		p.post(claimed(id, "ann"))
		p.refuses(claimed(id, "bob"), memory.ErrClaimed)
		equal(p, "holder", p.holder(id), "ann")
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 asked,3 claimed,")
	}},
	{"what changes nothing writes nothing", func(p *probe) {
		l, id := p.question()
		equal(p, "given back unclaimed", p.post(unclaimed(id, "ann")).Seq, 0)
		p.post(claimed(id, "ann"))
		equal(p, "claimed again", p.post(claimed(id, "ann")).Seq, 0)
		p.post(unclaimed(id, "ann"))
		equal(p, "given back again", p.post(unclaimed(id, "ann")).Seq, 0)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 asked,3 claimed,4 unclaimed,")
	}},
	{"a question given back is open to everybody", func(p *probe) {
		_, id := p.question()
		p.post(claimed(id, "ann"))
		p.post(unclaimed(id, "boss"))
		equal(p, "holder", p.holder(id), "")
		p.post(claimed(id, "bob"))
		equal(p, "holder", p.holder(id), "bob")
	}},
	{"a claim needs its question open", func(p *probe) {
		l, id := p.question()
		p.refuses(claimed(l.Run+".2", "ann"), memory.ErrNotOpen)
		p.refuses(unclaimed(l.Run+".2", "ann"), memory.ErrNotOpen)
		p.post(decidedBy(id, "ann"))
		p.refuses(claimed(id, "ann"), memory.ErrNotOpen)
		l, id = p.question()
		p.append(l, ended(l))
		p.refuses(claimed(id, "ann"), memory.ErrNotOpen)
		p.refuses(unclaimed(id, "ann"), memory.ErrNotOpen)
	}},
	{"a claim says which question, and whose it is", func(p *probe) {
		l, id := p.question()
		for _, e := range []coordinator.Event{claimed(id, ""), claimed("", "ann"), unclaimed("", "ann")} {
			if _, err := p.store.Post(p.ctx, l.Run, e); err == nil {
				p.Errorf("%+v was taken", e)
			}
		}
	}},
	{"only who has claimed a question decides it", func(p *probe) {
		_, id := p.question()
		p.post(claimed(id, "ann"))
		p.refuses(decidedBy(id, "bob"), memory.ErrClaimed)
		p.post(decidedBy(id, "ann"))
		_, id = p.question()
		p.post(claimed(id, "ann"))
		p.post(unclaimed(id, "ann"))
		p.post(decidedBy(id, "bob"))
	}},
	{"no claim stops the word of a program", func(p *probe) {
		_, id := p.question()
		p.post(claimed(id, "ann"))
		late := decidedBy(id, "")
		late.Decision.By = "the process that made the call"
		p.post(late)
		p.refuses(decidedBy(id, "ann"), memory.ErrNotOpen)
	}},
	{"a repeated decision is answered although somebody has claimed the question since", func(p *probe) {
		l, id := p.question()
		first := decidedBy(id, "bob")
		seq := p.post(first).Seq
		l.Tail++
		p.append(l, asking(l, coordinator.Escalation{ID: id}))
		p.post(claimed(id, "ann"))
		equal(p, "seq", p.post(first).Seq, seq)
	}},
	{"what the owner says of a question stands", func(p *probe) {
		l, id := p.question()
		for _, holder := range []string{"", "cfo"} {
			l.Tail = max(l.Tail, p.post(claimed(id, "ann")).Seq)
			l = p.append(l, asking(l, coordinator.Escalation{ID: id, By: "finance", Claimed: holder}))
			equal(p, "holder", p.holder(id), holder)
		}
		p.refuses(claimed(id, "ann"), memory.ErrClaimed)
	}},
	{"a question asked anew is unclaimed", func(p *probe) {
		l, id := p.question()
		p.post(claimed(id, "ann"))
		p.post(decidedBy(id, "ann"))
		l.Tail += 2
		l = p.append(l, asking(l, coordinator.Escalation{ID: id}))
		equal(p, "after a decision", p.holder(id), "")
		p.post(claimed(id, "ann"))
		l.Tail++
		b := batch(l, 1)
		b.Close = []string{id}
		l = p.append(l, b)
		p.append(l, asking(l, coordinator.Escalation{ID: id}))
		equal(p, "after it was closed", p.holder(id), "")
	}},
	{"a claim outlives what the owner appends about other things", func(p *probe) {
		l, id := p.question()
		p.post(claimed(id, "ann"))
		l.Tail++
		l = p.append(l, asking(l, coordinator.Escalation{ID: l.Run + ".2"}))
		p.append(l, parked(l, time.Time{}))
		equal(p, "holder", p.holder(id), "ann")
	}},
	{"a claim leaves the rest of the question as it was", func(p *probe) {
		l := p.owned("a")
		q := coordinator.Escalation{ID: l.Run + ".1", Input: json.RawMessage(`{"n":9007199254740993,"none":[],"html":"<b>&"}`)}
		p.append(l, asking(l, q))
		p.post(claimed(q.ID, "ann"))
		got, err := p.store.Escalation(p.ctx, l.Run, q.ID)
		p.must(err)
		equal(p, "input", string(got.Input), string(q.Input))
	}},
	{"one of many racing claims wins", func(p *probe) {
		_, id := p.question()
		var all sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			all.Go(func() { _, errs[i] = p.store.Post(p.ctx, coordinator.RunOf(id), claimed(id, fmt.Sprint("person", i))) })
		}
		all.Wait()
		won := ""
		for i, err := range errs {
			if err == nil {
				won += fmt.Sprint("person", i)
				continue
			}
			p.wants(err, memory.ErrClaimed)
		}
		equal(p, "holder", p.holder(id), won)
	}},
	{"a claim moves no parked run", func(p *probe) {
		l, id := p.question()
		due := p.now().Add(time.Hour)
		l = p.append(l, parked(l, due))
		ch, err := p.store.Wakeups(p.ctx, "b")
		p.must(err)
		p.post(claimed(id, "ann"))
		p.post(unclaimed(id, "ann"))
		_, err = p.store.Post(p.ctx, l.Run, denied("bob"))
		p.must(err)
		equal(p, "claimed", len(p.claim("b", 10)), 0)
		next, err := p.store.NextDue(p.ctx)
		p.must(err)
		equal(p, "next due", next, due)
		p.quiet(ch)
		got, err := p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.must(err)
		equal(p, "tail", got.Tail, 5)
	}},
	{"a live owner hears of a claim, and of a denial", func(p *probe) {
		l, id := p.question()
		for _, e := range []coordinator.Event{claimed(id, "ann"), unclaimed(id, "ann"), denied("bob")} {
			ch, err := p.store.Wakeups(p.ctx, "a")
			p.must(err)
			_, err = p.store.Post(p.ctx, l.Run, e)
			p.must(err)
			p.awaits(ch, l.Run)
			p.wants(p.store.Append(p.ctx, batch(l, 1)), memory.ErrSequence)
			renewed, err := p.store.Renew(p.ctx, []memory.Lease{l}, lease)
			p.must(err)
			equal(p, "tail", renewed[0].Tail, l.Tail+1)
			l = p.append(renewed[0], batch(renewed[0], 1))
		}
	}},
	{"a denial is kept, also after the end", func(p *probe) {
		l := p.owned("a")
		first, err := p.store.Post(p.ctx, l.Run, denied("bob"))
		p.must(err)
		equal(p, "note", first.Note, "cancel: may not")
		l.Tail++
		l = p.append(l, ended(l))
		p.append(l, letGo(l))
		_, err = p.store.Post(p.ctx, l.Run, denied("bob"))
		p.must(err)
		equal(p, "journal", p.kinds(l.Run), "1 submitted,2 denied,3 ended,4 denied,")
		equal(p, "due", len(p.claim("b", 10)), 0)
		_, err = p.store.ClaimRun(p.ctx, l.Run, "b", lease)
		p.wants(err, memory.ErrEnded)
		_, err = p.store.Post(p.ctx, "r-0-none", denied("bob"))
		p.wants(err, memory.ErrNotFound)
	}},
}

// quiet checks that nothing has been told to everybody: a wake-up sent now is the first to arrive.
func (p *probe) quiet(ch <-chan string) {
	p.Helper()
	mark := p.owned("b")
	_, err := p.store.Post(p.ctx, mark.Run, coordinator.Event{Kind: coordinator.Cancelled})
	p.must(err)
	select {
	case got := <-ch:
		equal(p, "first wake-up", got, mark.Run)
	case <-time.After(soon):
		p.Fatalf("no wake-up within %s", soon)
	}
}
