package coordinator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// readSchema reads a JSON Schema: an object, true or false. Nothing at all is nil.
func readSchema(raw json.RawMessage) (any, error) {
	v, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	switch v.(type) {
	case nil, bool, map[string]any:
		return v, nil
	}
	return nil, fmt.Errorf("a schema is an object, not %s", typeName(v))
}

// schemaCheck compares a template with a JSON Schema before anything runs. It knows type, enum, const, properties,
// required, additionalProperties and items; what it doesn't know, and what expressions will give, it takes for right.
// The runtime's own validation stands behind it.
type schemaCheck struct {
	wrong func(path, hint, message string)
}

func (k *schemaCheck) node(n templateNode, schema any, path string) {
	s, ok := schema.(map[string]any)
	if !ok {
		if schema == false {
			k.wrong(path, "", "nothing may stand here")
		}
		return
	}
	if _, ok := s["$ref"]; ok { // in older drafts a $ref hides everything beside it
		return
	}
	if !k.kind(n, s, path) {
		return
	}
	k.values(n, s, path)
	switch n := unfold(n).(type) {
	case *objectNode:
		k.object(n, s, path)
	case *listNode:
		for i, item := range n.items {
			if _, positional := s["prefixItems"]; !positional {
				k.node(item, s["items"], fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
}

// kind compares types. It is false when they differ: then nothing else needs to be said.
func (k *schemaCheck) kind(n templateNode, s map[string]any, path string) bool {
	wanted := schemaTypes(s)
	got := kindOf(n)
	if len(wanted) == 0 || len(got) == 0 {
		return true
	}
	for _, kind := range got {
		if slices.Contains(wanted, kind) {
			return true
		}
	}
	if got[0] == "null" && s["nullable"] == true {
		return true
	}
	k.wrong(path, "", fmt.Sprintf("it must be %s, not %s", strings.Join(articles(wanted), " or "), articles(got)[0]))
	return false
}

func schemaTypes(s map[string]any) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, one := range t {
			if name, ok := one.(string); ok {
				out = append(out, name)
			}
		}
		return out
	}
	return nil
}

// kindOf returns the schema types that a node's value has, the plainest first; none when only running it can tell.
func kindOf(n templateNode) []string {
	switch n := n.(type) {
	case *textNode:
		return []string{"string"}
	case *listNode:
		return []string{"array"}
	case *objectNode:
		return []string{"object"}
	case *constantNode:
		switch v := n.v.(type) {
		case nil:
			return []string{"null"}
		case bool:
			return []string{"boolean"}
		case string:
			return []string{"string"}
		case int64:
			return []string{"number", "integer"}
		case float64:
			if v == math.Trunc(v) {
				return []string{"number", "integer"}
			}
			return []string{"number"}
		case []any:
			return []string{"array"}
		case map[string]any:
			return []string{"object"}
		}
	}
	return nil
}

func articles(types []string) []string {
	out := make([]string, len(types))
	for i, t := range types {
		switch t {
		case "null":
			out[i] = t
		case "array":
			out[i] = "a list"
		case "object", "integer":
			out[i] = "an " + t
		default:
			out[i] = "a " + t
		}
	}
	return out
}

// values compares a constant with enum and const.
func (k *schemaCheck) values(n templateNode, s map[string]any, path string) {
	c, ok := n.(*constantNode)
	if !ok {
		return
	}
	allowed, ok := s["enum"].([]any)
	if one, is := s["const"]; is {
		allowed, ok = []any{one}, true
	}
	if !ok {
		return
	}
	texts := make([]string, len(allowed))
	for i, v := range allowed {
		raw, err := canonical(v)
		if err != nil || bytes.Equal(raw, c.raw) {
			return
		}
		texts[i] = string(raw)
	}
	if len(texts) == 1 {
		k.wrong(path, "", "it must be "+texts[0])
		return
	}
	hint := ""
	if text, ok := c.v.(string); ok {
		if guess := closest(text, stringsIn(allowed)); guess != "" {
			hint = fmt.Sprintf("did you mean %q?", guess)
		}
	}
	k.wrong(path, hint, "it must be one of "+strings.Join(texts, ", "))
}

func stringsIn(list []any) []string {
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (k *schemaCheck) object(n *objectNode, s map[string]any, path string) {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range stringsIn(required) {
		if !slices.Contains(n.keys, name) {
			k.wrong(path, "", fmt.Sprintf("%q is missing", name))
		}
	}
	for i, key := range n.keys {
		at := fieldPath(path, key)
		if p, ok := properties[key]; ok {
			k.node(n.values[i], p, at)
			continue
		}
		if _, ok := s["patternProperties"]; ok {
			continue
		}
		if s["additionalProperties"] != false {
			k.node(n.values[i], s["additionalProperties"], at)
			continue
		}
		hint := ""
		if guess := closest(key, sortedKeys(properties)); guess != "" {
			hint = fmt.Sprintf("did you mean %q?", guess)
		}
		k.wrong(at, hint, fmt.Sprintf("there is no field %q", key))
	}
}

// unfold shows what is inside a constant object or list.
func unfold(n templateNode) templateNode {
	c, ok := n.(*constantNode)
	if !ok {
		return n
	}
	switch v := c.v.(type) {
	case map[string]any:
		o := &objectNode{keys: sortedKeys(v)}
		for _, key := range o.keys {
			o.values = append(o.values, constantOf(v[key]))
		}
		return o
	case []any:
		l := &listNode{}
		for _, one := range v {
			l.items = append(l.items, constantOf(one))
		}
		return l
	}
	return n
}

func constantOf(v any) templateNode {
	raw, err := canonical(v)
	if err != nil {
		return nil // its kind is unknown then
	}
	return &constantNode{raw: raw, v: v}
}

// field returns what stands at a key of an object; nil when there is no such thing, or only running it can tell.
func field(n templateNode, key string) templateNode {
	if o, ok := unfold(n).(*objectNode); ok {
		if i := slices.Index(o.keys, key); i >= 0 {
			return o.values[i]
		}
	}
	return nil
}
