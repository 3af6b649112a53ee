package agents

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
)

// Exchange is the JSON in coordinator.Result.Exchange: what exactly models were asked in one attempt of an agent, and what
// they answered. It is for people, who want to see why an answer came out as it did; nothing reads it back. It holds bodies
// only, never headers, which carry keys.
type Exchange struct {
	Messages []Message       `json:"messages"`         // the whole conversation, oldest first, with the answers and corrections of this attempt
	Tools    []OfferedTool   `json:"tools,omitempty"`  // offered with each request
	Answer   json.RawMessage `json:"answer,omitempty"` // JSON Schema of the wanted answer
	Options  AskOptions      `json:"options,omitzero"`
	Requests []AskedRequest  `json:"requests"`          // in their order: repairs, and models asked in another's place, are requests of their own
	Omitted  string          `json:"omitted,omitempty"` // what was left out because of Config.MaxExchange
}

// OfferedTool is a tool as the model sees it.
type OfferedTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // JSON Schema
}

// AskOptions are what an agent asks of every model; the bodies of the requests show what became of them.
type AskOptions struct {
	MaxTokens   int      `json:"max_tokens,omitempty"`
	Temperature *float64 `json:"temperature,omitempty"`
}

// AskedRequest is one request to one model. Body and Reply are there where a transport of ours sent them (agents/openai,
// agents/anthropic), as JSON, or as a JSON string where they are something else.
type AskedRequest struct {
	Model    string            `json:"model"`
	Messages int               `json:"messages"`       // how many of Exchange.Messages were sent, from the first
	Body     json.RawMessage   `json:"body,omitempty"` // as the provider got it
	Reply    json.RawMessage   `json:"reply,omitempty"`
	Tries    int               `json:"tries,omitempty"` // HTTP exchanges; Reply is the last one's
	Usage    coordinator.Usage `json:"usage,omitzero"`
	Error    string            `json:"error,omitempty"`
}

func (t *talk) exchange() *Exchange {
	x := &Exchange{Messages: t.messages, Answer: t.agent.answer.wanted, Options: AskOptions{Temperature: t.agent.cfg.Temperature}}
	x.Options.MaxTokens = max(t.agent.cfg.MaxTokens, 0)
	for _, tool := range t.offered {
		parameters, _ := tool.Function.Parameters.(json.RawMessage)
		x.Tools = append(x.Tools, OfferedTool{tool.Function.Name, tool.Function.Description, parameters})
	}
	for _, r := range t.asked {
		request := AskedRequest{
			Model: r.Model, Messages: r.messages, Body: asJSON(r.Wire.Request), Reply: asJSON(r.Wire.Reply),
			Tries: r.Wire.Tries, Usage: r.Usage,
		}
		if r.Err != nil {
			request.Error = r.Err.Error()
		}
		x.Requests = append(x.Requests, request)
	}
	return x
}

// asJSON returns a body as it is, or as a JSON string where it is no JSON.
func asJSON(body []byte) json.RawMessage {
	if len(body) == 0 || json.Valid(body) {
		return body
	}
	text, err := plainJSON(strings.ToValidUTF8(string(body), "\uFFFD"))
	if err != nil {
		return nil
	}
	return text
}

// encode leaves out more and more until the JSON has at most limit bytes: first what stands there twice.
func (x *Exchange) encode(limit int) json.RawMessage {
	steps := []func() string{
		func() string { return "" },
		x.dropBodies, x.dropReplies, x.dropSchemas,
		func() string { return x.shorten(limit / 2) },
		x.dropMessages,
	}
	var omitted []string
	for _, step := range steps {
		if what := step(); what != "" {
			omitted = append(omitted, what)
			x.Omitted = fmt.Sprintf("more than %d bytes: left out %s", limit, strings.Join(omitted, ", "))
		}
		if raw, err := plainJSON(x); err == nil && len(raw) <= limit {
			return raw
		}
	}
	raw, err := plainJSON(Exchange{Messages: []Message{}, Requests: []AskedRequest{}, Omitted: fmt.Sprintf("more than %d bytes: left out everything", limit)})
	if err != nil {
		return nil
	}
	return raw
}

func (x *Exchange) dropBodies() string {
	for i := range x.Requests {
		x.Requests[i].Body = nil
	}
	return "the bodies of requests"
}

func (x *Exchange) dropReplies() string {
	for i := range x.Requests {
		x.Requests[i].Reply = nil
	}
	x.Messages = append([]Message(nil), x.Messages...) // the agent's own stay whole
	for i := range x.Messages {
		x.Messages[i].Own = nil
	}
	return "the bodies of replies"
}

func (x *Exchange) dropSchemas() string {
	for i := range x.Tools {
		x.Tools[i].Parameters = nil
	}
	x.Answer = nil
	return "schemas"
}

// shorten shares size bytes between the texts of the conversation.
func (x *Exchange) shorten(size int) string {
	share := size / max(len(x.Messages), 1)
	for i, m := range x.Messages {
		x.Messages[i].Text = beginning(m.Text, share)
		calls := append([]ToolCall(nil), m.Calls...)
		for j, c := range calls {
			calls[j].Arguments = beginning(c.Arguments, share/len(calls))
		}
		x.Messages[i].Calls = calls
	}
	for i, r := range x.Requests {
		x.Requests[i].Error = beginning(r.Error, share)
	}
	return "the ends of long texts"
}

func (x *Exchange) dropMessages() string {
	x.Messages, x.Tools = []Message{}, nil
	return "the conversation"
}

// beginning is the start of a text, cut between characters.
func beginning(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
