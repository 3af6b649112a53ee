package models

import (
	"fmt"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/anthropic"
	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/agents/openai"
)

// Settings of a model, as a workspace file states them. The zero value works: each field says what it stands for then.
type Settings struct {
	BaseURL   string        `json:"base_url,omitempty"`    // of a compatible endpoint (OpenAI's with its /v1); "": the provider's own
	APIKey    string        `json:"api_key,omitempty"`     // in a file, {secret: name}; "": the variable api_key_env
	APIKeyEnv string        `json:"api_key_env,omitempty"` // the variable that holds the key; "": OPENAI_API_KEY or ANTHROPIC_API_KEY at the provider's own address, no key elsewhere
	Timeout   time.Duration `json:"timeout,omitempty"`     // of one request; 0: 2 minutes
	Retries   int           `json:"retries,omitempty"`     // within one request; 0: 2, negative: none
	MaxWait   time.Duration `json:"max_wait,omitempty"`    // between retries; 0: 15 seconds
	MaxBody   int64         `json:"max_body,omitempty"`    // bytes of one answer; 0: 8 MiB
	MaxTokens int           `json:"max_tokens,omitempty"`  // of one answer, for agents that do not say; 0: 4096
	Format    openai.Format `json:"format,omitempty"`      // how structured answers are asked for: auto or none; openai also json_object

	Thinking anthropic.Thinking `json:"thinking,omitempty"` // anthropic: a budget in tokens, adaptive, between_tools or disabled; "": the model's default
	Effort   string             `json:"effort,omitempty"`   // anthropic: low, medium, high, xhigh or max; "": the model's default
	NoCache  bool               `json:"no_cache,omitempty"` // anthropic: do not use the provider's cache for prompts

	Fallback []string     `json:"fallback,omitempty"` // other models of the workspace, asked in this order while the provider is out of order; see Resolve
	Price    agents.Price `json:"price,omitzero"`     // zero: what Prices say
}

// Open returns the model of this name. It sends nothing; what can be wrong locally (an unknown name, a missing key) is an
// error now. Where the settings state no price, DefaultPrices count. Settings.Fallback is left to Resolve.
func Open(name string, s Settings) (llms.Model, error) { return open(name, s, DefaultPrices()) }

func open(name string, s Settings, prices Prices) (llms.Model, error) {
	m, err := bare(name, s)
	if err != nil {
		return nil, err
	}
	price, known := prices.Of(name)
	if s.Price != (agents.Price{}) {
		price, known = s.Price, true
	}
	if !known {
		return Named(name, m, nil), nil
	}
	return Named(name, m, &price), nil
}

// Names returns the forms of a model's name that Open knows.
func Names() []string { return []string{"offline", "openai/<model>", "anthropic/<model>"} }

// bare opens a model without a price.
func bare(name string, s Settings) (m llms.Model, err error) {
	provider, model, _ := strings.Cut(name, "/")
	switch {
	case name == "offline":
		return offline.New(offline.Options{}), nil
	case provider == "openai" && model != "":
		m, err = openAI(model, s)
	case provider == "anthropic" && model != "":
		m, err = claude(model, s)
	default:
		return nil, fmt.Errorf("model %q: unknown; there are %s", name, list(Names()))
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	return m, nil
}

func list(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func openAI(model string, s Settings) (llms.Model, error) {
	if s.Thinking != "" || s.Effort != "" || s.NoCache {
		return nil, fmt.Errorf("thinking, effort and no_cache are settings of anthropic models")
	}
	return openai.New(openai.Settings{
		Model: model, BaseURL: s.BaseURL, APIKey: s.APIKey, APIKeyEnv: s.APIKeyEnv,
		Timeout: s.Timeout, Retries: s.Retries, MaxWait: s.MaxWait, MaxBody: s.MaxBody, Format: s.Format,
	})
}

func claude(model string, s Settings) (llms.Model, error) {
	return anthropic.New(anthropic.Settings{
		Model: model, BaseURL: s.BaseURL, APIKey: s.APIKey, APIKeyEnv: s.APIKeyEnv,
		Timeout: s.Timeout, Retries: s.Retries, MaxWait: s.MaxWait, MaxBody: s.MaxBody, MaxTokens: s.MaxTokens,
		Thinking: s.Thinking, Effort: s.Effort, NoCache: s.NoCache, Format: anthropic.Format(s.Format),
	})
}
