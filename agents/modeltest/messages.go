package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// messagesFormat is Anthropic's messages.
//
// https://platform.claude.com/docs/en/api/messages
type messagesFormat struct{}

// faultTypes are Anthropic's names of errors, by HTTP status.
var faultTypes = map[int]string{
	http.StatusBadRequest: "invalid_request_error", http.StatusUnauthorized: "authentication_error",
	http.StatusPaymentRequired: "billing_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
	http.StatusInternalServerError: "api_error", http.StatusGatewayTimeout: "timeout_error", 529: "overloaded_error",
}

func (messagesFormat) fault(reply Reply) map[string]any {
	kind, known := faultTypes[reply.status]
	if !known {
		kind = "api_error"
	}
	return map[string]any{
		"type": "error", "request_id": "req_test",
		"error": map[string]any{"type": kind, "message": reply.message},
	}
}

// answer is a reply in the form of a message object.
func (messagesFormat) answer(reply Reply, request Request, n int) map[string]any {
	content := []any{}
	for _, t := range reply.thought {
		if t.Redacted != "" {
			content = append(content, map[string]any{"type": "redacted_thinking", "data": t.Redacted})
			continue
		}
		content = append(content, map[string]any{"type": "thinking", "thinking": t.Text, "signature": t.Signature})
	}
	if reply.text != "" {
		content = append(content, map[string]any{"type": "text", "text": reply.text, "citations": nil})
	}
	for i, c := range reply.calls {
		content = append(content, map[string]any{"type": "tool_use", "id": callID(c, n, i), "name": c.Name, "input": toolInput(c.Arguments)})
	}
	stop, details := stopReason(reply)
	u := reply.usage
	return map[string]any{
		"id": fmt.Sprintf("msg_%d", n), "type": "message", "role": "assistant", "model": request.Model,
		"content": content, "stop_reason": stop, "stop_sequence": nil, "stop_details": details,
		"usage": map[string]any{
			"input_tokens": u.Input - u.Cached - u.Written, "output_tokens": u.Output, "cache_read_input_tokens": u.Cached,
			"cache_creation_input_tokens": u.Written, "service_tier": "standard",
			"cache_creation": map[string]any{"ephemeral_5m_input_tokens": u.Written, "ephemeral_1h_input_tokens": 0},
		},
	}
}

// toolInput is the input of a call: an object, for Anthropic's format has no other. What is no JSON becomes an empty one.
func toolInput(arguments string) any {
	var input map[string]json.RawMessage
	if json.Unmarshal([]byte(arguments), &input) != nil || input == nil {
		return map[string]any{}
	}
	return json.RawMessage(arguments)
}

// stopReason translates a finish reason; those that are Anthropic's own stay.
func stopReason(reply Reply) (stop, details any) {
	if reply.refusal != "" {
		return "refusal", map[string]any{"type": "refusal", "category": nil, "explanation": reply.refusal}
	}
	switch reply.finish {
	case "":
		return nil, nil
	case "stop":
		return "end_turn", nil
	case "tool_calls":
		return "tool_use", nil
	case "length":
		return "max_tokens", nil
	case "content_filter":
		return "refusal", nil
	}
	return reply.finish, nil
}

type messagesRequest struct {
	Model       string          `json:"model"`
	MaxTokens   int             `json:"max_tokens"`
	System      json.RawMessage `json:"system"`
	Temperature *float64        `json:"temperature"`
	Stream      bool            `json:"stream"`
	Thinking    Thinking        `json:"thinking"`
	ToolChoice  json.RawMessage `json:"tool_choice"`
	Messages    []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Name         string          `json:"name"`
		Description  string          `json:"description"`
		InputSchema  json.RawMessage `json:"input_schema"`
		CacheControl json.RawMessage `json:"cache_control"`
	} `json:"tools"`
	OutputConfig struct {
		Format *struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
}

// block is a piece of a message's content.
type block struct {
	Type         string          `json:"type"`
	Text         string          `json:"text"`
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Input        json.RawMessage `json:"input"`
	ToolUseID    string          `json:"tool_use_id"`
	Content      json.RawMessage `json:"content"`
	Thinking     string          `json:"thinking"`
	Signature    string          `json:"signature"`
	Data         string          `json:"data"`
	CacheControl json.RawMessage `json:"cache_control"`
}

// blocks reads content, which may be a text alone.
func blocks(content json.RawMessage) ([]block, error) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []block{{Type: "text", Text: text}}, nil
	}
	var out []block
	if err := json.Unmarshal(content, &out); err != nil {
		return nil, fmt.Errorf("content: neither text nor blocks: %w", err)
	}
	return out, nil
}

// parse reads a request and, with it, the order of its blocks, which Request does not keep: that is checked here.
func (messagesFormat) parse(header http.Header, body []byte) (Request, error) {
	var w messagesRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return Request{}, fmt.Errorf("body: %w", err)
	}
	r := Request{
		API: Anthropic, Header: header, Body: body, Model: w.Model, Temperature: w.Temperature, MaxTokens: w.MaxTokens,
		Stream: w.Stream, Thinking: w.Thinking, ToolChoice: w.ToolChoice,
	}
	if err := w.system(&r); err != nil {
		return r, err
	}
	for i, t := range w.Tools {
		r.Tools = append(r.Tools, Tool{t.Name, t.Description, t.InputSchema})
		r.mark(t.CacheControl, fmt.Sprintf("tools[%d]", i))
	}
	if f := w.OutputConfig.Format; f != nil {
		r.Format = &Format{Type: f.Type, Strict: true, Schema: f.Schema}
	}
	var open []string // calls of the message before
	for i, m := range w.Messages {
		at := fmt.Sprintf("messages.%d", i)
		content, err := blocks(m.Content)
		if err == nil {
			err = checkBlocks(m.Role, content)
		}
		if err == nil {
			open, err = checkResults(open, content)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", at, err)
		}
		r.Messages = append(r.Messages, messagesOf(m.Role, content)...)
		for j, b := range content {
			r.mark(b.CacheControl, fmt.Sprintf("%s.%d", at, j))
		}
	}
	return r, nil
}

func (r *Request) mark(control json.RawMessage, at string) {
	if len(control) > 0 && string(control) != "null" {
		r.CacheMarks = append(r.CacheMarks, at)
	}
}

func (w messagesRequest) system(r *Request) error {
	if len(w.System) == 0 {
		return nil
	}
	content, err := blocks(w.System)
	if err != nil {
		return fmt.Errorf("system: %w", err)
	}
	for i, b := range content {
		if b.Type != "text" || b.Text == "" {
			return fmt.Errorf("system.%d: text content blocks must be non-empty", i)
		}
		r.Messages = append(r.Messages, Message{Role: "system", Content: b.Text})
		r.mark(b.CacheControl, fmt.Sprintf("system.%d", i))
	}
	return nil
}

// messagesOf splits a message of Anthropic's into those that OpenAI would have had.
func messagesOf(role string, content []block) []Message {
	var out []Message
	m := Message{Role: role}
	for _, b := range content {
		switch b.Type {
		case "text":
			m.Content += b.Text
		case "tool_use":
			m.Calls = append(m.Calls, Call{b.ID, b.Name, string(b.Input)})
		case "thinking":
			m.Thought = append(m.Thought, Thought{Text: b.Thinking, Signature: b.Signature})
		case "redacted_thinking":
			m.Thought = append(m.Thought, Thought{Redacted: b.Data})
		case "tool_result":
			text := ""
			if parts, err := blocks(b.Content); err == nil {
				for _, p := range parts {
					text += p.Text
				}
			}
			out = append(out, Message{Role: "tool", CallID: b.ToolUseID, Content: text})
		}
	}
	if hasText := slices.ContainsFunc(content, func(b block) bool { return b.Type != "tool_result" }); hasText || len(content) == 0 {
		out = append(out, m)
	}
	return out
}
