package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// worker is a func with a card.
type worker struct {
	card coordinator.Card
	do   func(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error)
}

func (w worker) Card() coordinator.Card { return w.card }
func (w worker) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	return w.do(ctx, a)
}

func works(effect coordinator.Effect, do func(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error)) worker {
	return worker{coordinator.Card{Kind: "tool", Effect: effect}, do}
}

func echo(effect coordinator.Effect) worker {
	return works(effect, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
		return coordinator.Result{Output: a.Input, Confidence: coordinator.Certain()}, nil
	})
}

func start(t *testing.T, o local.Options) *local.Runtime {
	t.Helper()
	rt, err := local.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return rt
}

func plan(steps ...coordinator.Step) *coordinator.Plan {
	return &coordinator.Plan{Name: "test", Steps: steps}
}

func TestARunGivesItsOutput(t *testing.T) {
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"echo": echo(coordinator.EffectNone)}})
	p := plan(
		coordinator.Step{ID: "a", Use: "echo", With: map[string]any{"x": "${{ input.x }}"}},
		coordinator.Step{ID: "b", Use: "echo", With: map[string]any{"y": "${{ steps.a.x + 1 }}"}},
	)
	run, err := rt.Run(t.Context(), local.Task{Plan: p, Input: map[string]any{"x": 41}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := coordinator.Output[map[string]int](run, "b"); err != nil || got["y"] != 42 {
		t.Fatalf("b = %v, %v", got, err)
	}
}

func TestEqualKeysAreOneRun(t *testing.T) {
	var calls atomic.Int32
	count := works(coordinator.EffectUnrepeatable, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		calls.Add(1)
		return coordinator.Result{Output: json.RawMessage(`1`)}, nil
	})
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"count": count}})
	task := local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "count"}), Key: "order-7"}
	first, err := rt.Submit(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rt.Wait(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second, err := rt.Run(t.Context(), task)
	if err != nil || second.ID() != first || calls.Load() != 1 {
		t.Fatalf("second run %v, %v; %d calls", second, err, calls.Load())
	}
	task.Goal = "another"
	if _, err := rt.Submit(t.Context(), task); !errors.Is(err, memory.ErrKeyReused) {
		t.Fatalf("another task under the same key: %v", err)
	}
}

func TestRetriesAndTimersTakeTheirTimeWithoutAGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		flaky := works(coordinator.EffectRead, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
			if tries.Add(1) < 3 {
				return coordinator.Result{}, coordinator.RetryAfter(errors.New("busy"), 10*time.Minute)
			}
			return coordinator.Result{Output: json.RawMessage(`"ok"`)}, nil
		})
		rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"flaky": flaky}})
		begun := time.Now()
		_, err := rt.Run(t.Context(), local.Task{Plan: plan(
			coordinator.Step{ID: "pause", After: time.Hour},
			coordinator.Step{ID: "a", Use: "flaky", Needs: []string{"pause"}},
		)})
		if took := time.Since(begun); err != nil || took < 80*time.Minute || took > 81*time.Minute {
			t.Fatalf("took %s: %v", took, err)
		}
	})
}

func TestAPersonIsAskedAndAnswers(t *testing.T) {
	unsure := works(coordinator.EffectRead, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		return coordinator.Result{Output: json.RawMessage(`{"total":1}`), Confidence: &coordinator.Confidence{Score: 0.4}}, nil
	})
	unsure.card.Output = json.RawMessage(`{"type":"object","properties":{"total":{"type":"number"}},"required":["total"]}`)
	rt := start(t, local.Options{
		Workers: map[string]coordinator.Worker{"read": unsure},
		Rights: func(by string, e coordinator.Escalation) error {
			if by != "ada" {
				return fmt.Errorf("%s may not decide this; ada may", by)
			}
			return nil
		},
	})
	_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "read", Accept: coordinator.Accept{Threshold: 0.9}})})
	waiting := (*local.WaitingError)(nil)
	if !errors.As(err, &waiting) || len(waiting.Open) != 1 {
		t.Fatalf("want a question, got %v", err)
	}
	id := waiting.Open[0].ID
	for name, d := range map[string]coordinator.Decision{
		"wrong verb":   {Verb: coordinator.Answer, By: "ada", Output: json.RawMessage(`{}`)},
		"wrong person": {Verb: coordinator.Approve, By: "eve"},
		"wrong output": {Verb: coordinator.Amend, By: "ada", Output: json.RawMessage(`{"total":"much"}`)},
		"no output":    {Verb: coordinator.Amend, By: "ada"},
	} {
		bad := (*local.DecisionError)(nil)
		if err := rt.Decide(t.Context(), id, d); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := rt.Decide(t.Context(), id, coordinator.Decision{ID: "d1", Verb: coordinator.Amend, By: "ada", Output: json.RawMessage(`{"total": 2}`)}); err != nil {
		t.Fatal(err)
	}
	run, err := rt.Wait(t.Context(), waiting.Run)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := run.Output("a"); string(out) != `{"total":2}` {
		t.Fatalf("output %s", out)
	}
	if err := rt.Decide(t.Context(), id, coordinator.Decision{Verb: coordinator.Approve, By: "ada"}); !errors.Is(err, memory.ErrNotOpen) {
		t.Fatalf("a decision on a finished run: %v", err)
	}
	if err := rt.Decide(t.Context(), id, coordinator.Decision{ID: "d1", Verb: coordinator.Amend, By: "ada"}); err != nil {
		t.Fatalf("the same decision again: %v", err)
	}
}

func TestPeopleOnTheSpotAreAskedAgainUntilTheAnswerFits(t *testing.T) {
	var asked atomic.Int32
	rt := start(t, local.Options{People: func(_ context.Context, e coordinator.Escalation) (coordinator.Decision, error) {
		d := coordinator.Decision{Verb: coordinator.Answer, By: "ada", Output: json.RawMessage(`"maybe"`)}
		if asked.Add(1) > 1 {
			d.Output = json.RawMessage(`"yes"`)
		}
		return d, nil
	}})
	run, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{
		ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?", "options": []any{"yes", "no"}},
	})})
	if err != nil || asked.Load() != 2 {
		t.Fatalf("%v after %d questions", err, asked.Load())
	}
	if out, _ := run.Output("q"); string(out) != `"yes"` {
		t.Fatalf("output %s", out)
	}
}

func TestCancelAwaitsWhatIsInFlightAndUndoesIt(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	var undone atomic.Bool
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{
		"book": works(coordinator.EffectUnrepeatable, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
			close(inside)
			<-release
			return coordinator.Result{Output: json.RawMessage(`{"id":7}`)}, nil
		}),
		"drop": works(coordinator.EffectIdempotent, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
			undone.Store(string(a.Input) == `{"id":7}`)
			return coordinator.Result{}, nil
		}),
	}})
	id, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{
		ID: "a", Use: "book", Undo: &coordinator.Step{Use: "drop", With: map[string]any{"id": "${{ steps.a.id }}"}},
	})})
	if err != nil {
		t.Fatal(err)
	}
	<-inside
	if err := rt.Cancel(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	close(release)
	_, err = rt.Wait(t.Context(), id)
	failed := (*local.RunError)(nil)
	if !errors.As(err, &failed) || failed.Status != coordinator.StatusCancelled || !undone.Load() {
		t.Fatalf("%v, undone %v", err, undone.Load())
	}
	if err := rt.Cancel(t.Context(), id, "ada"); !errors.Is(err, memory.ErrEnded) {
		t.Fatalf("cancel of an ended run: %v", err)
	}
}

func TestCallsAreCheckedAndTheirOutcomesComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := works(coordinator.EffectRead, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
			if a.Turn == 1 {
				return coordinator.Result{Calls: []coordinator.Call{
					{Use: "echo", Input: json.RawMessage(`{"n":1}`)}, {Use: "echo", Input: json.RawMessage(`{"n":"one"}`)},
					{Use: "rm", Input: json.RawMessage(`{}`)}, {Use: "boom", Input: json.RawMessage(`{}`)},
				}}, nil
			}
			out, err := json.Marshal(a.Turns[0].Outcomes)
			return coordinator.Result{Output: out}, err
		})
		agent.card.Calls = []string{"echo", "boom"}
		tool := echo(coordinator.EffectNone)
		tool.card.Input = json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}}}`)
		rt := start(t, local.Options{Workers: map[string]coordinator.Worker{
			"agent": agent, "echo": tool, "rm": echo(coordinator.EffectUnrepeatable),
			"boom": works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) { panic("bang") }),
		}})
		p := plan(coordinator.Step{ID: "a", Use: "agent"})
		p.Output = "${{ steps.a.map(o, has(o.error) ? 'error' : 'ok') }}"
		run, err := rt.Run(t.Context(), local.Task{Plan: p})
		if err != nil {
			t.Fatal(err)
		}
		if out, _ := run.Output(""); string(out) != `["ok","error","error","error"]` {
			t.Fatalf("outcomes %s", out)
		}
	})
}

func TestAMissingWorkerParksTheRunUntilOneAppears(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { store.Close() })
	first := start(t, local.Options{Store: store, Passive: true, Workers: map[string]coordinator.Worker{"echo": echo(coordinator.EffectNone), "late": echo(coordinator.EffectNone)}})
	p := plan(coordinator.Step{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}}, coordinator.Step{ID: "a", Use: "late", Needs: []string{"q"}})
	_, err := first.Run(t.Context(), local.Task{Plan: p})
	waiting := (*local.WaitingError)(nil)
	if !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	second := start(t, local.Options{Store: store, Passive: true})
	if err := second.Decide(t.Context(), waiting.Open[0].ID, coordinator.Decision{Verb: coordinator.Answer, Output: json.RawMessage(`"yes"`)}); err != nil {
		t.Fatal(err)
	}
	if err := second.Resume(t.Context(), waiting.Run); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Wait(t.Context(), waiting.Run); !errors.As(err, &waiting) || len(waiting.Needs) != 1 || waiting.Needs[0] != "late" {
		t.Fatalf("want it to wait for the worker late: %v", err)
	}
	start(t, local.Options{Store: store, Workers: map[string]coordinator.Worker{"late": echo(coordinator.EffectNone)}})
	if _, err := waitEnded(t, second, waiting.Run); err != nil {
		t.Fatal(err)
	}
}

// waitEnded waits through questions and missing workers until the run has ended.
func waitEnded(t *testing.T, rt *local.Runtime, id string) (*coordinator.Run, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for e, err := range rt.Watch(ctx, id, 0) {
		if err != nil {
			return nil, err
		}
		if e.Kind == coordinator.Ended {
			break
		}
	}
	return rt.Load(t.Context(), id)
}

func TestRedoDoesAFinishedStepAgain(t *testing.T) {
	var tries atomic.Int32
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{
		"draft": works(coordinator.EffectRead, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
			tries.Add(1)
			out, err := json.Marshal(a.Guidance)
			return coordinator.Result{Output: out}, err
		}),
	}})
	p := plan(coordinator.Step{ID: "a", Use: "draft"}, coordinator.Step{ID: "ok", Use: coordinator.Person, With: map[string]any{"question": "Good? ${{ steps.a }}"}})
	_, err := rt.Run(t.Context(), local.Task{Plan: plan(p.Steps[0], coordinator.Step{ID: "ok", Use: coordinator.Person, With: map[string]any{"question": "Good?"}})})
	waiting := (*local.WaitingError)(nil)
	if !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	if err := rt.Redo(t.Context(), waiting.Run, "a", "ada", "shorter"); err != nil {
		t.Fatal(err)
	}
	if err := rt.Decide(t.Context(), waiting.Open[0].ID, coordinator.Decision{Verb: coordinator.Answer, Output: json.RawMessage(`"yes"`)}); err != nil {
		t.Fatal(err)
	}
	run, err := waitEnded(t, rt, waiting.Run)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := run.Output("a"); string(out) != `["shorter"]` || tries.Load() != 2 {
		t.Fatalf("output %s after %d tries", out, tries.Load())
	}
}

func TestBadInputIsRefusedBeforeAnythingIsJournaled(t *testing.T) {
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"echo": echo(coordinator.EffectNone)}, Limits: coordinator.Limits{Payload: 1000}})
	p := plan(coordinator.Step{ID: "a", Use: "echo"})
	p.Input = json.RawMessage(`{"type":"object","properties":{"path":{"type":"string","format":"path"}},"required":["path"]}`)
	for name, in := range map[string]any{
		"missing": map[string]any{}, "wrong type": map[string]any{"path": 3}, "outside": map[string]any{"path": "../etc/passwd"},
		"too large": map[string]any{"path": string(make([]byte, 2000))},
	} {
		bad := (*local.InputError)(nil)
		if _, err := rt.Submit(t.Context(), local.Task{Plan: p, Input: in}); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mistakes := (*coordinator.PlanError)(nil)
	if _, err := rt.Submit(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "nobody"})}); !errors.As(err, &mistakes) {
		t.Errorf("unknown worker: %v", err)
	}
	if list, _, err := rt.Store().Runs(t.Context(), memory.RunFilter{}); err != nil || len(list) != 0 {
		t.Errorf("runs were created: %v %v", list, err)
	}
}

func TestManyRunsShareFewSlots(t *testing.T) {
	var now, most atomic.Int32
	rt := start(t, local.Options{Concurrency: 3, Workers: map[string]coordinator.Worker{
		"work": works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			return coordinator.Result{Output: json.RawMessage(`1`)}, nil
		}),
	}})
	ids := make([]string, 20)
	for i := range ids {
		id, err := rt.Submit(t.Context(), local.Task{
			Plan:  plan(coordinator.Step{ID: "a", Use: "work", ForEach: "input"}),
			Input: []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	for _, id := range ids {
		if _, err := rt.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if most.Load() > 3 {
		t.Fatalf("%d attempts at once", most.Load())
	}
}

func TestAFloodOfDecisionsOnAFinishedRunChangesNothing(t *testing.T) {
	rt := start(t, local.Options{})
	p := plan(coordinator.Step{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}})
	id, err := rt.Submit(t.Context(), local.Task{Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rt.Wait(t.Context(), id)
	waiting := (*local.WaitingError)(nil)
	if !errors.As(err, &waiting) {
		t.Fatal(err)
	}
	answer := coordinator.Decision{Verb: coordinator.Answer, By: "ada", Output: json.RawMessage(`"yes"`)}
	results := make(chan error)
	for range 200 {
		go func() { results <- rt.Decide(t.Context(), waiting.Open[0].ID, answer) }()
	}
	taken := 0
	for range 200 {
		switch err := <-results; {
		case err == nil:
			taken++
		case !errors.Is(err, memory.ErrNotOpen):
			t.Errorf("a late decision: %v", err)
		}
	}
	run, err := rt.Wait(t.Context(), id)
	if err != nil || taken != 1 || run.Seq() != 4 {
		t.Fatalf("%d of 200 decisions were taken, the journal has %d events: %v", taken, run.Seq(), err)
	}
}
