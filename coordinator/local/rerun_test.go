package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// counting counts attempts by path and remembers their keys; what is in broken fails.
type counting struct {
	mu     sync.Mutex
	done   map[string]int
	keys   map[string]bool
	broken map[string]bool
}

func newCounting(broken ...string) *counting {
	c := &counting{done: map[string]int{}, keys: map[string]bool{}, broken: map[string]bool{}}
	for _, path := range broken {
		c.broken[path] = true
	}
	return c
}

func (c *counting) Card() coordinator.Card {
	return coordinator.Card{Effect: coordinator.EffectUnrepeatable}
}

func (c *counting) Do(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken[a.Path] {
		return coordinator.Result{}, coordinator.Permanent(errors.New("broken"))
	}
	c.done[a.Path]++
	c.keys[a.Key] = true
	return coordinator.Result{Output: json.RawMessage(`{"ok":true}`)}, nil
}

func (c *counting) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.broken)
}

func (c *counting) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.done)
}

// nested answers with a plan, as a pipeline does; which one can change.
type nested struct {
	mu   sync.Mutex
	plan *coordinator.Plan
}

func (n *nested) Card() coordinator.Card {
	return coordinator.Card{Kind: "pipeline", Effect: coordinator.EffectNone}
}

func (n *nested) Do(context.Context, coordinator.Attempt) (coordinator.Result, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return coordinator.Result{Plan: n.plan}, nil
}

func TestARerunDoesOnlyWhatFailed(t *testing.T) {
	for name, store := range map[string]memory.Store{"maps": memory.New(), "redis": redisStore(t)} {
		t.Run(name, func(t *testing.T) {
			c := newCounting("each[1]", "sub#1/two")
			below := &nested{plan: plan(coordinator.Step{ID: "one", Use: "w"}, coordinator.Step{ID: "two", Use: "w", Needs: []string{"one"}})}
			rt := start(t, local.Options{Store: store, Workers: map[string]coordinator.Worker{"w": c, "sub": below}})
			task := local.Task{By: "rita", Batch: "b", Plan: plan(
				coordinator.Step{ID: "first", Use: "w"},
				coordinator.Step{ID: "each", Use: "w", ForEach: "[1, 2, 3]", Parallel: 1, Needs: []string{"first"}},
				coordinator.Step{ID: "sub", Use: "sub", Needs: []string{"each"}},
			)}
			run, err := rt.Run(t.Context(), task)
			failed := (*local.RunError)(nil)
			if !errors.As(err, &failed) {
				t.Fatalf("%v", err)
			}
			delete(c.broken, "each[1]")
			again(t, rt, run.ID(), local.Rerun{By: "rita"}) // now the sub-plan fails
			c.mend()
			below.mu.Lock()
			below.plan = plan(coordinator.Step{ID: "one", Use: "w"}, coordinator.Step{ID: "three", Use: "w", Needs: []string{"one"}})
			below.mu.Unlock()
			run = again(t, rt, run.ID(), local.Rerun{By: "rita"})
			want := map[string]int{"first": 1, "each[0]": 1, "each[1]": 1, "each[2]": 1, "sub#1/one": 1, "sub#1/three": 1}
			if got := c.counts(); run.Status() != coordinator.StatusDone || !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", run.Status(), got, want)
			}
			s, err := rt.Store().Summary(t.Context(), run.ID())
			if err != nil || s.Status != coordinator.StatusDone || s.Batch != "b" || s.Error != "" {
				t.Errorf("summary %+v, %v", s, err)
			}
		})
	}
}

// again reruns and waits for the end.
func again(t *testing.T, rt *local.Runtime, id string, o local.Rerun) *coordinator.Run {
	t.Helper()
	if err := rt.Rerun(t.Context(), id, o); err != nil {
		t.Fatal(err)
	}
	run, err := rt.Wait(t.Context(), id)
	if failed := (*local.RunError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return run
}

func TestARerunWithACorrectedPlanJournalsIt(t *testing.T) {
	c := newCounting("pay")
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"w": c}})
	run, _ := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "read", Use: "w"}, coordinator.Step{ID: "pay", Use: "w", Needs: []string{"read"}})})
	c.mend()
	fixed := plan(coordinator.Step{ID: "read", Use: "w"}, coordinator.Step{ID: "pay", Use: "w", Needs: []string{"read"}, With: map[string]any{"iban": "x"}})
	choices, _, err := rt.PlanRerun(t.Context(), run.ID(), local.Rerun{Plan: fixed})
	if err != nil || choices["read"] != coordinator.ChoiceKeep || choices["pay"] != coordinator.ChoiceAnew {
		t.Fatalf("%v, %v", choices, err)
	}
	run = again(t, rt, run.ID(), local.Rerun{Plan: fixed, By: "ada"})
	if got := c.counts(); got["read"] != 1 || got["pay"] != 1 || run.Task().Plan.Steps[1].With == nil {
		t.Errorf("%v, %+v", got, run.Task().Plan)
	}
}

func TestARerunOfWhatHasNotFailedIsRefused(t *testing.T) {
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"w": newCounting(), "slow": echo(coordinator.EffectNone)}})
	run, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w"})})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Rerun(t.Context(), run.ID(), local.Rerun{}); err == nil {
		t.Error("every step is done, and still it was run again")
	}
	if err := rt.Rerun(t.Context(), run.ID(), local.Rerun{From: []string{"nowhere"}}); err == nil {
		t.Error("there is no such step")
	}
	_, err = rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: coordinator.Person, With: map[string]any{"question": "?"}})})
	waits := asked(t, err)
	if err := rt.Rerun(t.Context(), waits.Run, local.Rerun{}); !errors.Is(err, memory.ErrNotEnded) {
		t.Errorf("%v", err)
	}
}

func TestOfTwoRerunsAtOnceOneIsTaken(t *testing.T) {
	store := shared(t)
	c := newCounting("a")
	one := start(t, local.Options{Store: store, Passive: true, Workers: map[string]coordinator.Worker{"w": c}})
	two := start(t, local.Options{Store: store, Passive: true, Workers: map[string]coordinator.Worker{"w": c}})
	run, _ := one.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w"})})
	c.mend()
	errs := make(chan error, 2)
	for _, rt := range []*local.Runtime{one, two} {
		go func() { errs <- rt.Rerun(t.Context(), run.ID(), local.Rerun{}) }()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) {
		t.Errorf("%v, %v", first, second)
	}
	eventually(t, "the run is done", func() bool {
		s, err := store.Summary(t.Context(), run.ID())
		return err == nil && s.Status == coordinator.StatusDone
	})
	if got := c.counts()["a"]; got != 1 {
		t.Errorf("done %d times", got)
	}
}
