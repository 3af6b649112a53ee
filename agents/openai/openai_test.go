package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/agents/openai"
)

func open(t *testing.T, s openai.Settings) llms.Model {
	t.Helper()
	s.Model = "test"
	if s.Backoff == 0 {
		s.Backoff = time.Millisecond
	}
	m, err := openai.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ask sends one question that mentions JSON, as json_object demands.
func ask(ctx context.Context, m llms.Model, options ...llms.CallOption) (*llms.ContentChoice, error) {
	r, err := m.GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "Answer in JSON.")}, options...)
	if err != nil {
		return nil, err
	}
	return r.Choices[0], nil
}

func mustAsk(t *testing.T, ctx context.Context, m llms.Model, options ...llms.CallOption) *llms.ContentChoice { //nolint:revive // t first, as in every test
	t.Helper()
	c, err := ask(ctx, m, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPassingFailuresAreRiddenOut(t *testing.T) {
	p := modeltest.New(t, modeltest.RateLimited(time.Millisecond), modeltest.Cut(), modeltest.Error(503, "", "busy"), modeltest.Truncated(modeltest.Text("hello there")), modeltest.Text("ok"))
	x := &agents.Wire{}
	c := mustAsk(t, agents.ContextWithWire(t.Context(), x), open(t, openai.Settings{BaseURL: p.URL(), Retries: 4}))
	if c.Content != "ok" || x.Tries != 5 {
		t.Errorf("%q after %d tries", c.Content, x.Tries)
	}
	if !strings.Contains(string(x.Request), "Answer in JSON.") || !strings.Contains(string(x.Reply), `"ok"`) {
		t.Errorf("exchange %s → %s", x.Request, x.Reply)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	busy := modeltest.Error(500, "server_error", "busy")
	p := modeltest.New(t, busy, busy, busy)
	_, err := ask(t.Context(), open(t, openai.Settings{BaseURL: p.URL()}))
	var failed *agents.ProviderError
	if !errors.As(err, &failed) || failed.Status != 500 || len(p.Requests()) != 1+openai.DefaultRetries {
		t.Errorf("error %v after %d requests", err, len(p.Requests()))
	}
}

func TestLongRetryAfterIsLeftToTheCoordinator(t *testing.T) {
	p := modeltest.New(t, modeltest.RateLimited(time.Hour))
	_, err := ask(t.Context(), open(t, openai.Settings{BaseURL: p.URL()}))
	var failed *agents.ProviderError
	if !errors.As(err, &failed) || failed.After != time.Hour {
		t.Errorf("error %v", err)
	}
}

func TestRetryNeverOutlivesTheDeadline(t *testing.T) {
	p := modeltest.New(t, modeltest.RateLimited(10*time.Second))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var failed *agents.ProviderError
	if _, err := ask(ctx, open(t, openai.Settings{BaseURL: p.URL()})); !errors.As(err, &failed) || failed.Status != 429 || ctx.Err() != nil {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
}

func TestFaultOfTheRequestIsNotRepeated(t *testing.T) {
	p := modeltest.New(t, modeltest.Error(404, "model_not_found", "No such model."))
	if _, err := ask(t.Context(), open(t, openai.Settings{BaseURL: p.URL()})); err == nil || !strings.Contains(err.Error(), "No such model.") {
		t.Errorf("error %v", err)
	}
}

func TestTimeoutOfOneExchange(t *testing.T) {
	p := modeltest.New(t, modeltest.Hang())
	_, err := ask(t.Context(), open(t, openai.Settings{BaseURL: p.URL(), Timeout: 10 * time.Millisecond}))
	var failed *agents.ProviderError
	if !errors.As(err, &failed) || !failed.Passing() || !strings.Contains(err.Error(), "no answer within 10ms") {
		t.Errorf("error %v", err)
	}
}

func TestContextErrorSurvives(t *testing.T) {
	p := modeltest.New(t, modeltest.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { p.Arrived(1); cancel() }()
	if _, err := ask(ctx, open(t, openai.Settings{BaseURL: p.URL()})); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestBodyIsBounded(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(strings.Repeat("x", 2000)))
	_, err := ask(t.Context(), open(t, openai.Settings{BaseURL: p.URL(), MaxBody: 1000}))
	if err == nil || !strings.Contains(err.Error(), "longer than 1000 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestRedirectIsNotFollowedWithTheKey(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer thief.Close()
	s := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	_, err := ask(t.Context(), open(t, openai.Settings{BaseURL: s.URL, APIKey: "secret"}))
	var failed *agents.ProviderError
	if !errors.As(err, &failed) || failed.Passing() || !strings.Contains(err.Error(), "correct base_url") {
		t.Errorf("error %v", err)
	}
}

func TestKeyGoesOnlyWhereItBelongs(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "openai-secret")
	t.Setenv("OTHER_KEY", "other-secret")
	t.Setenv("OPENAI_ORGANIZATION", "acme")
	p := modeltest.New(t, modeltest.Text("a"), modeltest.Text("b"))
	mustAsk(t, t.Context(), open(t, openai.Settings{BaseURL: p.URL()}))
	mustAsk(t, t.Context(), open(t, openai.Settings{BaseURL: p.URL(), APIKeyEnv: "OTHER_KEY"}))
	sent := p.Requests()
	if got := sent[0].Header.Get("Authorization"); got != "" {
		t.Errorf("another host got %q", got)
	}
	if got := sent[0].Header.Get("OpenAI-Organization"); got != "" {
		t.Errorf("another host got organization %q", got)
	}
	if got := sent[1].Header.Get("Authorization"); got != "Bearer other-secret" {
		t.Errorf("authorization %q", got)
	}
}

func TestMissingKeyNamesTheVariable(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	for _, s := range []openai.Settings{{Model: "m"}, {Model: "m", BaseURL: "http://localhost:1/v1", APIKeyEnv: "OPENAI_API_KEY"}} {
		if _, err := openai.New(s); err == nil || !strings.Contains(err.Error(), "set the environment variable OPENAI_API_KEY") {
			t.Errorf("error %v", err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for says, s := range map[string]openai.Settings{
		"model is empty": {},
		"base_url":       {Model: "m", BaseURL: "localhost:11434"},
		"max_wait":       {Model: "m", BaseURL: "http://localhost/v1", MaxWait: -1},
		"format":         {Model: "m", BaseURL: "http://localhost/v1", Format: "xml"},
	} {
		if _, err := openai.New(s); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %q", err, says)
		}
	}
}

func TestTemperatureIsSentOnlyWhenAskedFor(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("a"), modeltest.Text("b"))
	m := open(t, openai.Settings{BaseURL: p.URL()})
	mustAsk(t, t.Context(), m)
	mustAsk(t, t.Context(), m, llms.WithTemperature(0))
	sent := p.Requests()
	if sent[0].Temperature != nil {
		t.Errorf("temperature %v sent unasked", *sent[0].Temperature)
	}
	if sent[1].Temperature == nil || *sent[1].Temperature != 0 {
		t.Errorf("temperature %v, want 0", sent[1].Temperature)
	}
}

func TestNameOfTheTokenLimitFollowsTheServer(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("a"), modeltest.Text("b"))
	mustAsk(t, t.Context(), open(t, openai.Settings{BaseURL: p.URL()}), llms.WithMaxTokens(7))
	mustAsk(t, t.Context(), open(t, openai.Settings{BaseURL: p.URL(), MaxTokens: "max_completion_tokens"}), llms.WithMaxTokens(7))
	for i, key := range []string{`"max_tokens":7`, `"max_completion_tokens":7`} {
		if body := string(p.Requests()[i].Body); !strings.Contains(body, key) {
			t.Errorf("%s is missing in %s", key, body)
		}
	}
}

func TestStreamingFunctionGetsTheWholeAnswer(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("all of it"))
	var got string
	mustAsk(t, t.Context(), open(t, openai.Settings{BaseURL: p.URL()}), llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
		got += string(chunk)
		return nil
	}))
	if got != "all of it" || p.Requests()[0].Stream {
		t.Errorf("got %q, stream %v", got, p.Requests()[0].Stream)
	}
}

func TestResponseFormatFollowsTheSchema(t *testing.T) {
	const expressible = `{"type":"object","properties":{"a":{"type":"string"}}}`
	for name, tt := range map[string]struct {
		schema string
		format openai.Format
		want   string
	}{
		"strict":       {expressible, "", "json_schema"},
		"map":          {`{"type":"object","additionalProperties":{"type":"number"}}`, "", "json_object"},
		"behind a ref": {`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"b":{"type":"string"}}}}}`, "", "json_object"},
		"list":         {`{"type":"array","items":{"type":"string"}}`, "", ""},
		"less asked":   {expressible, openai.FormatObject, "json_object"},
		"none":         {expressible, openai.FormatNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := modeltest.New(t, modeltest.Text(`{}`))
			ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(tt.schema))
			mustAsk(t, ctx, open(t, openai.Settings{BaseURL: p.URL(), Format: tt.format}))
			got := ""
			if f := p.Requests()[0].Format; f != nil {
				got = f.Type
			}
			if got != tt.want {
				t.Errorf("response_format %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNullsOfStrictModeAreTakenOutAgain(t *testing.T) {
	p := modeltest.New(t, modeltest.Text(`{"id":"7","note":null,"paid":null,"lines":[{"sku":"a","hint":null}],"address":{"zip":null}}`))
	schema := `{"type":"object","required":["id","paid"],"properties":{
		"id":{"type":"string"},"note":{"type":"string"},"paid":{"type":["boolean","null"]},
		"lines":{"type":"array","items":{"$ref":"#/$defs/line"}},
		"address":{"anyOf":[{"type":"object","properties":{"zip":{"type":"string"}}},{"type":"null"}]}},
		"$defs":{"line":{"type":"object","properties":{"sku":{"type":"string"},"hint":{"type":"string"}},"required":["sku"]}}}`
	c := mustAsk(t, agents.ContextWithSchema(t.Context(), json.RawMessage(schema)), open(t, openai.Settings{BaseURL: p.URL()}))
	if want := `{"address":{},"id":"7","lines":[{"sku":"a"}],"paid":null}`; c.Content != want {
		t.Errorf("got  %s\nwant %s", c.Content, want)
	}
	if f := p.Requests()[0].Format; f == nil || !f.Strict {
		t.Errorf("format %+v", f)
	}
}
