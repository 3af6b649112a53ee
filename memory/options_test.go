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
			must(t, store.Append(t.Context(), batch(l, "1", coordinator.Event{Kind: coordinator.Ended})))
			for { // until the key's time has passed
				created, err := store.Create(t.Context(), newRun("k"))
				must(t, err)
				if !created.Existed {
					break
				}
			}
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
