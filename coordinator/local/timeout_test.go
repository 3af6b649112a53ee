package local_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
)

func TestAWorkerThatIgnoresItsTimeIsGivenUpButKeepsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := newGate(t, coordinator.EffectNone)
		rt := start(t, local.Options{Concurrency: 1, Workers: map[string]coordinator.Worker{"deaf": deaf, "echo": echo(coordinator.EffectNone)}})
		t.Cleanup(deaf.open)
		begun := time.Now()
		_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "deaf", Timeout: time.Minute, Retry: coordinator.Retry{Attempts: 1}})})
		if err == nil || !strings.Contains(err.Error(), "gave no answer within 1m0s") || time.Since(begun) > 65*time.Second {
			t.Fatalf("after %s: %v", time.Since(begun), err)
		}
		next, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "b", Use: "echo"})})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if journaled(rt.Store(), next, coordinator.Started, "b") {
			t.Error("more calls at once than slots")
		}
		deaf.open()
		if _, err := rt.Wait(t.Context(), next); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEffectThatOutlastsItsTimeIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := newGate(t, coordinator.EffectUnrepeatable)
		rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"deaf": deaf}})
		t.Cleanup(deaf.open)
		_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "deaf", Timeout: time.Minute})})
		if w := asked(t, err); len(w.Open) != 1 || w.Open[0].Reason != coordinator.ReasonInDoubt || deaf.calls.Load() != 1 {
			t.Fatalf("%d calls: %v", deaf.calls.Load(), err)
		}
	})
}

func TestCloseDoesNotOutlastItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := newGate(t, coordinator.EffectRead)
		rt, err := local.New(local.Options{Workers: map[string]coordinator.Worker{"deaf": deaf}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "deaf", Timeout: time.Hour})}); err != nil {
			t.Fatal(err)
		}
		<-deaf.inside
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		if err := rt.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 15*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
	})
}
