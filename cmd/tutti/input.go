package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tuttirun/tutti/coordinator"
)

// inputFlags are the input of a task on the command line.
type inputFlags struct {
	whole string   // JSON, @file or @-
	set   []string // key=value
}

func (f *inputFlags) register(flags *pflag.FlagSet) {
	flags.StringVarP(&f.whole, "input", "i", "", "the input as JSON; @file reads it from a file, @- from stdin")
	flags.StringArrayVarP(&f.set, "set", "s", nil, "one value of the input: key=value, where a.b=value goes deeper; repeat it")
}

// read returns the input as JSON; --set goes over --input.
func (f *inputFlags) read(stdin io.Reader, plan *coordinator.Plan) (json.RawMessage, error) {
	raw, err := document("--input", f.whole, stdin)
	if err != nil || len(f.set) == 0 {
		return raw, err
	}
	values := map[string]any{}
	if len(raw) > 0 {
		if err := exactly(raw, &values); err != nil {
			return nil, fmt.Errorf("--set needs an object as --input: %w", err)
		}
	}
	var wrong []error
	for _, text := range f.set {
		if err := cmp.Or(assign(values, text, plan.Input), knownKey(text, plan.Input)); err != nil {
			wrong = append(wrong, fmt.Errorf("--set %s: %w", text, err))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return json.Marshal(values)
}

// knownKey refuses a key that the schema does not name, unless it says that others may be there.
func knownKey(text string, schema json.RawMessage) error {
	path, _, _ := strings.Cut(text, "=")
	above := ""
	for _, key := range strings.Split(path, ".") {
		var s struct {
			Properties map[string]json.RawMessage `json:"properties"`
			Patterns   json.RawMessage            `json:"patternProperties"`
			More       json.RawMessage            `json:"additionalProperties"`
		}
		if len(schema) == 0 || json.Unmarshal(schema, &s) != nil || len(s.Properties) == 0 {
			return nil
		}
		next, known := s.Properties[key]
		if !known {
			if len(s.Patterns) > 0 || len(s.More) > 0 && string(s.More) != "false" {
				return nil
			}
			names := slices.Sorted(maps.Keys(s.Properties))
			return fmt.Errorf("the input has no %q; it has %s%s", above+key, strings.Join(names, ", "), didYouMean(key, names))
		}
		schema, above = next, above+key+"."
	}
	return nil
}

// maxDocument is how much of a file or of stdin is read as JSON.
const maxDocument = 8 << 20

// document reads JSON that stands on the command line, in a file (@file) or on stdin (@-). Empty text is no document.
func document(flag, text string, stdin io.Reader) (json.RawMessage, error) {
	raw := []byte(text)
	if name, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if raw, err = readNamed(name, stdin); err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
	}
	if text == "" {
		return nil, nil
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("%s: more than %d MiB", flag, maxDocument>>20)
	}
	if err := json.Unmarshal(raw, new(any)); err != nil {
		if key, _, ok := strings.Cut(text, "="); ok && flag == "--input" && plainWord.MatchString(key) {
			return nil, fmt.Errorf("--input takes JSON or @file; for single values write --set %s", text)
		}
		return nil, fmt.Errorf("%s is no JSON: %w", flag, err)
	}
	return raw, nil
}

func readNamed(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, maxDocument+1))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxDocument+1))
}

// assign sets one value of an object from "a.b=value". The value is JSON if it can be read as that, unless the schema
// wants text there.
func assign(into map[string]any, text string, schema json.RawMessage) error {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return errors.New("write key=value")
	}
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		next, isObject := into[key].(map[string]any)
		if _, there := into[key]; there && !isObject {
			return fmt.Errorf("%s is no object", key)
		}
		if !isObject {
			next = map[string]any{}
			into[key] = next
		}
		into = next
	}
	into[keys[len(keys)-1]] = valueOf(value, kindsAt(schema, keys))
	return nil
}

// valueOf reads a value: as text where the schema wants nothing else, as JSON where it is that, else as text.
func valueOf(text string, kinds []string) any {
	others := slices.ContainsFunc(kinds, func(k string) bool { return k != "string" && k != "null" })
	switch {
	case text == "null" && slices.Contains(kinds, "null"):
		return nil
	case slices.Contains(kinds, "string") && !others:
		return text
	}
	var v any
	if exactly([]byte(text), &v) != nil {
		return text
	}
	return v
}

// exactly reads one JSON value in which numbers stay as they were written: 0.10 is not 0.1.
func exactly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the value")
	}
	return nil
}

// kindsAt returns the types that a schema states for a property; none when it states none.
func kindsAt(schema json.RawMessage, keys []string) []string {
	var s struct {
		Type       any                        `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if len(schema) == 0 || json.Unmarshal(schema, &s) != nil {
		return nil
	}
	if len(keys) > 0 {
		return kindsAt(s.Properties[keys[0]], keys[1:])
	}
	return typesIn(s.Type)
}

// typesIn are what stands behind type in a JSON Schema: one name, or a list of them.
func typesIn(v any) []string {
	if name, ok := v.(string); ok {
		return []string{name}
	}
	return textsOf(v)
}

// firstType is the first type that is not null; "" for none.
func firstType(types []string) string {
	for _, t := range types {
		if t != "null" {
			return t
		}
	}
	return ""
}

// textsOf are the texts in a list.
func textsOf(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, one := range list {
		if text, ok := one.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
