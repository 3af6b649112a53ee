package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// submit creates a run that owner "a" holds.
func submit(t *testing.T, store memory.Store, key string) memory.Lease {
	t.Helper()
	created, err := store.Create(t.Context(), newRun(key))
	if err != nil {
		t.Fatal(err)
	}
	return created.Lease
}

func newRun(key string) memory.NewRun {
	id := memory.NewRunID("test", key, time.Now())
	return memory.NewRun{
		ID: id, Key: key, Owner: "a", Lease: time.Hour,
		Events:  []coordinator.Event{{Seq: 1, Kind: coordinator.Submitted, Task: &coordinator.Task{Run: id}}},
		Summary: memory.Summary{Status: coordinator.StatusActive, Pipeline: "intake"},
	}
}

// batch appends events after a lease's tail.
func batch(l memory.Lease, id string, events ...coordinator.Event) memory.Batch {
	for i := range events {
		events[i].Seq = l.Tail + int64(i) + 1
	}
	return memory.Batch{
		Run: l.Run, ID: id, Epoch: l.Epoch, Owner: l.Owner, Expect: l.Tail, Events: events,
		Summary: memory.Summary{Status: coordinator.StatusActive, Pipeline: "intake"},
	}
}

func skipped() coordinator.Event { return coordinator.Event{Kind: coordinator.Skipped, Path: "s"} }

func asked(b memory.Batch) memory.Batch {
	q := coordinator.Escalation{ID: b.Run + ".1", Run: b.Run, By: "finance"}
	b.Events = append(b.Events, coordinator.Event{Seq: b.Expect + int64(len(b.Events)) + 1, Kind: coordinator.Asked, Escalation: &q})
	b.Open = []coordinator.Escalation{q}
	return b
}

func decision(run, id string) coordinator.Event {
	return coordinator.Event{
		Kind: coordinator.Decided, ID: run + ".1", Decision: &coordinator.Decision{ID: id, Verb: coordinator.Approve, By: "ann"},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// read returns how many events come before the end or the error.
func read(t *testing.T, store memory.Store, run string) (n int, err error) {
	t.Helper()
	for _, err := range store.Read(t.Context(), run, 0) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func journalHas(t *testing.T, store memory.Store, run string, want int) {
	t.Helper()
	n, err := read(t, store, run)
	must(t, err)
	if n != want {
		t.Fatalf("the journal has %d events, want %d", n, want)
	}
}
