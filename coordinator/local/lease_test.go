package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// gate is a worker that waits inside until it is let out, whatever its context says.
type gate struct {
	worker
	calls  *atomic.Int32
	inside chan struct{} // one for each call
	open   func()        // lets every call out, once
}

func newGate(t *testing.T, effect coordinator.Effect) gate {
	out := make(chan struct{})
	g := gate{calls: new(atomic.Int32), inside: make(chan struct{}, 100), open: sync.OnceFunc(func() { close(out) })}
	g.worker = works(effect, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		g.calls.Add(1)
		g.inside <- struct{}{}
		<-out
		return coordinator.Result{Output: json.RawMessage(`1`)}, nil
	})
	t.Cleanup(g.open)
	return g
}

func TestTwoResumesOfOneRunAreOneOwner(t *testing.T) {
	for name, meet := range map[string]func(f *faulty, both func()){
		"before they claim": func(f *faulty, both func()) { f.claiming = both },
		"after they claimed": func(f *faulty, both func()) {
			f.claimed = both
			f.appending = func(b memory.Batch) { // the one that lost is slow to find out
				if b.Epoch == 1 {
					time.Sleep(100 * time.Millisecond)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { resumedTwice(t, meet) })
		})
	}
}

func resumedTwice(t *testing.T, meet func(f *faulty, both func())) {
	store := &faulty{Store: shared(t)}
	var barrier sync.WaitGroup
	barrier.Add(2)
	meet(store, func() { barrier.Done(); barrier.Wait() })
	slow := newGate(t, coordinator.EffectNone)
	rt := start(t, local.Options{Store: store, Passive: true, Lease: time.Second, Workers: map[string]coordinator.Worker{"slow": slow}})
	id, err := rt.Submit(t.Context(), local.Task{Detached: true, Plan: plan(coordinator.Step{ID: "a", Use: "slow", Timeout: time.Hour})})
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := rt.Resume(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	<-slow.inside
	time.Sleep(10 * time.Second) // ten leases
	if leases, err := store.Claim(t.Context(), "another", time.Minute, 10); err != nil || len(leases) > 0 {
		t.Errorf("the lease of a run that is worked on was not renewed: another process claims it: %+v %v", leases, err)
	}
	slow.open()
	if _, err := rt.Wait(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestWhatCouldHaveStartedWhenItsProcessClosedIsDueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, slow := shared(t), newGate(t, coordinator.EffectNone)
		workers := map[string]coordinator.Worker{"slow": slow, "echo": echo(coordinator.EffectNone)}
		first, err := local.New(local.Options{Store: store, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		id, err := first.Submit(t.Context(), local.Task{Plan: plan(
			coordinator.Step{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}},
			coordinator.Step{ID: "a", Use: "slow"}, coordinator.Step{ID: "b", Use: "echo", Needs: []string{"a"}},
		)})
		if err != nil {
			t.Fatal(err)
		}
		<-slow.inside
		closed := make(chan error)
		go func() { closed <- first.Close(context.Background()) }()
		synctest.Wait()
		slow.open()
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if journaled(store, id, coordinator.Started, "b") {
			t.Fatal("a closing runtime starts new work")
		}
		start(t, local.Options{Store: store, Workers: workers})
		eventually(t, "b is done, although the question is still open", func() bool { return journaled(store, id, coordinator.Succeeded, "b") })
	})
}

func TestARunParkedForAWorkerIsFoundByAProcessThatHasHadItAllAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := shared(t)
		has := start(t, local.Options{Store: store, Workers: map[string]coordinator.Worker{"late": echo(coordinator.EffectNone)}})
		lacks := start(t, local.Options{Store: store, Passive: true})
		// A timer, so that the process that lacks the worker can be the faster one when it is due.
		id, err := has.Submit(t.Context(), local.Task{Detached: true, Plan: plan(coordinator.Step{ID: "a", Use: "late", After: time.Second})})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the run is parked for its timer and taken by the other", func() bool { return lacks.Resume(t.Context(), id) == nil })
		if _, err := waitEnded(t, lacks, id); err != nil {
			t.Fatalf("%v\n%s", err, dump(lacks, id))
		}
	})
}

func TestAMissingWorkerIsNamedOnce(t *testing.T) {
	store := shared(t)
	has := start(t, local.Options{Store: store, Passive: true, Workers: map[string]coordinator.Worker{"late": echo(coordinator.EffectNone)}})
	id, err := has.Submit(t.Context(), local.Task{Detached: true, Plan: plan(coordinator.Step{ID: "a", Use: "late", ForEach: "[1, 2, 3, 4]"})})
	if err != nil {
		t.Fatal(err)
	}
	lacks := start(t, local.Options{Store: store, Passive: true})
	if err := lacks.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err = lacks.Wait(t.Context(), id)
	if w := asked(t, err); len(w.Needs) != 1 || w.Needs[0] != "late" {
		t.Fatalf("it waits for %v", w.Needs)
	}
}

func TestAStepThatKillsItsProcessesIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := shared(t)
		ended := make(chan error, 1)
		var calls atomic.Int32
		died := make(chan struct{}, 1)
		workers := map[string]coordinator.Worker{"w": works(coordinator.EffectNone, func(ctx context.Context, _ coordinator.Attempt) (coordinator.Result, error) {
			calls.Add(1)
			died <- struct{}{}
			<-ctx.Done()
			return coordinator.Result{}, ctx.Err()
		})}
		boot := func() *local.Runtime {
			rt, err := local.New(local.Options{Store: store, Lease: time.Second, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			return rt
		}
		rt := boot()
		id, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w"})})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			go func() {
				_, err := rt.Wait(t.Context(), id)
				ended <- err
			}()
			select {
			case <-died:
				rt.Kill()
				<-ended
				rt = boot()
				continue
			case err := <-ended:
				if failed := (*local.RunError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Message, "went away") {
					t.Error(err)
				}
			}
			break
		}
		rt.Kill()
		if n := calls.Load(); n > 10 {
			t.Errorf("%d processes died of it", n)
		}
	})
}

func TestARunClaimedInVainIsPutAsideAndWedgesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := shared(t)
		workers := map[string]coordinator.Worker{"echo": echo(coordinator.EffectNone)}
		rt := start(t, local.Options{Store: store, Passive: true, Workers: workers})
		task := local.Task{Detached: true, Plan: plan(coordinator.Step{ID: "a", Use: "echo"})}
		bad, err := rt.Submit(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		for range 9 { // each dies before its first append
			if _, err := store.ClaimRun(t.Context(), bad, "dies", time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		good, err := rt.Submit(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		pump := start(t, local.Options{Store: store, Workers: workers})
		if _, err := pump.Wait(t.Context(), good); err != nil {
			t.Error(err)
		}
		if _, err := pump.Wait(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "without progress") {
			t.Errorf("want it quarantined, and why: %v", err)
		}
		s, err := store.Summary(t.Context(), bad)
		if err != nil || s.Status != coordinator.StatusQuarantined {
			t.Errorf("%+v %v", s, err)
		}
	})
}

func TestAClosedRuntimeTakesNoWork(t *testing.T) {
	store := shared(t)
	rt, err := local.New(local.Options{Store: store, Workers: map[string]coordinator.Worker{"w": echo(coordinator.EffectNone)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w"})}); !errors.Is(err, local.ErrClosed) {
		t.Errorf("submit: %s %v", id, err)
	}
	if err := rt.Resume(t.Context(), "r-1"); !errors.Is(err, local.ErrClosed) {
		t.Errorf("resume: %v", err)
	}
	if list, _, err := store.Runs(t.Context(), memory.RunFilter{}); err != nil || len(list) > 0 {
		t.Errorf("runs that nobody works on: %v %v", list, err)
	}
}
