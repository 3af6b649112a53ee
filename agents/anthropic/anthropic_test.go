package anthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/anthropic"
	"github.com/tuttirun/tutti/agents/modeltest"
)

func open(t *testing.T, p *modeltest.Server, s anthropic.Settings) llms.Model {
	t.Helper()
	if s.Model == "" {
		s.Model = "claude-test"
	}
	s.BaseURL = p.URL()
	m, err := anthropic.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var hello = []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "Hello.")}

func ask(t *testing.T, m llms.Model, options ...llms.CallOption) *llms.ContentChoice {
	t.Helper()
	r, err := m.GenerateContent(t.Context(), hello, options...)
	if err != nil {
		t.Fatal(err)
	}
	return r.Choices[0]
}

func tools(names ...string) []llms.Tool {
	var out []llms.Tool
	for _, n := range names {
		out = append(out, llms.Tool{Type: "function", Function: &llms.FunctionDefinition{Name: n}})
	}
	return out
}

// sent is what the tests look at in a request.
type sent struct {
	MaxTokens int              `json:"max_tokens"`
	Thinking  json.RawMessage  `json:"thinking"`
	Choice    json.RawMessage  `json:"tool_choice"`
	System    []map[string]any `json:"system"`
	Messages  []struct {
		Role    string           `json:"role"`
		Content []map[string]any `json:"content"`
	} `json:"messages"`
	OutputConfig struct {
		Effort string         `json:"effort"`
		Format map[string]any `json:"format"`
	} `json:"output_config"`
}

func body(t *testing.T, p *modeltest.Server, i int) sent {
	t.Helper()
	var s sent
	if err := json.Unmarshal(p.Requests()[i].Body, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUsageTellsCachedTokensApart(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x").Using(modeltest.Usage{Input: 100, Output: 7, Cached: 60, Written: 30}))
	info := ask(t, open(t, p, anthropic.Settings{})).GenerationInfo
	u := agents.UsageOf(info, agents.Price{Input: 1, Output: 10, Cached: 0.1, Written: 1.25})
	want := (10*1 + 60*0.1 + 30*1.25 + 7*10) / 1e6
	if u.Input != 100 || u.Cached != 60 || u.Output != 7 || u.Cost-want > 1e-12 || want-u.Cost > 1e-12 {
		t.Errorf("usage %+v, want a cost of %v", u, want)
	}
	if info[agents.InfoModel] != "anthropic/claude-test" {
		t.Errorf("model %v", info[agents.InfoModel])
	}
}

func TestToolChoiceIsTranslated(t *testing.T) {
	for want, choice := range map[string]any{
		"":                            nil,
		`{"type":"auto"}`:             "auto",
		`{"type":"none"}`:             llms.ToolChoice{Type: "none"},
		`{"type":"any"}`:              "required",
		`{"name":"b","type":"tool"}`:  llms.ToolChoice{Type: "function", Function: &llms.FunctionReference{Name: "b"}},
		`{"name":"a","type":"tool"} `: &llms.ToolChoice{Type: "function", Function: &llms.FunctionReference{Name: "a"}},
	} {
		p := modeltest.New(t, modeltest.Text("x"))
		ask(t, open(t, p, anthropic.Settings{}), llms.WithTools(tools("a", "b")), llms.WithToolChoice(choice))
		var got, wanted any
		_ = json.Unmarshal(body(t, p, 0).Choice, &got)
		_ = json.Unmarshal([]byte(want), &wanted)
		if a, b := asText(t, got), asText(t, wanted); a != b {
			t.Errorf("tool_choice %s, want %s", a, b)
		}
	}
	_, err := open(t, modeltest.New(t), anthropic.Settings{}).GenerateContent(t.Context(), hello, llms.WithToolChoice("sometimes"))
	if failed := (*agents.ProviderError)(nil); !errors.As(err, &failed) || failed.Passing() || !strings.Contains(err.Error(), "sometimes") {
		t.Errorf("error %v", err)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var backAndForth = []llms.MessageContent{
	llms.TextParts(llms.ChatMessageTypeSystem, "Be brief."),
	llms.TextParts(llms.ChatMessageTypeHuman, "Look it up."),
	{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{
		llms.ToolCall{ID: "call.1", FunctionCall: &llms.FunctionCall{Name: "a", Arguments: `{"x":1}`}},
		llms.ToolCall{ID: "2", FunctionCall: &llms.FunctionCall{Name: "b", Arguments: `nonsense`}},
	}},
	{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "call.1", Content: "one"}}},
	{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{ToolCallID: "2"}}},
	llms.TextParts(llms.ChatMessageTypeHuman, "Hurry."),
}

func TestConversationOfAnotherProviderIsMadeFit(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"))
	if _, err := open(t, p, anthropic.Settings{}).GenerateContent(t.Context(), backAndForth, llms.WithTools(tools("a", "b"))); err != nil {
		t.Fatal(err)
	}
	b := body(t, p, 0)
	if len(b.Messages) != 3 || b.System[0]["text"] != "Be brief." {
		t.Fatalf("sent %s", p.Requests()[0].Body)
	}
	calls, answer := b.Messages[1].Content, b.Messages[2].Content
	if calls[0]["id"] != "call_1" || asText(t, calls[0]["input"]) != `{"x":1}` || asText(t, calls[1]["input"]) != `{"unreadable":"nonsense"}` {
		t.Errorf("calls %v", calls)
	}
	if len(answer) != 3 || answer[0]["tool_use_id"] != "call_1" || answer[1]["content"] != nil || answer[2]["text"] != "Hurry." {
		t.Errorf("answer %v", answer)
	}
}

func TestPromptIsMarkedForTheCache(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"), modeltest.Text("x"))
	for _, s := range []anthropic.Settings{{}, {NoCache: true}} {
		if _, err := open(t, p, s).GenerateContent(t.Context(), backAndForth, llms.WithTools(tools("a", "b"))); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, open(t, p, anthropic.Settings{}))
	for i, want := range []string{"system.0 tools[1] messages.2.2", "", ""} {
		if got := strings.Join(p.Requests()[i].CacheMarks, " "); got != want {
			t.Errorf("request %d: marks at %q, want %q", i, got, want)
		}
	}
}

func TestThinkingIsAskedForAsSet(t *testing.T) {
	for set, want := range map[anthropic.Thinking]string{
		"": "", "4096": `{"budget_tokens":4096,"type":"enabled"}`, "adaptive": `{"type":"adaptive"}`, "disabled": `{"type":"disabled"}`,
	} {
		p := modeltest.New(t, modeltest.Text("x").Thinking("hm"))
		c := ask(t, open(t, p, anthropic.Settings{Thinking: set, Effort: "low"}), llms.WithMaxTokens(100))
		b := body(t, p, 0)
		if string(b.Thinking) != want || b.OutputConfig.Effort != "low" || c.Content != "x" || c.ReasoningContent != "hm" {
			t.Errorf("thinking %q sent as %s: %+v", set, b.Thinking, c)
		}
		if limit := b.MaxTokens; limit != 100 && set != "4096" || set == "4096" && limit != 4196 {
			t.Errorf("thinking %q: max_tokens %d", set, limit)
		}
	}
}

func TestWhatDoesNotGoWithThinkingIsSaidBeforeAsking(t *testing.T) {
	m := open(t, modeltest.New(t), anthropic.Settings{Thinking: "2000"})
	for says, option := range map[string]llms.CallOption{"temperature": llms.WithTemperature(0), "forced tool": llms.WithToolChoice("any")} {
		_, err := m.GenerateContent(t.Context(), hello, option)
		if failed := (*agents.ProviderError)(nil); !errors.As(err, &failed) || failed.Passing() || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestThinkingReadsNumbersAndWords(t *testing.T) {
	for text, want := range map[string]anthropic.Thinking{"4096": "4096", `"4096"`: "4096", `"adaptive"`: "adaptive"} {
		var got anthropic.Thinking
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"12", "-4096", "true", `"hard"`, "1.5e9"} {
		var got anthropic.Thinking
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}

func TestThinkingStopsAtCallsOfAnotherModel(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"))
	m := open(t, p, anthropic.Settings{Thinking: "2000"})
	for _, messages := range [][]llms.MessageContent{backAndForth[:5], backAndForth} {
		if _, err := m.GenerateContent(t.Context(), messages); err != nil {
			t.Fatal(err)
		}
	}
	if during, after := body(t, p, 0).Thinking, body(t, p, 1).Thinking; during != nil || after == nil {
		t.Errorf("during the calls %s, after them %s", during, after)
	}
}

func TestMaxTokensComesFromTheSettingsWhereNobodySays(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"), modeltest.Text("x"))
	ask(t, open(t, p, anthropic.Settings{}))
	ask(t, open(t, p, anthropic.Settings{MaxTokens: 120_000}), llms.WithTemperature(0.25), llms.WithStopWords([]string{"END"}))
	ask(t, open(t, p, anthropic.Settings{MaxTokens: 9}), llms.WithMaxTokens(7))
	for i, want := range []int{anthropic.DefaultMaxTokens, 120_000, 7} {
		if got := p.Requests()[i].MaxTokens; got != want {
			t.Errorf("max_tokens %d, want %d", got, want)
		}
	}
	if second := p.Requests()[1]; *second.Temperature != 0.25 || !strings.Contains(string(second.Body), `"stop_sequences":["END"]`) {
		t.Errorf("sent %s", second.Body)
	}
}

func TestFormatFollowsTheSchema(t *testing.T) {
	for name, tt := range map[string]struct {
		schema string
		format anthropic.Format
		want   string // the schema that is sent; "": none
	}{
		"closed, unknown keywords left out": {`{"type":"object","title":"T","properties":{"a":{"type":"string","minLength":3,"format":"date"},"n":{"type":["integer","null"],"minimum":1}},"required":["a"]}`, "",
			`{"additionalProperties":false,"properties":{"a":{"format":"date","type":"string"},"n":{"type":["integer","null"]}},"required":["a"],"title":"T","type":"object"}`},
		"lists and definitions": {`{"type":"object","properties":{"l":{"type":"array","minItems":2,"items":{"$ref":"#/$defs/x"}}},"$defs":{"x":{"oneOf":[{"type":"string"},{"const":null}]}}}`, "",
			`{"$defs":{"x":{"anyOf":[{"type":"string"},{"const":null}]}},"additionalProperties":false,"properties":{"l":{"items":{"$ref":"#/$defs/x"},"type":"array"}},"type":"object"}`},
		"a map":       {`{"type":"object","properties":{"a":{"type":"object","additionalProperties":{"type":"number"}}}}`, "", ""},
		"recursive":   {`{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}}}}}`, "", ""},
		"anything":    {`{"type":"object","properties":{"a":{}}}`, "", ""},
		"all of":      {`{"type":"object","properties":{"a":{"allOf":[{"type":"string"}]}}}`, "", ""},
		"a list":      {`{"type":"array","items":{"type":"string"}}`, "", ""},
		"too many":    {`{"type":"object","properties":{` + optional(25) + `}}`, "", ""},
		"not wanted":  {`{"type":"object","properties":{"a":{"type":"string"}}}`, anthropic.FormatNone, ""},
		"no elements": {`{"type":"object","properties":{"a":{"type":"array"}}}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, modeltest.Text(`{}`))
			ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(tt.schema))
			if _, err := open(t, p, anthropic.Settings{Format: tt.format}).GenerateContent(ctx, hello); err != nil {
				t.Fatal(err)
			}
			got := ""
			if f := body(t, p, 0).OutputConfig.Format; f != nil {
				got = asText(t, f["schema"])
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func optional(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, `"p`+strings.Repeat("x", i)+`":{"type":"string"}`)
	}
	return strings.Join(parts, ",")
}

func TestEnvironmentIsReadForTheKeyOnly(t *testing.T) {
	for name, value := range map[string]string{
		"ANTHROPIC_API_KEY": "env-key-123", "ANTHROPIC_AUTH_TOKEN": "env-token", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
		"ANTHROPIC_CUSTOM_HEADERS": "X-Spy: yes", "OTHER_KEY": "other-key-123",
	} {
		t.Setenv(name, value)
	}
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"), modeltest.Text("x"))
	for _, s := range []anthropic.Settings{{}, {APIKeyEnv: "OTHER_KEY"}, {APIKey: "given-key-123", APIKeyEnv: "OTHER_KEY"}} {
		ask(t, open(t, p, s))
	}
	for i, want := range []string{"", "other-key-123", "given-key-123"} {
		h := p.Requests()[i].Header
		if h.Get("X-Api-Key") != want || h.Get("Authorization") != "" || h.Get("X-Spy") != "" || h.Get("Traceparent") != "" {
			t.Errorf("request %d: headers %v", i, h)
		}
	}
	t.Setenv("ANTHROPIC_API_KEY", "")
	if _, err := anthropic.New(anthropic.Settings{Model: "m"}); err == nil || !strings.Contains(err.Error(), "set the environment variable ANTHROPIC_API_KEY") {
		t.Errorf("error %v", err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for says, s := range map[string]anthropic.Settings{
		"model is empty": {APIKey: "k"},
		"base_url":       {Model: "m", APIKey: "k", BaseURL: "localhost:80"},
		"max_tokens":     {Model: "m", APIKey: "k", MaxTokens: -1},
		"max_body":       {Model: "m", APIKey: "k", MaxBody: -1},
		"format":         {Model: "m", APIKey: "k", Format: "json_object"},
		`thinking "100": want a number of tokens, at least 1024`: {Model: "m", APIKey: "k", Thinking: "100"},
	} {
		if _, err := anthropic.New(s); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "%") {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestStreamingFunctionGetsTheWholeAnswer(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("all of it"))
	var got []string
	ask(t, open(t, p, anthropic.Settings{}), llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
		got = append(got, string(chunk))
		return nil
	}))
	if !slices.Equal(got, []string{"all of it"}) || p.Requests()[0].Stream {
		t.Errorf("got %q", got)
	}
}

func TestBodyIsBounded(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(strings.Repeat("x", 2000)))
	_, err := open(t, p, anthropic.Settings{MaxBody: 1000, Timeout: time.Minute}).GenerateContent(t.Context(), hello)
	if err == nil || !strings.Contains(err.Error(), "longer than 1000 bytes") {
		t.Errorf("error %v", err)
	}
}

// The fixture is written after the API's reference, with every block and field that a plain answer may hold.
func TestAnswerOfTheReferenceIsRead(t *testing.T) {
	raw, err := os.ReadFile("testdata/message.json")
	if err != nil {
		t.Fatal(err)
	}
	p := modeltest.New(t, modeltest.Raw(string(raw)))
	c := ask(t, open(t, p, anthropic.Settings{}))
	if c.Content != "I'll check the weather in both cities." || c.StopReason != "tool_use" || len(c.ToolCalls) != 2 {
		t.Fatalf("choice %+v", c)
	}
	if call := c.ToolCalls[1]; call.ID != "toolu_01T1x1fJ34qAmk2tNTrN7Up7" || call.FunctionCall.Name != "get_weather" || call.FunctionCall.Arguments != `{"city":"Oslo"}` {
		t.Errorf("call %+v", call.FunctionCall)
	}
	if u := agents.UsageOf(c.GenerationInfo, agents.Price{}); u.Input != 2095+1024+512 || u.Cached != 1024 || u.Output != 503 {
		t.Errorf("usage %+v", u)
	}
	own, _ := c.GenerationInfo[agents.InfoOwn].(*agents.Own)
	if own == nil || own.Provider != "anthropic" || !strings.Contains(string(own.Content), `"signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds"`) || !strings.Contains(string(own.Content), `"type":"redacted_thinking"`) {
		t.Errorf("own %+v", own)
	}
}
