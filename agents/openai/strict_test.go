package openai

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStrictFormOfASchema(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"optional becomes nullable": {
			`{"type":"object","properties":{"a":{"type":"string","minLength":1},"b":{"type":"integer"}},"required":["a"]}`,
			`{"additionalProperties":false,"properties":{"a":{"type":"string"},"b":{"type":["integer","null"]}},"required":["a","b"],"type":"object"}`,
		},
		"enum and const": {
			`{"type":"object","properties":{"a":{"type":"string","enum":["x","y"]},"b":{"const":1}},"required":["b"]}`,
			`{"additionalProperties":false,"properties":{"a":{"enum":["x","y",null],"type":["string","null"]},"b":{"enum":[1]}},"required":["a","b"],"type":"object"}`,
		},
		"optional reference": {
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/d"}},"$defs":{"d":{"type":"number","default":3}}}`,
			`{"$defs":{"d":{"type":"number"}},"additionalProperties":false,"properties":{"a":{"anyOf":[{"$ref":"#/$defs/d"},{"type":"null"}]}},"required":["a"],"type":"object"}`,
		},
		"oneOf is a choice": {
			`{"type":"object","properties":{"a":{"oneOf":[{"type":"string"},{"type":"number"}]}},"required":["a"]}`,
			`{"additionalProperties":false,"properties":{"a":{"anyOf":[{"type":"string"},{"type":"number"}]}},"required":["a"],"type":"object"}`,
		},
		"recursion": {
			`{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]}`,
			`{"additionalProperties":false,"properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"],"type":"object"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := strictSchema(json.RawMessage(tt.in))
			if !ok || string(got) != tt.want {
				t.Errorf("got  %s (%v)\nwant %s", got, ok, tt.want)
			}
		})
	}
}

func TestWhatStrictModeCannotSayIsNotSentStrictly(t *testing.T) {
	deep := `{"type":"string"}`
	for range maxStrictDepth {
		deep = `{"type":"object","properties":{"a":` + deep + `}}`
	}
	var wide []string
	for i := range maxStrictProperties + 1 {
		wide = append(wide, `"p`+strings.Repeat("x", i)+`":{"type":"string"}`)
	}
	for name, schema := range map[string]string{
		"not an object":        `{"type":"array","items":{"type":"string"}}`,
		"anything":             `{}`,
		"a map":                `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}}`,
		"any object":           `{"type":"object"}`,
		"any property":         `{"type":"object","properties":{"a":true}}`,
		"any item":             `{"type":"object","properties":{"a":{"type":"array"}}}`,
		"allOf":                `{"type":"object","properties":{"a":{"allOf":[{"type":"string"}]}}}`,
		"foreign reference":    `{"type":"object","properties":{"a":{"$ref":"https://example.com/a.json"}}}`,
		"nested definitions":   `{"type":"object","properties":{"a":{"type":"string","$defs":{"d":{"type":"string"}}}}}`,
		"choice with optional": `{"type":"object","properties":{"a":{"anyOf":[{"type":"object","properties":{"b":{"type":"string"}}},{"type":"string"}]}}}`,
		"optional behind ref":  `{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/d"},{"type":"string"}]}},"$defs":{"d":{"type":"object","properties":{"b":{"type":"string"}}}}}`,
		"too deep":             deep,
		"too wide":             `{"type":"object","properties":{` + strings.Join(wide, ",") + `}}`,
		"not JSON":             `{`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := strictSchema(json.RawMessage(schema)); ok {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestDropNullsLeavesOtherTextAlone(t *testing.T) {
	for _, text := range []string{"", "no JSON", `{"a":`, `null`} {
		if got := dropNulls(json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}}}`), text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestDropNullsEndsOnAUnionThatRefersToItself(t *testing.T) {
	schema := json.RawMessage(`{"anyOf":[{"$ref":"#"},{"type":"object","properties":{"a":{"type":"string"}}}]}`)
	if got := dropNulls(schema, `{"a":null,"n":12345678901234567890}`); got != `{"n":12345678901234567890}` {
		t.Errorf("got %s", got)
	}
}
