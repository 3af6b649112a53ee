package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/tmc/langchaingo/llms"
	langchain "github.com/tmc/langchaingo/llms/openai"

	"github.com/tuttirun/tutti/agents"
)

// Defaults of Settings.
const (
	DefaultBaseURL   = "https://api.openai.com/v1"
	DefaultAPIKeyEnv = "OPENAI_API_KEY"
	DefaultTimeout   = 2 * time.Minute
	DefaultRetries   = 2
	DefaultBackoff   = 500 * time.Millisecond
	DefaultMaxWait   = 15 * time.Second
	DefaultMaxBody   = 8 << 20
)

// Settings of a model. Only Model is required, with OPENAI_API_KEY in the environment.
type Settings struct {
	Model     string
	BaseURL   string // up to and including /v1; "": OpenAI's own
	APIKey    string // "": the variable APIKeyEnv
	APIKeyEnv string // "": OPENAI_API_KEY at OpenAI; elsewhere no key is sent, so that OpenAI's key goes nowhere else

	Timeout time.Duration // of one HTTP exchange; 0: DefaultTimeout
	Retries int           // repetitions after a passing failure; 0: DefaultRetries, negative: none
	Backoff time.Duration // before the first repetition, doubled for each further one; 0: DefaultBackoff
	MaxWait time.Duration // longest wait in between: a provider that asks for more gets it from the coordinator; 0: DefaultMaxWait
	MaxBody int64         // bytes of an answer; 0: DefaultMaxBody

	Format    Format       // how a wanted schema is asked for; "": FormatAuto
	MaxTokens string       // name of the limit's field; "": max_completion_tokens at OpenAI, max_tokens elsewhere
	Client    *http.Client // nil: a client of its own that follows no redirects
}

// Format says how a wanted schema is asked for. Not every compatible server knows every form.
type Format string

const (
	FormatAuto   Format = "auto"        // json_schema where strict mode can express the schema, else json_object
	FormatObject Format = "json_object" // at most
	FormatNone   Format = "none"        // by the prompt alone
)

// New checks the settings and returns the model. It sends nothing.
func New(s Settings) (llms.Model, error) {
	t, err := newTransport(s)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	token := t.key
	if token == "" {
		token = "none" // langchaingo insists on one; the transport takes it out again
	}
	inner, err := langchain.New(
		langchain.WithModel(s.Model), langchain.WithBaseURL(t.baseURL), langchain.WithToken(token),
		langchain.WithOrganization(""), langchain.WithHTTPClient(t),
	)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	return &model{inner: inner, transport: t}, nil
}

func newTransport(s Settings) (*transport, error) {
	if s.Model == "" {
		return nil, errors.New("model is empty: name one, e.g. openai/gpt-4o-mini")
	}
	base, err := url.Parse(cmp.Or(s.BaseURL, DefaultBaseURL))
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("base_url %q: want something like %s", s.BaseURL, DefaultBaseURL)
	}
	key, err := apiKey(s)
	if err != nil {
		return nil, err
	}
	t := &transport{
		baseURL: base.String(), key: key, client: s.Client,
		timeout: cmp.Or(s.Timeout, DefaultTimeout), retries: max(cmp.Or(s.Retries, DefaultRetries), 0),
		backoff: cmp.Or(s.Backoff, DefaultBackoff), maxWait: cmp.Or(s.MaxWait, DefaultMaxWait),
		maxBody: cmp.Or(s.MaxBody, DefaultMaxBody), format: cmp.Or(s.Format, FormatAuto), maxTokens: s.MaxTokens,
	}
	if t.timeout < 0 || t.backoff < 0 || t.maxWait < 0 || t.maxBody < 0 {
		return nil, errors.New("timeout, backoff, max_wait and max_body must not be negative")
	}
	switch t.format {
	case FormatAuto, FormatObject, FormatNone:
	default:
		return nil, fmt.Errorf("format %q: want %s, %s or %s", t.format, FormatAuto, FormatObject, FormatNone)
	}
	if t.maxTokens == "" {
		t.maxTokens = "max_tokens"
		if s.BaseURL == "" {
			t.maxTokens = "max_completion_tokens"
		}
	}
	if t.client == nil {
		t.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return t, nil
}

func apiKey(s Settings) (string, error) {
	if s.APIKey != "" {
		return s.APIKey, nil
	}
	name := s.APIKeyEnv
	if name == "" {
		if s.BaseURL != "" {
			return "", nil
		}
		name = DefaultAPIKeyEnv
	}
	if key := os.Getenv(name); key != "" {
		return key, nil
	}
	return "", fmt.Errorf("no API key: set the environment variable %s", name)
}

// model corrects langchaingo's client where its types leave something out.
type model struct {
	inner     *langchain.LLM
	transport *transport
}

func (m *model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent asks once. Errors are *agents.ProviderError, or the context's own.
func (m *model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	// langchaingo always sends a temperature; NaN tells us that nobody asked for one.
	o := llms.CallOptions{Temperature: math.NaN()}
	for _, option := range options {
		option(&o)
	}
	c := &call{schema: agents.SchemaFrom(ctx), bare: math.IsNaN(o.Temperature)}
	if c.bare {
		o.Temperature = 0
	}
	streaming := o.StreamingFunc
	o.StreamingFunc, o.StreamingReasoningFunc = nil, nil
	o.Metadata = maps.Clone(o.Metadata)

	response, err := m.inner.GenerateContent(withCall(ctx, c), messages, llms.WithOptions(o))
	switch {
	case c.err != nil: // langchaingo replaces some errors on the way up
		return nil, c.err
	case err != nil:
		return nil, &agents.ProviderError{Provider: provider, Err: err}
	}
	for _, choice := range response.Choices {
		if c.strict && len(choice.ToolCalls) == 0 {
			choice.Content = dropNulls(c.schema, choice.Content)
		}
		if streaming != nil && choice.Content != "" {
			if err := streaming(ctx, []byte(choice.Content)); err != nil {
				return nil, fmt.Errorf("streaming function: %w", err)
			}
		}
	}
	return response, nil
}
