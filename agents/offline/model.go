package offline

import (
	"context"
	"errors"
	"fmt"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
)

// Defaults of Options.
const (
	DefaultMaxText  = 1 << 20
	DefaultMaxCalls = 8
)

// Name is what the model calls itself.
const Name = "offline-rules"

// ErrTooLong is wrapped by the error for a conversation that is over Options.MaxText.
var ErrTooLong = errors.New("the text is too long")

// Options bound the model. The zero value takes the defaults.
type Options struct {
	MaxText  int // bytes of all messages together
	MaxCalls int // tools called in one conversation
}

// Model is an llms.Model made of rules. It is safe for concurrent use and keeps nothing.
type Model struct{ options Options }

var _ llms.Model = (*Model)(nil)

// New returns the model.
func New(o Options) *Model {
	if o.MaxText <= 0 {
		o.MaxText = DefaultMaxText
	}
	if o.MaxCalls <= 0 {
		o.MaxCalls = DefaultMaxCalls
	}
	return &Model{options: o}
}

// GenerateContent answers a conversation. The choice's GenerationInfo holds an agents.InfoConfidence.
// The only errors are permanent: a text over the limit, a schema that is no JSON.
func (m *Model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var call llms.CallOptions
	for _, option := range options {
		option(&call)
	}
	said := readConversation(messages)
	if said.size > m.options.MaxText {
		return nil, coordinator.Permanent(fmt.Errorf("%s: %w: %d bytes, at most %d", Name, ErrTooLong, said.size, m.options.MaxText))
	}
	choice, err := m.answer(said, agents.SchemaFrom(ctx), call.Tools)
	if err != nil {
		return nil, coordinator.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	if call.StreamingFunc != nil && choice.Content != "" {
		if err := call.StreamingFunc(ctx, []byte(choice.Content)); err != nil {
			return nil, err
		}
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}, nil
}

// Call answers one prompt.
func (m *Model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

func (m *Model) answer(said conversation, schema []byte, offered []llms.Tool) (*llms.ContentChoice, error) {
	var found *extraction
	if schema != nil {
		var err error
		if found, err = extract(schema, said.document()); err != nil {
			return nil, err
		}
		if len(found.missing) == 0 && (len(found.confidence.Signals) == 0 || found.confidence.Score > 0) {
			return finished(found)
		}
	}
	if len(said.calls) < m.options.MaxCalls {
		if tool := pick(said, offered); tool != nil {
			return &llms.ContentChoice{StopReason: "tool_calls", ToolCalls: []llms.ToolCall{*tool}, GenerationInfo: info(nil)}, nil
		}
	}
	if found != nil {
		return finished(found)
	}
	return spoken(said), nil
}

func finished(found *extraction) (*llms.ContentChoice, error) {
	content, err := encode(found.value)
	if err != nil {
		return nil, err
	}
	return &llms.ContentChoice{Content: content, StopReason: "stop", GenerationInfo: info(found.confidence)}, nil
}

// spoken is an answer in words: what the tools said, or what this model is.
func spoken(said conversation) *llms.ContentChoice {
	text := "I am " + Name + ": rules, not a language model. I can fill an output schema from a text, and call a tool that the task names " +
		"together with its arguments. I cannot answer this in my own words; configure a language model for it."
	confidence := &coordinator.Confidence{Score: 0.1, Signals: []coordinator.Signal{{Name: "rules", Score: 0.1, Note: "no rule covers this"}}}
	if len(said.outcomes) > 0 {
		text = said.quote()
		confidence = &coordinator.Confidence{Score: 0.5, Signals: []coordinator.Signal{{Name: "rules", Score: 0.5, Note: "quotes the outcomes, without judging them"}}}
	}
	return &llms.ContentChoice{Content: text, StopReason: "stop", GenerationInfo: info(confidence)}
}

func info(c *coordinator.Confidence) map[string]any {
	out := map[string]any{agents.InfoUsage: coordinator.Usage{}} // rules cost nothing
	if c != nil {
		out[agents.InfoConfidence] = c
	}
	return out
}
