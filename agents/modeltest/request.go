package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Request is what a client asked, in whichever format. Anthropic's system prompt is a system message here, and its tool
// results are tool messages, so that one test can look at both.
type Request struct {
	API          API
	Header       http.Header
	Body         json.RawMessage // as it came
	Model        string
	Messages     []Message
	Tools        []Tool
	Format       *Format  // response_format; nil: none was asked for
	Temperature  *float64 // nil: not sent
	MaxTokens    int      // of max_tokens or max_completion_tokens
	Stream       bool
	IncludeUsage bool

	Thinking   Thinking        // Anthropic's
	ToolChoice json.RawMessage // as it came; nil: not sent
	CacheMarks []string        // Anthropic's: where cache_control stood, e.g. "tools[3]"
}

// API is a wire format.
type API string

const (
	OpenAI    API = "openai"    // POST /v1/chat/completions
	Anthropic API = "anthropic" // POST /v1/messages
)

// Thinking is what a client asked for; "" where it asked for nothing.
type Thinking struct {
	Type   string `json:"type"`
	Budget int    `json:"budget_tokens"`
}

// Message is one message of the conversation.
type Message struct {
	Role    string
	Content string // text parts joined
	Calls   []Call
	CallID  string    // of a tool message
	Thought []Thought // of an assistant's message, as it came back
}

// Tool is a function the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage
}

// Format is a response_format.
type Format struct {
	Type   string // json_object, json_schema or text
	Strict bool
	Schema json.RawMessage
}

// System returns the text of the system messages.
func (r Request) System() string {
	var parts []string
	for _, m := range r.Messages {
		if m.Role == "system" || m.Role == "developer" {
			parts = append(parts, m.Content)
		}
	}
	return strings.Join(parts, "\n")
}

// Last returns the newest message.
func (r Request) Last() Message { return r.Messages[len(r.Messages)-1] }

type wireRequest struct {
	Model               string        `json:"model"`
	Messages            []wireMessage `json:"messages"`
	Temperature         *float64      `json:"temperature"`
	MaxTokens           int           `json:"max_tokens"`
	MaxCompletionTokens int           `json:"max_completion_tokens"`
	Stream              bool          `json:"stream"`
	StreamOptions       struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	ToolChoice json.RawMessage `json:"tool_choice"`
	Tools      []struct {
		Type     string `json:"type"`
		Function struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ResponseFormat *struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string          `json:"name"`
			Strict bool            `json:"strict"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
}

type wireMessage struct {
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	ToolCalls []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
	ToolCallID string `json:"tool_call_id"`
}

func (chatFormat) parse(header http.Header, body []byte) (Request, error) {
	var w wireRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return Request{}, fmt.Errorf("body: %w", err)
	}
	r := Request{
		API: OpenAI, ToolChoice: w.ToolChoice, Header: header, Body: body, Model: w.Model, Temperature: w.Temperature,
		MaxTokens: w.MaxTokens + w.MaxCompletionTokens, Stream: w.Stream, IncludeUsage: w.StreamOptions.IncludeUsage,
	}
	for i, m := range w.Messages {
		message, err := m.message()
		if err != nil {
			return Request{}, fmt.Errorf("messages[%d]: %w", i, err)
		}
		r.Messages = append(r.Messages, message)
	}
	for _, t := range w.Tools {
		r.Tools = append(r.Tools, Tool{t.Function.Name, t.Function.Description, t.Function.Parameters})
	}
	if f := w.ResponseFormat; f != nil {
		r.Format = &Format{f.Type, f.JSONSchema.Strict, f.JSONSchema.Schema}
	}
	return r, nil
}

func (w wireMessage) message() (Message, error) {
	m := Message{Role: w.Role, CallID: w.ToolCallID}
	for _, c := range w.ToolCalls {
		m.Calls = append(m.Calls, Call{c.ID, c.Function.Name, c.Function.Arguments})
	}
	if len(w.Content) == 0 || string(w.Content) == "null" {
		return m, nil
	}
	if json.Unmarshal(w.Content, &m.Content) == nil {
		return m, nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(w.Content, &parts); err != nil {
		return m, fmt.Errorf("content: neither text nor parts: %w", err)
	}
	for _, p := range parts {
		m.Content += p.Text
	}
	return m, nil
}
