package agents

import (
	"encoding/json"
	"fmt"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/coordinator"
)

// Message is one message of a conversation in the form that is journaled with Result.State and Result.Exchange. It is our
// own type: what langchaingo's look like in JSON is not for us to promise.
type Message struct {
	Role  string     `json:"role"` // system, user, assistant or tool
	Text  string     `json:"text,omitempty"`
	Calls []ToolCall `json:"calls,omitempty"` // assistant
	ID    string     `json:"id,omitempty"`    // tool: the call it answers
	Name  string     `json:"name,omitempty"`  // tool: as the model knows it
	Own   *Own       `json:"own,omitempty"`   // assistant: the same in its provider's form, where the provider wants it back
}

// ToolCall is a call that a model made, in its own words.
type ToolCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // as the model wrote them
}

// state is what an agent wants back in its next turn: all that was said in this one.
type state struct {
	Messages []Message `json:"messages"`
}

func encodeState(said []Message) (json.RawMessage, error) { return json.Marshal(state{Messages: said}) }

// conversation makes the messages of a turn from the attempt alone, so that a replayed attempt sends the same.
func (a *Agent) conversation(at coordinator.Attempt) ([]Message, error) {
	if len(at.Input) > a.cfg.MaxText {
		return nil, fmt.Errorf("input: %d bytes, more than max_text (%d)", len(at.Input), a.cfg.MaxText)
	}
	if a.input != nil {
		if err := a.input.Validate(at.Input); err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
	f := newFence(at)
	fenced := func(text string) string { return f.around(text, at.Label) }
	instructions, err := render(a.instructions, at.Input, a.cfg.MaxText, fenced)
	if err != nil {
		return nil, fmt.Errorf("instructions: %w", err)
	}
	messages := []Message{
		{Role: "system", Text: a.system(instructions, f)},
		{Role: "user", Text: task(at, f)},
	}
	if len(at.Guidance) > 0 {
		messages = append(messages, Message{Role: "user", Text: guidance(at.Guidance)})
	}
	for i, turn := range at.Turns {
		said, err := a.said(turn, i+1)
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", i+1, err)
		}
		messages = append(messages, said...)
		messages = append(messages, a.outcomes(turn, i+1, f)...)
	}
	return messages, nil
}

// said returns what the model said in an earlier turn: from its state, or, where that is missing, from the calls alone.
func (a *Agent) said(turn coordinator.Turn, number int) ([]Message, error) {
	if len(turn.State) > 0 {
		var s state
		if err := json.Unmarshal(turn.State, &s); err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		return s.Messages, nil
	}
	m := Message{Role: "assistant"}
	for i, c := range turn.Calls {
		m.Calls = append(m.Calls, ToolCall{ID: callID(c.ID, number, 0, i), Name: a.names.tool(c.Use), Arguments: string(c.Input)})
	}
	return []Message{m}, nil
}

// outcomes answers each call of an earlier turn. A provider refuses a conversation in which one is missing.
func (a *Agent) outcomes(turn coordinator.Turn, number int, f fence) []Message {
	var messages []Message
	for i, c := range turn.Calls {
		o := coordinator.Outcome{Error: "it was not carried out", Label: coordinator.Trusted}
		if i < len(turn.Outcomes) {
			o = turn.Outcomes[i]
		}
		if c.Refused != "" && o.Error == "" && len(o.Output) == 0 {
			o.Error, o.Label = c.Refused, coordinator.Trusted
		}
		messages = append(messages, Message{
			Role: "tool",
			ID:   callID(c.ID, number, 0, i),
			Name: a.names.tool(c.Use),
			Text: outcome(o, f, a.cfg.MaxText),
		})
	}
	return messages
}

// assistant is what the model just said. Calls without an id of their own get one that a replay gives them again;
// asked counts the messages since the turn began.
func (a *Agent) assistant(r reply, at coordinator.Attempt, asked int) Message {
	m := Message{Role: "assistant", Text: r.text, Own: r.own}
	seen := map[string]bool{}
	for i, c := range r.calls {
		call := ToolCall{ID: c.ID}
		if c.FunctionCall != nil {
			call.Name, call.Arguments = c.FunctionCall.Name, c.FunctionCall.Arguments
		}
		if seen[call.ID] {
			call.ID = ""
		}
		call.ID = callID(call.ID, len(at.Turns)+1, asked, i)
		seen[call.ID] = true
		m.Calls = append(m.Calls, call)
	}
	return m
}

func callID(own string, turn, asked, i int) string {
	if own != "" {
		return own
	}
	return fmt.Sprintf("call_%d_%d_%d", turn, asked, i)
}

// correction tells the model what was wrong with what it said.
func (a *Agent) correction(said Message, wrong error) []Message {
	if len(said.Calls) == 0 {
		return []Message{{Role: "user", Text: "Your answer cannot be used:\n" + wrong.Error() + "\nAnswer again, complete and corrected."}}
	}
	var messages []Message
	for _, c := range said.Calls { // each call must be answered before the model may speak again
		text := "Not carried out, because the answer it came in cannot be used:\n" + wrong.Error() + "\nAnswer again, complete and corrected."
		messages = append(messages, Message{Role: "tool", ID: c.ID, Name: c.Name, Text: text})
	}
	return messages
}

var roles = map[string]llms.ChatMessageType{
	"system":    llms.ChatMessageTypeSystem,
	"user":      llms.ChatMessageTypeHuman,
	"assistant": llms.ChatMessageTypeAI,
	"tool":      llms.ChatMessageTypeTool,
}

// ownOf returns what providers want back of the assistant's messages; nil when there is nothing.
func ownOf(messages []Message) []*Own {
	var out []*Own
	some := false
	for _, m := range messages {
		if m.Role == "assistant" {
			out = append(out, m.Own)
			some = some || m.Own != nil
		}
	}
	if !some {
		return nil
	}
	return out
}

// toModel is a conversation in langchaingo's types.
func toModel(messages []Message) []llms.MessageContent {
	out := make([]llms.MessageContent, 0, len(messages))
	for _, m := range messages {
		content := llms.MessageContent{Role: roles[m.Role]}
		switch {
		case m.Role == "tool":
			content.Parts = []llms.ContentPart{llms.ToolCallResponse{ToolCallID: m.ID, Name: m.Name, Content: m.Text}}
		case m.Text != "" || len(m.Calls) == 0:
			content.Parts = []llms.ContentPart{llms.TextContent{Text: m.Text}}
		}
		for _, c := range m.Calls {
			function := &llms.FunctionCall{Name: c.Name, Arguments: c.Arguments}
			content.Parts = append(content.Parts, llms.ToolCall{ID: c.ID, Type: "function", FunctionCall: function})
		}
		out = append(out, content)
	}
	return out
}
