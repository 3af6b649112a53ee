package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// wanted words what a schema takes as an answer, for example "one of: red, blue" or "a whole number"; "" for anything.
func wanted(schema json.RawMessage) string {
	if options := optionsOf(schema); len(options) > 0 {
		return "one of: " + strings.Join(optionTexts(options), ", ")
	}
	words := map[string]string{
		"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
		"null": "null", "array": "a list, as JSON", "object": "an object, as JSON" + fieldNames(schema),
	}
	var out []string
	for _, kind := range kindsAt(schema, nil) {
		if word, known := words[kind]; known {
			out = append(out, word)
		}
	}
	return strings.Join(out, ", or ")
}

func fieldNames(schema json.RawMessage) string {
	if names := slices.Sorted(maps.Keys(propertiesOf(schema))); len(names) > 0 {
		return " with " + line(strings.Join(names, ", "))
	}
	return ""
}

func propertiesOf(schema json.RawMessage) map[string]json.RawMessage {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if len(schema) > 0 {
		_ = json.Unmarshal(schema, &s) // no properties then
	}
	return s.Properties
}

func optionTexts(options []json.RawMessage) []string {
	out := make([]string, len(options))
	for i, o := range options {
		out[i] = line(plainText(o))
	}
	return out
}

// optionNamed is the option that a text means; capitals do not matter unless two options differ in nothing else.
func optionNamed(text string, options []json.RawMessage) (json.RawMessage, bool) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, o := range options {
			if same(text, plainText(o)) {
				return o, true
			}
		}
	}
	return nil, false
}

// inWords is an answer given in words, as the schema wants it: 12 is a number only where a number is wanted.
func inWords(text string, schema json.RawMessage) (json.RawMessage, error) {
	if o, ok := optionNamed(text, optionsOf(schema)); ok {
		return o, nil
	}
	kinds := kindsAt(schema, nil)
	if len(kinds) == 0 {
		kinds = []string{"string"}
	}
	return json.Marshal(valueOf(text, kinds))
}

// optionCommands is how many options get a command of their own among those that answer a question.
const optionCommands = 5

// replies are the flags that answer a question: each option, or what stands for the answer.
func replies(schema json.RawMessage) [][]string {
	options := optionsOf(schema)
	if len(options) > optionCommands {
		return [][]string{{"--text", "OPTION"}}
	}
	var out [][]string
	for _, o := range options {
		out = append(out, []string{"--text", plainText(o)})
	}
	if len(out) > 0 {
		return out
	}
	placeholders := map[string]string{"integer": "NUMBER", "number": "NUMBER", "boolean": "true"}
	for _, kind := range kindsAt(schema, nil) {
		if p := placeholders[kind]; p != "" {
			return [][]string{{"--text", p}}
		}
		if kind == "object" || kind == "array" {
			return [][]string{{"--output", "JSON"}}
		}
	}
	return [][]string{{"--text", "ANSWER"}}
}
