package openapi

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// reader makes operations of a document.
type reader struct {
	api         *api
	doc         *document
	root        place
	input       *dialect
	output      *dialect
	server      *url.URL // of the settings
	credentials map[string]*credential
}

func newReader(a *api, doc *document, root place) (*reader, error) {
	version := root.text("openapi")
	if root.text("swagger") != "" || root.has("swagger") {
		return nil, root.child("swagger").problem("this is Swagger 2.0; convert the document to OpenAPI 3")
	}
	if !strings.HasPrefix(version, "3.0") && !strings.HasPrefix(version, "3.1") {
		if version == "" {
			return nil, root.problem(`it is no OpenAPI document: "openapi: 3.1.0" is missing`)
		}
		return nil, root.child("openapi").problem("OpenAPI %s is not supported; there is 3.0 and 3.1", version)
	}
	old := strings.HasPrefix(version, "3.0")
	r := &reader{
		api: a, doc: doc, root: root, credentials: map[string]*credential{},
		input: newDialect(doc, old, "readOnly"), output: newDialect(doc, old, "writeOnly"),
	}
	if a.settings.Server != "" {
		u, err := parseServer(a.settings.Server)
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		r.server = u
	}
	return r, r.checkAuth()
}

var methods = []string{"get", "head", "options", "put", "post", "patch", "delete", "trace"}

// found is an operation before it is read.
type found struct {
	id, name, method, path string
	at, item               place
}

// read returns the operations that the settings select, in the order of their names, and what is wrong with others.
func (r *reader) read() (good []*operation, broken []error, err error) {
	all, wrong := r.find()
	selected, err := r.selectFrom(all)
	if err != nil {
		return nil, nil, err
	}
	report := newReport()
	if len(r.api.settings.Operations) == 0 { // else what was asked for was found elsewhere
		report.add("", wrong...)
	}
	byName := map[string]found{}
	for _, f := range selected {
		if first, twice := byName[f.name]; twice {
			report.add(f.name, f.at.problem("the operation would be called %s.%s, and so is %s %s", r.api.name, f.name, first.method, first.path))
			continue
		}
		byName[f.name] = f
		o, wrong := r.operation(f)
		if len(wrong) > 0 {
			report.add(f.name, wrong...)
			continue
		}
		good = append(good, o)
	}
	return good, report.errors(), nil
}

// find lists the operations of the document.
func (r *reader) find() (out []found, wrong []*Problem) {
	paths := r.root.child("paths")
	for _, template := range paths.keys() {
		if strings.HasPrefix(template, "x-") {
			continue
		}
		item, problem := r.doc.resolve(paths.child(template))
		if problem != nil {
			wrong = append(wrong, problem)
			continue
		}
		for _, method := range methods {
			if item.child(method).object() == nil {
				continue
			}
			f := found{method: strings.ToUpper(method), path: template, at: item.child(method), item: item}
			f.id = f.at.text("operationId")
			if f.name = toolName(f.id); f.id == "" {
				f.name = toolName(unnamed(method, template))
			}
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b found) int { return strings.Compare(a.name, b.name) })
	return out, wrong
}

// unnamed is the name of an operation without id: get_pets_petId.
func unnamed(method, template string) string {
	name := method
	for part := range strings.SplitSeq(template, "/") {
		if part = strings.Trim(part, "{}"); part != "" {
			name += "_" + part
		}
	}
	return name
}

func toolName(id string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ReplaceAll(id, "/", "."), "_"), "._")
}

// selectFrom applies the setting operations, and finds settings that speak of no operation.
func (r *reader) selectFrom(all []found) ([]found, error) {
	var wrong []error
	for _, id := range sortedKeys(r.api.settings.Effects) {
		if !slices.ContainsFunc(all, func(f found) bool { return f.id == id || f.name == id }) {
			wrong = append(wrong, fmt.Errorf("effects: %s has no operation %q", r.root.file.name, id))
		}
	}
	patterns := r.api.settings.Operations
	if len(patterns) == 0 {
		return all, errors.Join(wrong...)
	}
	var out []found
	used := make([]bool, len(patterns))
	for _, f := range all {
		selected := false
		for i, pattern := range patterns {
			if matches(pattern, f) {
				selected, used[i] = true, true
			}
		}
		if selected {
			out = append(out, f)
		}
	}
	for i, pattern := range patterns {
		if !used[i] {
			wrong = append(wrong, fmt.Errorf("operations: %q is no operation of %s%s", pattern, r.root.file.name, similar(pattern, all)))
		}
	}
	return out, errors.Join(wrong...)
}

func matches(pattern string, f found) bool {
	byID, _ := path.Match(pattern, f.id)
	byName, _ := path.Match(pattern, f.name)
	return byID || byName
}

// similar names a few operations that begin alike, or just a few.
func similar(pattern string, all []found) string {
	var near, any []string
	for _, f := range all {
		if len(any) < 5 {
			any = append(any, f.name)
		}
		if len(near) < 5 && len(pattern) > 2 && strings.Contains(strings.ToLower(f.name), strings.ToLower(pattern[:3])) {
			near = append(near, f.name)
		}
	}
	if len(near) > 0 {
		any = near
	}
	if len(any) == 0 {
		return ", which has none"
	}
	return "; there is " + strings.Join(any, ", ")
}

// serverOf is where an operation lives: the settings', its own, its path's, or the document's first server.
func (r *reader) serverOf(f found) (*url.URL, *Problem) {
	if r.server != nil {
		return r.server, nil
	}
	for _, at := range []place{f.at, f.item, r.root} {
		servers := at.child("servers").items()
		if len(servers) == 0 {
			continue
		}
		s, wrong := servers[0], error(nil)
		var u *url.URL
		if u, wrong = parseServer(fillServer(s)); wrong != nil {
			return nil, s.problem("%v; set server", wrong)
		}
		return u, nil
	}
	return nil, r.root.problem("the document names no server; set server")
}

// fillServer puts the defaults of its variables into a server's URL.
func fillServer(s place) string {
	address := s.text("url")
	variables := s.child("variables")
	for _, name := range variables.keys() {
		address = strings.ReplaceAll(address, "{"+name+"}", fmt.Sprint(variables.child(name).child("default").value))
	}
	return address
}

func parseServer(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || strings.ContainsAny(address, "{}"):
		return nil, errors.New("the server's URL cannot be used as it is")
	case u.User != nil:
		return nil, errors.New("credentials do not stand in a server's URL; put them under auth")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("the server %q is no http or https URL", address)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the server %q has a query or fragment", address)
	}
	return u, nil
}

// effectOf follows RFC 9110 (9.2.1 and 9.2.2) unless the settings know better.
func (r *reader) effectOf(f found) coordinator.Effect {
	for _, id := range []string{f.id, f.name} {
		if e, ok := r.api.settings.Effects[id]; ok {
			return coordinator.Effect(e)
		}
	}
	switch f.method {
	case "GET", "HEAD", "OPTIONS":
		return coordinator.EffectRead
	case "PUT", "DELETE":
		return coordinator.EffectIdempotent
	}
	if r.api.settings.IdempotencyHeader != "" {
		return coordinator.EffectIdempotent
	}
	return coordinator.EffectUnrepeatable
}

// report collects problems: one each, with the operations that suffer from it.
type report struct {
	order  []*Problem
	suffer map[problemKey][]string
}

type problemKey struct{ file, pointer, message string }

func keyOf(p *Problem) problemKey { return problemKey{p.File, p.Pointer, p.Message} }

func newReport() *report { return &report{suffer: map[problemKey][]string{}} }

func (r *report) add(operation string, wrong ...*Problem) {
	for _, p := range wrong {
		key := keyOf(p)
		if _, known := r.suffer[key]; !known {
			r.order = append(r.order, p)
			r.suffer[key] = nil
		}
		if operation != "" && !slices.Contains(r.suffer[key], operation) {
			r.suffer[key] = append(r.suffer[key], operation)
		}
	}
}

func (r *report) errors() []error {
	var out []error
	for _, p := range r.order {
		names := r.suffer[keyOf(p)]
		switch {
		case len(names) == 0:
		case len(names) > 3:
			p.Message += fmt.Sprintf(" (%s and %d more operations)", strings.Join(names[:2], ", "), len(names)-2)
		default:
			p.Message += " (" + strings.Join(names, ", ") + ")"
		}
		out = append(out, p)
	}
	return out
}
