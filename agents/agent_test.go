package agents_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/agents/openai"
	"github.com/tuttirun/tutti/coordinator"
)

const invoiceSchema = `{"type":"object","properties":{"number":{"type":"string"},"total":{"type":"number"},"note":{"type":"string"}},
	"required":["number","total"],"additionalProperties":false}`

// dial opens a model at the provider. Repetitions are the transport's own matter; most tests want to see the first failure.
func dial(t *testing.T, p *modeltest.Server) llms.Model {
	t.Helper()
	m, err := openai.New(openai.Settings{Model: "test", BaseURL: p.URL(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newAgent(t *testing.T, p *modeltest.Server, cfg agents.Config) *agents.Agent {
	t.Helper()
	cfg.Name, cfg.Model = "clerk", dial(t, p)
	a, err := agents.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func attempt(input string) coordinator.Attempt {
	return coordinator.Attempt{
		Run: "r1", Path: "read", Key: "k", Number: 1, Turn: 1, Generation: 1,
		Input: json.RawMessage(input), Label: coordinator.Trusted,
	}
}

func do(t *testing.T, a *agents.Agent, at coordinator.Attempt) coordinator.Result {
	t.Helper()
	r, err := a.Do(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// next is the attempt of the turn after r, with these outcomes.
func next(at coordinator.Attempt, r coordinator.Result, outcomes ...coordinator.Outcome) coordinator.Attempt {
	at.Turn++
	at.Turns = append(at.Turns, coordinator.Turn{Calls: r.Calls, State: r.State, Outcomes: outcomes})
	return at
}

func cards(described ...coordinator.Card) func(string) (coordinator.Card, bool) {
	return func(name string) (coordinator.Card, bool) {
		for _, c := range described {
			if c.Name == name {
				return c, true
			}
		}
		return coordinator.Card{}, false
	}
}

func TestTextIsTheOutputWithoutSchema(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(" Hallo Welt \n"))
	a := newAgent(t, p, agents.Config{Instructions: "Translate to {{.input.language}}."})
	r := do(t, a, attempt(`{"language":"German","text":"hello world"}`))
	if string(r.Output) != `"Hallo Welt"` {
		t.Errorf("output %s", r.Output)
	}
	if r.Confidence != nil {
		t.Errorf("nobody measured anything, yet confidence is %+v", r.Confidence)
	}
	if got := string(a.Card().Output); got != `{"type":"string"}` {
		t.Errorf("card promises %s", got)
	}
	sent := p.Requests()[0]
	if !strings.HasPrefix(sent.System(), "Translate to German.") {
		t.Errorf("system prompt: %s", sent.System())
	}
	if !strings.Contains(sent.Last().Content, `"text":"hello world"`) {
		t.Errorf("the input is missing: %s", sent.Last().Content)
	}
	if sent.Temperature != nil || sent.MaxTokens != agents.DefaultMaxTokens || sent.Format != nil {
		t.Errorf("temperature %v, max tokens %d, format %v", sent.Temperature, sent.MaxTokens, sent.Format)
	}
}

func TestAnswerInACodeFenceIsRead(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("Here it is:\n```json\n{\"number\": \"7\",\n \"total\": 9.5}\n```\n"))
	r := do(t, newAgent(t, p, agents.Config{Output: json.RawMessage(invoiceSchema)}), attempt(`{}`))
	if string(r.Output) != `{"number":"7","total":9.5}` || r.Note != "" {
		t.Errorf("output %s, note %q", r.Output, r.Note)
	}
}

func TestWrongAnswerIsRepairedWithItsProblemsNamed(t *testing.T) {
	p := modeltest.New(t,
		modeltest.Text("I think it is 9.50").Using(modeltest.Usage{Input: 100, Output: 10}),
		modeltest.Text(`{"number":7,"total":"9.50"}`).Using(modeltest.Usage{Input: 200, Output: 20}),
		modeltest.Text(`{"number":"7","total":9.5}`).Using(modeltest.Usage{Input: 300, Output: 30, Cached: 100}))
	a := newAgent(t, p, agents.Config{Output: json.RawMessage(invoiceSchema), Price: agents.Price{Input: 1, Output: 10, Cached: 0.1}})
	r := do(t, a, attempt(`{}`))
	if string(r.Output) != `{"number":"7","total":9.5}` || r.Note != "valid after 2 repairs" {
		t.Errorf("output %s, note %q", r.Output, r.Note)
	}
	want := coordinator.Usage{Input: 600, Output: 60, Cached: 100, Cost: (500*1 + 100*0.1 + 60*10) / 1e6}
	if r.Usage.Input != want.Input || r.Usage.Output != want.Output || r.Usage.Cached != want.Cached || !near(r.Usage.Cost, want.Cost) {
		t.Errorf("usage %+v, want %+v", r.Usage, want)
	}
	told := p.Requests()[2].Last()
	for _, problem := range []string{"number must be a string", "total must be a number"} {
		if told.Role != "user" || !strings.Contains(told.Content, problem) {
			t.Errorf("the correction does not say %q: %s", problem, told.Content)
		}
	}
}

func near(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 }

func TestRepairsAreBounded(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("no"), modeltest.Text("still no"))
	a := newAgent(t, p, agents.Config{Output: json.RawMessage(invoiceSchema), MaxRepairs: 1})
	r, err := a.Do(t.Context(), attempt(`{}`))
	if !errors.Is(err, agents.ErrAnswer) || !strings.Contains(err.Error(), "after 1 repair: ") {
		t.Errorf("error %v", err)
	}
	if f := coordinator.FailureOf(err); !f.NotDone || f.Permanent {
		t.Errorf("failure %+v", f)
	}
	if r.Usage.Input != 20 || r.Usage.Output != 10 {
		t.Errorf("usage beside the error: %+v", r.Usage)
	}
}

func TestNegativeMaxRepairsMeansNone(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("no"))
	a := newAgent(t, p, agents.Config{Output: json.RawMessage(invoiceSchema), MaxRepairs: -1})
	if _, err := a.Do(t.Context(), attempt(`{}`)); !errors.Is(err, agents.ErrAnswer) {
		t.Errorf("error %v", err)
	}
}

func TestParallelCallsComeBackInTheNextTurn(t *testing.T) {
	p := modeltest.New(t,
		modeltest.Calls(
			modeltest.Call{ID: "c1", Name: "mail_send", Arguments: ` {"to": "a@example.com"} `},
			modeltest.Call{ID: "c2", Name: "ledger-total"}).Saying("Two things first."),
		modeltest.Text("done"))
	a := newAgent(t, p, agents.Config{
		Calls: []string{"mail.send", "ledger-total"},
		Cards: cards(coordinator.Card{Name: "mail.send", Description: "Sends mail.", Input: json.RawMessage(`{"type":"object","properties":{"to":{"type":"string"}}}`)}),
	})
	at := attempt(`{"goal":"x"}`)
	r := do(t, a, at)
	want := []coordinator.Call{
		{Use: "mail.send", Input: json.RawMessage(`{"to":"a@example.com"}`), ID: "c1"},
		{Use: "ledger-total", Input: json.RawMessage(`{}`), ID: "c2"},
	}
	if !equalJSON(t, r.Calls, want) || r.Output != nil {
		t.Errorf("calls %+v, output %s", r.Calls, r.Output)
	}

	r = do(t, a, next(at, r,
		coordinator.Outcome{Output: json.RawMessage(`{"id":"m1"}`), Label: coordinator.Trusted},
		coordinator.Outcome{Error: "ledger is closed", Label: coordinator.Trusted}))
	if string(r.Output) != `"done"` {
		t.Errorf("output %s", r.Output)
	}
	m := p.Requests()[1].Messages
	if len(m) != 5 {
		t.Fatalf("%d messages: %+v", len(m), m)
	}
	if m[2].Role != "assistant" || m[2].Content != "Two things first." || len(m[2].Calls) != 2 || m[2].Calls[0].ID != "c1" {
		t.Errorf("assistant: %+v", m[2])
	}
	if m[3].CallID != "c1" || m[3].Content != `{"id":"m1"}` {
		t.Errorf("first outcome: %+v", m[3])
	}
	if m[4].CallID != "c2" || !strings.Contains(m[4].Content, "failed: ledger is closed") {
		t.Errorf("second outcome: %+v", m[4])
	}
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

func TestToolsAreOfferedUnderAllowedNames(t *testing.T) {
	long := strings.Repeat("very.long.", 10) + "name"
	p := modeltest.New(t, modeltest.Text("ok"))
	a := newAgent(t, p, agents.Config{
		Calls: []string{"mail.send", "translate", "mail.send", long, "translator"},
		Cards: cards(
			coordinator.Card{Name: "mail.send", Description: "Sends mail.", Input: json.RawMessage(`{"type":"object","properties":{"to":{"type":"string"}}}`)},
			coordinator.Card{Name: "translate", Input: json.RawMessage(`{"type":"array","items":{"type":"string"}}`)},
			coordinator.Card{Name: "translator", Kind: "agent", Description: "Knows languages."}),
	})
	do(t, a, attempt(`{}`))
	tools := p.Requests()[0].Tools
	if len(tools) != 5 {
		t.Fatalf("%d tools offered: %+v", len(tools), tools)
	}
	if tools[0].Name != "mail_send" || tools[0].Description != "Sends mail." || !strings.Contains(string(tools[0].Parameters), `"to"`) {
		t.Errorf("mail: %+v", tools[0])
	}
	if !strings.Contains(string(tools[1].Parameters), `"input":{"type":"array"`) {
		t.Errorf("a list must be wrapped in an object: %s", tools[1].Parameters)
	}
	if len(tools[2].Name) != 64 {
		t.Errorf("long name: %q", tools[2].Name)
	}
	if !strings.Contains(string(tools[3].Parameters), `"task"`) {
		t.Errorf("handoff: %+v", tools[3])
	}
	if tools[4].Name != coordinator.Person {
		t.Errorf("person is not offered: %+v", tools[4])
	}
}

func TestWrappedInputIsUnwrapped(t *testing.T) {
	p := modeltest.New(t,
		modeltest.Calls(modeltest.Call{Name: "translate", Arguments: `{"wrong":1}`}),
		modeltest.Calls(modeltest.Call{Name: "translate", Arguments: `{"input":["a","b"]}`}))
	a := newAgent(t, p, agents.Config{
		Calls: []string{"translate"},
		Cards: cards(coordinator.Card{Name: "translate", Input: json.RawMessage(`{"type":"array"}`)}),
	})
	r := do(t, a, attempt(`{}`))
	if len(r.Calls) != 1 || string(r.Calls[0].Input) != `["a","b"]` {
		t.Errorf("calls %+v", r.Calls)
	}
}

func TestNamesThatCollideForTheModelAreRefused(t *testing.T) {
	_, err := agents.New(agents.Config{Name: "clerk", Model: dial(t, modeltest.New(t)), Calls: []string{"mail.send", "mail_send"}})
	if err == nil || !strings.Contains(err.Error(), `"mail.send" and "mail_send" are both "mail_send"`) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownToolIsPassedOnForTheRuntimeToRefuse(t *testing.T) {
	p := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "rm_rf", Arguments: `{}`}), modeltest.Text("sorry"))
	a := newAgent(t, p, agents.Config{Calls: []string{"mail.send"}})
	at := attempt(`{}`)
	r := do(t, a, at)
	if len(r.Calls) != 1 || r.Calls[0].Use != "rm_rf" {
		t.Fatalf("calls %+v", r.Calls)
	}
	r.Calls[0].Refused = "rm_rf is not among its calls"
	do(t, a, next(at, r, coordinator.Outcome{Error: r.Calls[0].Refused}))
	if last := p.Requests()[1].Last(); last.Role != "tool" || !strings.Contains(last.Content, "not among its calls") {
		t.Errorf("the agent was told %+v", last)
	}
}

func TestMadeUpToolNameIsMadeHarmless(t *testing.T) {
	p := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "../2#1/x\n", Arguments: `{}`}))
	r := do(t, newAgent(t, p, agents.Config{}), attempt(`{}`))
	if got := r.Calls[0].Use; strings.ContainsAny(got, "/#@.\n") {
		t.Errorf("a path would hold %q", got)
	}
}

func TestBrokenArgumentsAreRepaired(t *testing.T) {
	p := modeltest.New(t,
		modeltest.Calls(modeltest.Call{ID: "c1", Name: "mail_send", Arguments: `{"to":`}, modeltest.Call{ID: "c2", Name: "mail_send", Arguments: `{}`}),
		modeltest.Calls(modeltest.Call{ID: "c3", Name: "mail_send", Arguments: `{"to":"a"}`}),
		modeltest.Text("sent"))
	a := newAgent(t, p, agents.Config{Calls: []string{"mail.send"}})
	at := attempt(`{}`)
	r := do(t, a, at)
	if len(r.Calls) != 1 || r.Calls[0].ID != "c3" {
		t.Fatalf("calls %+v", r.Calls)
	}
	if m := p.Requests()[1].Messages; m[3].CallID != "c1" || m[4].CallID != "c2" || !strings.Contains(m[4].Content, "not a JSON object") {
		t.Errorf("both calls must be answered: %+v", m[3:])
	}
	// The next turn shows the model its own slip too: the state holds the whole turn.
	do(t, a, next(at, r, coordinator.Outcome{Output: json.RawMessage(`true`)}))
	if m := p.Requests()[2].Messages; len(m) != 7 {
		t.Errorf("%d messages: %+v", len(m), m)
	}
}

func TestTooManyCallsAreRefused(t *testing.T) {
	call := modeltest.Call{Name: "mail_send", Arguments: `{}`}
	p := modeltest.New(t, modeltest.Calls(call, call, call), modeltest.Calls(call, call))
	a := newAgent(t, p, agents.Config{Calls: []string{"mail.send"}, MaxCalls: 2})
	if r := do(t, a, attempt(`{}`)); len(r.Calls) != 2 {
		t.Errorf("calls %+v", r.Calls)
	}
}

func TestQuestionToAPersonIsACall(t *testing.T) {
	p := modeltest.New(t,
		modeltest.Calls(modeltest.Call{ID: "q", Name: "person", Arguments: `{"question":"Which year?","options":["2025","2026"]}`}),
		modeltest.Text("2026 it is"))
	a := newAgent(t, p, agents.Config{})
	at := attempt(`{}`)
	r := do(t, a, at)
	if len(r.Calls) != 1 || r.Calls[0].Use != coordinator.Person {
		t.Fatalf("calls %+v", r.Calls)
	}
	do(t, a, next(at, r, coordinator.Outcome{Use: coordinator.Person, Output: json.RawMessage(`"2026"`), Label: coordinator.Trusted}))
	if last := p.Requests()[1].Last(); last.Content != `"2026"` || last.CallID != "q" {
		t.Errorf("answer as the model sees it: %+v", last)
	}
}

func TestNoPersonIsNeitherOfferedNorCalled(t *testing.T) {
	p := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "person", Arguments: `{"question":"?"}`}), modeltest.Text("alone then"))
	r := do(t, newAgent(t, p, agents.Config{NoPerson: true}), attempt(`{}`))
	if len(r.Calls) != 0 || string(r.Output) != `"alone then"` {
		t.Errorf("result %+v", r)
	}
	if tools := p.Requests()[0].Tools; len(tools) != 0 {
		t.Errorf("offered %+v", tools)
	}
}

func TestReplayedAttemptSendsTheSameRequest(t *testing.T) {
	p := modeltest.Func(t, func(r modeltest.Request) modeltest.Reply {
		if len(r.Messages) > 2 {
			return modeltest.Text("done")
		}
		return modeltest.Calls(modeltest.Call{Name: "mail_send", Arguments: `{"to":"a"}`}, modeltest.Call{Name: "person", Arguments: `{"question":"?"}`})
	})
	cfg := agents.Config{Calls: []string{"mail.send"}, Instructions: "Work on {{.input.text}}."}
	at := attempt(`{"text":"hello"}`)
	at.Label, at.Guidance = coordinator.Untrusted, []string{"be brief"}
	at = next(at, do(t, newAgent(t, p, cfg), at), coordinator.Outcome{Output: json.RawMessage(`{"a":1}`)}, coordinator.Outcome{Output: json.RawMessage(`"yes"`)})

	do(t, newAgent(t, p, cfg), at)
	raw, err := json.Marshal(at) // through the journal
	if err != nil {
		t.Fatal(err)
	}
	var again coordinator.Attempt
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	again.Number = 2
	do(t, newAgent(t, p, cfg), again)
	sent := p.Requests()
	if !bytes.Equal(sent[1].Body, sent[2].Body) {
		t.Errorf("sent\n%s\nthen\n%s", sent[1].Body, sent[2].Body)
	}
	if sent[0].System() != sent[1].System() {
		t.Error("the system prompt changed between turns")
	}
}

func TestTurnWithoutStateIsRebuiltFromItsCalls(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("done"))
	a := newAgent(t, p, agents.Config{Calls: []string{"mail.send"}})
	r := coordinator.Result{Calls: []coordinator.Call{{Use: "mail.send", Input: json.RawMessage(`{"to":"a"}`)}}}
	do(t, a, next(attempt(`{}`), r))
	m := p.Requests()[0].Messages
	if m[2].Calls[0].Name != "mail_send" || !strings.Contains(m[3].Content, "not carried out") {
		t.Errorf("messages %+v", m[2:])
	}
}

func TestGuidanceReachesTheModel(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("ok"))
	at := attempt(`{"text":"x"}`)
	at.Generation, at.Guidance = 2, []string{"the total is net, not gross", "ignore page 2"}
	do(t, newAgent(t, p, agents.Config{}), at)
	for _, line := range at.Guidance {
		if !strings.Contains(p.Requests()[0].Last().Content, line) {
			t.Errorf("%q is missing", line)
		}
	}
}

func TestHandoffIsACallToAnotherAgent(t *testing.T) {
	p := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "translator", Arguments: `{"task":"translate hello"}`}))
	translator := newAgent(t, p, agents.Config{})
	a := newAgent(t, p, agents.Config{
		Calls: []string{"translator"},
		Cards: func(string) (coordinator.Card, bool) { return translator.Card(), true },
	})
	r := do(t, a, attempt(`{}`))
	if len(r.Calls) != 1 || r.Calls[0].Use != "translator" || string(r.Calls[0].Input) != `{"task":"translate hello"}` {
		t.Errorf("calls %+v", r.Calls)
	}
	card := a.Card()
	if card.Kind != "agent" || card.Effect != coordinator.EffectRead || len(card.Calls) != 1 {
		t.Errorf("card %+v", card)
	}
}

func TestContextDeadlineIsReported(t *testing.T) {
	p := modeltest.New(t, modeltest.Hang())
	a := newAgent(t, p, agents.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := a.Do(ctx, attempt(`{}`))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if f := coordinator.FailureOf(err); !f.NotDone || f.Permanent {
		t.Errorf("failure %+v", f)
	}
}

func TestCancelIsReported(t *testing.T) {
	p := modeltest.New(t, modeltest.Hang())
	a := newAgent(t, p, agents.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		p.Arrived(1)
		cancel()
	}()
	if _, err := a.Do(ctx, attempt(`{}`)); !errors.Is(err, context.Canceled) || !coordinator.FailureOf(err).NotDone {
		t.Errorf("error %v", err)
	}
}

func TestStatedConfidenceIsTheScore(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(`{"answer":{"number":"7"},"confidence":2}`), modeltest.Text(`{"answer":{"number":"7","total":9.5},"confidence":0.7}`))
	a := newAgent(t, p, agents.Config{Output: json.RawMessage(invoiceSchema), Stated: true})
	r := do(t, a, attempt(`{}`))
	if string(r.Output) != `{"number":"7","total":9.5}` {
		t.Errorf("output %s", r.Output)
	}
	want := &coordinator.Confidence{Score: 0.7, Signals: []coordinator.Signal{
		{Name: "stated", Score: 0.7}, {Name: "schema", Score: 1}, {Name: "repairs", Score: 0.5, Note: "1 repair"},
	}}
	if !equalJSON(t, r.Confidence, want) {
		t.Errorf("confidence %+v", r.Confidence)
	}
	if string(a.Card().Output) != invoiceSchema {
		t.Errorf("the card must promise the plain output, not the envelope: %s", a.Card().Output)
	}
}

func TestStatedConfidenceWorksForText(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(`{"answer":"Hallo","confidence":0.9}`))
	r := do(t, newAgent(t, p, agents.Config{Stated: true}), attempt(`{}`))
	if string(r.Output) != `"Hallo"` || r.Confidence == nil || r.Confidence.Score != 0.9 {
		t.Errorf("result %+v", r)
	}
}

func TestTurnsOfManyRunsDoNotMix(t *testing.T) {
	p := modeltest.Func(t, func(r modeltest.Request) modeltest.Reply {
		who, _, _ := strings.Cut(r.System(), "\n")
		return modeltest.Text(who)
	})
	a := newAgent(t, p, agents.Config{Instructions: "{{.input}}"})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			at := attempt(fmt.Sprintf(`"number %d"`, i))
			want := string(at.Input)
			if i%2 == 1 {
				at.Label, want = coordinator.Untrusted, `</data `
			}
			if r, err := a.Do(t.Context(), at); err != nil || !strings.Contains(string(r.Output), strings.Trim(want, `"`)) {
				t.Errorf("run %d got %s, %v", i, r.Output, err)
			}
		})
	}
	group.Wait()
}
