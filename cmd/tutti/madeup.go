package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// Limits of a made-up value.
const (
	madeUpDepth  = 12  // of objects and lists; deeper ones stay empty
	madeUpWhole  = 3   // as deep as this, properties that are not required are there too
	madeUpValues = 500 // in all
	madeUpTries  = 6   // at a schema with alternatives
)

// madeUp is a small value that fits a JSON Schema, as an example. Name is what it stands for. It is checked against the
// schema; fits is false where nothing was found that passes, and the value is the best there is.
func madeUp(rules json.RawMessage, name string) (value json.RawMessage, fits bool) {
	root, err := coordinator.Decode(rules)
	if err != nil || len(rules) == 0 {
		root = true
	}
	check, err := schema.Compile(rules)
	for try := range madeUpTries {
		i := inventor{root: root, left: madeUpValues, try: try}
		raw, encodeErr := json.Marshal(i.value(root, name, 0))
		if encodeErr != nil {
			continue
		}
		if err == nil && check.Validate(raw) == nil {
			return raw, true
		}
		if value == nil {
			value = raw
		}
	}
	return value, false
}

// inventor makes one value. With each try it takes other alternatives; every second one has only what is required.
type inventor struct {
	root any // the whole schema, which $ref points into
	left int // values that may still be made
	try  int
}

func (i *inventor) value(rules any, name string, depth int) any {
	i.left--
	s, ok := i.resolve(rules, 0).(map[string]any)
	if !ok {
		return "made-up " + name
	}
	if given, ok := i.given(s); ok {
		return given
	}
	switch kindOf(s) {
	case "object":
		return i.object(s, depth)
	case "array":
		return i.list(s, name, depth)
	case "integer":
		return int64(numberWithin(s, 1))
	case "number":
		return numberWithin(s, 0)
	case "boolean":
		return true
	case "null":
		return nil
	}
	return inventText(s, name)
}

// given is a value that the schema itself names. Examples and defaults are not trusted in later tries.
func (i *inventor) given(s map[string]any) (any, bool) {
	if v, ok := s["const"]; ok {
		return v, true
	}
	if examples, _ := s["examples"].([]any); i.try < 2 && len(examples) > 0 {
		return examples[0], true
	}
	options, _ := s["enum"].([]any)
	for _, o := range options {
		if o != nil {
			return o, true
		}
	}
	if v, ok := s["default"]; i.try < 2 && ok && v != nil {
		return v, true
	}
	return nil, len(options) > 0
}

// resolve follows references, and puts what applies at the same time into one schema: of alternatives, one.
func (i *inventor) resolve(rules any, depth int) any {
	s, ok := rules.(map[string]any)
	if !ok || depth > madeUpDepth {
		return rules
	}
	out := maps.Clone(s)
	if at, ok := s["$ref"].(string); ok {
		delete(out, "$ref")
		into(out, i.resolve(i.at(at), depth+1))
	}
	all, _ := s["allOf"].([]any)
	for _, one := range all {
		into(out, i.resolve(one, depth+1))
	}
	for _, word := range []string{"oneOf", "anyOf"} {
		if options := notNull(s[word]); len(options) > 0 {
			into(out, i.resolve(options[i.try/2%len(options)], depth+1))
		}
	}
	return out
}

// at finds what a reference within the schema points to.
func (i *inventor) at(reference string) any {
	pointer, here := strings.CutPrefix(reference, "#")
	if !here || pointer != "" && pointer[0] != '/' {
		return true
	}
	return orAnything(pointedAt(i.root, pointer))
}

// into adds one schema to another that applies at the same time.
func into(s map[string]any, other any) {
	more, _ := other.(map[string]any)
	for _, word := range slices.Sorted(maps.Keys(more)) {
		have, there := s[word]
		switch v := more[word].(type) {
		case map[string]any:
			if properties, ok := have.(map[string]any); ok && word == "properties" {
				v = maps.Clone(v)
				maps.Copy(v, properties)
			}
			s[word] = v
		case []any:
			if names, ok := have.([]any); ok && word == "required" {
				v = append(slices.Clone(names), v...)
			}
			s[word] = v
		default:
			if !there {
				s[word] = v
			}
		}
	}
}

// notNull are alternatives, without the one for nothing at all.
func notNull(alternatives any) []any {
	all, _ := alternatives.([]any)
	some := slices.DeleteFunc(slices.Clone(all), func(one any) bool {
		s, _ := one.(map[string]any)
		return s["type"] == "null"
	})
	if len(some) == 0 {
		return all
	}
	return some
}

// kindOf is the type of a schema: the first that is not null, or what its other words are about.
func kindOf(s map[string]any) string {
	if types := typesIn(s["type"]); len(types) > 0 {
		return cmp.Or(firstType(types), "null")
	}
	for _, about := range []struct{ word, kind string }{
		{"properties", "object"}, {"required", "object"}, {"items", "array"}, {"prefixItems", "array"}, {"minItems", "array"},
		{"minimum", "number"}, {"maximum", "number"}, {"multipleOf", "number"}, {"exclusiveMinimum", "number"},
	} {
		if _, ok := s[about.word]; ok {
			return about.kind
		}
	}
	return "string"
}

func (i *inventor) object(s map[string]any, depth int) any {
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	required := textsOf(s["required"])
	names := slices.Clone(required)
	if depth < madeUpWhole && i.try%2 == 0 {
		names = append(names, slices.Sorted(maps.Keys(properties))...)
	}
	for _, name := range names {
		if _, there := out[name]; there || !slices.Contains(required, name) && (i.left <= 0 || properties[name] == false) {
			continue
		}
		if depth >= madeUpDepth {
			break
		}
		out[name] = i.value(orAnything(properties[name]), name, depth+1)
		if out[name] == true && !slices.Contains(required, name) && i.try == 0 {
			out[name] = false // what need not be there mostly says that there is more, or something special
		}
	}
	for n := 1; len(out) < intOf(s["minProperties"], 0) && i.left > 0; n++ {
		name := fmt.Sprintf("made_up_%d", n)
		out[name] = i.value(orAnything(s["additionalProperties"]), name, depth+1)
	}
	return out
}

// orAnything is a schema, or the one that takes everything.
func orAnything(rules any) any {
	if rules == nil {
		return true
	}
	return rules
}

func (i *inventor) list(s map[string]any, name string, depth int) any {
	least := intOf(s["minItems"], 0)
	heads, _ := s["prefixItems"].([]any)
	want := max(least, len(heads))
	if _, known := s["items"].(map[string]any); known {
		want = max(want, 1)
	}
	if most := intOf(s["maxItems"], math.MaxInt); want > most {
		want = most
	}
	out := []any{}
	for n := 0; n < want && i.left > 0 && depth < madeUpDepth; n++ {
		rules := orAnything(s["items"])
		if n < len(heads) {
			rules = heads[n]
		}
		item := i.value(rules, name, depth+1)
		if s["uniqueItems"] == true && n > 0 {
			item = another(item, n)
		}
		out = append(out, item)
	}
	return out
}

// another is a value beside the first of its kind in a list without repetitions.
func another(v any, n int) any {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%s %d", v, n+1)
	case int64:
		return v + int64(n)
	case float64:
		return v + float64(n)
	}
	return v
}

// numberWithin is a number that the bounds allow: 1 if they do. A whole one moves in steps of whole, where that is not 0.
func numberWithin(s map[string]any, whole float64) float64 {
	step := floatOf(s["multipleOf"], whole)
	low, lowOpen := bound(s["minimum"], s["exclusiveMinimum"], math.Inf(-1), 1)
	high, highOpen := bound(s["maximum"], s["exclusiveMaximum"], math.Inf(1), -1)
	if step == 0 {
		switch {
		case low < 1 && 1 < high:
			return 1
		case !math.IsInf(low, 0) && !math.IsInf(high, 0):
			return low + (high-low)/2
		case math.IsInf(high, 0):
			return low + 1
		}
		return high - 1
	}
	if lowOpen {
		low += step
	}
	if highOpen {
		high -= step
	}
	if low, high = math.Ceil(low/step-1e-9)*step, math.Floor(high/step+1e-9)*step; low <= 1 && 1 <= high {
		return math.Ceil(1/step-1e-9) * step
	}
	if low > 1 {
		return low
	}
	return high
}

// bound is the tighter of an inclusive and an exclusive bound, and whether it is the exclusive one. Sign is 1 for lower bounds.
func bound(inclusive, exclusive any, none, sign float64) (at float64, open bool) {
	at = floatOf(inclusive, none)
	if beyond := floatOf(exclusive, none); !math.IsInf(beyond, 0) && sign*beyond >= sign*at {
		return beyond, true
	}
	return at, false
}

func floatOf(v any, otherwise float64) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return otherwise
}

func intOf(v any, otherwise int) int {
	if n, ok := v.(int64); ok && n >= 0 {
		return int(min(n, madeUpValues))
	}
	return otherwise
}
