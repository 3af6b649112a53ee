package local_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
)

// planner answers its turns with these plans; the last one again and again.
func planner(turns *atomic.Int32, plans ...*coordinator.Plan) worker {
	w := works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		n := int(turns.Add(1))
		return coordinator.Result{Plan: plans[min(n, len(plans))-1]}, nil
	})
	w.card.Replans = true
	return w
}

func replanned(t *testing.T, w worker) (*coordinator.Run, error) {
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{
		"planner": w, "echo": echo(coordinator.EffectNone),
		"fails": works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
			return coordinator.Result{}, coordinator.Permanent(errors.New("no"))
		}),
	}})
	return rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "planner"})})
}

var half = plan(
	coordinator.Step{ID: "got", Use: "echo", With: map[string]any{"n": 1}},
	coordinator.Step{ID: "bad", Use: "fails", Needs: []string{"got"}},
)

func TestAPlannerBuildsOnWhatIsDone(t *testing.T) {
	var turns atomic.Int32
	rest := plan(coordinator.Step{ID: "fin", Use: "echo", With: map[string]any{"n": "${{ steps.got.n }}"}})
	run, err := replanned(t, planner(&turns, half, rest))
	if err != nil || turns.Load() != 2 {
		t.Fatalf("%v after %d turns", err, turns.Load())
	}
	if out, _ := run.Output("a"); string(out) != `{"fin":{"n":1}}` {
		t.Fatalf("output %s", out)
	}
}

func TestAPlannerThatInsistsOnWhatIsDoneIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns atomic.Int32
		_, err := replanned(t, planner(&turns, half))
		failed := (*local.RunError)(nil)
		if !errors.As(err, &failed) || !strings.Contains(failed.Message, "is done already and cannot be redefined") {
			t.Error(err)
		}
		if n := turns.Load(); n > 1+coordinator.DefaultAttempts {
			t.Errorf("it was asked %d times", n)
		}
	})
}
