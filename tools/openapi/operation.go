package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// operation is what is needed to call one.
type operation struct {
	method, path string
	server       *url.URL
	parameters   []parameter
	body         *body
	security     []*credential
	accept       string
	keyHeader    string // carries the attempt's key; "": none
	card         coordinator.Card
}

var placeholder = regexp.MustCompile(`\{([^{}]+)\}`)

// operation reads one operation, and everything that is wrong with it.
func (r *reader) operation(f found) (*operation, []*Problem) {
	if f.method == "TRACE" {
		return nil, []*Problem{f.at.problem("TRACE is not supported: its answer would repeat the credentials")}
	}
	o := &operation{method: f.method, path: f.path}
	var wrong []*Problem
	note := func(p *Problem) {
		if p != nil {
			wrong = append(wrong, p)
		}
	}
	var p *Problem
	o.server, p = r.serverOf(f)
	note(p)
	o.security, p = r.security(f.at)
	note(p)
	if o.server != nil && len(o.security) > 0 && !r.api.mayCarry(o.server) {
		note(f.at.problem("credentials are not sent to %s over http; use https, or name the host in private", o.server.Host))
	}
	effect := r.effectOf(f)
	if effect.Changes() {
		o.keyHeader = r.api.settings.IdempotencyHeader
	}
	in := &inputs{reader: r, operation: o, needs: &part{}, properties: map[string]any{}}
	in.read(f)
	o.card = coordinator.Card{
		Name: r.api.name + "." + f.name, Kind: "tool", Description: describe(f),
		Effect: effect, Timeout: r.api.settings.Timeout,
	}
	if effect.Changes() {
		o.card.Authority = in.order
	}
	var more []*Problem
	o.card.Input, more = in.schema(f.at)
	wrong = append(wrong, more...)
	o.card.Output, more = r.answers(f, o)
	return o, append(wrong, more...)
}

// describe says what an operation does: its method and path, and the document's words.
func describe(f found) string {
	parts := []string{f.method + " " + f.path}
	summary, more := f.at.text("summary"), f.at.text("description")
	if f.at.flag("deprecated") {
		parts = append(parts, "Deprecated")
	}
	if summary = strings.TrimRight(strings.TrimSpace(summary), "."); summary != "" {
		parts = append(parts, summary)
	}
	if more = strings.TrimSpace(more); more != "" && strings.TrimRight(more, ".") != summary {
		parts = append(parts, more)
	}
	return shorten(strings.Join(parts, ". "), maxDescription)
}

// inputs builds the input of an operation.
type inputs struct {
	reader     *reader
	operation  *operation
	needs      *part
	properties map[string]any
	order      []string // of the properties
	required   []string
	wrong      []*Problem
}

func (in *inputs) fail(p *Problem) { in.wrong = append(in.wrong, p) }

func (in *inputs) read(f found) {
	declared := in.declared(f)
	if request := f.at.child("requestBody"); request.value != nil {
		in.readBody(request)
	}
	for _, kind := range []string{"path", "query", "header", "cookie"} {
		for _, p := range declared {
			if p.text("in") == kind {
				in.parameter(p, kind)
			}
		}
	}
	in.checkPath(f)
}

// declared are the parameters of the operation, and those of its path that it does not replace.
func (in *inputs) declared(f found) []place {
	var out []place
	seen := map[string]bool{}
	for _, at := range append(f.at.child("parameters").items(), f.item.child("parameters").items()...) {
		p, wrong := in.reader.doc.resolve(at)
		if wrong != nil {
			in.fail(wrong)
			continue
		}
		name, kind := p.text("name"), p.text("in")
		if stylesIn[kind] == nil || name == "" {
			in.fail(p.problem("a parameter needs a name, and in: path, query, header or cookie"))
			continue
		}
		if key := kind + " " + name; !seen[key] && !in.ignored(kind, name) {
			seen[key] = true
			out = append(out, p)
		}
	}
	return out
}

// ignored are headers that a document cannot declare (OpenAPI 3.1, 4.8.12.1), and the one that carries the attempt's key.
func (in *inputs) ignored(kind, name string) bool {
	if kind != "header" {
		return false
	}
	switch strings.ToLower(name) {
	case "accept", "content-type", "authorization", "host", "content-length", "cookie":
		return true
	}
	return in.operation.keyHeader != "" && strings.EqualFold(name, in.operation.keyHeader)
}

func (in *inputs) parameter(at place, kind string) {
	name := at.text("name")
	p := parameter{field: name, name: name, in: kind, required: at.flag("required") || kind == "path"}
	if in.properties[p.field] != nil {
		p.field = kind + "_" + name
	}
	if in.properties[p.field] != nil {
		in.fail(at.problem("two parameters would be called %s", p.field))
		return
	}
	if kind == "header" && !isToken(name) || kind == "cookie" && !isToken(name) {
		in.fail(at.problem("%q is not the name of a %s", name, kind))
		return
	}
	var wrong *Problem
	if p.style, wrong = newStyle(at, kind); wrong != nil {
		in.fail(wrong)
		return
	}
	type_ := at.child("schema")
	if content := at.child("content"); content.object() != nil {
		media := content.keys()
		if len(media) != 1 || !isJSON(media[0]) {
			in.fail(content.problem("a parameter with content other than JSON is not supported"))
			return
		}
		p.json, type_ = true, content.child(media[0]).child("schema")
	}
	in.add(p.field, in.described(at, type_), p.required)
	in.operation.parameters = append(in.operation.parameters, p)
}

func (in *inputs) add(field string, schema any, required bool) {
	in.properties[field] = schema
	in.order = append(in.order, field)
	if required {
		in.required = append(in.required, field)
	}
}

// described converts a schema, with the description of what has it.
func (in *inputs) described(at, type_ place) any {
	converted := in.reader.input.convert(type_, in.needs)
	text := shorten(at.text("description"), maxHint)
	if text == "" {
		return converted
	}
	m, ok := converted.(map[string]any)
	if !ok {
		m = map[string]any{}
		if converted == false {
			m["not"] = true
		}
	}
	m["description"] = text
	return m
}

func (in *inputs) readBody(at place) {
	request, wrong := in.reader.doc.resolve(at)
	if wrong != nil {
		in.fail(wrong)
		return
	}
	b, type_, wrong := newBody(request)
	if wrong != nil {
		in.fail(wrong)
		return
	}
	b.required = request.flag("required")
	in.add("body", in.described(request, type_), b.required)
	in.operation.body = b
}

// checkPath compares the path's placeholders with the path parameters.
func (in *inputs) checkPath(f found) {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(f.path, -1) {
		names = append(names, m[1])
	}
	isPath := func(name string) bool {
		return slices.ContainsFunc(in.operation.parameters, func(p parameter) bool { return p.in == "path" && p.name == name })
	}
	for _, name := range names {
		if !isPath(name) {
			in.fail(f.at.problem("{%s} in the path is no parameter", name))
		}
	}
	if rest := placeholder.ReplaceAllString(f.path, ""); !strings.HasPrefix(f.path, "/") || strings.ContainsAny(rest, "{}?#") {
		in.fail(f.at.problem("the path %q cannot be used: it begins with a slash and has no query", f.path))
	}
}

func (in *inputs) schema(at place) (json.RawMessage, []*Problem) {
	s := map[string]any{"type": "object", "properties": in.properties, "additionalProperties": false}
	if len(in.required) > 0 {
		slices.Sort(in.required)
		s["required"] = in.required
	}
	slices.Sort(in.order)
	raw, wrong := in.reader.input.alone(at, s, *in.needs)
	if len(raw) > schema.MaxSchemaBytes {
		wrong = append(wrong, at.problem("the schema of its input has %d bytes; %d is the limit", len(raw), schema.MaxSchemaBytes))
	}
	return raw, append(in.wrong, wrong...)
}

// answers reads the successful responses: what is accepted, and the schema of the output, which is left open where the
// document does not say, or says too much.
func (r *reader) answers(f found, o *operation) (json.RawMessage, []*Problem) {
	needs := &part{}
	var forms []any
	var media []string
	responses := f.at.child("responses")
	for _, status := range responses.keys() {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		response, wrong := r.doc.resolve(responses.child(status))
		if wrong != nil {
			needs.wrong = append(needs.wrong, wrong)
			continue
		}
		form, types := r.answer(response, needs)
		media = append(media, types...)
		if !slices.ContainsFunc(forms, func(other any) bool { return fmt.Sprint(other) == fmt.Sprint(form) }) {
			forms = append(forms, form)
		}
	}
	o.accept = acceptOf(media)
	return r.outputSchema(forms, *needs, responses)
}

// answer is the form of one response's content, and its media types.
func (r *reader) answer(response place, needs *part) (any, []string) {
	content := response.child("content")
	media := content.keys()
	for _, m := range media {
		if isJSON(m) {
			return r.output.convert(content.child(m).child("schema"), needs), media
		}
	}
	if len(media) == 0 {
		return map[string]any{"type": "null"}, nil
	}
	return map[string]any{"type": "string"}, media
}

// acceptOf asks for JSON where there is JSON.
func acceptOf(media []string) string {
	slices.Sort(media)
	media = slices.Compact(media)
	var jsons []string
	for _, m := range media {
		if isJSON(m) && m != "*/*" {
			jsons = append(jsons, m)
		}
	}
	if len(jsons) > 0 {
		media = jsons
	}
	if len(media) == 0 {
		return "application/json, */*;q=0.5"
	}
	return strings.Join(media, ", ")
}

func (r *reader) outputSchema(forms []any, needs part, at place) (json.RawMessage, []*Problem) {
	var s map[string]any
	switch len(forms) {
	case 0:
		return json.RawMessage("true"), needs.wrong
	case 1:
		m, ok := forms[0].(map[string]any)
		if !ok {
			return json.RawMessage("true"), needs.wrong
		}
		s = m
	default:
		s = map[string]any{"anyOf": forms}
	}
	return r.output.alone(at, s, needs)
}
