package models

import (
	"context"

	"github.com/tmc/langchaingo/llms"
)

// Whole takes every answer of a model for a whole one. An agent refuses an answer without a StopReason, since a broken
// stream looks like that; some of langchaingo's models never state one (llms/ollama, llms/fake) and need this.
func Whole(m llms.Model) llms.Model { return &whole{m} }

type whole struct{ llms.Model }

func (m *whole) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

func (m *whole) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	response, err := m.Model.GenerateContent(ctx, messages, options...)
	if err != nil || response == nil {
		return response, err
	}
	for _, c := range response.Choices {
		if c != nil && c.StopReason == "" {
			c.StopReason = "stop"
		}
	}
	return response, nil
}
