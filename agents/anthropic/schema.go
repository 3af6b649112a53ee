package anthropic

import (
	"encoding/json"
	"slices"
	"strings"
)

// Limits of structured outputs, over the whole schema.
const (
	maxOptional = 24 // properties that are not required
	maxUnions   = 16 // properties of several types
)

// closedSchema rewrites a schema for structured outputs: objects are closed, keywords that they lack are left out (the
// agent checks the whole schema anyhow). It gives up (false) where that would change what can be said: maps, recursion,
// allOf, schemas that accept anything, and the like.
//
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
func closedSchema(raw json.RawMessage) (map[string]any, bool) {
	var root map[string]any
	if json.Unmarshal(raw, &root) != nil || root["type"] != "object" {
		return nil, false
	}
	c := &closer{root: root, open: map[string]bool{}}
	out := c.node(root, true)
	for _, key := range definitionKeys {
		group, _ := root[key].(map[string]any)
		if len(group) == 0 {
			continue
		}
		definitions := map[string]any{}
		for name, definition := range group {
			definitions[name] = c.node(definition, false)
		}
		out[key] = definitions
	}
	if c.failed || c.optional > maxOptional || c.unions > maxUnions {
		return nil, false
	}
	return out, true
}

var definitionKeys = []string{"$defs", "definitions"}

type closer struct {
	root             map[string]any
	open             map[string]bool // references being followed
	optional, unions int
	failed           bool // structured outputs cannot say it
}

func (c *closer) fail() map[string]any {
	c.failed = true
	return map[string]any{}
}

// structural are keywords that decide what an answer may look like, and that structured outputs cannot express.
var structural = []string{
	"allOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "dependentSchemas", "dependentRequired",
	"propertyNames", "unevaluatedProperties", "$dynamicRef", "$id", "$anchor",
}

// kept are keywords that stay as they are.
var kept = []string{"type", "description", "title", "enum", "const", "required"}

// node rewrites one schema.
func (c *closer) node(v any, root bool) map[string]any {
	in, ok := v.(map[string]any)
	if !ok || slices.ContainsFunc(structural, func(key string) bool { return in[key] != nil }) {
		return c.fail()
	}
	if !root && (in["$defs"] != nil || in["definitions"] != nil) {
		return c.fail() // references are looked up from the root
	}
	if ref, ok := in["$ref"].(string); ok {
		return c.reference(ref, in)
	}
	out := map[string]any{}
	for _, key := range kept {
		if value, ok := in[key]; ok {
			out[key] = value
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if branches, ok := in[key].([]any); ok {
			return c.union(in, branches, out)
		}
	}
	return c.plain(in, out)
}

// reference keeps a reference into the definitions, unless it comes round to itself.
func (c *closer) reference(ref string, in map[string]any) map[string]any {
	target := c.target(ref)
	if target == nil || in["properties"] != nil || c.open[ref] {
		return c.fail()
	}
	c.open[ref] = true
	inner := &closer{root: c.root, open: c.open} // what the definition counts, it counts where it stands
	inner.node(target, false)
	delete(c.open, ref)
	c.failed = c.failed || inner.failed
	return map[string]any{"$ref": ref}
}

func (c *closer) target(ref string) any {
	for _, key := range definitionKeys {
		if name, ok := strings.CutPrefix(ref, "#/"+key+"/"); ok {
			group, _ := c.root[key].(map[string]any)
			return group[name]
		}
	}
	return nil
}

func (c *closer) union(in map[string]any, branches []any, out map[string]any) map[string]any {
	if in["properties"] != nil || in["items"] != nil || in["type"] != nil {
		return c.fail()
	}
	c.unions++
	closed := make([]any, len(branches))
	for i, b := range branches {
		closed[i] = c.node(b, false)
	}
	out["anyOf"] = closed
	return out
}

// plain rewrites a schema with a type, an enum or a const.
func (c *closer) plain(in, out map[string]any) map[string]any {
	switch kind := in["type"].(type) {
	case string:
		switch kind {
		case "object":
			return c.object(in, out)
		case "array":
			return c.array(in, out)
		case "string":
			if format, ok := in["format"].(string); ok && slices.Contains(formats, format) {
				out["format"] = format
			}
		}
	case []any:
		if slices.Contains(kind, any("object")) || slices.Contains(kind, any("array")) {
			return c.fail()
		}
		c.unions++
	default:
		if _, isConst := in["const"]; !isConst && in["enum"] == nil {
			return c.fail() // anything
		}
	}
	return out
}

var formats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

func (c *closer) object(in, out map[string]any) map[string]any {
	properties, ok := in["properties"].(map[string]any)
	if _, isMap := in["additionalProperties"].(map[string]any); !ok || isMap {
		return c.fail()
	}
	required, _ := in["required"].([]any)
	closed := map[string]any{}
	for name, property := range properties {
		closed[name] = c.node(property, false)
		if !slices.Contains(required, any(name)) {
			c.optional++
		}
	}
	out["properties"], out["additionalProperties"] = closed, false
	return out
}

func (c *closer) array(in, out map[string]any) map[string]any {
	if in["items"] == nil {
		return c.fail()
	}
	out["items"] = c.node(in["items"], false)
	if least, ok := in["minItems"].(float64); ok && (least == 0 || least == 1) {
		out["minItems"] = least
	}
	return out
}
