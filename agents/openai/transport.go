package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/provider"
	"github.com/tuttirun/tutti/coordinator"
)

const name = "openai"

// call carries between GenerateContent and the transport what langchaingo has no place for.
type call struct {
	schema json.RawMessage // wanted; nil: text
	bare   bool            // nobody asked for a temperature
	strict bool            // set by the transport: the schema was sent in its strict form
	err    error           // set by the transport
}

type callContext struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callContext{}, c)
}

// transport sends the requests that langchaingo makes, corrected.
type transport struct {
	client    *provider.Client
	format    Format
	maxTokens string
}

// Do is what langchaingo calls instead of an http.Client.
func (t *transport) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c, _ := ctx.Value(callContext{}).(*call)
	if c == nil {
		c = &call{}
	}
	body, err := t.rewrite(r, c)
	if err != nil {
		c.err = &agents.ProviderError{Provider: name, Message: "request", Err: err}
		return nil, c.err
	}
	if t.client.Key == "" {
		r.Header.Del("Authorization")
	}
	answer, err := t.client.Send(ctx, r, body)
	if err != nil {
		c.err = err
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(bytes.NewReader(answer))}, nil
}

// rewrite corrects the body that langchaingo made.
func (t *transport) rewrite(r *http.Request, c *call) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, err
	}
	if c.bare {
		delete(fields, "temperature")
	}
	if limit, ok := fields["max_completion_tokens"]; ok && t.maxTokens != "max_completion_tokens" {
		delete(fields, "max_completion_tokens")
		fields[t.maxTokens] = limit
	}
	if format := t.responseFormat(c); format != nil {
		fields["response_format"] = format
	}
	return json.Marshal(fields)
}

// responseFormat returns the response_format for the wanted schema; nil when the prompt has to do.
func (t *transport) responseFormat(c *call) json.RawMessage {
	if c.schema == nil || t.format == FormatNone {
		return nil
	}
	if t.format == FormatAuto {
		if schema, ok := strictSchema(c.schema); ok {
			c.strict = true
			return fmt.Appendf(nil, `{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":%s}}`, schema)
		}
	}
	if isObject(c.schema) {
		return json.RawMessage(`{"type":"json_object"}`)
	}
	return nil
}

// checkAnswer refuses what langchaingo would take for a short answer, or stumble over.
func checkAnswer(body []byte) error {
	var answer struct {
		Error   *provider.Fault `json:"error"`
		Choices []*struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Refusal      string          `json:"refusal"`
				FunctionCall json.RawMessage `json:"function_call"`
			} `json:"message"`
		} `json:"choices"`
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Details    struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
	}
	e := &agents.ProviderError{Provider: name, Status: http.StatusOK}
	if err := json.Unmarshal(body, &answer); err != nil {
		e.Message, e.Err = "the answer is not a chat completion: "+provider.Excerpt(body), err
		return e
	}
	if answer.Error != nil { // some gateways report errors with HTTP 200
		answer.Error.Fill(e)
		return e
	}
	if len(answer.Choices) == 0 || answer.Choices[0] == nil {
		e.Message = "the answer holds no choice"
		return e
	}
	u := answer.Usage
	e.Usage = coordinator.Usage{Input: u.Prompt, Output: u.Completion, Cached: u.Details.Cached}
	first := answer.Choices[0]
	switch {
	case first.Message.Refusal != "":
		e.Code, e.Message = agents.CodeRefusal, first.Message.Refusal
	case first.FinishReason == "":
		e.Message = "the answer broke off: it has no finish_reason"
	case first.FinishReason == "function_call" && len(first.Message.FunctionCall) == 0:
		e.Message = "finish_reason is function_call, but there is none"
	default:
		return nil
	}
	return e
}
