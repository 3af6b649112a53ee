package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
)

// facts are what a reader found, and is not sure of.
type facts struct {
	Number string   `json:"number"`
	Total  *float64 `json:"total"`
}

type doubtful struct{ coordinator.Worker }

func (d doubtful) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	res, err := d.Worker.Do(ctx, a)
	res.Confidence = &coordinator.Confidence{Score: 0.4, Signals: []coordinator.Signal{
		{Name: "field", Field: "total", Score: 0.4, Note: "not on the page"}, {Name: "schema", Score: 1},
	}}
	return res, err
}

// atTheTerminal runs a plan while somebody types, and returns the run, what they saw, and the error.
func atTheTerminal(t *testing.T, typed string, step coordinator.Step) (*coordinator.Run, string, error) {
	t.Helper()
	var seen lockedBuffer
	a := &app{in: strings.NewReader(typed), out: io.Discard, asks: true, screen: &screen{live: true, w: &seen, size: func() (int, int) { return 100, 30 }}}
	a.As = "ada"
	ws, err := bare(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ws.People = map[string]pipeline.Person{"ada": {Groups: []string{"finance"}}, "eve": {}}
	reader := tools.New("reader", "Reads.", func(context.Context, map[string]any) (facts, error) { return facts{Number: "R-1"}, nil },
		tools.Options{Effect: coordinator.EffectRead})
	s := &session{app: a, ws: ws, store: memory.New(), workers: map[string]coordinator.Worker{"reader": doubtful{reader}}}
	s.rt, err = local.New(local.Options{Workers: s.workers, Store: s.store, Passive: true, Rights: ws.MayDecide, People: s.people(t.Context()), Log: s.logger()})
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.rt.Run(t.Context(), local.Task{Plan: &coordinator.Plan{Steps: []coordinator.Step{step}, Output: "${{ steps." + step.ID + " }}"}})
	if closing := s.close(); closing != nil { // awaits what is still being said
		t.Error(closing)
	}
	return run, seen.String(), err
}

// lockedBuffer may be written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var read = coordinator.Step{ID: "read", Use: "reader", Accept: coordinator.Accept{Threshold: 0.9}, Review: coordinator.Review{By: "finance"}}

func TestTheQuestionShowsWhatIsProposedAndWhatIsDoubtful(t *testing.T) {
	run, seen, err := atTheTerminal(t, "a\n", read)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"reader is 40 % sure of this result; 90 % is needed", "asked of   finance (ada)", "number  R-1", "← 40 %  not on the page", "→ approve by ada"} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in\n%s", want, seen)
		}
	}
	if out, _ := run.Output(""); string(out) != `{"number":"R-1","total":null}` {
		t.Errorf("%s", out)
	}
}

func TestAWrongAnswerIsExplainedAndAskedForAgain(t *testing.T) {
	run, seen, err := atTheTerminal(t, "maybe\ne\ntotal=lots\n\ne\ntotal=12.5\n\n", read)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"maybe" is none of the choices`, "total must be", "→ amend by ada"} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in\n%s", want, seen)
		}
	}
	if out, _ := run.Output(""); string(out) != `{"number":"R-1","total":12.5}` {
		t.Errorf("%s", out)
	}
}

func TestAWholeDocumentCanBeTyped(t *testing.T) {
	run, _, err := atTheTerminal(t, "e\n{\"number\": \"R-2\", \"total\": 1}\n", read)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := run.Output(""); string(out) != `{"number":"R-2","total":1}` {
		t.Errorf("%s", out)
	}
}

func TestLaterAndTheEndOfInputLeaveTheQuestionOpen(t *testing.T) {
	for _, typed := range []string{"l\n", "", "e\ntotal=1\n"} {
		_, _, err := atTheTerminal(t, typed, read)
		if waiting := (*local.WaitingError)(nil); !errors.As(err, &waiting) || len(waiting.Open) != 1 {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestWhoMayNotDecideIsNotAsked(t *testing.T) {
	step := read
	step.Review.By = "eve"
	_, seen, err := atTheTerminal(t, "a\n", step)
	if waiting := (*local.WaitingError)(nil); !errors.As(err, &waiting) || !strings.Contains(seen, `"ada" may not decide this; eve may. Say who you are with --as`) {
		t.Errorf("%v\n%s", err, seen)
	}
}

func TestAnOptionIsChosenByItsNumber(t *testing.T) {
	step := coordinator.Step{ID: "colour", Use: coordinator.Person, With: map[string]any{"question": "Which?\x1b[2J", "options": []any{"red", "blue"}}}
	run, seen, err := atTheTerminal(t, "a\n2\n", step)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(seen, "\x1b[2J") {
		t.Error("the question reached the terminal as it came")
	}
	if got, _ := coordinator.Output[string](run, "colour"); got != "blue" {
		t.Errorf("%q", got)
	}
	if !strings.Contains(seen, "one of: red, blue") {
		t.Errorf("no options in\n%s", seen)
	}
}

func TestAnOptionIsTypedWithoutMoreAdo(t *testing.T) {
	step := coordinator.Step{ID: "colour", Use: coordinator.Person, With: map[string]any{"question": "Which?", "options": []any{"red", "blue"}}}
	run, seen, err := atTheTerminal(t, "Blue\n", step)
	if err != nil {
		t.Fatalf("%v\n%s", err, seen)
	}
	if got, _ := coordinator.Output[string](run, "colour"); got != "blue" {
		t.Errorf("%q", got)
	}
}

func TestWhatIsApprovedIsShownWhole(t *testing.T) {
	s := &session{app: &app{screen: &screen{}}, ws: &pipeline.Workspace{}}
	long := strings.Repeat("0123456789", 60)
	raw, err := json.Marshal(map[string]any{"db": "ledger", "args": map[string]any{"iban": "NL94", "note": long + "END", "list": []int{1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	got := s.question(coordinator.Escalation{Reason: coordinator.ReasonApproval, Question: "May it?", Input: raw, Proposed: raw})
	for _, want := range []string{"args.iban  NL94", "args.list  [1,2]", "db         ledger", "END"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	evidence, err := json.Marshal(map[string]string{"text": strings.Repeat("line\n", 1000)})
	if err != nil {
		t.Fatal(err)
	}
	got = s.question(coordinator.Escalation{Reason: coordinator.ReasonLowConfidence, Input: evidence, Proposed: raw})
	if !strings.Contains(got, "… 960 lines left out") || !strings.Contains(got, "from outside") {
		t.Errorf("%s", got)
	}
}

func TestABudgetIsRaisedFieldByField(t *testing.T) {
	q := coordinator.Escalation{Reason: coordinator.ReasonBudget, Budget: &coordinator.Budget{Steps: 2, Cost: 1}}
	got, err := amend(q, []string{"steps=10"})
	var b coordinator.Budget
	if err != nil || json.Unmarshal(got, &b) != nil || b != (coordinator.Budget{Steps: 10, Cost: 1}) {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := amend(q, nil); err == nil {
		t.Error("no change is no amendment")
	}
}
