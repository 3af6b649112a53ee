package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"time"

	"github.com/tmc/langchaingo/llms"
	langchain "github.com/tmc/langchaingo/llms/openai"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/provider"
)

// Defaults of Settings.
const (
	DefaultBaseURL   = "https://api.openai.com/v1"
	DefaultAPIKeyEnv = "OPENAI_API_KEY"
	DefaultTimeout   = provider.DefaultTimeout
	DefaultRetries   = provider.DefaultRetries
	DefaultBackoff   = provider.DefaultBackoff
	DefaultMaxWait   = provider.DefaultMaxWait
	DefaultMaxBody   = provider.DefaultMaxBody
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
	token := t.client.Key
	if token == "" {
		token = "none" // langchaingo insists on one; the transport takes it out again
	}
	inner, err := langchain.New(
		langchain.WithModel(s.Model), langchain.WithBaseURL(t.client.BaseURL), langchain.WithToken(token),
		langchain.WithOrganization(""), langchain.WithHTTPClient(t),
	)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	return &model{name: s.Model, inner: inner}, nil
}

func newTransport(s Settings) (*transport, error) {
	if s.Model == "" {
		return nil, errors.New("model is empty: name one, e.g. openai/gpt-4o-mini")
	}
	home := provider.Home{Name: name, BaseURL: DefaultBaseURL, APIKeyEnv: DefaultAPIKeyEnv}
	client, err := provider.Connect(home, provider.Settings{
		BaseURL: s.BaseURL, APIKey: s.APIKey, APIKeyEnv: s.APIKeyEnv, Timeout: s.Timeout, Retries: s.Retries,
		Backoff: s.Backoff, MaxWait: s.MaxWait, MaxBody: s.MaxBody, Client: s.Client,
	}, checkAnswer)
	if err != nil {
		return nil, err
	}
	t := &transport{client: client, format: cmp.Or(s.Format, FormatAuto), maxTokens: s.MaxTokens}
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
	return t, nil
}

// model corrects langchaingo's client where its types leave something out.
type model struct {
	name  string
	inner *langchain.LLM
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
		return nil, &agents.ProviderError{Provider: name, Err: err}
	}
	for _, choice := range response.Choices {
		choice.GenerationInfo[agents.InfoModel] = name + "/" + cmp.Or(o.Model, m.name)
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
