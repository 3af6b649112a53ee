package models_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

// pair is a workspace of two models at two providers, each the other's fallback.
func pair(t *testing.T, first, second *modeltest.Server, prices models.Prices) llms.Model {
	t.Helper()
	m, err := models.Resolve("main", func(name string) (models.Definition, error) {
		switch name {
		case "main":
			return models.Definition{Use: "anthropic/claude-x", Settings: models.Settings{BaseURL: first.URL(), Retries: -1, Timeout: time.Second, Thinking: "2048", Fallback: []string{"spare"}}}, nil
		case "spare":
			return models.Definition{Use: "openai/gpt-x", Settings: models.Settings{BaseURL: second.URL(), Retries: -1, Fallback: []string{"main"}}}, nil
		}
		return models.Definition{}, errors.New("no model " + name)
	}, prices)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func agentOn(t *testing.T, m llms.Model) *agents.Agent {
	t.Helper()
	a, err := agents.New(agents.Config{Name: "clerk", Model: m, Calls: []string{"look"}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var attempt = coordinator.Attempt{Run: "r", Path: "p", Turn: 1, Generation: 1, Input: json.RawMessage(`{"a":1}`), Label: coordinator.Trusted}

func TestFallbackAnswersWhileTheProviderIsOutOfOrder(t *testing.T) {
	for name, trouble := range map[string]modeltest.Reply{
		"rate limit": modeltest.RateLimited(time.Hour), "quota": modeltest.Error(429, "insufficient_quota", "Pay."),
		"overloaded": modeltest.Overloaded(), "server error": modeltest.Error(500, "", "Oops."), "unavailable": modeltest.Error(503, "", ""),
		"connection": modeltest.Cut(), "broken off": modeltest.Truncated(modeltest.Text("a long enough answer")), "garbage": modeltest.Garbage(),
	} {
		t.Run(name, func(t *testing.T) {
			first, second := modeltest.New(t, trouble), modeltest.New(t, modeltest.Text("from the spare"))
			prices := models.Prices{"anthropic/*": {Input: 3}, "openai/gpt-x": {Input: 1, Output: 2}}
			r, err := agentOn(t, pair(t, first, second, prices)).Do(t.Context(), attempt)
			if err != nil || string(r.Output) != `"from the spare"` {
				t.Fatalf("%s, %v", r.Output, err)
			}
			if len(r.Models) != 1 || r.Models["openai/gpt-x"] != (coordinator.Usage{Input: 10, Output: 5, Cost: 20e-6}) || r.Note != "" {
				t.Errorf("models %+v, note %q", r.Models, r.Note)
			}
			var x agents.Exchange
			if err := json.Unmarshal(r.Exchange, &x); err != nil || len(x.Requests) != 2 || x.Requests[0].Model != "anthropic/claude-x" || x.Requests[0].Error == "" || len(x.Requests[1].Reply) == 0 {
				t.Errorf("exchange %s, %v", r.Exchange, err)
			}
		})
	}
}

func TestFallbackIsForProvidersOnly(t *testing.T) {
	for name, reply := range map[string]modeltest.Reply{
		"refusal": modeltest.Refusal("No."), "bad request": modeltest.Error(400, "", "Too long."), "bad key": modeltest.Error(401, "", "Who?"),
		"forbidden": modeltest.Error(403, "", ""), "unknown model": modeltest.Error(404, "", ""), "cut off": modeltest.Length("half"),
	} {
		t.Run(name, func(t *testing.T) {
			second := modeltest.New(t)
			r, err := agentOn(t, pair(t, modeltest.New(t, reply), second, nil)).Do(t.Context(), attempt)
			if err == nil || !coordinator.FailureOf(err).Permanent || len(second.Requests()) != 0 {
				t.Errorf("%s, %v; the spare got %d requests", r.Output, err, len(second.Requests()))
			}
		})
	}
}

func TestTimeoutOfTheFirstLeavesTimeForTheSecond(t *testing.T) {
	first, second := modeltest.New(t, modeltest.Hang()), modeltest.New(t, modeltest.Text("in time"))
	a, err := models.Open("openai/a", models.Settings{BaseURL: first.URL(), Timeout: 10 * time.Millisecond, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	b, err := models.Open("openai/b", models.Settings{BaseURL: second.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := agentOn(t, models.Fallback(a, b)).Do(t.Context(), attempt); err != nil || string(r.Output) != `"in time"` {
		t.Errorf("%s, %v", r.Output, err)
	}
}

func TestEndOfTheAttemptIsNoReasonToAskAnother(t *testing.T) {
	first, second := modeltest.New(t, modeltest.Hang()), modeltest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { first.Arrived(1); cancel() }()
	_, err := agentOn(t, pair(t, first, second, nil)).Do(ctx, attempt)
	if !errors.Is(err, context.Canceled) || len(second.Requests()) != 0 {
		t.Errorf("error %v", err)
	}
}

func TestWhenAllFailTheFirstSaysWhenToTryAgain(t *testing.T) {
	first, second := modeltest.New(t, modeltest.RateLimited(time.Hour)), modeltest.New(t, modeltest.Error(401, "", "Who are you?"))
	r, err := agentOn(t, pair(t, first, second, nil)).Do(t.Context(), attempt)
	if f := coordinator.FailureOf(err); f == nil || f.Permanent || f.After != time.Hour || !strings.Contains(f.Message, "HTTP 429") || !strings.Contains(f.Message, "then openai: HTTP 401: Who are you?") {
		t.Errorf("failure %+v", f)
	}
	if r.Models != nil || r.Usage != (coordinator.Usage{}) {
		t.Errorf("models %+v", r.Models)
	}
}

func TestConversationGoesOnWithTheSpareAndBack(t *testing.T) {
	thinks := modeltest.Calls(modeltest.Call{ID: "c1", Name: "look", Arguments: `{}`}).Thinking("Let me look.")
	first := modeltest.New(t, thinks, modeltest.Overloaded(), modeltest.Text("done"))
	second := modeltest.New(t, modeltest.Calls(modeltest.Call{ID: "c.2", Name: "look", Arguments: `{}`}))
	a := agentOn(t, pair(t, first, second, nil))
	at := attempt
	for range 2 {
		r, err := a.Do(t.Context(), at)
		if err != nil || len(r.Calls) != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		at.Turn++
		at.Turns = append(at.Turns, coordinator.Turn{Calls: r.Calls, State: r.State, Outcomes: []coordinator.Outcome{{Output: json.RawMessage(`1`)}}})
	}
	if r, err := a.Do(t.Context(), at); err != nil || string(r.Output) != `"done"` {
		t.Fatalf("%s, %v", r.Output, err)
	}
	if body := string(second.Requests()[0].Body); strings.Contains(body, "Let me look.") || strings.Contains(body, "signature") {
		t.Errorf("the spare saw the thoughts: %s", body)
	}
	m := first.Requests()[2].Messages
	if len(m[2].Thought) != 1 || len(m[4].Thought) != 0 || m[4].Calls[0].ID != "c_2" || m[5].CallID != "c_2" {
		t.Errorf("back at the first: %+v", m)
	}
}

// plain is a model from elsewhere.
type plain struct{ err error }

func (m plain) Call(context.Context, string, ...llms.CallOption) (string, error) { return "", m.err }

func (m plain) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	if m.err != nil {
		return nil, m.err
	}
	info := map[string]any{"PromptTokens": 3, "CompletionTokens": 4}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: "ok", StopReason: "stop", GenerationInfo: info}}}, nil
}

func TestModelsFromElsewhereFallBackToo(t *testing.T) {
	for _, err := range []error{llms.NewError(llms.ErrCodeRateLimit, "x", ""), llms.NewError(llms.ErrCodeProviderUnavailable, "x", ""), io.ErrUnexpectedEOF} {
		r, err := agentOn(t, models.Fallback(plain{err}, plain{})).Do(t.Context(), attempt)
		if err != nil || r.Models["model 2"].Output != 4 {
			t.Errorf("%+v, %v", r.Models, err)
		}
	}
	for _, err := range []error{llms.NewError(llms.ErrCodeInvalidRequest, "x", ""), errors.New("mine")} {
		if r, got := agentOn(t, models.Fallback(plain{err}, plain{})).Do(t.Context(), attempt); !errors.Is(got, err) {
			t.Errorf("%+v, %v", r, got)
		}
	}
}

func TestFallbacksOfAWorkspaceAreChecked(t *testing.T) {
	for says, fallback := range map[string][]string{
		"a would be asked twice": {"a"}, "b would be asked twice": {"b", "b"}, "no model c": {"c"}, "fallback bad: model nonsense": {"bad"},
	} {
		_, err := models.Resolve("a", func(name string) (models.Definition, error) {
			switch name {
			case "a":
				return models.Definition{Use: "offline", Settings: models.Settings{Fallback: fallback}}, nil
			case "b":
				return models.Definition{Use: "offline"}, nil
			case "bad":
				return models.Definition{Use: "nonsense"}, nil
			}
			return models.Definition{}, errors.New("no model " + name)
		}, nil)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestFallbackAsksEachModelUnderItsOwnName(t *testing.T) {
	first, second := modeltest.New(t, modeltest.Overloaded()), modeltest.New(t, modeltest.Text("from the spare"))
	a, err := agents.New(agents.Config{Name: "clerk", Model: pair(t, first, second, nil), ModelName: "claude-y"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Do(t.Context(), attempt); err != nil {
		t.Fatal(err)
	}
	if one, two := first.Requests()[0].Model, second.Requests()[0].Model; one != "claude-y" || two != "gpt-x" {
		t.Errorf("asked for %q, then for %q", one, two)
	}
}
