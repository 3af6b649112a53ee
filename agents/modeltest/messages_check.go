package modeltest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sign makes what only the provider can make. Whatever stands for a thought goes through it, so that a changed one shows.
func sign(kind, text string) string {
	mac := hmac.New(sha256.New, []byte("modeltest"))
	mac.Write([]byte(kind + "\x00" + text))
	return base64.StdEncoding.EncodeToString([]byte(kind+"\x00"+text)) + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signed reports whether a text is one of sign's.
func signed(kind, text string) bool {
	payload, _, _ := strings.Cut(text, ".")
	raw, err := base64.StdEncoding.DecodeString(payload)
	inner, ok := strings.CutPrefix(string(raw), kind+"\x00")
	return err == nil && ok && sign(kind, inner) == text
}

// checkBlocks holds the rules within one message.
func checkBlocks(role string, content []block) error {
	if len(content) == 0 {
		return errors.New("content: at least one block is required")
	}
	results := true
	for i, b := range content {
		if err := checkBlock(role, b); err != nil {
			return fmt.Errorf("content.%d: %w", i, err)
		}
		if b.Type == "tool_result" && !results {
			return fmt.Errorf("content.%d: tool_result blocks must come first", i)
		}
		results = results && b.Type == "tool_result"
	}
	return nil
}

func checkBlock(role string, b block) error {
	allowed := map[string][]string{"user": {"text", "tool_result"}, "assistant": {"text", "tool_use", "thinking", "redacted_thinking"}}[role]
	switch {
	case allowed == nil:
		return fmt.Errorf("role: Input should be 'user' or 'assistant', not %q", role)
	case !slices.Contains(allowed, b.Type):
		return fmt.Errorf("type %q is not allowed in a message of the %s", b.Type, role)
	case b.Type == "text" && strings.TrimSpace(b.Text) == "":
		return errors.New("text content blocks must contain non-whitespace text")
	case b.Type == "thinking" && b.Signature != sign("thinking", b.Thinking):
		return errors.New("Invalid `signature` in `thinking` block") //nolint:staticcheck // Anthropic's words
	case b.Type == "redacted_thinking" && !signed("redacted", b.Data):
		return errors.New("Invalid `data` in `redacted_thinking` block") //nolint:staticcheck // Anthropic's words
	case b.Type == "tool_use" && (b.ID == "" || !toolName.MatchString(b.Name)):
		return fmt.Errorf("tool_use: id %q, name %q", b.ID, b.Name)
	case b.Type == "tool_use" && !isObject(b.Input):
		return errors.New("tool_use.input: Input should be a valid dictionary")
	}
	return nil
}

// checkResults holds the rule that the results of all calls of a message stand in the very next one. It returns the calls
// of this message.
func checkResults(open []string, content []block) (calls []string, err error) {
	for _, b := range content {
		switch b.Type {
		case "tool_use":
			calls = append(calls, b.ID)
		case "tool_result":
			open = slices.DeleteFunc(open, func(id string) bool { return id == b.ToolUseID })
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("`tool_use` ids were found without `tool_result` blocks immediately after: %s", strings.Join(open, ", "))
	}
	return calls, nil
}

func isObject(raw json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && object != nil
}

// check refuses what Anthropic refuses.
func (messagesFormat) check(r Request) error {
	talk := slices.DeleteFunc(slices.Clone(r.Messages), func(m Message) bool { return m.Role == "system" })
	switch {
	case r.Header.Get("Anthropic-Version") == "":
		return errors.New("anthropic-version: header is required")
	case r.Model == "":
		return errors.New("model: Field required")
	case r.MaxTokens < 1:
		return errors.New("max_tokens: Field required, at least 1")
	case len(talk) == 0:
		return errors.New("messages: at least one message is required")
	case talk[0].Role == "assistant":
		return errors.New("messages: first message must use the \"user\" role")
	case r.Stream:
		return errors.New("stream: modeltest answers this format whole")
	case len(r.CacheMarks) > 4:
		return fmt.Errorf("A maximum of 4 blocks with cache_control may be provided. Found %d.", len(r.CacheMarks)) //nolint:staticcheck // Anthropic's words
	}
	if err := checkConversation(talk); err != nil {
		return err
	}
	if err := checkTools(r.Tools); err != nil {
		return err
	}
	if err := checkThinking(r, talk); err != nil {
		return err
	}
	return checkOutput(r.Format)
}

// checkThinking holds the rules of extended thinking: its budget, what it does not go with, and that the thoughts before
// calls come back while the calls are being answered.
func checkThinking(r Request, talk []Message) error {
	if r.Thinking.Type != "enabled" {
		return nil
	}
	var choice struct {
		Type string `json:"type"`
	}
	if len(r.ToolChoice) > 0 && json.Unmarshal(r.ToolChoice, &choice) != nil {
		return errors.New("tool_choice: Input should be a valid dictionary")
	}
	switch {
	case r.Thinking.Budget < 1024:
		return errors.New("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case r.MaxTokens <= r.Thinking.Budget:
		return errors.New("`max_tokens` must be greater than `thinking.budget_tokens`")
	case r.Temperature != nil && *r.Temperature != 1:
		return errors.New("`temperature` may only be set to 1 when thinking is enabled")
	case choice.Type == "any" || choice.Type == "tool":
		return errors.New("Thinking may not be enabled when tool_choice forces tool use.") //nolint:staticcheck // Anthropic's words
	}
	begin := len(talk) // of the model's answers since the user last spoke
	for begin > 0 && talk[begin-1].Role != "user" {
		begin--
	}
	if begin < len(talk) && talk[begin].Role == "assistant" && len(talk[begin].Calls) > 0 && len(talk[begin].Thought) == 0 {
		return fmt.Errorf("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`", begin)
	}
	return nil
}

// issued is what the server thought before it made calls.
type issued struct {
	model   string
	thought []Thought
}

// remember keeps the thoughts of an answer by the ids of its calls.
func (s *Server) remember(r Request, reply Reply, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range reply.calls {
		s.issued[callID(c, n, i)] = issued{r.Model, reply.thought}
	}
}

// checkThoughts refuses a conversation whose thoughts are missing, changed, or another model's.
func (s *Server) checkThoughts(r Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range r.Messages {
		if len(m.Calls) == 0 {
			continue
		}
		was, known := s.issued[m.Calls[0].ID]
		switch {
		case !known:
		case was.model != r.Model:
			if len(m.Thought) > 0 {
				return fmt.Errorf("messages.%d: `thinking` blocks are bound to the model that wrote them, %s", i, was.model)
			}
		case r.Thinking.Type != "disabled" && !slices.Equal(was.thought, m.Thought):
			return fmt.Errorf("messages.%d: `thinking` or `redacted_thinking` blocks in the assistant message cannot be modified", i)
		}
	}
	return nil
}

var outputKeys = []string{
	"$ref", "$defs", "definitions", "type", "anyOf", "allOf", "description", "title", "enum", "const", "default",
	"properties", "required", "additionalProperties", "items", "minItems", "format", "pattern",
}

// checkOutput holds the rules of structured outputs: objects are closed, few keywords exist.
func checkOutput(f *Format) error {
	if f == nil {
		return nil
	}
	var root map[string]any
	if f.Type != "json_schema" || json.Unmarshal(f.Schema, &root) != nil {
		return errors.New("output_config.format: want type json_schema and a schema")
	}
	return checkClosed(root, "output_config.format.schema")
}

func checkClosed(node map[string]any, path string) error {
	for key := range node {
		if !slices.Contains(outputKeys, key) {
			return fmt.Errorf("%s: For '%v' type, property '%s' is not supported", path, node["type"], key)
		}
	}
	if node["type"] == "object" && node["additionalProperties"] != false {
		return fmt.Errorf("%s: For 'object' type, 'additionalProperties' must be explicitly set to false", path)
	}
	for key, child := range children(node) {
		if err := checkClosed(child, path+"."+key); err != nil {
			return err
		}
	}
	return nil
}
