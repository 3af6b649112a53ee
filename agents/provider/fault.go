package provider

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/agents"
)

// Fault is the error object of OpenAI's and Anthropic's answers.
type Fault struct {
	Message string `json:"message"`
	Code    any    `json:"code"` // text, or with some gateways the HTTP status
	Type    string `json:"type"`
}

// Fill takes over the provider's words.
func (f Fault) Fill(e *agents.ProviderError) {
	e.Message, e.Code = Excerpt([]byte(f.Message)), f.Type
	switch code := f.Code.(type) {
	case string:
		e.Code = code
	case float64:
		if code >= http.StatusBadRequest && code < 600 {
			e.Status = int(code)
		}
	}
}

// retryAfter reads how long a provider wants to be left alone: milliseconds as OpenAI and Anthropic state them, seconds, or a date.
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

// Excerpt is the beginning of a body on one line.
func Excerpt(body []byte) string {
	const limit = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), limit)]), "")), " ")
	if len(body) > limit {
		text += "…"
	}
	return text
}
