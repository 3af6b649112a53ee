package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

// fixed is a model that always says the same; it shows what an llms.Model from elsewhere can bring along.
type fixed struct {
	choices []*llms.ContentChoice
	err     error
	schema  json.RawMessage // the schema of the last request
}

func (m *fixed) Call(context.Context, string, ...llms.CallOption) (string, error) {
	return "", errors.New("not used")
}

func (m *fixed) GenerateContent(ctx context.Context, _ []llms.MessageContent, _ ...llms.CallOption) (*llms.ContentResponse, error) {
	m.schema = agents.SchemaFrom(ctx)
	return &llms.ContentResponse{Choices: m.choices}, m.err
}

func agentOn(t *testing.T, m llms.Model, cfg agents.Config) *agents.Agent {
	t.Helper()
	cfg.Name, cfg.Model = "clerk", m
	a, err := agents.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMeasuredConfidenceAndUsageOfAModelAreKept(t *testing.T) {
	m := &fixed{choices: []*llms.ContentChoice{{Content: `{"number":"7","total":1}`, StopReason: "stop", GenerationInfo: map[string]any{
		agents.InfoConfidence: &coordinator.Confidence{Score: 0.8, Signals: []coordinator.Signal{{Name: "coverage", Field: "total", Score: 0.8}}, Veto: "sums differ"},
		agents.InfoUsage:      coordinator.Usage{Input: 3, Output: 4},
	}}}}
	r := do(t, agentOn(t, m, agents.Config{Output: json.RawMessage(invoiceSchema), Price: agents.Price{Output: 1e6}}), attempt(`{}`))
	if c := r.Confidence; c.Score != 0.8 || c.Veto != "sums differ" || len(c.Signals) != 3 || c.Signals[0].Field != "total" {
		t.Errorf("confidence %+v", r.Confidence)
	}
	if r.Usage != (coordinator.Usage{Input: 3, Output: 4, Cost: 4}) {
		t.Errorf("usage %+v", r.Usage)
	}
	if string(m.schema) != invoiceSchema {
		t.Errorf("the model was asked for %s", m.schema)
	}
}

func TestUsageIsReadFromEachProvidersKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		info map[string]any
		want coordinator.Usage
	}{
		"openai":    {map[string]any{"PromptTokens": 10, "CompletionTokens": 2, "PromptCachedTokens": 4}, coordinator.Usage{Input: 10, Output: 2, Cached: 4}},
		"anthropic": {map[string]any{"InputTokens": 3, "OutputTokens": 2, "CacheReadInputTokens": 4, "CacheCreationInputTokens": 5}, coordinator.Usage{Input: 12, Output: 2, Cached: 4}},
		"google":    {map[string]any{"input_tokens": int32(10), "output_tokens": float64(2)}, coordinator.Usage{Input: 10, Output: 2}},
		"silent":    {nil, coordinator.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &fixed{choices: []*llms.ContentChoice{{Content: "x", StopReason: "stop", GenerationInfo: tt.info}}}
			if r := do(t, agentOn(t, m, agents.Config{}), attempt(`{}`)); r.Usage != tt.want {
				t.Errorf("usage %+v, want %+v", r.Usage, tt.want)
			}
		})
	}
}

func TestAnswerSpreadOverChoicesIsMerged(t *testing.T) {
	m := &fixed{choices: []*llms.ContentChoice{
		{Content: "Looking it up.", StopReason: "tool_use"},
		{StopReason: "tool_use", ToolCalls: []llms.ToolCall{{ID: "a", FunctionCall: &llms.FunctionCall{Name: "x", Arguments: "{}"}}}},
		{StopReason: "tool_use", ToolCalls: []llms.ToolCall{{ID: "a", FunctionCall: &llms.FunctionCall{Name: "y", Arguments: "{}"}}}},
	}}
	r := do(t, agentOn(t, m, agents.Config{Calls: []string{"x", "y"}}), attempt(`{}`))
	if len(r.Calls) != 2 || r.Calls[0].ID != "a" || r.Calls[1].ID == "a" || r.Calls[1].ID == "" {
		t.Errorf("calls need distinct ids: %+v", r.Calls)
	}
}

func TestOlderFormOfACallIsUnderstood(t *testing.T) {
	m := &fixed{choices: []*llms.ContentChoice{{StopReason: "function_call", FuncCall: &llms.FunctionCall{Name: "x", Arguments: `{"a":1}`}}}}
	r := do(t, agentOn(t, m, agents.Config{Calls: []string{"x"}}), attempt(`{}`))
	if len(r.Calls) != 1 || r.Calls[0].Use != "x" || r.Calls[0].ID == "" {
		t.Errorf("calls %+v", r.Calls)
	}
}

func TestEveryProviderFaultIsClassified(t *testing.T) {
	for name, tt := range map[string]struct {
		reply     modeltest.Reply
		says      string
		permanent bool
		after     time.Duration
	}{
		"rate limited":         {modeltest.RateLimited(90 * time.Second), "HTTP 429 (rate_limit_exceeded)", false, 90 * time.Second},
		"out of quota":         {modeltest.Error(429, "insufficient_quota", "Pay."), "insufficient_quota", true, 0},
		"server error":         {modeltest.Error(500, "server_error", "Oops."), "HTTP 500", false, 0},
		"overloaded":           {modeltest.Error(503, "overloaded", ""), "HTTP 503", false, 0},
		"bad key":              {modeltest.Error(401, "invalid_api_key", "Incorrect API key."), "Incorrect API key.", true, 0},
		"context too long":     {modeltest.Error(400, "context_length_exceeded", "Too long."), "context_length_exceeded", true, 0},
		"connection cut":       {modeltest.Cut(), "EOF", false, 0},
		"truncated body":       {modeltest.Truncated(modeltest.Text("a long enough answer")), "EOF", false, 0},
		"garbage":              {modeltest.Garbage(), "not a chat completion: <html>", false, 0},
		"no choices":           {modeltest.NoChoices(), "no choice", false, 0},
		"null choice":          {modeltest.Raw(`{"choices":[null]}`), "no choice", false, 0},
		"no finish reason":     {modeltest.Text("half an ans").Finish(""), "broke off", false, 0},
		"token limit":          {modeltest.Length("half an ans"), "cut off at max_tokens (4096): raise max_tokens", true, 0},
		"content filter":       {modeltest.Text("x").Finish("content_filter"), "held the answer back", true, 0},
		"refusal":              {modeltest.Refusal("I can't help with that."), "I can't help with that.", true, 0},
		"error with HTTP 200":  {modeltest.Raw(`{"error":{"message":"slow down","code":429}}`), "HTTP 429: slow down", false, 0},
		"function call absent": {modeltest.Text("").Finish("function_call"), "function_call", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, tt.reply)
			_, err := newAgent(t, p, agents.Config{}).Do(t.Context(), attempt(`{}`))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v, want %q in it", err, tt.says)
			}
			if f := coordinator.FailureOf(err); !f.NotDone || f.Permanent != tt.permanent || f.After != tt.after {
				t.Errorf("failure %+v of %v", f, err)
			}
		})
	}
}

func TestErrorsOfOtherProvidersAreClassified(t *testing.T) {
	for code, permanent := range map[llms.ErrorCode]bool{
		llms.ErrCodeAuthentication: true, llms.ErrCodeTokenLimit: true,
		llms.ErrCodeRateLimit: false, llms.ErrCodeProviderUnavailable: false,
	} {
		_, err := agentOn(t, &fixed{err: llms.NewError(code, "other", "no")}, agents.Config{}).Do(t.Context(), attempt(`{}`))
		if f := coordinator.FailureOf(err); !f.NotDone || f.Permanent != permanent {
			t.Errorf("%s: %+v", code, f)
		}
	}
}

func TestContextsErrorIsFoundWhereTheModelLostIt(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err := agentOn(t, &fixed{err: errors.New("request timeout")}, agents.Config{}).Do(ctx, attempt(`{}`))
	if !errors.Is(err, context.DeadlineExceeded) || !coordinator.FailureOf(err).NotDone {
		t.Errorf("error %v", err)
	}
}

func TestMarkOfAModelsOwnErrorIsKept(t *testing.T) {
	m := &fixed{err: coordinator.RetryAfter(errors.New("later"), time.Minute)}
	_, err := agentOn(t, m, agents.Config{}).Do(t.Context(), attempt(`{}`))
	if f := coordinator.FailureOf(err); f.After != time.Minute {
		t.Errorf("failure %+v", f)
	}
}

func TestEmptyAnswerIsAskedForAgain(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(""), modeltest.Text("something"))
	if r := do(t, newAgent(t, p, agents.Config{}), attempt(`{}`)); string(r.Output) != `"something"` {
		t.Errorf("output %s", r.Output)
	}
}
