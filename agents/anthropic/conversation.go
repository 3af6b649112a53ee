package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"
	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
)

// conversation is what was said in the API's form: the system prompt apart, and users and assistants in turns. The results
// of all calls of an answer stand in one message, before anything else the user says.
type conversation struct {
	system   []sdk.TextBlockParam
	messages []sdk.MessageParam

	own          []*agents.Own // of the assistant's messages still to come
	model        string
	inCalls      bool // the user has said nothing since the model began to make calls
	lacksThought bool // the calls being answered began without a thought that could be given back
}

func newConversation(messages []llms.MessageContent, own []*agents.Own, model string) (*conversation, error) {
	c := &conversation{own: own, model: model}
	for i, m := range messages {
		if err := c.add(m); err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, err)
		}
	}
	return c, nil
}

func (c *conversation) add(m llms.MessageContent) error {
	switch m.Role {
	case llms.ChatMessageTypeSystem:
		return c.addSystem(m.Parts)
	case llms.ChatMessageTypeAI:
		return c.addAssistant(m.Parts)
	case llms.ChatMessageTypeHuman, llms.ChatMessageTypeGeneric, llms.ChatMessageTypeTool, llms.ChatMessageTypeFunction:
		return c.addUser(m.Parts)
	}
	return fmt.Errorf("role %q is not known", m.Role)
}

func (c *conversation) addSystem(parts []llms.ContentPart) error {
	for _, part := range parts {
		text, ok := part.(llms.TextContent)
		if !ok {
			return fmt.Errorf("a system prompt is text, not %T", part)
		}
		if strings.TrimSpace(text.Text) != "" {
			c.system = append(c.system, sdk.TextBlockParam{Text: text.Text})
		}
	}
	return nil
}

func (c *conversation) addUser(parts []llms.ContentPart) error {
	for _, part := range parts {
		switch p := part.(type) {
		case llms.TextContent:
			if strings.TrimSpace(p.Text) != "" { // the API refuses empty text
				c.say(sdk.NewTextBlock(p.Text))
				c.inCalls, c.lacksThought = false, false
			}
		case llms.ToolCallResponse:
			c.say(result(p))
		default:
			return fmt.Errorf("%T cannot be sent", part)
		}
	}
	return nil
}

// say adds to the user's message, or begins one.
func (c *conversation) say(b sdk.ContentBlockParamUnion) {
	if n := len(c.messages); n > 0 && c.messages[n-1].Role == sdk.MessageParamRoleUser {
		c.messages[n-1].Content = append(c.messages[n-1].Content, b)
		return
	}
	c.messages = append(c.messages, sdk.NewUserMessage(b))
}

func result(r llms.ToolCallResponse) sdk.ContentBlockParamUnion {
	b := sdk.ToolResultBlockParam{ToolUseID: allowedID(r.ToolCallID)}
	if strings.TrimSpace(r.Content) != "" {
		b.Content = []sdk.ToolResultBlockParamContentUnion{{OfText: &sdk.TextBlockParam{Text: r.Content}}}
	}
	return sdk.ContentBlockParamUnion{OfToolResult: &b}
}

func (c *conversation) addAssistant(parts []llms.ContentPart) error {
	var own *agents.Own
	if len(c.own) > 0 {
		own, c.own = c.own[0], c.own[1:]
	}
	var blocks []sdk.ContentBlockParamUnion
	var calls []string
	for _, part := range parts {
		switch p := part.(type) {
		case llms.TextContent:
			if strings.TrimSpace(p.Text) != "" {
				blocks = append(blocks, sdk.NewTextBlock(p.Text))
			}
		case llms.ToolCall:
			if p.FunctionCall == nil {
				return fmt.Errorf("call %s has no function", p.ID)
			}
			calls = append(calls, p.ID)
			blocks = append(blocks, sdk.NewToolUseBlock(allowedID(p.ID), input(p.FunctionCall.Arguments), p.FunctionCall.Name))
		default:
			return fmt.Errorf("%T cannot be sent", part)
		}
	}
	exact := c.usable(own, calls)
	switch {
	case exact:
		raw := fmt.Appendf(nil, `{"role":"assistant","content":%s}`, own.Content)
		message := param.Override[sdk.MessageParam](json.RawMessage(raw))
		message.Role = sdk.MessageParamRoleAssistant
		c.messages = append(c.messages, message)
	case len(blocks) > 0:
		c.messages = append(c.messages, sdk.NewAssistantMessage(blocks...))
	}
	if len(calls) > 0 && !c.inCalls {
		c.inCalls, c.lacksThought = true, !exact
	}
	return nil
}

// usable reports whether the provider's form can stand for a message: it is this model's, and makes the same calls.
func (c *conversation) usable(own *agents.Own, calls []string) bool {
	if own == nil || own.Provider != name || own.Model != c.model {
		return false
	}
	var blocks []struct{ Type, ID string }
	if json.Unmarshal(own.Content, &blocks) != nil || len(blocks) == 0 {
		return false
	}
	for _, b := range blocks {
		if b.Type != "tool_use" {
			continue
		}
		if len(calls) == 0 || calls[0] != b.ID {
			return false
		}
		calls = calls[1:]
	}
	return len(calls) == 0
}

// input is a call's arguments as an object, for the API takes no other. Another provider's model may have written worse.
func input(arguments string) any {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(arguments), &object) == nil && object != nil {
		return json.RawMessage(arguments)
	}
	if strings.TrimSpace(arguments) == "" {
		return json.RawMessage(`{}`)
	}
	return map[string]string{"unreadable": arguments}
}

// allowedID replaces what the API does not allow in the id of a call that another provider made.
func allowedID(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, id)
}
