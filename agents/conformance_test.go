package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/anthropic"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/agents/openai"
	"github.com/tuttirun/tutti/coordinator"
)

// backends are the providers that must behave alike below an agent.
var backends = map[string]func(p *modeltest.Server, timeout time.Duration, retries int) (llms.Model, error){
	"openai": func(p *modeltest.Server, timeout time.Duration, retries int) (llms.Model, error) {
		return openai.New(openai.Settings{Model: "test", BaseURL: p.URL(), Timeout: timeout, Retries: retries, Backoff: time.Millisecond})
	},
	"anthropic": func(p *modeltest.Server, timeout time.Duration, retries int) (llms.Model, error) {
		return anthropic.New(anthropic.Settings{Model: "test", BaseURL: p.URL(), Timeout: timeout, Retries: retries, Backoff: time.Millisecond})
	},
}

// bench is an agent on one backend, with the server it talks to.
type bench struct {
	*modeltest.Server
	model llms.Model
}

func (b bench) agent(t *testing.T, cfg agents.Config) *agents.Agent {
	t.Helper()
	return agentOn(t, b.model, cfg)
}

// onEach runs a test on every backend with the same script. Nothing is repeated below the agent.
func onEach(t *testing.T, script []modeltest.Reply, test func(t *testing.T, b bench)) {
	t.Helper()
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, script...)
			m, err := open(p, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			test(t, bench{p, m})
			if got := string(p.Requests()[0].API); got != name {
				t.Errorf("asked in the format of %s", got)
			}
		})
	}
}

func TestEveryProviderGivesText(t *testing.T) {
	onEach(t, []modeltest.Reply{modeltest.Text(" Hallo ").Using(modeltest.Usage{Input: 100, Output: 7, Cached: 40, Written: 0})}, func(t *testing.T, b bench) {
		r := do(t, b.agent(t, agents.Config{Instructions: "Translate.", MaxTokens: 77, Price: agents.Price{Input: 1, Output: 10, Cached: 0.1}}), attempt(`{"text":"hello"}`))
		if string(r.Output) != `"Hallo"` {
			t.Errorf("output %s", r.Output)
		}
		if r.Usage.Input != 100 || r.Usage.Output != 7 || r.Usage.Cached != 40 || !near(r.Usage.Cost, (60+4+70)/1e6) {
			t.Errorf("usage %+v", r.Usage)
		}
		sent := b.Requests()[0]
		if !strings.HasPrefix(sent.System(), "Translate.") || !strings.Contains(sent.Last().Content, `"text":"hello"`) || sent.MaxTokens != 77 || sent.Temperature != nil || sent.Format != nil {
			t.Errorf("sent %s", sent.Body)
		}
	})
}

func TestEveryProviderGivesStructuredAnswers(t *testing.T) {
	onEach(t, []modeltest.Reply{modeltest.JSON(map[string]any{"number": "7", "total": 9.5})}, func(t *testing.T, b bench) {
		r := do(t, b.agent(t, agents.Config{Output: json.RawMessage(invoiceSchema)}), attempt(`{}`))
		if string(r.Output) != `{"number":"7","total":9.5}` {
			t.Errorf("output %s", r.Output)
		}
		if f := b.Requests()[0].Format; f == nil || f.Type != "json_schema" || !strings.Contains(string(f.Schema), `"total"`) {
			t.Errorf("format %+v", f)
		}
	})
}

func TestEveryProviderIsCorrected(t *testing.T) {
	onEach(t, []modeltest.Reply{modeltest.Text("it is 9.50"), modeltest.JSON(map[string]any{"number": "7", "total": 9.5})}, func(t *testing.T, b bench) {
		r := do(t, b.agent(t, agents.Config{Output: json.RawMessage(invoiceSchema)}), attempt(`{}`))
		if r.Note != "valid after 1 repair" || r.Usage.Input != 20 {
			t.Errorf("note %q, usage %+v", r.Note, r.Usage)
		}
		if m := b.Requests()[1].Messages; m[len(m)-2].Content != "it is 9.50" || !strings.Contains(m[len(m)-1].Content, "cannot be used") {
			t.Errorf("the correction: %+v", m)
		}
	})
}

func TestEveryProviderMakesParallelCalls(t *testing.T) {
	script := []modeltest.Reply{
		modeltest.Calls(modeltest.Call{ID: "c1", Name: "mail_send", Arguments: `{"to":"a@example.com","n":12345678901234567}`}, modeltest.Call{ID: "c2", Name: "ledger", Arguments: `{}`}).Saying("Two things first."),
		modeltest.Text("done"),
	}
	onEach(t, script, func(t *testing.T, b bench) {
		a := b.agent(t, agents.Config{Calls: []string{"mail.send", "ledger"}, Cards: cards(coordinator.Card{
			Name: "mail.send", Description: "Sends mail.", Input: json.RawMessage(`{"type":"object","properties":{"to":{"type":"string"}},"required":["to"]}`)})})
		at := attempt(`{"goal":"x"}`)
		r := do(t, a, at)
		want := []coordinator.Call{
			{Use: "mail.send", Input: json.RawMessage(`{"to":"a@example.com","n":12345678901234567}`), ID: "c1"},
			{Use: "ledger", Input: json.RawMessage(`{}`), ID: "c2"},
		}
		if !equalJSON(t, r.Calls, want) {
			t.Fatalf("calls %+v", r.Calls)
		}
		r = do(t, a, next(at, r,
			coordinator.Outcome{Output: json.RawMessage(`{"id":"m1"}`), Label: coordinator.Trusted},
			coordinator.Outcome{Error: "ledger is closed", Label: coordinator.Trusted}))
		if string(r.Output) != `"done"` {
			t.Errorf("output %s", r.Output)
		}
		tools := b.Requests()[0].Tools
		if tools[0].Name != "mail_send" || tools[0].Description != "Sends mail." || !strings.Contains(string(tools[0].Parameters), `"required":["to"]`) || tools[2].Name != coordinator.Person {
			t.Errorf("tools %+v", tools)
		}
		m := b.Requests()[1].Messages
		if m[2].Content != "Two things first." || len(m[2].Calls) != 2 || m[2].Calls[0].ID != "c1" || !strings.Contains(m[2].Calls[0].Arguments, "12345678901234567") {
			t.Errorf("assistant %+v", m[2])
		}
		if m[3].CallID != "c1" || m[3].Content != `{"id":"m1"}` || m[4].CallID != "c2" || !strings.Contains(m[4].Content, "failed: ledger is closed") {
			t.Errorf("results %+v", m[3:])
		}
	})
}

func TestEveryProvidersFaultsMeanTheSame(t *testing.T) {
	for name, tt := range map[string]struct {
		reply     modeltest.Reply
		says      string
		permanent bool
		after     time.Duration
	}{
		"rate limited":     {modeltest.RateLimited(90 * time.Second), "HTTP 429", false, 90 * time.Second},
		"overloaded":       {modeltest.Overloaded(), "HTTP 529 (overloaded_error): Overloaded", false, 0},
		"server error":     {modeltest.Error(500, "server_error", "Oops."), "HTTP 500", false, 0},
		"bad request":      {modeltest.Error(400, "invalid_request_error", "Too long."), "HTTP 400 (invalid_request_error): Too long.", true, 0},
		"bad key":          {modeltest.Error(401, "invalid_api_key", "Wrong key."), "Wrong key.", true, 0},
		"no permission":    {modeltest.Error(403, "", "Not you."), "HTTP 403", true, 0},
		"no such model":    {modeltest.Error(404, "", "No such model."), "HTTP 404", true, 0},
		"connection cut":   {modeltest.Cut(), "EOF", false, 0},
		"truncated body":   {modeltest.Truncated(modeltest.Text("a long enough answer")), "EOF", false, 0},
		"garbage":          {modeltest.Garbage(), "<html>", false, 0},
		"no finish reason": {modeltest.Text("half an ans").Finish(""), "broke off", false, 0},
		"token limit":      {modeltest.Length("half an ans"), "cut off at max_tokens (4096): raise max_tokens", true, 0},
		"refusal":          {modeltest.Refusal("I can't help with that."), "I can't help with that.", true, 0},
		"error with 200":   {modeltest.Raw(`{"type":"error","error":{"type":"overloaded_error","message":"slow down"}}`), "slow down", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, []modeltest.Reply{tt.reply}, func(t *testing.T, b bench) {
				r, err := b.agent(t, agents.Config{}).Do(t.Context(), attempt(`{}`))
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want %q in it", err, tt.says)
				}
				if f := coordinator.FailureOf(err); !f.NotDone || f.Permanent != tt.permanent || f.After != tt.after {
					t.Errorf("failure %+v of %v", f, err)
				}
				if x := exchangeOf(t, r); len(x.Requests) != 1 || len(x.Requests[0].Body) == 0 {
					t.Errorf("exchange beside the error: %s", r.Exchange)
				}
			})
		})
	}
}

func TestEveryProvidersRefusalIsCounted(t *testing.T) {
	refusal := modeltest.Refusal("No.").Using(modeltest.Usage{Input: 30, Output: 2, Cached: 10})
	onEach(t, []modeltest.Reply{refusal}, func(t *testing.T, b bench) {
		r, err := b.agent(t, agents.Config{Price: agents.Price{Input: 1e6}}).Do(t.Context(), attempt(`{}`))
		if err == nil || r.Usage.Input != 30 || r.Usage.Cached != 10 || r.Usage.Output != 2 || r.Usage.Cost != 30 {
			t.Errorf("usage %+v beside %v", r.Usage, err)
		}
	})
}

func TestEveryProviderRidesOutPassingFailures(t *testing.T) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, modeltest.RateLimited(time.Millisecond), modeltest.Overloaded(), modeltest.Cut(), modeltest.Truncated(modeltest.Text("hello there")), modeltest.Text("ok"))
			m, err := open(p, 0, 4)
			if err != nil {
				t.Fatal(err)
			}
			r := do(t, agentOn(t, m, agents.Config{}), attempt(`{}`))
			if x := exchangeOf(t, r); string(r.Output) != `"ok"` || x.Requests[0].Tries != 5 {
				t.Errorf("output %s after %d tries", r.Output, x.Requests[0].Tries)
			}
		})
	}
}

func TestEveryProviderIsGivenUpInTime(t *testing.T) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			m, err := open(modeltest.New(t, modeltest.Hang()), 10*time.Millisecond, -1)
			if err != nil {
				t.Fatal(err)
			}
			_, err = agentOn(t, m, agents.Config{}).Do(t.Context(), attempt(`{}`))
			if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent || !strings.Contains(err.Error(), "no answer within 10ms") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestEveryProviderCanBeCancelled(t *testing.T) {
	onEach(t, []modeltest.Reply{modeltest.Hang()}, func(t *testing.T, b bench) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { b.Arrived(1); cancel() }()
		if _, err := b.agent(t, agents.Config{}).Do(ctx, attempt(`{}`)); !errors.Is(err, context.Canceled) || !coordinator.FailureOf(err).NotDone {
			t.Errorf("error %v", err)
		}
	})
}

func TestNoProvidersKeyIsShownAnywhere(t *testing.T) {
	const key = "sk-canary-1234567890"
	echo := modeltest.Error(http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+key+".")
	for name, open := range map[string]func(p *modeltest.Server) (llms.Model, error){
		"openai": func(p *modeltest.Server) (llms.Model, error) {
			return openai.New(openai.Settings{Model: "test", BaseURL: p.URL(), APIKey: key})
		},
		"anthropic": func(p *modeltest.Server) (llms.Model, error) {
			return anthropic.New(anthropic.Settings{Model: "test", BaseURL: p.URL(), APIKey: key})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, echo)
			m, err := open(p)
			if err != nil {
				t.Fatal(err)
			}
			r, err := agentOn(t, m, agents.Config{}).Do(t.Context(), attempt(`{}`))
			if err == nil || strings.Contains(err.Error(), key) || strings.Contains(string(r.Exchange), key) {
				t.Errorf("error %v, exchange %s", err, r.Exchange)
			}
			sent := p.Requests()[0].Header
			if got := []string{sent.Get("Authorization"), sent.Get("X-Api-Key")}; !slices.Contains(got, "Bearer "+key) && !slices.Contains(got, key) {
				t.Errorf("the key was not sent: %q", got)
			}
		})
	}
}
