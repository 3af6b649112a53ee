package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/agents/openai"
)

// Settings of a model, as a workspace file states them. The zero value works: each field says what it stands for then.
type Settings struct {
	BaseURL   string        `json:"base_url,omitempty"`    // of an OpenAI-compatible endpoint, with its /v1; "": OpenAI's own
	APIKeyEnv string        `json:"api_key_env,omitempty"` // the variable that holds the key; "": OPENAI_API_KEY at OpenAI, no key elsewhere
	Timeout   time.Duration `json:"timeout,omitempty"`     // of one request; 0: 2 minutes
	Retries   int           `json:"retries,omitempty"`     // within one request; 0: 2, negative: none
	MaxWait   time.Duration `json:"max_wait,omitempty"`    // between retries; 0: 15 seconds
	MaxBody   int64         `json:"max_body,omitempty"`    // bytes of one answer; 0: 8 MiB
	Format    openai.Format `json:"format,omitempty"`      // how structured answers are asked for: auto, json_object or none
	Price     agents.Price  `json:"price,omitzero"`        // for agents.Config.Price; Open does not need it
}

// UnmarshalJSON reads durations as text ("30s") or as nanoseconds, and refuses unknown keys.
func (s *Settings) UnmarshalJSON(raw []byte) error {
	type plain Settings
	in := struct {
		*plain
		Timeout duration `json:"timeout"`
		MaxWait duration `json:"max_wait"`
	}{plain: (*plain)(s)}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("model settings: %w", err)
	}
	s.Timeout, s.MaxWait = time.Duration(in.Timeout), time.Duration(in.MaxWait)
	return nil
}

type duration time.Duration

func (d *duration) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return json.Unmarshal(raw, (*time.Duration)(d))
	}
	parsed, err := time.ParseDuration(text)
	*d = duration(parsed)
	return err
}

// Open returns the model of this name. It sends nothing; what can be wrong locally (an unknown name, a missing key) is an
// error now.
func Open(name string, s Settings) (llms.Model, error) {
	provider, model, _ := strings.Cut(name, "/")
	switch {
	case name == "offline":
		return offline.New(offline.Options{}), nil
	case provider == "openai" && model != "":
		return openAI(name, model, s)
	}
	return nil, fmt.Errorf("model %q: unknown; there are %s", name, strings.Join(Names(), " and "))
}

// Names returns the forms of a model's name that Open knows.
func Names() []string { return []string{"offline", "openai/<model>"} }

func openAI(name, model string, s Settings) (llms.Model, error) {
	m, err := openai.New(openai.Settings{
		Model: model, BaseURL: s.BaseURL, APIKeyEnv: s.APIKeyEnv,
		Timeout: s.Timeout, Retries: s.Retries, MaxWait: s.MaxWait, MaxBody: s.MaxBody, Format: s.Format,
	})
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	return m, nil
}
