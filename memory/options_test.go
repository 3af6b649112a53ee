package memory_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/memory/memorytest"
)

// stores are what the tests of settings run on: both kinds, with the same options.
func stores(t *testing.T, o memory.Options) map[string]memory.Store {
	return map[string]memory.Store{
		"in memory": memory.NewWith(o),
		"redis":     open(t, memorytest.Redis(t), o),
	}
}

func TestFullJournalTakesOnlyItsEnd(t *testing.T) {
	for name, store := range stores(t, memory.Options{MaxEvents: 3}) {
		t.Run(name, func(t *testing.T) {
			l := submit(t, store, "")
			wants(t, store.Append(t.Context(), batch(l, "1", skipped(), skipped(), skipped())), memory.ErrLimit)
			must(t, store.Append(t.Context(), batch(l, "2", skipped(), skipped())))
			l.Tail = 3
			_, err := store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled})
			wants(t, err, memory.ErrLimit)
			must(t, store.Append(t.Context(), batch(l, "3", coordinator.Event{Kind: coordinator.Ended})))
		})
	}
}

func TestIdempotencyKeyIsForgottenSomeTimeAfterTheEnd(t *testing.T) {
	for name, store := range stores(t, memory.Options{KeyTTL: 30 * time.Millisecond}) {
		t.Run(name, func(t *testing.T) {
			l := submit(t, store, "k")
			end(t, store, l, "1")
			forgotten(t, store, "k")
		})
	}
}

// end ends a run that l holds, and gives it up.
func end(t *testing.T, store memory.Store, l memory.Lease, id string, before ...coordinator.Event) {
	t.Helper()
	b := batch(l, id, append(before, coordinator.Event{Kind: coordinator.Ended})...)
	b.Park = true
	must(t, store.Append(t.Context(), b))
}

// forgotten waits until the key of an ended run is free, and returns the run that has it then.
func forgotten(t *testing.T, store memory.Store, key string) memory.Lease {
	t.Helper()
	for {
		created, err := store.Create(t.Context(), newRun(key))
		must(t, err)
		if !created.Existed {
			return created.Lease
		}
	}
}

func TestRerunKeepsTheIdempotencyKeyUntilItEndsAgain(t *testing.T) {
	for name, store := range stores(t, memory.Options{KeyTTL: 30 * time.Millisecond}) {
		t.Run(name, func(t *testing.T) {
			l := submit(t, store, "k")
			end(t, store, l, "1")
			l, err := store.ClaimEnded(t.Context(), l.Run, "a", time.Hour)
			must(t, err)
			must(t, store.Append(t.Context(), batch(l, "2", coordinator.Event{Kind: coordinator.Rerun})))
			end(t, store, submit(t, store, "clock"), "1")
			forgotten(t, store, "clock") // and so much time has passed
			created, err := store.Create(t.Context(), newRun("k"))
			must(t, err)
			if created.Run != l.Run {
				t.Fatal("the key was forgotten while its run went on")
			}
			l.Tail++
			end(t, store, l, "3")
			forgotten(t, store, "k")
		})
	}
}

func TestRerunLeavesAKeyAloneThatAnotherRunHas(t *testing.T) {
	for name, store := range stores(t, memory.Options{KeyTTL: 30 * time.Millisecond}) {
		t.Run(name, func(t *testing.T) {
			l := submit(t, store, "k")
			end(t, store, l, "1")
			heir := forgotten(t, store, "k")
			l, err := store.ClaimEnded(t.Context(), l.Run, "a", time.Hour)
			must(t, err)
			end(t, store, l, "2", coordinator.Event{Kind: coordinator.Rerun})
			end(t, store, submit(t, store, "clock"), "1")
			forgotten(t, store, "clock")
			created, err := store.Create(t.Context(), newRun("k"))
			must(t, err)
			if created.Run != heir.Run {
				t.Fatal("the end of another run made the key forgotten")
			}
		})
	}
}

func TestDenialsOfARunAreBounded(t *testing.T) {
	for name, store := range stores(t, memory.Options{MaxDenied: 2}) {
		t.Run(name, func(t *testing.T) {
			l := submit(t, store, "")
			denied := coordinator.Event{Kind: coordinator.Denied, By: "bob"}
			for range 2 {
				_, err := store.Post(t.Context(), l.Run, denied)
				must(t, err)
			}
			_, err := store.Post(t.Context(), l.Run, denied)
			wants(t, err, memory.ErrLimit)
			journalHas(t, store, l.Run, 3)
			_, err = store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled})
			must(t, err)
		})
	}
}

func TestSettingsBoundTheSharedContext(t *testing.T) {
	for name, store := range stores(t, memory.Options{MaxMessages: 2, MaxValues: 2, MaxPayload: 10}) {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, text := range []string{"a", "b", "c"} {
				_, err := store.Say(t.Context(), "chat", memory.Message{Text: text})
				must(t, err)
			}
			found, err := store.Messages(t.Context(), "chat", 0)
			must(t, err)
			for _, m := range found {
				texts = append(texts, m.Text)
			}
			if !slices.Equal(texts, []string{"b", "c"}) {
				t.Errorf("messages %v", texts)
			}
			_, err = store.Say(t.Context(), "chat", memory.Message{Text: "eleven byte"})
			wants(t, err, memory.ErrLimit)
			scope := memory.Scope{Kind: "workspace"}
			for _, key := range []string{"a", "b", "a"} {
				_, err := store.Set(t.Context(), scope, memory.Value{Key: key, Value: json.RawMessage("1")}, nil, 0)
				must(t, err)
			}
			_, err = store.Set(t.Context(), scope, memory.Value{Key: "c", Value: json.RawMessage("1")}, nil, 0)
			wants(t, err, memory.ErrLimit)
			_, err = store.Set(t.Context(), scope, memory.Value{Key: "a", Value: json.RawMessage(`"eleven byte"`)}, nil, 0)
			wants(t, err, memory.ErrLimit)
		})
	}
}
