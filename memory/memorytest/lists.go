package memorytest

import (
	"fmt"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// runs reads all pages and checks their sizes.
func (p *probe) runs(f memory.RunFilter) []string {
	p.Helper()
	var out []string
	for {
		page, cursor, err := p.store.Runs(p.ctx, f)
		p.must(err)
		for _, m := range page {
			out = append(out, m.Run)
		}
		if cursor == "" {
			return out
		}
		equal(p, "page", len(page), f.Limit)
		f.Cursor = cursor
	}
}

func (p *probe) inbox(f memory.InboxFilter) []string {
	p.Helper()
	var out []string
	for {
		page, cursor, err := p.store.Inbox(p.ctx, f)
		p.must(err)
		for _, q := range page {
			out = append(out, q.ID)
		}
		if cursor == "" {
			return out
		}
		equal(p, "page", len(page), f.Limit)
		f.Cursor = cursor
	}
}

func (p *probe) same(what string, got, want []string) {
	p.Helper()
	if !slices.Equal(got, want) {
		p.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// listed creates a run, and lets its owner write this summary.
func (p *probe) listed(m memory.Summary) memory.Summary {
	p.Helper()
	n := newRun("")
	n.Owner, n.Lease = "a", lease
	n.Summary = memory.Summary{Status: coordinator.StatusActive, Pipeline: m.Pipeline, Batch: m.Batch}
	created, err := p.store.Create(p.ctx, n)
	p.must(err)
	m.Run = created.Run
	b := batch(created.Lease, 1)
	b.Summary = m
	p.append(created.Lease, b)
	return m
}

func selected(all []memory.Summary, f memory.RunFilter) (runs []string) {
	for _, m := range all {
		if (f.Status == "" || f.Status == m.Status) && (f.Pipeline == "" || f.Pipeline == m.Pipeline) && (f.Batch == "" || f.Batch == m.Batch) {
			runs = append(runs, m.Run)
		}
	}
	return runs
}

var listClaims = []claim{
	{"a summary is what the owner wrote last", func(p *probe) {
		l := p.owned("a")
		b := batch(l, 1)
		b.Summary = memory.Summary{
			Run: l.Run, Pipeline: "intake", Batch: "b", Goal: "g", By: "ann", Status: coordinator.StatusWaiting, Version: 1, Steps: 3, Open: 1,
			Needs: []string{"ocr"}, Usage: coordinator.Usage{Input: 5}, Created: p.now(), Updated: p.now(), Error: "e",
		}
		p.append(l, b)
		got, err := p.store.Summary(p.ctx, l.Run)
		p.must(err)
		equal(p, "summary", fmt.Sprint(got), fmt.Sprint(b.Summary))
		_, err = p.store.Summary(p.ctx, "r-0-none")
		p.wants(err, memory.ErrNotFound)
	}},
	{"a foreign event leaves the summary to the owner", func(p *probe) {
		l := p.owned("a")
		before, err := p.store.Summary(p.ctx, l.Run)
		p.must(err)
		_, err = p.store.Post(p.ctx, l.Run, coordinator.Event{Kind: coordinator.Cancelled})
		p.must(err)
		after, err := p.store.Summary(p.ctx, l.Run)
		p.must(err)
		equal(p, "summary", fmt.Sprint(after), fmt.Sprint(before))
	}},
	{"runs come newest first, in pages", func(p *probe) {
		var want []string
		for range 7 {
			want = append(want, p.due())
		}
		slices.Reverse(want)
		for _, limit := range []int{1, 3, 7, 50} {
			p.same(fmt.Sprint("pages of ", limit), p.runs(memory.RunFilter{Limit: limit}), want)
		}
		page, cursor, err := p.store.Runs(p.ctx, memory.RunFilter{Limit: 3})
		p.must(err)
		p.due() // a new run doesn't shift the next page
		next, _, err := p.store.Runs(p.ctx, memory.RunFilter{Limit: 3, Cursor: cursor})
		p.must(err)
		equal(p, "last of the page", page[2].Run, want[2])
		equal(p, "first of the next", next[0].Run, want[3])
	}},
	{"runs are found by status and pipeline", func(p *probe) {
		one, two := p.owned("a"), p.owned("a")
		b := batch(two, 1)
		b.Summary.Status, b.Summary.Pipeline = coordinator.StatusWaiting, "audit: {x}"
		p.append(two, b)
		p.same("active", p.runs(memory.RunFilter{Status: coordinator.StatusActive}), []string{one.Run})
		p.same("waiting", p.runs(memory.RunFilter{Status: coordinator.StatusWaiting}), []string{two.Run})
		p.same("pipeline", p.runs(memory.RunFilter{Pipeline: "audit: {x}"}), []string{two.Run})
		p.same("both", p.runs(memory.RunFilter{Pipeline: "audit: {x}", Status: coordinator.StatusWaiting}), []string{two.Run})
		p.same("neither", p.runs(memory.RunFilter{Pipeline: "intake", Status: coordinator.StatusWaiting}), nil)
	}},
	{"runs are found by any mix of status, pipeline and batch", func(p *probe) {
		var all []memory.Summary
		for range 2 {
			for _, status := range []coordinator.Status{coordinator.StatusActive, coordinator.StatusFailed} {
				for _, pipeline := range []string{"", "intake", "audit: {x}"} {
					for _, batch := range []string{"", "b-1", "b {2}:status:failed"} {
						all = append(all, p.listed(memory.Summary{Status: status, Pipeline: pipeline, Batch: batch}))
					}
				}
			}
		}
		slices.Reverse(all) // newest first
		for _, status := range []coordinator.Status{"", coordinator.StatusActive, coordinator.StatusFailed, coordinator.StatusDone} {
			for _, pipeline := range []string{"", "intake", "audit: {x}", "none"} {
				for _, batch := range []string{"", "b-1", "b {2}:status:failed", "none"} {
					for _, limit := range []int{1, 3, 50} {
						f := memory.RunFilter{Status: status, Pipeline: pipeline, Batch: batch, Limit: limit}
						p.same(fmt.Sprintf("%+v", f), p.runs(f), selected(all, f))
					}
				}
			}
		}
	}},
	{"a cursor from elsewhere is refused", func(p *probe) {
		if _, _, err := p.store.Runs(p.ctx, memory.RunFilter{Cursor: "7"}); err == nil {
			p.Error("runs took it")
		}
		if _, _, err := p.store.Inbox(p.ctx, memory.InboxFilter{Cursor: "7"}); err == nil {
			p.Error("the inbox took it")
		}
	}},
	{"the inbox lists the nearest deadline first, then the oldest", func(p *probe) {
		now := p.now()
		var want []string
		for _, q := range []coordinator.Escalation{
			{Opened: now, Deadline: now.Add(time.Minute)},
			{Opened: now.Add(-time.Hour), Deadline: now.Add(time.Hour)},
			{Opened: now, Deadline: now.Add(time.Hour)},
			{Opened: now.Add(-time.Hour)},
			{Opened: now},
		} {
			l := p.owned("a")
			q.ID = l.Run + ".1"
			want = append(want, q.ID)
			p.append(l, asking(l, q))
		}
		for _, limit := range []int{1, 2, 5, 50} {
			p.same(fmt.Sprint("pages of ", limit), p.inbox(memory.InboxFilter{Limit: limit}), want)
		}
	}},
	{"the inbox is filtered by who is asked and by run", func(p *probe) {
		now := p.now()
		id := map[string]string{}
		var anyone memory.Lease
		for i, by := range []string{"finance", "legal: a", ""} {
			l := p.owned("a")
			id[by] = l.Run + ".1"
			anyone = p.append(l, asking(l, coordinator.Escalation{ID: id[by], By: by, Opened: now.Add(time.Duration(i) * time.Second)}))
		}
		p.same("all", p.inbox(memory.InboxFilter{}), []string{id["finance"], id["legal: a"], id[""]})
		p.same("finance or anyone", p.inbox(memory.InboxFilter{By: []string{"finance"}}), []string{id["finance"], id[""]})
		p.same("two", p.inbox(memory.InboxFilter{By: []string{"legal: a", "finance", "finance"}, Limit: 1}), []string{id["finance"], id["legal: a"], id[""]})
		p.same("run", p.inbox(memory.InboxFilter{Run: anyone.Run}), []string{id[""]})
		p.same("run and person", p.inbox(memory.InboxFilter{Run: coordinator.RunOf(id["finance"]), By: []string{"ann"}}), nil)
	}},
	{"a question that changes moves in the inbox", func(p *probe) {
		now := p.now()
		l := p.owned("a")
		q := coordinator.Escalation{ID: l.Run + ".1", By: "finance", Opened: now, Deadline: now.Add(time.Hour)}
		l = p.append(l, asking(l, q))
		q.By, q.Deadline = "cfo", time.Time{}
		l = p.append(l, asking(l, q))
		p.same("finance", p.inbox(memory.InboxFilter{By: []string{"finance"}}), nil)
		p.same("cfo", p.inbox(memory.InboxFilter{By: []string{"cfo"}}), []string{q.ID})
		p.same("all", p.inbox(memory.InboxFilter{}), []string{q.ID})
		got, err := p.store.Escalation(p.ctx, l.Run, q.ID)
		p.must(err)
		equal(p, "by", got.By, "cfo")
		b := batch(l, 1)
		b.Close = []string{q.ID}
		p.append(l, b)
		p.same("closed", p.inbox(memory.InboxFilter{}), nil)
	}},
	{"a question opened and closed by one batch is closed", func(p *probe) {
		l := p.owned("a")
		b := asking(l, coordinator.Escalation{ID: l.Run + ".1"})
		b.Close = []string{l.Run + ".1"}
		p.append(l, b)
		p.same("inbox", p.inbox(memory.InboxFilter{}), nil)
	}},
	{"decided questions and those of an ended run leave the inbox", func(p *probe) {
		l := p.owned("a")
		l = p.append(l, asking(l, coordinator.Escalation{ID: l.Run + ".1"}))
		l = p.append(l, asking(l, coordinator.Escalation{ID: l.Run + ".2", By: "finance"}))
		_, err := p.store.Post(p.ctx, l.Run, decided(l.Run+".1", "d"))
		p.must(err)
		l.Tail++
		p.same("open", p.inbox(memory.InboxFilter{}), []string{l.Run + ".2"})
		p.append(l, ended(l))
		p.same("ended", p.inbox(memory.InboxFilter{}), nil)
		p.same("ended, by", p.inbox(memory.InboxFilter{By: []string{"finance"}}), nil)
		p.same("ended, run", p.inbox(memory.InboxFilter{Run: l.Run}), nil)
	}},
}
