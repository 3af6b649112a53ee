package models

import (
	"context"
	"errors"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
)

// Named gives a model a name and a price: what Result.Models of an agent calls it, and what its tokens cost. Price nil says
// that the price is not known; the zero price is that of a model that costs nothing. Open names the models it opens.
func Named(name string, m llms.Model, price *agents.Price) llms.Model {
	return &named{Model: m, name: name, price: price}
}

type named struct {
	llms.Model
	name  string
	price *agents.Price
}

func (m *named) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent asks once and reports it (agents.ContextWithAsked).
func (m *named) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	asked := agents.Asked{Model: m.name, Unpriced: m.price == nil}
	price := agents.Price{}
	if m.price != nil {
		price = *m.price
	}
	silent := func(agents.Asked) {} // what m wraps may be named too: one report is enough
	inner := agents.ContextWithWire(agents.ContextWithAsked(ctx, silent), &asked.Wire)
	response, err := m.Model.GenerateContent(inner, messages, options...)
	asked.Err = err
	if failed := (*agents.ProviderError)(nil); errors.As(err, &failed) {
		asked.Usage = agents.UsageOf(map[string]any{agents.InfoUsage: failed.Usage}, price)
	}
	if response != nil && len(response.Choices) > 0 && response.Choices[0] != nil {
		asked.Usage = agents.UsageOf(response.Choices[0].GenerationInfo, price)
	}
	asked.Unpriced = asked.Unpriced && asked.Usage.Cost == 0 && asked.Usage.Input+asked.Usage.Output > 0
	agents.ReportAsked(ctx, asked)
	return response, err
}

// reporting returns a model that reports its requests: itself, or under the name it gets here.
func reporting(m llms.Model, name string) llms.Model {
	switch m.(type) {
	case *named, *fallback:
		return m
	}
	return Named(name, m, nil)
}
