package agents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/coordinator"
)

// CodeRefusal is the code of a ProviderError for a model that does not want to answer.
const CodeRefusal = "refusal"

// ProviderError is what a model's provider answered instead of an answer.
type ProviderError struct {
	Provider string        // e.g. "openai"
	Status   int           // of HTTP; 0: the connection failed, or the answer made no sense
	Code     string        // the provider's own, e.g. "context_length_exceeded"
	Message  string        // the provider's words, shortened
	After    time.Duration // how long the provider wants to be left alone; 0: it did not say
	Err      error         // what lies below; may be nil

	Usage coordinator.Usage // of the failed request, where the provider counted it: a refusal costs too; without Cost
}

func (e *ProviderError) Error() string {
	var b strings.Builder
	b.WriteString(e.Provider)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *ProviderError) Unwrap() error { return e.Err }

// Passing reports whether the same request may succeed later.
func (e *ProviderError) Passing() bool {
	switch {
	case e.Code == "insufficient_quota", e.Code == CodeRefusal: // the first is a 429 that waiting does not mend
		return false
	case e.Status < http.StatusMultipleChoices, e.Status >= http.StatusInternalServerError:
		return true
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// classify tells the coordinator what a failed model call means. Nothing has happened in any case.
func classify(ctx context.Context, err error) error {
	// langchaingo's providers lose the context's error on the way up, hence the look at ctx itself.
	if ended := ctx.Err(); ended != nil {
		return coordinator.NotDone(fmt.Errorf("model: %w (%v)", ended, err)) //nolint:errorlint // one cause is enough
	}
	wrapped := fmt.Errorf("model: %w", err)
	if provider := (*ProviderError)(nil); errors.As(err, &provider) {
		switch {
		case !provider.Passing():
			return coordinator.Permanent(wrapped)
		case provider.After > 0:
			return coordinator.RetryAfter(wrapped, provider.After)
		}
	}
	if known := (*llms.Error)(nil); errors.As(err, &known) && hopeless(known.Code) {
		return coordinator.Permanent(wrapped)
	}
	return coordinator.NotDone(wrapped)
}

// hopeless reports whether langchaingo's code for an error says that the request itself is at fault.
func hopeless(code llms.ErrorCode) bool {
	switch code {
	case llms.ErrCodeAuthentication, llms.ErrCodeInvalidRequest, llms.ErrCodeResourceNotFound, llms.ErrCodeQuotaExceeded,
		llms.ErrCodeContentFilter, llms.ErrCodeTokenLimit, llms.ErrCodeNotImplemented:
		return true
	}
	return false
}

// stopError refuses answers that did not end by themselves. The names are those of all known providers.
func stopError(reason string, maxTokens int) error {
	switch strings.ToLower(reason) {
	case "":
		// A stream that breaks off looks like this: text so far, and no error.
		return coordinator.NotDone(errors.New("model: the answer broke off: it has no stop reason"))
	case "length", "max_tokens", "model_context_window_exceeded":
		limit := "the provider's limit"
		if maxTokens > 0 {
			limit = fmt.Sprintf("max_tokens (%d)", maxTokens)
		}
		return coordinator.Permanent(fmt.Errorf("model: the answer was cut off at %s: raise max_tokens or ask for less", limit))
	case "content_filter", "safety", "refusal":
		return coordinator.Permanent(fmt.Errorf("model: the provider held the answer back (%s)", reason))
	}
	return nil
}
