package modeltest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/agents/modeltest"
)

func postMessages(t *testing.T, s *modeltest.Server, body string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Anthropic-Version", "2023-06-01")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

// message is a request with these messages, and with more fields.
func message(messages, more string) string {
	return `{"model":"m","max_tokens":5000,"messages":[` + messages + `]` + more + `}`
}

const hi = `{"role":"user","content":"hi"}`

func TestOneScriptAnswersInBothFormats(t *testing.T) {
	reply := modeltest.Calls(modeltest.Call{Name: "x", Arguments: `{"a":1}`}).Saying("well").Thinking("hm").Using(modeltest.Usage{Input: 10, Output: 3, Cached: 4, Written: 1})
	s := modeltest.New(t, reply, reply)
	_, body, _ := postMessages(t, s, message(hi, `,"system":"be brief"`))
	for _, want := range []string{
		`"type":"message"`, `{"signature":`, `"thinking":"hm"`, `"text":"well"`, `"id":"call_r0_0"`, `"input":{"a":1}`, `"stop_reason":"tool_use"`,
		`"input_tokens":5`, `"cache_read_input_tokens":4`, `"cache_creation_input_tokens":1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing in %s", want, body)
		}
	}
	if _, body := read(t, s, hello); !strings.Contains(body, `"finish_reason":"tool_calls"`) || strings.Contains(body, "hm") {
		t.Errorf("completion %s", body)
	}
	got := s.Requests()
	if got[0].API != modeltest.Anthropic || got[0].System() != "be brief" || got[0].Last().Content != "hi" || got[1].API != modeltest.OpenAI {
		t.Errorf("requests %+v", got)
	}
}

func TestMessagesErrorsHaveTheirOwnForm(t *testing.T) {
	s := modeltest.New(t, modeltest.RateLimited(1500*time.Millisecond), modeltest.Overloaded(), modeltest.Error(418, "teapot", "no"))
	status, body, header := postMessages(t, s, message(hi, ""))
	if status != 429 || header.Get("Retry-After") != "2" || !strings.Contains(body, `"type":"rate_limit_error"`) || !strings.Contains(body, `"type":"error"`) {
		t.Errorf("%d %v %s", status, header, body)
	}
	if status, body, _ = postMessages(t, s, message(hi, "")); status != 529 || !strings.Contains(body, `"type":"overloaded_error"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ = postMessages(t, s, message(hi, "")); status != 418 || !strings.Contains(body, `"type":"api_error"`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestRefusesWhatAnthropicRefuses(t *testing.T) {
	const (
		use    = `{"type":"tool_use","id":"c","name":"x","input":{}}`
		result = `{"type":"tool_result","tool_use_id":"c","content":"y"}`
		budget = `,"thinking":{"type":"enabled","budget_tokens":2000}`
		mark   = `,"cache_control":{"type":"ephemeral"}`
	)
	say := func(role string, blocks ...string) string {
		return `{"role":"` + role + `","content":[` + strings.Join(blocks, ",") + `]}`
	}
	text := `{"type":"text","text":"a"}`
	for name, tt := range map[string]struct{ body, says string }{
		"not JSON":               {`{`, "body"},
		"no model":               {`{"max_tokens":5,"messages":[` + hi + `]}`, "model"},
		"no limit":               {`{"model":"m","messages":[` + hi + `]}`, "max_tokens"},
		"no messages":            {message("", ""), "at least one message"},
		"assistant first":        {message(say("assistant", text), ""), "first message"},
		"system role":            {message(`{"role":"system","content":"x"}`, ""), "'user' or 'assistant'"},
		"empty text":             {message(say("user", `{"type":"text","text":" "}`), ""), "non-whitespace"},
		"empty content":          {message(say("user"), ""), "at least one block"},
		"results apart":          {message(hi+","+say("assistant", use, strings.Replace(use, `"c"`, `"d"`, 1))+","+say("user", result)+","+say("user", strings.Replace(result, `"c"`, `"d"`, 1)), ""), "immediately after: d"},
		"text before results":    {message(hi+","+say("assistant", use)+","+say("user", text, result), ""), "come first"},
		"result of nothing":      {message(say("user", result), ""), "answers no tool call"},
		"dotted call":            {message(hi+","+say("assistant", strings.Replace(use, `"x"`, `"a.b"`, 1)), ""), "a.b"},
		"input is text":          {message(hi+","+say("assistant", strings.Replace(use, `{}`, `"{}"`, 1)), ""), "valid dictionary"},
		"forged thought":         {message(hi+","+say("assistant", `{"type":"thinking","thinking":"x","signature":"y"}`)+","+hi, ""), "Invalid `signature`"},
		"forged hidden thought":  {message(hi+","+say("assistant", `{"type":"redacted_thinking","data":"y"}`)+","+hi, ""), "Invalid `data`"},
		"thought missing":        {message(hi+","+say("assistant", use)+","+say("user", result), budget), "Expected `thinking`"},
		"small budget":           {message(hi, `,"thinking":{"type":"enabled","budget_tokens":10}`), "1024"},
		"budget over limit":      {message(hi, `,"thinking":{"type":"enabled","budget_tokens":5000}`), "must be greater"},
		"thinking, temperature":  {message(hi, budget+`,"temperature":0`), "temperature"},
		"thinking, forced":       {message(hi, budget+`,"tool_choice":{"type":"any"}`), "forces tool use"},
		"five marks":             {message(say("user", strings.Repeat(text[:len(text)-1]+mark+"},", 4)+text[:len(text)-1]+mark+"}"), ""), "Found 5"},
		"dotted tool":            {message(hi, `,"tools":[{"name":"a.b","input_schema":{"type":"object"}}]`), "a.b"},
		"open schema":            {message(hi, `,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{}}}}`), "additionalProperties"},
		"keyword":                {message(hi, `,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string","minLength":1}}}}}`), "minLength"},
		"streams":                {message(hi, `,"stream":true`), "whole"},
		"system of empty blocks": {message(hi, `,"system":[{"type":"text","text":""}]`), "non-empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body, _ := postMessages(t, modeltest.New(t), tt.body); status != http.StatusBadRequest || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s, want %q", status, body, tt.says)
			}
		})
	}
}

func TestThoughtsOfAnotherModelOrNoneAreRefused(t *testing.T) {
	s := modeltest.New(t, modeltest.Calls(modeltest.Call{ID: "c", Name: "x", Arguments: "{}"}).Thinking("hm"))
	_, body, _ := postMessages(t, s, message(hi, ""))
	content := body[strings.Index(body, `"content":`)+len(`"content":`) : strings.Index(body, `,"id":"msg_0"`)]
	after := `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"c"}]}`
	whole := message(hi+`,{"role":"assistant","content":`+content+`}`+after, "")
	bare := message(hi+`,{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"x","input":{}}]}`+after, "")
	for says, request := range map[string]string{"bound to the model": strings.Replace(whole, `"model":"m"`, `"model":"n"`, 1), "cannot be modified": bare} {
		if status, body, _ := postMessages(t, s, request); status != http.StatusBadRequest || !strings.Contains(body, says) {
			t.Errorf("%d %s, want %q", status, body, says)
		}
	}
}
