package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
)

// Fallback asks the first model, and the others in their order while the one before fails for a reason that lies with its
// provider: its limits (HTTP 429), its faults (5xx, 529), a timeout, a broken connection. A refusal, a bad request or key,
// and whatever an answer says are answers: nobody else is asked. Models of Open and Named report each request under their
// own name and price; others are counted as "model 1" and so on.
//
// When all fail, the error is the first model's, for it says when to try again; the others' stand in its text.
func Fallback(first llms.Model, rest ...llms.Model) llms.Model {
	if len(rest) == 0 {
		return first
	}
	f := &fallback{}
	for i, m := range append([]llms.Model{first}, rest...) {
		f.models = append(f.models, reporting(m, fmt.Sprintf("model %d", i+1)))
	}
	return f
}

type fallback struct{ models []llms.Model }

func (f *fallback) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, f, prompt, options...)
}

func (f *fallback) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var first error
	var others []string
	for i, m := range f.models {
		own := options
		if i > 0 {
			own = []llms.CallOption{butModel(options)}
		}
		response, err := m.GenerateContent(ctx, messages, own...)
		switch {
		case err == nil:
			return response, nil
		case i == 0:
			first = err
		default:
			others = append(others, err.Error())
		}
		if ctx.Err() != nil || !providers(err) {
			break
		}
	}
	if len(others) == 0 {
		return nil, first
	}
	return nil, fmt.Errorf("%w; then %s", first, strings.Join(others, "; then "))
}

// butModel is the options without a model's name (agents.Config.ModelName): that is the first model's, and no other provider knows it.
func butModel(options []llms.CallOption) llms.CallOption {
	return func(o *llms.CallOptions) {
		name := o.Model
		for _, option := range options {
			option(o)
		}
		o.Model = name
	}
}

// providers reports whether an error lies with the provider, so that another may answer.
func providers(err error) bool {
	var failed *agents.ProviderError
	if errors.As(err, &failed) {
		return failed.Status == http.StatusTooManyRequests || failed.Passing()
	}
	var known *llms.Error
	if errors.As(err, &known) {
		switch known.Code {
		case llms.ErrCodeRateLimit, llms.ErrCodeQuotaExceeded, llms.ErrCodeTimeout, llms.ErrCodeProviderUnavailable:
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
