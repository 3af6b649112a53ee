package agents_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

func exchangeOf(t *testing.T, r coordinator.Result) agents.Exchange {
	t.Helper()
	var x agents.Exchange
	if err := json.Unmarshal(r.Exchange, &x); err != nil {
		t.Fatalf("exchange %s: %v", r.Exchange, err)
	}
	return x
}

func TestExchangeShowsWhatWasAskedAndAnswered(t *testing.T) {
	temperature := 0.5
	p := modeltest.New(t,
		modeltest.Text("what?").Using(modeltest.Usage{Input: 5, Output: 1}),
		modeltest.Calls(modeltest.Call{ID: "c1", Name: "person", Arguments: `{"question":"<which>?"}`}).Using(modeltest.Usage{Input: 7, Output: 2}))
	a := newAgent(t, p, agents.Config{Instructions: "Read it.", Output: json.RawMessage(invoiceSchema), Temperature: &temperature})
	r := do(t, a, attempt(`{"document":"x"}`))
	x := exchangeOf(t, r)
	if len(x.Requests) != 2 || x.Requests[0].Messages != 2 || x.Requests[1].Messages != 4 || x.Requests[0].Model != "openai/test" {
		t.Fatalf("requests %+v", x.Requests)
	}
	var roles []string
	for _, m := range x.Messages {
		roles = append(roles, m.Role)
	}
	if got := strings.Join(roles, " "); got != "system user assistant user assistant" {
		t.Errorf("messages of %s", got)
	}
	if !strings.HasPrefix(x.Messages[0].Text, "Read it.") || x.Messages[4].Calls[0].Arguments != `{"question":"<which>?"}` {
		t.Errorf("messages %+v", x.Messages)
	}
	if len(x.Tools) != 1 || x.Tools[0].Name != "person" || !strings.Contains(string(x.Tools[0].Parameters), "question") {
		t.Errorf("tools %+v", x.Tools)
	}
	if !equalJSON(t, x.Answer, json.RawMessage(invoiceSchema)) || x.Options.MaxTokens != agents.DefaultMaxTokens || *x.Options.Temperature != 0.5 {
		t.Errorf("answer %s, options %+v", x.Answer, x.Options)
	}
	if string(x.Requests[1].Body) != string(p.Requests()[1].Body) || !strings.Contains(string(x.Requests[0].Reply), "what?") {
		t.Errorf("raw %+v", x.Requests)
	}
	if x.Requests[0].Usage.Input != 5 || r.Models["openai/test"].Input != 12 || r.Models["openai/test"] != r.Usage {
		t.Errorf("usage %+v, models %+v", r.Usage, r.Models)
	}
	for _, header := range []string{"authorization", "user-agent", "content-type"} {
		if strings.Contains(strings.ToLower(string(r.Exchange)), header) {
			t.Errorf("a header is in it: %s", r.Exchange)
		}
	}
}

func TestReplyThatIsNoJSONIsKeptAsText(t *testing.T) {
	p := modeltest.New(t, modeltest.Garbage())
	r, err := newAgent(t, p, agents.Config{}).Do(t.Context(), attempt(`{}`))
	if x := exchangeOf(t, r); err == nil || string(x.Requests[0].Reply) != `"<html><body>Bad gateway</body></html>"` || !strings.Contains(x.Requests[0].Error, "not a chat completion") {
		t.Errorf("%v: %s", err, r.Exchange)
	}
}

func TestExchangeIsBounded(t *testing.T) {
	input := `{"document":"` + strings.Repeat("é", 20_000) + `"}`
	for limit, omits := range map[int]string{
		95_000: "the bodies of requests", 30_000: "the ends of long texts", 700: "the conversation", 50: "everything",
	} {
		p := modeltest.New(t, modeltest.Text(strings.Repeat("long ", 2000)))
		r := do(t, newAgent(t, p, agents.Config{MaxExchange: limit}), attempt(input))
		x := exchangeOf(t, r)
		if !strings.Contains(x.Omitted, omits) || len(r.Exchange) > max(limit, 200) {
			t.Errorf("%d bytes of %d, omitted %q, want %q", len(r.Exchange), limit, x.Omitted, omits)
		}
		if !json.Valid(r.Exchange) || len(r.Output) < 9000 {
			t.Errorf("limit %d: output of %d bytes", limit, len(r.Output))
		}
	}
}

func TestExchangeCanBeSwitchedOff(t *testing.T) {
	r := do(t, newAgent(t, modeltest.New(t, modeltest.Text("x")), agents.Config{NoExchange: true}), attempt(`{}`))
	if r.Exchange != nil || len(r.Models) != 1 {
		t.Errorf("exchange %s, models %v", r.Exchange, r.Models)
	}
}

func TestStateSurvivesABoundedExchange(t *testing.T) {
	p := modeltest.New(t, modeltest.Calls(modeltest.Call{ID: "c", Name: "person", Arguments: `{"question":"` + strings.Repeat("why ", 500) + `?"}`}))
	r := do(t, newAgent(t, p, agents.Config{MaxExchange: 100}), attempt(`{}`))
	if len(r.State) < 2000 || len(r.Exchange) > 200 {
		t.Errorf("state of %d bytes, exchange of %d", len(r.State), len(r.Exchange))
	}
}

func TestModelFromElsewhereIsShownWithoutRawBodies(t *testing.T) {
	m := &fixed{choices: []*llms.ContentChoice{{Content: "x", StopReason: "stop"}}}
	r := do(t, agentOn(t, m, agents.Config{ModelName: "mine"}), attempt(`{}`))
	x := exchangeOf(t, r)
	if len(x.Requests) != 1 || x.Requests[0].Model != "mine" || x.Requests[0].Body != nil || len(x.Messages) != 3 {
		t.Errorf("exchange %s", r.Exchange)
	}
}
