package openai

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Limits of strict mode. OpenAI has raised its own over time; these hold for all of its models.
const (
	maxStrictDepth      = 5
	maxStrictProperties = 100
)

// strictSchema rewrites a schema for strict mode: objects are closed, every key is required, one that was optional may be
// null, keywords that strict mode lacks are left out (the agent checks the whole schema anyhow). It gives up (false)
// where that would change what can be said: maps, allOf, schemas that accept anything, and the like.
//
// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
func strictSchema(raw json.RawMessage) (json.RawMessage, bool) {
	root, ok := decode(raw).(map[string]any)
	if !ok || kind(root) != "object" {
		return nil, false
	}
	s := &strictener{root: root}
	out := s.node(root, 1)
	for _, key := range []string{"$defs", "definitions"} {
		group, _ := root[key].(map[string]any)
		if out == nil || len(group) == 0 {
			continue
		}
		definitions := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(group)) {
			definitions[name] = s.node(group[name], 1)
		}
		out[key] = definitions
	}
	if s.failed {
		return nil, false
	}
	text, err := json.Marshal(out)
	return text, err == nil
}

type strictener struct {
	root       map[string]any
	properties int
	failed     bool // strict mode cannot say it
}

func (s *strictener) fail() map[string]any {
	s.failed = true
	return nil
}

// structural are keywords that decide what an answer may look like, and that strict mode cannot express.
var structural = []string{
	"allOf", "patternProperties", "prefixItems", "dependentSchemas", "unevaluatedProperties", "$dynamicRef", "$id", "$anchor",
}

// node rewrites one schema.
func (s *strictener) node(v any, depth int) map[string]any {
	in, ok := v.(map[string]any)
	if !ok || depth > maxStrictDepth {
		return s.fail()
	}
	for _, key := range structural {
		if _, found := in[key]; found {
			return s.fail()
		}
	}
	if depth > 1 && (in["$defs"] != nil || in["definitions"] != nil) {
		return s.fail() // references are looked up from the root
	}
	if ref, ok := in["$ref"].(string); ok {
		if s.target(ref) == nil || in["properties"] != nil {
			return s.fail()
		}
		return map[string]any{"$ref": ref}
	}
	out := map[string]any{}
	if text, ok := in["description"].(string); ok {
		out["description"] = text
	}
	if branches := union(in); branches != nil {
		return s.union(in, branches, out, depth)
	}
	return s.plain(in, out, depth)
}

func (s *strictener) union(in map[string]any, branches []any, out map[string]any, depth int) map[string]any {
	if in["properties"] != nil || in["items"] != nil {
		return s.fail()
	}
	choices := 0
	for _, b := range branches {
		if !isNull(b) {
			choices++
		}
	}
	var strict []any
	for _, b := range branches {
		// Among several branches nobody could tell which null stands for a missing key.
		if choices > 1 && s.optional(b, nil) {
			return s.fail()
		}
		strict = append(strict, s.node(b, depth))
	}
	out["anyOf"] = strict
	return out
}

// plain rewrites a schema with a type, an enum or a const.
func (s *strictener) plain(in, out map[string]any, depth int) map[string]any {
	if values, ok := in["enum"]; ok {
		out["enum"] = values
	} else if value, ok := in["const"]; ok {
		out["enum"] = []any{value}
	}
	switch t := in["type"].(type) {
	case string, []any:
		out["type"] = t
	default:
		if in["properties"] != nil {
			out["type"] = "object"
		} else if out["enum"] == nil {
			return s.fail() // accepts anything
		}
	}
	if allows(out, "object") {
		s.object(in, out, depth)
	}
	if allows(out, "array") {
		if in["items"] == nil {
			return s.fail()
		}
		out["items"] = s.node(in["items"], depth+1)
	}
	return out
}

func (s *strictener) object(in, out map[string]any, depth int) {
	properties, _ := in["properties"].(map[string]any)
	_, isMap := in["additionalProperties"].(map[string]any)
	s.properties += len(properties)
	if len(properties) == 0 || isMap || s.properties > maxStrictProperties {
		s.fail()
		return
	}
	closed := map[string]any{}
	for name, property := range properties {
		child := s.node(property, depth+1)
		if child != nil && !isRequired(in, name) && !acceptsNull(s.root, property) {
			child = nullable(child)
		}
		closed[name] = child
	}
	out["properties"] = closed
	out["required"] = slices.Sorted(maps.Keys(properties))
	out["additionalProperties"] = false
}

// optional reports whether a null for a missing key can occur anywhere below v.
func (s *strictener) optional(v any, seen []string) bool {
	in, _ := v.(map[string]any)
	if ref, ok := in["$ref"].(string); ok {
		return !slices.Contains(seen, ref) && s.optional(s.target(ref), append(seen, ref))
	}
	properties, _ := in["properties"].(map[string]any)
	for name, property := range properties {
		if (!isRequired(in, name) && !acceptsNull(s.root, property)) || s.optional(property, seen) {
			return true
		}
	}
	return slices.ContainsFunc(union(in), func(b any) bool { return s.optional(b, seen) }) ||
		(in["items"] != nil && s.optional(in["items"], seen))
}

func (s *strictener) target(ref string) any { return resolve(s.root, ref) }

// nullable widens a rewritten schema by null.
func nullable(node map[string]any) map[string]any {
	if node["$ref"] != nil || node["anyOf"] != nil {
		if branches, ok := node["anyOf"].([]any); ok {
			node["anyOf"] = append(branches, map[string]any{"type": "null"})
			return node
		}
		return map[string]any{"anyOf": []any{node, map[string]any{"type": "null"}}}
	}
	switch t := node["type"].(type) {
	case string:
		node["type"] = []any{t, "null"}
	case []any:
		node["type"] = append(slices.Clone(t), "null")
	}
	if values, ok := node["enum"].([]any); ok {
		node["enum"] = append(slices.Clone(values), nil)
	}
	return node
}

// isObject reports whether a schema wants an object, which is all that json_object can promise.
func isObject(raw json.RawMessage) bool {
	root, _ := decode(raw).(map[string]any)
	if ref, ok := root["$ref"].(string); ok {
		root, _ = resolve(root, ref).(map[string]any)
	}
	return kind(root) == "object"
}

// kind is a schema's type, if it has just one.
func kind(node map[string]any) string {
	if t, ok := node["type"].(string); ok {
		return t
	}
	if node["type"] == nil && node["properties"] != nil {
		return "object"
	}
	return ""
}

func allows(node map[string]any, t string) bool {
	if list, ok := node["type"].([]any); ok {
		return slices.Contains(list, any(t))
	}
	return node["type"] == t
}

// union returns the branches of anyOf or oneOf; to the model both are a choice.
func union(node map[string]any) []any {
	if branches, ok := node["anyOf"].([]any); ok {
		return branches
	}
	branches, _ := node["oneOf"].([]any)
	return branches
}

func isNull(v any) bool {
	node, _ := v.(map[string]any)
	return node["type"] == "null"
}

func isRequired(node map[string]any, name string) bool {
	required, _ := node["required"].([]any)
	return slices.Contains(required, any(name))
}

// acceptsNull reports whether null is a value of the schema itself.
func acceptsNull(root map[string]any, v any) bool {
	node := follow(root, v)
	if values, ok := node["enum"].([]any); ok {
		return slices.Contains(values, nil)
	}
	return allows(node, "null") || slices.ContainsFunc(union(node), func(b any) bool { return allows(follow(root, b), "null") })
}

// follow returns the schema that v is or refers to.
func follow(root map[string]any, v any) map[string]any {
	node, _ := v.(map[string]any)
	for hops := 0; node["$ref"] != nil && hops < 8; hops++ {
		ref, _ := node["$ref"].(string)
		node, _ = resolve(root, ref).(map[string]any)
	}
	return node
}

// resolve finds what a reference within the document points to; nil if it is not a definition at the root.
func resolve(root map[string]any, ref string) any {
	if ref == "#" {
		return root
	}
	group, name, ok := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
	if !ok || !strings.HasPrefix(ref, "#/") || (group != "$defs" && group != "definitions") {
		return nil
	}
	definitions, _ := root[group].(map[string]any)
	return definitions[name]
}

// dropNulls takes the nulls out of a strict answer that stand for keys the schema does not require.
func dropNulls(schema json.RawMessage, text string) string {
	root, _ := decode(schema).(map[string]any)
	value := decode([]byte(text))
	if value == nil {
		return text // not JSON: the agent will say so
	}
	dropBelow(root, root, value, 0)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(value) != nil {
		return text
	}
	return strings.TrimSpace(b.String())
}

func dropBelow(root map[string]any, schema, value any, depth int) {
	if depth > 100 { // a union that refers to itself does not use up the value
		return
	}
	node := follow(root, schema)
	for _, branch := range union(node) {
		dropBelow(root, branch, value, depth+1)
	}
	switch value := value.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		for name, property := range properties {
			item, present := value[name]
			if present && item == nil && !isRequired(node, name) && !acceptsNull(root, property) {
				delete(value, name)
				continue
			}
			dropBelow(root, property, item, depth+1)
		}
	case []any:
		for _, item := range value {
			dropBelow(root, node["items"], item, depth+1)
		}
	}
}

// decode reads JSON with its numbers as they are written; nil if it is none.
func decode(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil
	}
	return v
}
