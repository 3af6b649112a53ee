package modeltest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/agents/modeltest"
)

const hello = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`

func post(t *testing.T, s *modeltest.Server, body string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err == nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return response, err
}

// read returns status and body of an answer that arrives.
func read(t *testing.T, s *modeltest.Server, body string) (int, string) {
	t.Helper()
	response, err := post(t, s, body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestAnswersInTheOrderOfTheScript(t *testing.T) {
	s := modeltest.New(t, modeltest.JSON(map[string]int{"a": 1}).Using(modeltest.Usage{Input: 7, Output: 3, Cached: 2}), modeltest.Calls(modeltest.Call{Name: "x", Arguments: "{}"}))
	_, first := read(t, s, hello)
	for _, want := range []string{`"content":"{\"a\":1}"`, `"finish_reason":"stop"`, `"prompt_tokens":7`, `"cached_tokens":2`, `"total_tokens":10`} {
		if !strings.Contains(first, want) {
			t.Errorf("%s is missing in %s", want, first)
		}
	}
	_, second := read(t, s, hello)
	for _, want := range []string{`"content":null`, `"finish_reason":"tool_calls"`, `"id":"call_r1_0"`} {
		if !strings.Contains(second, want) {
			t.Errorf("%s is missing in %s", want, second)
		}
	}
	if got := s.Requests(); len(got) != 2 || got[0].Last().Content != "hello" {
		t.Errorf("requests %+v", got)
	}
}

func TestRefusesWhatOpenAIRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ body, says string }{
		"no model":          {`{"messages":[{"role":"user","content":"x"}]}`, "model parameter"},
		"no messages":       {`{"model":"m"}`, "too short"},
		"not JSON":          {`{`, "body"},
		"unknown role":      {`{"model":"m","messages":[{"role":"boss","content":"x"}]}`, "boss"},
		"unanswered call":   {`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"x","arguments":"{}"}}]},{"role":"user","content":"x"}]}`, "did not have response messages: c"},
		"unanswered at end": {`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"x","arguments":"{}"}}]}]}`, "did not have response messages: c"},
		"answer to nothing": {`{"model":"m","messages":[{"role":"tool","tool_call_id":"c","content":"x"}]}`, "answers no tool call"},
		"dotted call":       {`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"a.b","arguments":"{}"}}]}]}`, "a.b"},
		"dotted tool":       {`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"a.b"}}]}`, "a.b"},
		"same tool twice":   {`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"a"}}]}`, "unique"},
		"list parameters":   {`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"array"}}}]}`, "type 'object'"},
		"json_object alone": {`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}`, "the word 'json'"},
		"unknown format":    {`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"xml"}}`, "xml"},
		"strict, optional":  {strictly(`{"type":"object","properties":{"a":{"type":"string"}},"required":[],"additionalProperties":false}`), "missing \\\"a\\\""},
		"strict, open":      {strictly(`{"type":"object","properties":{"a":{"type":"object","properties":{},"required":[]}},"required":["a"],"additionalProperties":false}`), "additionalProperties"},
		"strict, keyword":   {strictly(`{"type":"object","properties":{"a":{"anyOf":[{"type":"string","default":"x"}]}},"required":["a"],"additionalProperties":false}`), "default"},
		"strict, root":      {strictly(`{"type":"array","items":{"type":"string"}}`), "object at the root"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := read(t, modeltest.New(t), tt.body); status != http.StatusBadRequest || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s, want %q", status, body, tt.says)
			}
		})
	}
}

func strictly(schema string) string {
	return `{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":` + schema + `}}}`
}

func TestContentPartsAreJoined(t *testing.T) {
	s := modeltest.New(t, modeltest.Text("ok"))
	read(t, s, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}`)
	if got := s.Requests()[0].Last().Content; got != "ab" {
		t.Errorf("content %q", got)
	}
}

func TestRateLimitStatesBothForms(t *testing.T) {
	response, err := post(t, modeltest.New(t, modeltest.RateLimited(1500*time.Millisecond)), hello)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "2" || response.Header.Get("Retry-After-Ms") != "1500" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

func TestCutConnectionHasNoAnswer(t *testing.T) {
	if _, err := post(t, modeltest.New(t, modeltest.Cut()), hello); !errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
}

func TestTruncatedBodyEndsEarly(t *testing.T) {
	response, err := post(t, modeltest.New(t, modeltest.Truncated(modeltest.Text("hello"))), hello)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

func TestHangEndsWithReleaseOrWithItsClient(t *testing.T) {
	s := modeltest.New(t, modeltest.Hang(), modeltest.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { s.Arrived(1); cancel() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/chat/completions", strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		_ = response.Body.Close()
		t.Error("a hanging reply was answered")
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	go func() { s.Arrived(2); s.Release() }()
	if status, _ := read(t, s, hello); status != http.StatusInternalServerError {
		t.Errorf("status %d after release", status)
	}
}

// chunk is what the tests look at in a streamed chunk.
type chunk struct {
	Choices []struct {
		Delta struct {
			Content   string
			ToolCalls []struct {
				Index    int
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		FinishReason string `json:"finish_reason"`
	}
	Usage *struct {
		PromptTokens int `json:"prompt_tokens"`
	}
}

// streamed reads a stream to its end; done says whether [DONE] came.
func streamed(t *testing.T, s *modeltest.Server) (chunks []chunk, done bool, err error) {
	t.Helper()
	response, err := post(t, s, `{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
		case data == "[DONE]":
			done = true
		default:
			var c chunk
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				t.Fatal(err)
			}
			chunks = append(chunks, c)
		}
	}
	return chunks, done, lines.Err()
}

func TestStreamInterleavesParallelCalls(t *testing.T) {
	arguments := []string{`{"first":"a longer text"}`, `{"second":2}`}
	s := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "a", Arguments: arguments[0]}, modeltest.Call{Name: "b", Arguments: arguments[1]}).Saying("just a moment"))
	chunks, done, err := streamed(t, s)
	if err != nil || !done {
		t.Fatalf("done %v, error %v", done, err)
	}
	got := make([]string, 2)
	var order []int
	text, finish, used := "", "", 0
	for _, c := range chunks {
		if c.Usage != nil {
			used = c.Usage.PromptTokens
		}
		for _, choice := range c.Choices {
			text += choice.Delta.Content
			finish += choice.FinishReason
			for _, call := range choice.Delta.ToolCalls {
				got[call.Index] += call.Function.Arguments
				order = append(order, call.Index)
			}
		}
	}
	if got[0] != arguments[0] || got[1] != arguments[1] || text != "just a moment" || finish != "tool_calls" || used != 10 {
		t.Errorf("calls %q, text %q, finish %q, used %d", got, text, finish, used)
	}
	if len(order) < 4 || order[2] == order[3] {
		t.Errorf("not interleaved: %v", order)
	}
}

func TestTruncatedStreamHasNoDone(t *testing.T) {
	chunks, done, err := streamed(t, modeltest.New(t, modeltest.Truncated(modeltest.Text("a text of several pieces"))))
	if len(chunks) == 0 || done || err == nil {
		t.Errorf("%d chunks, done %v, error %v", len(chunks), done, err)
	}
}

// recorder is a testing.TB whose failures can be looked at.
type recorder struct {
	testing.TB
	errors int
}

func (r *recorder) Errorf(string, ...any) { r.errors++ }

func TestRequestBeyondTheScriptFailsTheTest(t *testing.T) {
	tb := &recorder{TB: t}
	if status, _ := read(t, modeltest.New(tb), hello); status != http.StatusBadRequest || tb.errors != 1 {
		t.Errorf("status %d, %d failures", status, tb.errors)
	}
}
