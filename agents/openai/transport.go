package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/agents"
)

const provider = "openai"

// Exchange is what went over the wire for one request to a model, for debugging and tests.
type Exchange struct {
	Request  []byte // as it was sent
	Response []byte // of the last try
	Tries    int
}

type exchangeContext struct{}

// ContextWithExchange has the next request below this context recorded in x. The request must be over before x is read.
func ContextWithExchange(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, exchangeContext{}, x)
}

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

// transport sends the requests that langchaingo makes; see the package comment for what it adds.
type transport struct {
	baseURL   string
	key       string
	client    *http.Client
	timeout   time.Duration
	retries   int
	backoff   time.Duration
	maxWait   time.Duration
	maxBody   int64
	format    Format
	maxTokens string
}

// Do sends a request until it succeeds, fails for good, or has been tried often enough.
func (t *transport) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c, _ := ctx.Value(callContext{}).(*call)
	if c == nil {
		c = &call{}
	}
	body, err := t.rewrite(r, c)
	if err != nil {
		c.err = &agents.ProviderError{Provider: provider, Message: "request", Err: err}
		return nil, c.err
	}
	x, _ := ctx.Value(exchangeContext{}).(*Exchange)
	if x == nil {
		x = &Exchange{}
	}
	x.Request = body
	for x.Tries = 1; ; x.Tries++ {
		response, err := t.once(ctx, r, body)
		x.Response = response
		if err == nil {
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
				Body: io.NopCloser(bytes.NewReader(response)),
			}, nil
		}
		if !t.again(ctx, err, x.Tries) {
			c.err = err
			return nil, err
		}
	}
}

// again waits for the next try; false when there shall be none.
func (t *transport) again(ctx context.Context, err error, tries int) bool {
	var failed *agents.ProviderError
	if tries > t.retries || !errors.As(err, &failed) || !failed.Passing() || failed.Status == http.StatusOK || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	wait := failed.After
	if wait == 0 {
		wait = t.maxWait
		if tries < 16 { // beyond, the shift could overflow
			wait = min(t.backoff<<(tries-1), t.maxWait)
		}
		wait -= time.Duration(rand.Int64N(int64(wait)/4 + 1)) //nolint:gosec // spreads load, guards nothing
	}
	if deadline, ok := ctx.Deadline(); wait > t.maxWait || (ok && time.Until(deadline) <= wait) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one HTTP exchange and returns the body of a usable answer.
func (t *transport) once(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	r = r.Clone(limited)
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	if t.key == "" {
		r.Header.Del("Authorization")
	}
	response, err := t.client.Do(r)
	if err != nil {
		return nil, t.broken(ctx, limited, err)
	}
	defer func() { _ = response.Body.Close() }() // all that matters was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, t.maxBody+1))
	switch {
	case err != nil:
		return nil, t.broken(ctx, limited, err)
	case int64(len(answer)) > t.maxBody:
		return nil, &agents.ProviderError{Provider: provider, Status: response.StatusCode, Message: fmt.Sprintf("the answer is longer than %d bytes", t.maxBody)}
	case response.StatusCode != http.StatusOK:
		return answer, refused(response, answer)
	}
	return answer, checkAnswer(answer)
}

// broken describes an exchange that did not come to its end.
func (t *transport) broken(ctx, limited context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", provider, ctx.Err())
	case limited.Err() != nil:
		return &agents.ProviderError{Provider: provider, Message: fmt.Sprintf("no answer within %s", t.timeout), Err: limited.Err()}
	}
	return &agents.ProviderError{Provider: provider, Err: err}
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

type wireError struct {
	Message string `json:"message"`
	Code    any    `json:"code"` // text, or with some gateways the HTTP status
	Type    string `json:"type"`
}

// fill takes over the provider's words.
func fill(e *agents.ProviderError, w wireError) {
	e.Message, e.Code = excerpt([]byte(w.Message)), w.Type
	switch code := w.Code.(type) {
	case string:
		e.Code = code
	case float64:
		if code >= http.StatusBadRequest && code < 600 {
			e.Status = int(code)
		}
	}
}

// refused reads an HTTP error.
func refused(response *http.Response, body []byte) error {
	var answer struct {
		Error wireError `json:"error"`
	}
	e := &agents.ProviderError{Provider: provider, Status: response.StatusCode, After: retryAfter(response.Header)}
	if json.Unmarshal(body, &answer) == nil && answer.Error.Message != "" {
		fill(e, answer.Error)
		return e
	}
	e.Message = excerpt(body)
	if location := response.Header.Get("Location"); location != "" {
		e.Message = "redirected to " + location + ": correct base_url"
	}
	return e
}

// checkAnswer refuses what langchaingo would take for a short answer, or stumble over.
func checkAnswer(body []byte) error {
	var answer struct {
		Error   *wireError `json:"error"`
		Choices []*struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Refusal      string          `json:"refusal"`
				FunctionCall json.RawMessage `json:"function_call"`
			} `json:"message"`
		} `json:"choices"`
	}
	e := &agents.ProviderError{Provider: provider, Status: http.StatusOK}
	if err := json.Unmarshal(body, &answer); err != nil {
		e.Message, e.Err = "the answer is not a chat completion: "+excerpt(body), err
		return e
	}
	if answer.Error != nil { // some gateways report errors with HTTP 200
		fill(e, *answer.Error)
		return e
	}
	if len(answer.Choices) == 0 || answer.Choices[0] == nil {
		e.Message = "the answer holds no choice"
		return e
	}
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

// retryAfter reads how long a provider wants to be left alone: OpenAI's milliseconds, seconds, or a date.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseInt(h.Get("Retry-After-Ms"), 10, 64); err == nil && ms >= 0 {
		return time.Duration(ms) * time.Millisecond
	}
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// excerpt is the beginning of a body on one line.
func excerpt(body []byte) string {
	const limit = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), limit)]), "")), " ")
	if len(body) > limit {
		text += "…"
	}
	return text
}
