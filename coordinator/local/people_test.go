package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// asks is an agent that asks people once, and answers with what came back.
func asks(question string) worker {
	return works(coordinator.EffectNone, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
		if a.Turn == 1 {
			return coordinator.Result{Calls: []coordinator.Call{{Use: coordinator.Person, Input: json.RawMessage(question)}}}, nil
		}
		out, err := json.Marshal(a.Turns[0].Outcomes[0])
		return coordinator.Result{Output: out}, err
	})
}

func TestAQuestionThatNoAnswerFitsIsRefused(t *testing.T) {
	for _, schema := range []string{`{"type":"strnig"}`, `"text"`, `{"$ref":"http://localhost:1/x"}`, `{"$ref":"#/nope"}`, `7`} {
		t.Run(schema, func(t *testing.T) {
			rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"agent": asks(`{"question":"?","schema":` + schema + `}`)}})
			run, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "agent"})})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := coordinator.Output[coordinator.Outcome](run, "a"); err != nil || !strings.Contains(got.Error, "the schema of its answer") {
				t.Fatalf("the agent is not told: %+v %v", got, err)
			}
		})
	}
}

func TestAQuestionWithoutASchemaTakesAnyAnswer(t *testing.T) {
	for _, question := range []string{`{"question":"?"}`, `{"question":"?","schema":null}`, `{"question":"?","schema":true}`, `"?"`} {
		t.Run(question, func(t *testing.T) {
			rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"agent": asks(question)}})
			_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "agent"})})
			w := asked(t, err)
			if err := rt.Decide(t.Context(), w.Open[0].ID, coordinator.Decision{Verb: coordinator.Answer, Output: json.RawMessage(`"yes"`)}); err != nil {
				t.Fatal(err)
			}
			if _, err := rt.Wait(t.Context(), w.Run); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAnAnswerTheRunCouldNotReadIsRefusedAndTheQuestionStaysOpen(t *testing.T) {
	unsure := works(coordinator.EffectRead, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		return coordinator.Result{Output: json.RawMessage(`1`), Confidence: &coordinator.Confidence{Score: 0.4}}, nil
	})
	rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"w": unsure}})
	_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w", Accept: coordinator.Accept{Threshold: 0.9}})})
	w := asked(t, err)
	bad := (*local.DecisionError)(nil)
	huge := coordinator.Decision{Verb: coordinator.Amend, By: "ada", Output: json.RawMessage(strings.Repeat("9", 400))}
	if err := rt.Decide(t.Context(), w.Open[0].ID, huge); !errors.As(err, &bad) {
		t.Errorf("a number that nobody can read: %v", err)
	}
	if err := rt.Decide(t.Context(), w.Open[0].ID, coordinator.Decision{Verb: coordinator.Approve, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.Wait(t.Context(), w.Run); err != nil {
		t.Fatal(err)
	}
}

func TestAnAnswerThatMadeNoSenseLeavesItsQuestionInTheInbox(t *testing.T) {
	store := shared(t)
	rt := start(t, local.Options{Store: store, Workers: map[string]coordinator.Worker{"w": echo(coordinator.EffectNone)}})
	_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w", Approval: true})})
	w := asked(t, err)
	// Not through Decide, which checks: as another version of this program might.
	odd := coordinator.Event{Kind: coordinator.Decided, ID: w.Open[0].ID, Decision: &coordinator.Decision{ID: "odd", Verb: coordinator.Answer, By: "bo"}}
	if _, err := store.Post(t.Context(), w.Run, odd); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the question is shown again", func() bool {
		open, _, err := store.Inbox(t.Context(), memory.InboxFilter{Run: w.Run})
		return err == nil && len(open) == 1
	})
	if err := rt.Decide(t.Context(), w.Open[0].ID, coordinator.Decision{Verb: coordinator.Approve, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := waitEnded(t, rt, w.Run); err != nil {
		t.Fatal(err)
	}
}

func TestNoAnswerPassesUnchecked(t *testing.T) {
	var early atomic.Bool
	store := &faulty{Store: shared(t), escalation: func() error {
		if early.Load() {
			return memory.ErrNotOpen // looked a moment before the question opened
		}
		return nil
	}}
	rt := start(t, local.Options{
		Store: store, Workers: map[string]coordinator.Worker{"w": echo(coordinator.EffectNone)},
		Rights: func(string, coordinator.Escalation) error { return errors.New("nobody may") },
	})
	_, err := rt.Run(t.Context(), local.Task{Plan: plan(coordinator.Step{ID: "a", Use: "w", Approval: true})})
	w := asked(t, err)
	early.Store(true)
	if err := rt.Decide(t.Context(), w.Open[0].ID, coordinator.Decision{ID: "d", Verb: coordinator.Approve, By: "eve"}); !errors.Is(err, memory.ErrNotOpen) {
		t.Errorf("an answer that nobody looked at: %v", err)
	}
	if journaled(store, w.Run, coordinator.Decided, "a") {
		t.Error("it is in the journal")
	}
}

func TestOnlyWhatNoTimerMovesWaitsForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := start(t, local.Options{Workers: map[string]coordinator.Worker{"w": echo(coordinator.EffectNone)}})
		_, err := rt.Run(t.Context(), local.Task{Plan: plan(
			coordinator.Step{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}, Review: coordinator.Review{Within: 24 * time.Hour}},
			coordinator.Step{ID: "a", Use: "w", After: time.Hour}, coordinator.Step{ID: "b", Use: "w", Needs: []string{"a"}},
		)})
		w := asked(t, err)
		run, err := rt.Load(t.Context(), w.Run)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := run.Output("b"); !ok || len(w.Open) != 1 {
			t.Errorf("told that only people can move it while a timer could: %v\n%s", w, dump(rt, w.Run))
		}
	})
}

func TestPeopleOnTheSpotLearnThatSomebodyElseHasAnswered(t *testing.T) {
	for name, steps := range map[string][]coordinator.Step{
		"and the run goes on": {
			{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}},
			{ID: "slow", Use: "slow"},
		},
		"and the run ends": {{ID: "q", Use: coordinator.Person, With: map[string]any{"question": "Go?"}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { answeredElsewhere(t, plan(steps...)) })
		})
	}
}

func answeredElsewhere(t *testing.T, p *coordinator.Plan) {
	store, slow := shared(t), newGate(t, coordinator.EffectNone)
	workers := map[string]coordinator.Worker{"slow": slow}
	looking := make(chan string, 1)
	var left atomic.Bool
	rt := start(t, local.Options{Store: store, Workers: workers, People: func(ctx context.Context, e coordinator.Escalation) (coordinator.Decision, error) {
		looking <- e.ID
		<-ctx.Done()
		left.Store(true)
		return coordinator.Decision{}, ctx.Err()
	}})
	t.Cleanup(slow.open)
	if _, err := rt.Submit(t.Context(), local.Task{Plan: p}); err != nil {
		t.Fatal(err)
	}
	elsewhere := start(t, local.Options{Store: store, Passive: true})
	if err := elsewhere.Decide(t.Context(), <-looking, coordinator.Decision{Verb: coordinator.Answer, By: "bo", Output: json.RawMessage(`"yes"`)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "they are told to stop looking", left.Load)
}
