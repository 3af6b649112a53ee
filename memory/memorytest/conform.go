// Package memorytest checks stores, and gives tests real Redis servers to break.
package memorytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// Conform checks every promise that memory.Store makes. open returns an empty store with default options for one subtest.
func Conform(t *testing.T, open func(t *testing.T) memory.Store) {
	for _, group := range []struct {
		name  string
		tests []claim
	}{
		{"create", createClaims}, {"append", appendClaims}, {"post", postClaims}, {"read", readClaims},
		{"taken", takenClaims}, {"claim", claimClaims}, {"rerun", rerunClaims}, {"wake", wakeClaims}, {"lists", listClaims},
		{"blackboard", boardClaims}, {"watch", watchClaims}, {"conversation", talkClaims},
	} {
		for _, c := range group.tests {
			t.Run(group.name+"/"+c.name, func(t *testing.T) {
				store := open(t)
				t.Cleanup(func() { _ = store.Close() })
				c.check(&probe{T: t, store: store, ctx: t.Context()})
			})
		}
	}
}

// claim is one promise and how to check it.
type claim struct {
	name  string
	check func(p *probe)
}

// probe is one subtest with its store.
type probe struct {
	*testing.T
	store memory.Store
	ctx   context.Context
}

// lease is long enough that it stands for a whole test on a slow machine.
const lease = 10 * time.Minute

// soon bounds the waits for what must happen, on a slow machine.
const soon = 30 * time.Second

var counter atomic.Int64

func unique(prefix string) string { return fmt.Sprintf("%s%d", prefix, counter.Add(1)) }

func (p *probe) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *probe) wants(err, want error) {
	p.Helper()
	if !errors.Is(err, want) {
		p.Fatalf("error %v, want %v", err, want)
	}
}

// eventually polls a condition that only the passing of time can fulfil.
func (p *probe) eventually(what string, met func() bool) {
	p.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	timeout := time.After(soon)
	for !met() {
		select {
		case <-ticks.C:
		case <-timeout:
			p.Fatalf("not within %s: %s", soon, what)
		}
	}
}

// newRun is a run with its first event.
func newRun(key string) memory.NewRun {
	id := memory.NewRunID("test", key, time.Now())
	return memory.NewRun{
		ID: id, Key: key, Digest: "digest",
		Events:  []coordinator.Event{{Seq: 1, Kind: coordinator.Submitted, Task: &coordinator.Task{Run: id, Version: 1, Goal: "test"}}},
		Summary: memory.Summary{Run: id, Pipeline: "intake", Status: coordinator.StatusActive, Version: 1},
	}
}

// due creates a run that anybody may claim.
func (p *probe) due() string {
	p.Helper()
	created, err := p.store.Create(p.ctx, newRun(""))
	p.must(err)
	return created.Run
}

// owned creates a run that owner holds.
func (p *probe) owned(owner string) memory.Lease {
	p.Helper()
	n := newRun("")
	n.Owner, n.Lease = owner, lease
	created, err := p.store.Create(p.ctx, n)
	p.must(err)
	return created.Lease
}

// batch is an append of n plain events by the holder of l.
func batch(l memory.Lease, n int) memory.Batch {
	b := memory.Batch{
		Run: l.Run, ID: unique("batch"), Epoch: l.Epoch, Owner: l.Owner, Expect: l.Tail,
		Summary: memory.Summary{Run: l.Run, Pipeline: "intake", Status: coordinator.StatusActive, Version: 1},
	}
	for i := range n {
		b.Events = append(b.Events, coordinator.Event{
			Seq: l.Tail + int64(i) + 1, Kind: coordinator.Skipped, Path: fmt.Sprintf("step%d", i), Note: "test",
		})
	}
	return b
}

func parked(l memory.Lease, due time.Time, needs ...string) memory.Batch {
	b := batch(l, 0)
	b.Park, b.Due, b.Needs = true, due, needs
	return b
}

// ended is the last append of a run.
func ended(l memory.Lease) memory.Batch {
	b := batch(l, 1)
	b.Events[0] = coordinator.Event{Seq: l.Tail + 1, Kind: coordinator.Ended, Status: coordinator.StatusDone}
	b.Summary.Status = coordinator.StatusDone
	return b
}

// asking is an append that opens a question.
func asking(l memory.Lease, q coordinator.Escalation) memory.Batch {
	b := batch(l, 1)
	q.Run = l.Run
	b.Events[0] = coordinator.Event{Seq: l.Tail + 1, Kind: coordinator.Asked, Escalation: &q}
	b.Open = []coordinator.Escalation{q}
	return b
}

func decided(escalation, decision string) coordinator.Event {
	return coordinator.Event{
		Kind: coordinator.Decided, ID: escalation,
		Decision: &coordinator.Decision{ID: decision, Verb: coordinator.Approve, By: "ann"},
	}
}

// append adds a batch and returns the lease as it stands then.
func (p *probe) append(l memory.Lease, b memory.Batch) memory.Lease {
	p.Helper()
	p.must(p.store.Append(p.ctx, b))
	l.Tail += int64(len(b.Events))
	return l
}

func (p *probe) read(run string, after int64) []coordinator.Event {
	p.Helper()
	var out []coordinator.Event
	for e, err := range p.store.Read(p.ctx, run, after) {
		p.must(err)
		out = append(out, e)
	}
	return out
}

func (p *probe) kinds(run string) string {
	p.Helper()
	out := ""
	for _, e := range p.read(run, 0) {
		out += fmt.Sprintf("%d %s,", e.Seq, e.Kind)
	}
	return out
}

func (p *probe) claim(owner string, most int) []memory.Lease {
	p.Helper()
	leases, err := p.store.Claim(p.ctx, owner, lease, most)
	p.must(err)
	return leases
}

// claimOne claims the only run that is due.
func (p *probe) claimOne(owner string) memory.Lease {
	p.Helper()
	leases := p.claim(owner, 10)
	if len(leases) != 1 {
		p.Fatalf("claimed %d runs, want 1", len(leases))
	}
	return leases[0]
}

func (p *probe) now() time.Time {
	p.Helper()
	now, err := p.store.Now(p.ctx)
	p.must(err)
	return now
}

func equal[T comparable](p *probe, what string, got, want T) {
	p.Helper()
	if got != want {
		p.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func text(n int) json.RawMessage {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = 'a' + byte(i%26)
	}
	raw[0], raw[n-1] = '"', '"'
	return raw
}
