package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools/schema"
)

func TestMadeUpValuesFitTheirSchemas(t *testing.T) {
	for name, rules := range map[string]string{
		"anything":        ``,
		"true":            `true`,
		"const":           `{"const": {"a": [1]}}`,
		"enum":            `{"enum": [null, "b"]}`,
		"nullable":        `{"type": ["null", "integer"]}`,
		"only null":       `{"type": "null"}`,
		"whole bounds":    `{"type": "integer", "minimum": 10, "multipleOf": 4}`,
		"below zero":      `{"type": "integer", "exclusiveMaximum": 0}`,
		"narrow":          `{"type": "number", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2}`,
		"long":            `{"type": "string", "minLength": 40}`,
		"short":           `{"type": "string", "maxLength": 3}`,
		"code":            `{"type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}(x|y)+$"}`,
		"formats":         `{"type": "object", "properties": {"a": {"type": "string", "format": "date"}, "b": {"type": "string", "format": "email"}, "c": {"type": "string", "format": "uri"}, "d": {"type": "string", "format": "uuid"}, "e": {"type": "string", "format": "path"}, "f": {"type": "string", "format": "date-time"}, "g": {"type": "string", "format": "duration"}, "h": {"type": "string", "format": "ipv6"}}}`,
		"required only":   `{"required": ["a", "b"]}`,
		"list":            `{"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": true}`,
		"pair":            `{"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "minItems": 2, "items": false}`,
		"short list":      `{"type": "array", "items": {"type": "string"}, "maxItems": 0}`,
		"one of":          `{"oneOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}]}`,
		"any of":          `{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "additionalProperties": false}`,
		"either":          `{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "additionalProperties": false}`,
		"all of":          `{"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}]}`,
		"reference":       `{"$defs": {"x/y": {"type": "integer", "minimum": 5}}, "type": "object", "properties": {"n": {"$ref": "#/$defs/x~1y"}}, "required": ["n"]}`,
		"tree":            `{"$defs": {"t": {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/t"}}, "name": {"type": "string"}}, "required": ["name"]}}, "$ref": "#/$defs/t"}`,
		"wide":            `{"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}}`,
		"wrong example":   `{"type": "integer", "examples": ["no number"], "minimum": 3}`,
		"wrong default":   `{"type": "object", "properties": {"a": {"type": "string", "default": 7}}, "required": ["a"]}`,
		"never there":     `{"type": "object", "properties": {"a": false, "b": {"type": "string"}}}`,
		"without a type":  `{"properties": {"a": {"minimum": 3}, "b": {"items": {"type": "string"}, "minItems": 1}}}`,
		"second is right": `{"oneOf": [{"type": "string", "not": {}}, {"type": "integer"}]}`,
	} {
		value, fits := madeUp(json.RawMessage(rules), "answer")
		check, err := schema.Compile(json.RawMessage(rules))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := check.Validate(value); err != nil || !fits {
			t.Errorf("%s: %s: %v, %v", name, value, fits, err)
		}
		if again, _ := madeUp(json.RawMessage(rules), "answer"); string(again) != string(value) {
			t.Errorf("%s: %s, and then %s", name, value, again)
		}
	}
}

func TestWhatNothingFitsIsNotSaidToFit(t *testing.T) {
	for _, rules := range []string{`false`, `{"type": "string", "pattern": "^a$", "minLength": 5}`, `{"not": {}}`, `{"$ref": "#/$defs/none", "type": "integer", "not": {"type": "integer"}, "$defs": {"none": {}}}`} {
		if value, fits := madeUp(json.RawMessage(rules), "answer"); fits {
			t.Errorf("%s: %s", rules, value)
		}
	}
}

func TestEndlessSchemasGiveSmallValues(t *testing.T) {
	endless := `{"$defs": {"t": {"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}, "b": {"$ref": "#/$defs/t"}}, "required": ["a", "b"]}}, "$ref": "#/$defs/t"}`
	circle := `{"$defs": {"t": {"$ref": "#/$defs/t"}}, "$ref": "#/$defs/t"}`
	for _, rules := range []string{endless, circle} {
		if value, _ := madeUp(json.RawMessage(rules), "answer"); len(value) > 64<<10 {
			t.Errorf("%d bytes", len(value))
		}
	}
}

// TestEveryWorkerHasAnExampleOfItsAnswer holds for all tools that need no settings, and for an agent with a schema.
func TestEveryWorkerHasAnExampleOfItsAnswer(t *testing.T) {
	dir := t.TempDir()
	file := "models: {default: offline}\nagents: {a: {instructions: x, output: {type: object, properties: {n: {type: [number, \"null\"]}}, required: [n]}}}\n"
	if err := os.WriteFile(filepath.Join(dir, pipeline.WorkspaceFile), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{screen: &screen{w: new(strings.Builder), size: func() (int, int) { return 80, 24 }}, env: func(string) string { return "" }}
	s := a.wire(ws)
	defer s.close()
	if s.broken != nil || len(s.names()) < 10 {
		t.Fatalf("%v, %v", s.broken, s.names())
	}
	for _, name := range s.names() {
		card, _ := s.card(name)
		if value, fits := madeUp(card.Output, "answer"); !fits {
			t.Errorf("%s: %s does not fit %s", name, value, card.Output)
		}
	}
}
