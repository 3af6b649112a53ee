package models_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/fake"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
)

// parrot stands for any model of langchaingo's, or of your own. An answer needs a StopReason: one without counts as
// broken off. Token counts in GenerationInfo are read under the names that langchaingo's providers give them.
type parrot struct{}

func (m parrot) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

func (parrot) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{
		Content: "Hello!", StopReason: "stop",
		GenerationInfo: map[string]any{"PromptTokens": 2_000_000, "CompletionTokens": 1},
	}}}, nil
}

// outOfOrder is a model whose provider is.
type outOfOrder struct{ parrot }

func (outOfOrder) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return nil, llms.NewError(llms.ErrCodeProviderUnavailable, "elsewhere", "try again later")
}

// A model from elsewhere gets a name and a price, and stands in for another.
func ExampleNamed() {
	model := models.Fallback(
		models.Named("elsewhere/large", outOfOrder{}, nil),
		models.Named("parrot", parrot{}, &agents.Price{Input: 0.5, Output: 2}),
	)
	clerk, err := agents.New(agents.Config{Name: "clerk", Instructions: "Greet.", Model: model})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := clerk.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{}`)})
	fmt.Println(string(result.Output), err)
	for name, usage := range result.Models {
		fmt.Printf("%s: %d tokens in, $%.2f\n", name, usage.Input, usage.Cost)
	}
	// Output:
	// "Hello!" <nil>
	// parrot: 2000000 tokens in, $1.00
}

// langchaingo's own models are plugged in as they are; this one states no StopReason.
func ExampleWhole() {
	model := models.Whole(fake.NewFakeLLM([]string{"Good morning!"}))
	clerk, err := agents.New(agents.Config{Name: "clerk", Instructions: "Greet.", Model: model})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := clerk.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{}`)})
	fmt.Println(string(result.Output), err)
	// Output: "Good morning!" <nil>
}
