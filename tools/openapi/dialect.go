package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/tools/schema"
)

// dialect turns the schemas of a document into JSON Schemas (2020-12) that stand alone. One is made for what goes to the
// server, one for what comes from it: read-only fields are in the second only, write-only ones in the first.
type dialect struct {
	doc    *document
	old    bool   // OpenAPI 3.0, whose schemas are a dialect of their own
	hidden string // the flag of fields to leave out: readOnly or writeOnly
	named  map[string]*definition
	taken  map[string]string // name of a definition: key of its place
}

// definition is a schema that others refer to, converted once for all operations.
type definition struct {
	name string
	raw  json.RawMessage
	part part
}

// part is what a converted schema needs beside itself.
type part struct {
	refs  []string // keys of definitions
	wrong []*Problem
}

func newDialect(doc *document, old bool, hidden string) *dialect {
	return &dialect{doc: doc, old: old, hidden: hidden, named: map[string]*definition{}, taken: map[string]string{}}
}

// Keywords by what they hold. Others are copied, apart from dropped ones.
var (
	schemaIn = words("items additionalProperties not if then else contains propertyNames unevaluatedItems unevaluatedProperties")
	listIn   = words("allOf anyOf oneOf prefixItems")
	mapIn    = words("properties patternProperties dependentSchemas")

	// dropped say nothing about a value: examples, notes for renderers, and definitions, which references bring along.
	dropped = words("example examples externalDocs xml discriminator deprecated readOnly writeOnly nullable contentSchema " +
		"$schema $comment $defs definitions $anchor $vocabulary")

	// unsupported change what references mean, and ours are made anew.
	unsupported = words("$id $dynamicRef $recursiveRef")
)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(s) {
		out[word] = true
	}
	return out
}

// maxSchemaDepth bounds nesting, references not counted.
const maxSchemaDepth = 80

// convert returns the schema at p; it is nil where there is none.
func (d *dialect) convert(p place, needs *part) any {
	return d.schema(p, needs, 0)
}

func (d *dialect) schema(p place, needs *part, depth int) any {
	if depth > maxSchemaDepth {
		needs.wrong = append(needs.wrong, p.problem("the schema is nested more than %d deep", maxSchemaDepth))
		return true
	}
	switch v := p.value.(type) {
	case nil:
		return true
	case bool:
		return v
	case map[string]any:
		if p.has("$ref") {
			return d.reference(p, needs, depth)
		}
		return d.keywords(p, needs, depth)
	}
	needs.wrong = append(needs.wrong, p.problem("a schema must be an object"))
	return true
}

// reference keeps a reference a reference, so that a schema may contain itself.
func (d *dialect) reference(p place, needs *part, depth int) any {
	to, wrong := d.doc.target(p)
	if wrong != nil {
		needs.wrong = append(needs.wrong, wrong)
		return true
	}
	def := d.define(to)
	needs.refs = append(needs.refs, to.key())
	out := map[string]any{}
	if !d.old { // in 3.0 nothing beside a reference counts
		out, _ = d.keywords(p, needs, depth).(map[string]any)
	}
	if text := p.text("description"); text != "" {
		out["description"] = shorten(text, maxHint)
	}
	out["$ref"] = "#/$defs/" + escapeToken(def.name)
	return out
}

// define converts what is referred to. It is known before it is converted, which ends recursion.
func (d *dialect) define(to place) *definition {
	if def, ok := d.named[to.key()]; ok {
		return def
	}
	def := &definition{name: d.nameOf(to)}
	d.named[to.key()] = def
	s := d.schema(to, &def.part, 0)
	def.raw = mustMarshal(s)
	if m, ok := s.(map[string]any); ok {
		d.check(to, m, &def.part)
	}
	return def
}

// check compiles a schema with all that it refers to left open. So each definition is checked once, where it stands, and
// not once more with every operation that uses it.
func (d *dialect) check(at place, s map[string]any, needs *part) {
	if len(needs.wrong) > 0 {
		return
	}
	open := map[string]any{}
	for _, key := range needs.refs {
		open[d.named[key].name] = true
	}
	s = maps.Clone(s)
	s["$defs"] = open
	if _, err := schema.Compile(mustMarshal(s)); err != nil {
		needs.wrong = append(needs.wrong, at.problem("%v", err))
	}
}

func mustMarshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was JSON before
	}
	return raw
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// nameOf is the last word of a pointer, made distinct.
func (d *dialect) nameOf(to place) string {
	last := unescapeToken(to.pointer[strings.LastIndexByte(to.pointer, '/')+1:])
	name := notInName.ReplaceAllString(last, "_")
	if name == "" {
		name = "root"
	}
	for n, base := 2, name; d.taken[name] != ""; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	d.taken[name] = to.key()
	return name
}

func (d *dialect) keywords(p place, needs *part, depth int) any {
	out := map[string]any{}
	for _, key := range p.keys() {
		at := p.child(key)
		switch {
		case key == "$ref" || dropped[key] || strings.HasPrefix(key, "x-"):
		case unsupported[key]:
			needs.wrong = append(needs.wrong, at.problem("%s is not supported", key))
		case schemaIn[key]:
			out[key] = d.schema(at, needs, depth+1)
		case listIn[key]:
			out[key] = d.list(at, needs, depth)
		case mapIn[key]:
			out[key] = d.members(at, needs, depth)
		default:
			out[key] = at.value
		}
	}
	tidy(out)
	d.hide(p, out)
	if d.old {
		return modern(p, out)
	}
	return out
}

func (d *dialect) list(p place, needs *part, depth int) any {
	if _, ok := p.value.([]any); !ok {
		needs.wrong = append(needs.wrong, p.problem("it must be a list of schemas"))
		return []any{true}
	}
	items := p.items()
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = d.schema(item, needs, depth+1)
	}
	return out
}

func (d *dialect) members(p place, needs *part, depth int) any {
	if p.object() == nil {
		needs.wrong = append(needs.wrong, p.problem("it must be an object of schemas"))
		return map[string]any{}
	}
	out := map[string]any{}
	for _, key := range p.keys() {
		at := p.child(key)
		if strings.HasSuffix(p.pointer, "/patternProperties") && !readable(key) {
			continue
		}
		if !d.hides(at) {
			out[key] = d.schema(at, needs, depth+1)
		}
	}
	return out
}

// hides reports whether a property is not for this direction.
func (d *dialect) hides(p place) bool {
	if p.flag(d.hidden) {
		return true
	}
	if !p.has("$ref") {
		return false
	}
	to, wrong := d.doc.resolve(p)
	return wrong == nil && to.flag(d.hidden)
}

// hide no longer requires what was left out.
func (d *dialect) hide(p place, out map[string]any) {
	required, ok := out["required"].([]any)
	if !ok {
		return
	}
	properties := p.child("properties")
	kept := slices.DeleteFunc(slices.Clone(required), func(name any) bool {
		key, ok := name.(string)
		return ok && properties.has(key) && d.hides(properties.child(key))
	})
	if out["required"] = kept; len(kept) == 0 {
		delete(out, "required")
	}
}

// tidy removes what would make a schema unusable here without meaning anything to the caller.
func tidy(out map[string]any) {
	if pattern, ok := out["pattern"].(string); ok && !readable(pattern) {
		delete(out, "pattern")
	}
	if out["format"] == "path" { // ours means a path inside the workspace
		delete(out, "format")
	}
	if text, ok := out["description"].(string); ok {
		out["description"] = shorten(text, maxHint)
	}
	if required, ok := out["required"].([]any); ok {
		out["required"] = distinct(required)
	}
	// A boolean here is a habit of older drafts. Whether the field is needed is said by the object that has it.
	if _, ok := out["required"].(bool); ok {
		delete(out, "required")
	}
}

func readable(pattern string) bool {
	_, err := regexp.Compile(pattern)
	return err == nil
}

func distinct(list []any) []any {
	var out []any
	for _, v := range list {
		if !slices.ContainsFunc(out, func(w any) bool { return v == w }) {
			out = append(out, v)
		}
	}
	return out
}

// modern says in 2020-12 what 3.0 says in its own way: boolean exclusive limits, and nullable.
func modern(p place, out map[string]any) any {
	for exclusive, limit := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
		if on, ok := out[exclusive].(bool); ok {
			delete(out, exclusive)
			if value, has := out[limit]; on && has {
				out[exclusive] = value
				delete(out, limit)
			}
		}
	}
	if !p.flag("nullable") {
		return out
	}
	if enum, ok := out["enum"].([]any); ok && !slices.Contains(enum, nil) {
		out["enum"] = append(slices.Clone(enum), nil)
	}
	if t, ok := out["type"].(string); ok {
		out["type"] = []any{t, "null"}
	}
	// 3.0.3 lets nullable count only beside type; people write it beside allOf and mean it.
	if slices.ContainsFunc([]string{"allOf", "anyOf", "oneOf"}, func(key string) bool { return out[key] != nil }) {
		return map[string]any{"anyOf": []any{out, map[string]any{"type": "null"}}}
	}
	return out
}

// alone returns a schema with the definitions that it needs, nearest first, and everything that is wrong in it and them.
// What would make it larger than maxSchema is left open: in some documents everything leads to everything.
func (d *dialect) alone(at place, s map[string]any, needs part) (json.RawMessage, []*Problem) {
	d.check(at, s, &needs)
	defs := map[string]json.RawMessage{}
	wrong := needs.wrong
	left := maxSchema
	seen := map[string]bool{}
	for todo := needs.refs; len(todo) > 0; {
		key := todo[0]
		todo = todo[1:]
		if seen[key] {
			continue
		}
		seen[key] = true
		def := d.named[key]
		if len(def.raw) > left {
			defs[def.name] = json.RawMessage("true")
			continue
		}
		left -= len(def.raw)
		defs[def.name] = def.raw
		wrong = append(wrong, def.part.wrong...)
		todo = append(todo, def.part.refs...)
	}
	if len(defs) > 0 {
		s = maps.Clone(s)
		s["$defs"] = defs
	}
	return mustMarshal(s), wrong
}

func shorten(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
