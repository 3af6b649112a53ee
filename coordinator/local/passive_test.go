package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

func TestAPassiveRuntimeDoesNotSitOutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := start(t, local.Options{Passive: true})
		began := time.Now()
		_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{
			ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}, Review: coordinator.Review{Within: 4 * time.Hour},
		})})
		waiting := (*local.WaitingError)(nil)
		if !errors.As(err, &waiting) || time.Since(began) > time.Minute {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestADetachedTaskIsLeftToWhoeverResumesIt(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { store.Close() })
	workers := map[string]coordinator.Worker{"echo": echo(coordinator.EffectNone)}
	first := start(t, local.Options{Store: store, Passive: true, Workers: workers})
	id, err := first.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "echo"}), Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	second := start(t, local.Options{Store: store, Passive: true, Workers: workers})
	if err := second.Resume(t.Context(), id); err != nil {
		t.Fatalf("somebody holds it: %v", err)
	}
	if _, err := second.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

// mute is a store whose summaries cannot be read, although its clock can.
type mute struct{ memory.Store }

func (mute) Summary(context.Context, string) (memory.Summary, error) {
	return memory.Summary{}, memory.ErrUnavailable
}

func TestWaitingEndsWhenTheStoreStaysSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mute{memory.New()}
		defer store.Close()
		rt := start(t, local.Options{Store: store, Passive: true, Patience: time.Second})
		if _, err := rt.Wait(t.Context(), "r-1"); !errors.Is(err, memory.ErrUnavailable) {
			t.Fatal(err)
		}
	})
}

func TestARuntimeHoldsNoMoreRunsThanItMay(t *testing.T) {
	store := shared(t)
	var now, most atomic.Int32
	release := make(chan struct{})
	slow := works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		most.Store(max(most.Load(), now.Add(1)))
		<-release
		now.Add(-1)
		return coordinator.Result{Output: json.RawMessage(`1`)}, nil
	})
	workers := map[string]coordinator.Worker{"w": slow}
	front := start(t, local.Options{Store: store, Passive: true, Workers: workers})
	ids := make([]string, 9)
	for i := range ids {
		id, err := front.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w"}), Detached: true})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	start(t, local.Options{Store: store, Runs: 3, Workers: workers})
	eventually(t, "three runs are at work", func() bool { return now.Load() == 3 })
	close(release)
	for _, id := range ids {
		eventually(t, "each run is done in its turn", func() bool {
			s, err := store.Summary(t.Context(), id)
			return err == nil && s.Status == coordinator.StatusDone
		})
	}
	if got := most.Load(); got > 3 {
		t.Errorf("%d runs at once", got)
	}
}
