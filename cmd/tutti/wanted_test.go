package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestTheSchemaOfAnAnswerIsWorded(t *testing.T) {
	for schema, want := range map[string]string{
		``:                             "",
		`{}`:                           "",
		`{"enum": ["red", 2]}`:         "one of: red, 2",
		`{"type": "integer"}`:          "a whole number",
		`{"type": ["number", "null"]}`: "a number, or null",
		`{"type": "boolean"}`:          "true or false",
		`{"type": "object"}`:           "an object, as JSON",
		`{"type": "object", "properties": {"b": {}, "a": {}}}`: "an object, as JSON with a, b",
	} {
		if got := wanted(json.RawMessage(schema)); got != want {
			t.Errorf("%s: %q, not %q", schema, got, want)
		}
	}
}

func TestTheSuggestedRepliesFitTheSchema(t *testing.T) {
	for schema, want := range map[string][][]string{
		``:                              {{"--text", "ANSWER"}},
		`{"type": "string"}`:            {{"--text", "ANSWER"}},
		`{"enum": ["red", 2]}`:          {{"--text", "red"}, {"--text", "2"}},
		`{"enum": [1, 2, 3, 4, 5, 6]}`:  {{"--text", "OPTION"}},
		`{"type": ["null", "integer"]}`: {{"--text", "NUMBER"}},
		`{"type": "array"}`:             {{"--output", "JSON"}},
	} {
		if got := replies(json.RawMessage(schema)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, not %q", schema, got, want)
		}
	}
}

func TestAnAnswerInWordsIsReadAsTheSchemaWantsIt(t *testing.T) {
	for _, c := range []struct{ text, schema, want string }{
		{"12", ``, `"12"`},
		{"12", `{"type": "integer"}`, `12`},
		{"2", `{"enum": ["red", 2]}`, `2`},
		{"RED", `{"enum": ["Red", "red"]}`, `"Red"`},
		{"red", `{"enum": ["Red", "red"]}`, `"red"`},
		{"true", `{"type": "boolean"}`, `true`},
	} {
		if got, err := inWords(c.text, json.RawMessage(c.schema)); err != nil || string(got) != c.want {
			t.Errorf("%s as %s: %s, %v; not %s", c.text, c.schema, got, err, c.want)
		}
	}
}
