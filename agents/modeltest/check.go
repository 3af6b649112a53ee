package modeltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// check refuses what OpenAI refuses.
func (chatFormat) check(r Request) error {
	switch {
	case r.Model == "":
		return errors.New("you must provide a model parameter")
	case len(r.Messages) == 0:
		return errors.New("messages: array too short")
	}
	if err := checkConversation(r.Messages); err != nil {
		return err
	}
	if err := checkTools(r.Tools); err != nil {
		return err
	}
	return checkFormat(r)
}

// checkConversation holds the rule that each call of an assistant is answered by a tool message before anything else.
func checkConversation(messages []Message) error {
	var open []string
	for i, m := range messages {
		if m.Role == "tool" {
			at := slices.Index(open, m.CallID)
			if at < 0 {
				return fmt.Errorf("messages[%d]: tool_call_id %q answers no tool call of the assistant message before it", i, m.CallID)
			}
			open = slices.Delete(open, at, at+1)
			continue
		}
		if len(open) > 0 {
			return fmt.Errorf("messages[%d]: tool_call_ids did not have response messages: %s", i, strings.Join(open, ", "))
		}
		if !slices.Contains([]string{"system", "developer", "user", "assistant"}, m.Role) {
			return fmt.Errorf("messages[%d]: role %q is not one of system, developer, user, assistant, tool", i, m.Role)
		}
		for _, c := range m.Calls {
			if !toolName.MatchString(c.Name) {
				return fmt.Errorf("messages[%d]: tool call name %q does not match %s", i, c.Name, toolName)
			}
			open = append(open, c.ID)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
	}
	return nil
}

func checkTools(tools []Tool) error {
	seen := map[string]bool{}
	for i, t := range tools {
		var parameters struct {
			Type string `json:"type"`
		}
		switch {
		case !toolName.MatchString(t.Name):
			return fmt.Errorf("tools[%d].function.name: %q does not match %s", i, t.Name, toolName)
		case seen[t.Name]:
			return fmt.Errorf("tools: names must be unique: %q", t.Name)
		case len(t.Parameters) > 0 && (json.Unmarshal(t.Parameters, &parameters) != nil || parameters.Type != "object"):
			return fmt.Errorf("tools[%d].function.parameters: schema must have type 'object'", i)
		}
		seen[t.Name] = true
	}
	return nil
}

func checkFormat(r Request) error {
	switch {
	case r.Format == nil || r.Format.Type == "text":
		return nil
	case r.Format.Type == "json_object":
		for _, m := range r.Messages {
			if strings.Contains(strings.ToLower(m.Content), "json") {
				return nil
			}
		}
		return errors.New("'messages' must contain the word 'json' to use response_format json_object")
	case r.Format.Type != "json_schema":
		return fmt.Errorf("response_format.type %q is not supported", r.Format.Type)
	case !r.Format.Strict:
		return nil
	}
	var root map[string]any
	if err := json.Unmarshal(r.Format.Schema, &root); err != nil {
		return fmt.Errorf("response_format.json_schema.schema: %w", err)
	}
	if root["type"] != "object" {
		return errors.New("response_format: schema must be an object at the root")
	}
	return checkStrict(root, "()")
}

var strictKeys = []string{
	"$schema", "$defs", "$ref", "definitions", "type", "description", "title", "properties", "required", "additionalProperties",
	"items", "enum", "const", "anyOf", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum",
	"exclusiveMaximum", "minItems", "maxItems",
}

// checkStrict holds the rules of strict mode: objects are closed, every key is required, few keywords exist.
func checkStrict(node map[string]any, path string) error {
	for key := range node {
		if !slices.Contains(strictKeys, key) {
			return fmt.Errorf("response_format: in context=%s, %q is not permitted", path, key)
		}
	}
	if properties, isObject := node["properties"].(map[string]any); isObject || node["type"] == "object" {
		if node["additionalProperties"] != false {
			return fmt.Errorf("response_format: in context=%s, 'additionalProperties' is required to be supplied and to be false", path)
		}
		required, _ := node["required"].([]any)
		for name := range properties {
			if !slices.Contains(required, any(name)) {
				return fmt.Errorf("response_format: in context=%s, 'required' must include every key in properties: missing %q", path, name)
			}
		}
	}
	for key, child := range children(node) {
		if err := checkStrict(child, path+"."+key); err != nil {
			return err
		}
	}
	return nil
}

// children returns the schemas directly below a node.
func children(node map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, key := range []string{"properties", "$defs", "definitions"} {
		group, _ := node[key].(map[string]any)
		for name, child := range group {
			if child, ok := child.(map[string]any); ok {
				out[key+"."+name] = child
			}
		}
	}
	if items, ok := node["items"].(map[string]any); ok {
		out["items"] = items
	}
	branches, _ := node["anyOf"].([]any)
	for i, child := range branches {
		if child, ok := child.(map[string]any); ok {
			out[fmt.Sprintf("anyOf.%d", i)] = child
		}
	}
	return out
}
