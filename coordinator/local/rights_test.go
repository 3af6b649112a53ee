package local_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// pays is a run that waits for somebody's yes before it pays.
func pays(t *testing.T, o local.Options, review coordinator.Review) (*local.Runtime, coordinator.Escalation) {
	t.Helper()
	o.Workers = map[string]coordinator.Worker{"bank": echo(coordinator.EffectUnrepeatable)}
	rt := start(t, o)
	_, err := rt.Run(t.Context(), local.Task{By: "rita", Plan: plan(coordinator.Step{ID: "pay", Use: "bank", Approval: true, Review: review})})
	return rt, asked(t, err).Open[0]
}

func approve(by string) coordinator.Decision {
	return coordinator.Decision{Verb: coordinator.Approve, By: by}
}

// notes returns what the journal says of refused attempts.
func notes(t *testing.T, rt *local.Runtime, run string) (out []string) {
	t.Helper()
	for e, err := range rt.Store().Read(t.Context(), run, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == coordinator.Denied {
			out = append(out, e.By+" "+e.Note)
		}
	}
	return out
}

func TestTheRequesterMayNotDecideWhereFourEyesAreNeeded(t *testing.T) {
	rt, q := pays(t, local.Options{}, coordinator.Review{FourEyes: true})
	bad := (*local.DecisionError)(nil)
	if err := rt.Decide(t.Context(), q.ID, approve("rita")); !errors.As(err, &bad) || !strings.Contains(err.Error(), "four eyes") {
		t.Fatalf("%v", err)
	}
	if got := notes(t, rt, q.Run); len(got) != 1 || !strings.HasPrefix(got[0], "rita approve: ") {
		t.Errorf("the journal keeps %q", got)
	}
	if err := rt.Decide(t.Context(), q.ID, approve("ada")); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.Wait(t.Context(), q.Run); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyWhoTookAQuestionOnDecidesIt(t *testing.T) {
	for name, store := range map[string]memory.Store{"maps": memory.New(), "redis": redisStore(t)} {
		t.Run(name, func(t *testing.T) {
			rt, q := pays(t, local.Options{Store: store}, coordinator.Review{FourEyes: true})
			bad := (*local.DecisionError)(nil)
			if err := rt.Claim(t.Context(), q.ID, "rita"); !errors.As(err, &bad) {
				t.Errorf("who may not decide cannot claim: %v", err)
			}
			if err := errors.Join(rt.Claim(t.Context(), q.ID, "ada"), rt.Claim(t.Context(), q.ID, "ada")); err != nil {
				t.Fatal(err)
			}
			if err := rt.Claim(t.Context(), q.ID, "bo"); !errors.As(err, &bad) || !strings.Contains(err.Error(), "ada has taken") {
				t.Errorf("claimed twice: %v", err)
			}
			if err := rt.Decide(t.Context(), q.ID, approve("bo")); !errors.As(err, &bad) {
				t.Errorf("decided although another has taken it on: %v", err)
			}
			if err := rt.Unclaim(t.Context(), q.ID, "bo"); err != nil { // ada is on holiday
				t.Fatal(err)
			}
			if err := rt.Decide(t.Context(), q.ID, approve("bo")); err != nil {
				t.Fatal(err)
			}
			run, err := rt.Wait(t.Context(), q.Run)
			if err != nil || run.Status() != coordinator.StatusDone {
				t.Fatal(err)
			}
		})
	}
}

func TestWhoMayNotCancelIsRefusedAndTheRunGoesOn(t *testing.T) {
	rt, q := pays(t, local.Options{May: func(by string, act local.Act, run memory.Summary) error {
		if by != run.By {
			return errors.New("not yours")
		}
		return nil
	}}, coordinator.Review{})
	denied := (*local.RightsError)(nil)
	if err := rt.Cancel(t.Context(), q.Run, "mallory"); !errors.As(err, &denied) {
		t.Fatalf("%v", err)
	}
	if err := rt.Redo(t.Context(), q.Run, "pay", "mallory", ""); !errors.As(err, &denied) {
		t.Fatalf("%v", err)
	}
	if got := notes(t, rt, q.Run); len(got) != 2 || got[0] != "mallory cancel: not yours" {
		t.Errorf("the journal keeps %q", got)
	}
	if err := rt.Cancel(t.Context(), q.Run, "rita"); err != nil {
		t.Fatal(err)
	}
	run, _ := rt.Wait(t.Context(), q.Run)
	if run.Status() != coordinator.StatusCancelled {
		t.Error(run.Status())
	}
}
