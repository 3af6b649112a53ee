package pipeline

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// SchemaOptions say what a file's schema knows beyond this package. The zero value leaves settings of tools and models open.
type SchemaOptions struct {
	ID    string                  // the schema's $id; "": none
	Tools map[string]reflect.Type // the settings of each family of tools
	Model reflect.Type            // settings of a model beside use; nil: anything
	Price reflect.Type            // of a model; nil: anything

	// Describe returns what editors show about a struct's field, or about the struct itself when field is ""; nil: nothing.
	Describe func(t reflect.Type, field string) string
}

// PipelineSchema returns a JSON Schema (draft 2020-12) of pipeline files. It follows the types that Parse fills, and knows
// the short forms; what only the plan as a whole can tell, such as unknown steps, is left to Check.
func PipelineSchema(o SchemaOptions) (json.RawMessage, error) {
	return writeSchema(o, "A pipeline of Tutti", reflect.TypeFor[coordinator.Plan]())
}

// WorkspaceSchema returns the same for workspace files.
func WorkspaceSchema(o SchemaOptions) (json.RawMessage, error) {
	return writeSchema(o, "A workspace of Tutti: "+WorkspaceFile, reflect.TypeFor[Workspace]())
}

func writeSchema(o SchemaOptions, title string, t reflect.Type) (json.RawMessage, error) {
	w := &schemaWriter{o: o, defs: map[string]any{}, names: map[reflect.Type]string{}}
	root := w.object(t)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	if o.ID != "" {
		root["$id"] = o.ID
	}
	root["title"] = title
	root["$defs"] = w.defs
	raw, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	return append(raw, '\n'), nil
}

// keywords are a JSON Schema.
type keywords = map[string]any

// schemaWriter describes Go types as the decoder reads them.
type schemaWriter struct {
	o        SchemaOptions
	defs     keywords
	names    map[reflect.Type]string // in defs
	settings bool                    // below tools or models: text may be a secret
}

// of returns the schema of a type.
func (w *schemaWriter) of(t reflect.Type) keywords {
	if spelled := w.spelled(t); spelled != nil {
		return spelled
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.of(t.Elem())
	case reflect.Struct:
		return w.ref(t)
	case reflect.Map:
		of := w.of(t.Elem())
		if t.Elem().Kind() == reflect.Struct { // "ada:" alone is a person with nothing to say about
			of = keywords{"anyOf": []any{of, keywords{"type": "null"}}}
		}
		return keywords{"type": "object", "additionalProperties": of}
	case reflect.Slice, reflect.Array:
		list := keywords{"type": "array", "items": w.of(t.Elem())}
		if t.Elem().Kind() == reflect.String { // one word stands for a list of one
			return keywords{"anyOf": []any{list, w.of(t.Elem())}}
		}
		return list
	case reflect.Bool:
		return keywords{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return keywords{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return keywords{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return keywords{"type": "number"}
	case reflect.String:
		return w.text(keywords{"type": "string"})
	}
	return keywords{}
}

// text is a text, or the secret that it is kept in.
func (w *schemaWriter) text(s keywords) keywords {
	if !w.settings {
		return s
	}
	if w.defs["secret"] == nil {
		w.defs["secret"] = keywords{
			"type": "object", "properties": keywords{"secret": keywords{"type": "string", "description": "a name under secrets"}},
			"required": []any{"secret"}, "additionalProperties": false, "description": "the value of a secret",
		}
	}
	return keywords{"anyOf": []any{s, keywords{"$ref": "#/$defs/secret"}}}
}

// durationPattern is what parseDuration reads.
const durationPattern = `^([0-9]{1,6}d)?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$`

// spelled returns the schema of the types that have a spelling of their own; nil for all others.
func (w *schemaWriter) spelled(t reflect.Type) keywords {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return keywords{"type": "string", "pattern": durationPattern, "minLength": 2, "examples": []any{"30s", "5m", "4h", "2d"}}
	case reflect.TypeFor[json.RawMessage]():
		return keywords{}
	case reflect.TypeFor[coordinator.Retry]():
		return anyOf(keywords{"type": "integer", "minimum": 0, "maximum": 1000}, w.ref(t))
	case reflect.TypeFor[coordinator.Accept]():
		share := anyOf(keywords{"type": "number", "minimum": 0, "maximum": 1}, keywords{"type": "string", "pattern": `^([0-9]{1,2}(\.[0-9]+)?|100) ?%$`})
		return anyOf(share, keywords{
			"type": "object", "additionalProperties": false,
			"properties": keywords{"threshold": w.described(share, t, "Threshold"), "risk": w.described(share, t, "Risk")},
		})
	case reflect.TypeFor[coordinator.Then]():
		return anyOf(keywords{"enum": []any{"approve", "reject", "fail"}}, keywords{
			"type": "object", "properties": keywords{"reassign": w.described(keywords{"type": "string"}, t, "Reassign")},
			"required": []any{"reassign"}, "additionalProperties": false,
		})
	case reflect.TypeFor[Model]():
		return w.model(t)
	}
	reads := func(what reflect.Type) bool { return reflect.PointerTo(t).Implements(what) }
	switch {
	case t.Kind() == reflect.Struct:
		return nil
	case reads(reflect.TypeFor[json.Unmarshaler]()):
		return keywords{}
	case reads(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return keywords{"type": []any{"string", "number", "boolean"}}
	}
	return nil
}

func anyOf(options ...any) keywords { return keywords{"anyOf": options} }

func (w *schemaWriter) model(t reflect.Type) keywords {
	use := w.described(keywords{"type": "string", "minLength": 1}, t, "Use")
	settings := keywords{"type": "object"}
	if w.o.Model != nil {
		defer w.inSettings()()
		settings = w.object(w.o.Model)
	}
	properties, _ := settings["properties"].(keywords)
	if properties == nil {
		properties = keywords{}
	}
	properties["use"] = use
	settings["properties"] = properties
	settings["required"] = []any{"use"}
	return anyOf(use, settings)
}

// inSettings lets texts be secrets until the returned func is called.
func (w *schemaWriter) inSettings() func() {
	before := w.settings
	w.settings = true
	return func() { w.settings = before }
}

// ref describes a struct once, and refers to it.
func (w *schemaWriter) ref(t reflect.Type) keywords {
	name, done := w.names[t]
	if !done {
		name = t.Name()
		for i := 2; w.defs[name] != nil || name == ""; i++ {
			name = t.Name() + strconv.Itoa(i)
		}
		w.names[t] = name
		w.defs[name] = keywords{} // it may contain itself
		w.defs[name] = w.object(t)
	}
	return keywords{"$ref": "#/$defs/" + name}
}

// object describes a struct as the decoder reads it: its json names, nothing else.
func (w *schemaWriter) object(t reflect.Type) keywords {
	properties := keywords{}
	var required []any
	w.fields(t, func(f reflect.StructField, name string) {
		s := w.field(t, f, name)
		if rules(s, f.Tag.Get("validate")) {
			required = append(required, name)
		}
		properties[name] = w.described(s, t, f.Name)
	})
	out := keywords{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if t == reflect.TypeFor[coordinator.Step]() { // a pure wait needs no worker
		out["anyOf"] = []any{keywords{"required": []any{"use"}}, keywords{"required": []any{"after"}}}
	}
	if text := w.describe(t, ""); text != "" {
		out["description"] = text
	}
	return out
}

func (w *schemaWriter) fields(t reflect.Type, visit func(f reflect.StructField, name string)) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			w.fields(f.Type, visit)
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			visit(f, name)
		}
	}
}

// field is the schema of a field; some mean more than their types say.
func (w *schemaWriter) field(owner reflect.Type, f reflect.StructField, name string) keywords {
	switch owner {
	case reflect.TypeFor[coordinator.Plan]():
		switch name {
		case "input":
			return jsonSchema()
		case "steps": // an undo is a step as well, and has no id
			return keywords{"type": "array", "items": keywords{"allOf": []any{w.of(f.Type.Elem()), keywords{"required": []any{"id"}}}}}
		}
	case reflect.TypeFor[coordinator.Step]():
		switch name {
		case "if", "for_each", "until":
			return keywords{"type": []any{"string", "boolean", "number", "array"}}
		case "id":
			return keywords{"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"}
		}
	case reflect.TypeFor[Agent]():
		if name == "input" || name == "output" {
			return jsonSchema()
		}
	case reflect.TypeFor[Workspace]():
		switch name {
		case "name":
			return keywords{"type": "string", "pattern": safeName.String()}
		case "tools":
			return w.tools()
		case "prices":
			if w.o.Price != nil {
				return keywords{"type": "object", "additionalProperties": w.ref(w.o.Price)}
			}
		}
	case reflect.TypeFor[coordinator.Limits]():
		return keywords{"type": "integer", "minimum": 0}
	}
	return w.of(f.Type)
}

func jsonSchema() keywords { return keywords{"type": []any{"object", "boolean"}} }

func (w *schemaWriter) tools() keywords {
	if len(w.o.Tools) == 0 {
		return keywords{"type": "object"}
	}
	defer w.inSettings()()
	properties := keywords{}
	for family, t := range w.o.Tools {
		of := w.family(family, t)
		properties[family] = anyOf(of, keywords{"type": "null"})
		if text := w.describe(t, ""); text != "" {
			properties[family].(keywords)["description"] = text
		}
	}
	return keywords{"type": "object", "properties": properties, "additionalProperties": false}
}

// family describes settings under a name of their own: all families call them Settings.
func (w *schemaWriter) family(name string, t reflect.Type) keywords {
	if t.Kind() != reflect.Struct {
		return w.of(t)
	}
	if _, done := w.names[t]; !done {
		w.names[t] = "tools." + name
		w.defs["tools."+name] = keywords{}
		w.defs["tools."+name] = w.object(t)
	}
	return keywords{"$ref": "#/$defs/" + w.names[t]}
}

// rules adds what a validate tag says about one value, and reports whether the value is required.
func rules(s keywords, tag string) (required bool) {
	if options, ok := s["anyOf"].([]any); ok { // the plain form comes first; a short form has rules of its own
		s, _ = options[0].(keywords)
	}
	for rule := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(rule, "=")
		switch key {
		case "dive":
			return required
		case "required":
			required = true
		case "oneof":
			s["enum"] = strings.Fields(value)
		case "gte", "min", "lte", "max", "gt", "lt":
			if limit, err := strconv.ParseFloat(value, 64); err == nil {
				bound(s, key, limit)
			}
		}
	}
	return required
}

// bounds are the keywords for a rule, by the type of the value.
var bounds = map[string]map[string]string{
	"integer": {"gte": "minimum", "min": "minimum", "lte": "maximum", "max": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"},
	"number":  {"gte": "minimum", "min": "minimum", "lte": "maximum", "max": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"},
	"array":   {"min": "minItems", "max": "maxItems"},
	"object":  {"min": "minProperties", "max": "maxProperties"},
}

func bound(s keywords, rule string, limit float64) {
	kind, _ := s["type"].(string)
	if kind == "string" && s["pattern"] == nil {
		switch rule {
		case "min":
			s["minLength"] = limit
		case "max":
			s["maxLength"] = limit
		}
		return
	}
	if keyword := bounds[kind][rule]; keyword != "" {
		s[keyword] = limit
	}
}

// described adds what people should know about a field.
func (w *schemaWriter) described(s keywords, t reflect.Type, field string) keywords {
	text := w.describe(t, field)
	if text == "" {
		return s
	}
	out := keywords{"description": text}
	for k, v := range s { // a schema may be shared by fields
		out[k] = v
	}
	return out
}

func (w *schemaWriter) describe(t reflect.Type, field string) string {
	if w.o.Describe == nil {
		return ""
	}
	return w.o.Describe(t, field)
}
