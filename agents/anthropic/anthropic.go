package anthropic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/provider"
)

// Defaults of Settings; those of the connection are package provider's.
const (
	DefaultBaseURL   = "https://api.anthropic.com"
	DefaultAPIKeyEnv = "ANTHROPIC_API_KEY"
	DefaultMaxTokens = agents.DefaultMaxTokens
)

// Settings of a model. Only Model is required, with ANTHROPIC_API_KEY in the environment.
type Settings struct {
	Model     string
	BaseURL   string // "": Anthropic's own. A /v1 at its end does no harm
	APIKey    string // "": the variable APIKeyEnv
	APIKeyEnv string // "": ANTHROPIC_API_KEY at Anthropic; elsewhere no key is sent, so that Anthropic's key goes nowhere else

	Timeout time.Duration // of one HTTP exchange; 0: provider.DefaultTimeout
	Retries int           // repetitions after a passing failure; 0: provider.DefaultRetries, negative: none
	Backoff time.Duration // before the first repetition, doubled for each further one; 0: provider.DefaultBackoff
	MaxWait time.Duration // longest wait in between: a provider that asks for more gets it from the coordinator; 0: provider.DefaultMaxWait
	MaxBody int64         // bytes of an answer; 0: provider.DefaultMaxBody

	MaxTokens int      // of one answer, where the request does not say; 0: DefaultMaxTokens
	Thinking  Thinking // "": as the model does by itself
	Effort    string   // low, medium, high, xhigh or max, as far as the model knows it; "": its default
	Format    Format   // how a wanted schema is asked for; "": FormatAuto
	NoCache   bool     // do not mark the prompt for the provider's cache

	Client *http.Client // nil: a client of its own that follows no redirects
}

// Format says how a wanted schema is asked for. Models before Claude 4.5 know no structured outputs.
type Format string

const (
	FormatAuto Format = "auto" // by output_config.format where it can express the schema
	FormatNone Format = "none" // by the prompt alone
)

const name = "anthropic"

// New checks the settings and returns the model. It sends nothing, and reads no environment but the key's.
func New(s Settings) (llms.Model, error) {
	m, err := newModel(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func newModel(s Settings) (*model, error) {
	switch s.Format = cmp.Or(s.Format, FormatAuto); {
	case s.Model == "":
		return nil, errors.New("model is empty: name one, e.g. anthropic/claude-sonnet-4-5")
	case s.MaxTokens < 0:
		return nil, errors.New("max_tokens must not be negative")
	case s.Format != FormatAuto && s.Format != FormatNone:
		return nil, fmt.Errorf("format %q: want %s or %s", s.Format, FormatAuto, FormatNone)
	}
	if err := s.Thinking.check(); err != nil {
		return nil, fmt.Errorf("thinking %q: %w", string(s.Thinking), err)
	}
	s.MaxTokens = cmp.Or(s.MaxTokens, DefaultMaxTokens)
	home := provider.Home{Name: name, BaseURL: DefaultBaseURL, APIKeyEnv: DefaultAPIKeyEnv}
	client, err := provider.Connect(home, provider.Settings{
		BaseURL: strings.TrimSuffix(strings.TrimRight(s.BaseURL, "/"), "/v1"), APIKey: s.APIKey, APIKeyEnv: s.APIKeyEnv,
		Timeout: s.Timeout, Retries: s.Retries, Backoff: s.Backoff, MaxWait: s.MaxWait, MaxBody: s.MaxBody, Client: s.Client,
	}, checkAnswer)
	if err != nil {
		return nil, err
	}
	return &model{settings: s, messages: service(client)}, nil
}

// sdkTimeout is longer than anything: the transport has its own. Without one the SDK refuses large limits of tokens.
const sdkTimeout = 24 * time.Hour

// service is the SDK over our transport. Made from options alone, it reads no environment and repeats nothing.
func service(c *provider.Client) sdk.MessageService {
	options := []option.RequestOption{
		option.WithBaseURL(c.BaseURL), option.WithHTTPClient(transport{c}), option.WithMaxRetries(0),
		option.WithRequestTimeout(sdkTimeout), option.WithoutOpenTelemetry(), // spans are the runtime's matter
	}
	if c.Key != "" {
		options = append(options, option.WithAPIKey(c.Key))
	}
	return sdk.NewMessageService(options...)
}

// model is an llms.Model on the messages API.
type model struct {
	settings Settings
	messages sdk.MessageService
}

func (m *model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent asks once. Errors are *agents.ProviderError, or the context's own.
func (m *model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	o := callOptions(options)
	params, err := m.params(ctx, messages, o)
	if err != nil {
		return nil, &agents.ProviderError{Provider: name, Status: http.StatusBadRequest, Code: "request", Err: err}
	}
	answer, err := m.messages.New(ctx, params)
	if err != nil {
		return nil, known(ctx, err)
	}
	choice := choiceOf(answer, string(params.Model))
	if o.StreamingFunc != nil && choice.Content != "" {
		if err := o.StreamingFunc(ctx, []byte(choice.Content)); err != nil {
			return nil, fmt.Errorf("streaming function: %w", err)
		}
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}, nil
}

// known returns the transport's own error from what the SDK makes of it.
func known(ctx context.Context, err error) error {
	var failed *agents.ProviderError
	switch {
	case errors.As(err, &failed):
		return failed
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	return &agents.ProviderError{Provider: name, Err: err}
}
