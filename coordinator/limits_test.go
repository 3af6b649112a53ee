package coordinator_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/coordinator"
)

// begin submits a plan as a story whose attempts start by themselves.
func begin(t *testing.T, p *coordinator.Plan, input string) *story {
	s := newStory(t, new(txtar.Archive))
	task := &coordinator.Task{Run: "run", Version: 1, Workspace: "test", Plan: p, Input: json.RawMessage(input), Label: coordinator.Trusted}
	if !s.apply(coordinator.Event{Kind: coordinator.Submitted, Task: task}) {
		t.Fatal(s.out.String())
	}
	return s
}

// attempts returns how many of a reading's actions are attempts.
func attempts(actions []coordinator.Action) (n int) {
	for _, a := range actions {
		if _, ok := a.(coordinator.Do); ok {
			n++
		}
	}
	return n
}

func TestOneReadingReturnsOnlySoManyAttempts(t *testing.T) {
	p := &coordinator.Plan{Name: "wide"}
	for i := range 3*coordinator.MaxDos + 7 {
		p.Steps = append(p.Steps, coordinator.Step{ID: fmt.Sprintf("s%d", i), Use: "tool"})
	}
	s := begin(t, p, `{}`)
	for left := len(p.Steps); left > 0; {
		actions := s.run.Next(s.now)
		if n := attempts(actions); n != min(left, coordinator.MaxDos) {
			t.Fatalf("%d steps are left to start, one reading returns %d", left, n)
		}
		s.record(actions)
		left = len(p.Steps) - s.run.Flying()
	}
	if n := attempts(s.run.Next(s.now)); n != 0 {
		t.Fatalf("%d attempts are returned again", n)
	}
}

func TestPlansThatWereLeftCostNothingAnyMore(t *testing.T) {
	s := begin(t, &coordinator.Plan{Steps: []coordinator.Step{{ID: "p", Use: "planner"}}}, `{}`)
	s.settle()
	for i := range 20 {
		e := s.outcome("p", coordinator.Planned, nil)
		e.Replans, e.Plan = true, &coordinator.Plan{Steps: []coordinator.Step{{ID: fmt.Sprintf("bad%d", i), Use: "tool", Retry: coordinator.Retry{Attempts: 1}}}}
		for j := range 50 {
			e.Plan.Steps = append(e.Plan.Steps, coordinator.Step{ID: fmt.Sprintf("t%d_%d", i, j), After: time.Hour})
		}
		s.take(e)
		bad := s.outcome(fmt.Sprintf("p#%d/bad%d", i+1, i), coordinator.Failed, nil)
		bad.Failure = &coordinator.Failure{Message: "no", NotDone: true}
		s.take(bad)
	}
	if n := s.run.Frontier(); n != 0 {
		t.Errorf("every reading looks at %d pieces of 20 plans that were left", n)
	}
	if in := s.run.InFlight(); len(in) != 1 || in[0].Turn != 21 {
		t.Errorf("the planner is not asked once more: %v", in)
	}
}

func TestWhatCanonicalAcceptsAnOutcomeMayHold(t *testing.T) {
	huge := strings.Repeat("9", 400)
	for _, raw := range []string{huge, "-" + huge, `{"n":` + huge + `}`, `[1e999]`} {
		if c, err := coordinator.Canonical(json.RawMessage(raw)); err == nil {
			t.Errorf("Canonical accepts a number that nobody can read: %.20s…", c)
		}
	}
	large := strings.Repeat("9", 40) // beyond int64, yet a float64
	c, err := coordinator.Canonical(json.RawMessage(large))
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, &coordinator.Plan{Steps: []coordinator.Step{{ID: "a", Use: "tool"}}}, `{}`)
	s.settle()
	e := s.outcome("a", coordinator.Succeeded, nil)
	e.Output = c
	if !s.apply(e) {
		t.Fatal(s.out.String())
	}
}

func TestAScoreThatIsNoNumberIsNotSure(t *testing.T) {
	if v := coordinator.Judge(coordinator.Accept{Threshold: 0.5}, &coordinator.Confidence{Score: math.NaN()}); v != coordinator.VerdictAsk {
		t.Fatalf("verdict %s", v)
	}
}
func TestManyFanOutsTogetherDoNotOutgrowTheRun(t *testing.T) {
	p := &coordinator.Plan{Name: "square"}
	for i := range 100 {
		p.Steps = append(p.Steps, coordinator.Step{ID: fmt.Sprintf("s%d", i), Use: "tool", ForEach: "input.list"})
	}
	input, err := json.Marshal(map[string]any{"list": make([]int, 1000)})
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, p, string(input))
	s.hold = true
	s.settle()
	most := 2 * new(coordinator.Limits).WithDefaults().Steps
	if n := s.run.Pieces(); n > most {
		t.Errorf("the run has %d pieces of work; %d is the limit", n, most)
	}
	if f := s.run.Failure(); f == nil || !strings.Contains(f.Message, "pieces of work; 20000 is the limit") {
		t.Errorf("the run does not say what was too much: %v", f)
	}
}
