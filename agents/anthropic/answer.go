package anthropic

import (
	"encoding/json"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
)

// choiceOf is an answer in langchaingo's types: all its blocks in one choice.
func choiceOf(answer *sdk.Message, model string) *llms.ContentChoice {
	c := &llms.ContentChoice{StopReason: string(answer.StopReason)}
	var text, thoughts strings.Builder
	more := false // than text and calls: the provider wants it back as it is
	var raw []json.RawMessage
	for _, b := range answer.Content {
		raw = append(raw, json.RawMessage(b.RawJSON()))
		switch b.Type {
		case "text":
			text.WriteString(b.Text)
		case "tool_use":
			function := &llms.FunctionCall{Name: b.Name, Arguments: string(b.Input)}
			c.ToolCalls = append(c.ToolCalls, llms.ToolCall{ID: b.ID, Type: "function", FunctionCall: function})
		default:
			more = true
			thoughts.WriteString(b.Thinking)
		}
	}
	c.Content, c.ReasoningContent = text.String(), thoughts.String()
	if len(c.ToolCalls) > 0 {
		c.FuncCall = c.ToolCalls[0].FunctionCall
	}
	u := answer.Usage
	c.GenerationInfo = map[string]any{
		"InputTokens": u.InputTokens, "OutputTokens": u.OutputTokens,
		"CacheReadInputTokens": u.CacheReadInputTokens, "CacheCreationInputTokens": u.CacheCreationInputTokens,
		agents.InfoModel: name + "/" + model,
	}
	if content, err := json.Marshal(raw); more && err == nil {
		c.GenerationInfo[agents.InfoOwn] = &agents.Own{Provider: name, Model: model, Content: content}
	}
	return c
}
