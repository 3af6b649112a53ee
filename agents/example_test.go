package agents_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
)

// scripted stands for a real model, which models.Open gives.
type scripted string

func (m scripted) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

func (m scripted) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: string(m), StopReason: "stop"}}}, nil
}

func ExampleNew() {
	reader, err := agents.New(agents.Config{
		Name:         "invoice-reader",
		Instructions: "Read the invoice. Amounts are in {{.input.currency}}.",
		Model:        scripted(`{"number": "R-7", "total": 119}`),
		Output:       json.RawMessage(`{"type":"object","properties":{"number":{"type":"string"},"total":{"type":"number"}},"required":["number","total"]}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := reader.Do(context.Background(), coordinator.Attempt{
		Input: json.RawMessage(`{"currency":"EUR","document":"Rechnung R-7 … Summe 119,00"}`),
		Label: coordinator.Trusted,
	})
	fmt.Println(string(result.Output), err)
	// Output: {"number":"R-7","total":119} <nil>
}
