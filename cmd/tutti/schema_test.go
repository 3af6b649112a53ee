package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

var update = flag.Bool("update", false, "rewrite fields.json and docs/schema")

const repository = "../.."

// TestSchemasAreUpToDate compares fields.json with the doc comments, and docs/schema with what tutti schema prints.
func TestSchemasAreUpToDate(t *testing.T) {
	texts, err := json.MarshalIndent(comments(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	current(t, "fields.json", append(texts, '\n'))
	if *update {
		if err := json.Unmarshal(texts, fieldsOfThisProcess()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range schemaNames {
		raw, err := schemaOf(name)
		if err != nil {
			t.Fatal(err)
		}
		current(t, filepath.Join(repository, "docs", "schema", name+".json"), raw)
	}
}

// fieldsOfThisProcess is what describeField looks into.
func fieldsOfThisProcess() *map[string]string {
	meanings := fieldMeanings()
	return &meanings
}

func current(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is out of date (%v): go generate ./cmd/tutti", file, err)
	}
}

// comments reads the doc comments of all types that files fill.
func comments(t *testing.T) map[string]string {
	out := map[string]string{}
	read := map[string]map[string]string{} // package to its comments
	for _, typ := range fileTypes() {
		dir := strings.TrimPrefix(typ.PkgPath(), modulePath+"/")
		if read[dir] == nil {
			read[dir] = packageComments(t, dir)
		}
		if text := read[dir][typ.Name()]; text != "" {
			out[fieldKey(typ, "")] = text
		}
		for f := range typ.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "-" || !f.IsExported() || f.Anonymous {
				continue
			}
			text := cmp.Or(fieldWords[fieldKey(typ, f.Name)], read[dir][typ.Name()+"."+f.Name])
			if text == "" {
				t.Errorf("%s has neither a comment nor a line in schema_words.go: editors show it to those who write files", fieldKey(typ, f.Name))
				continue
			}
			out[fieldKey(typ, f.Name)] = text
		}
	}
	return out
}

// fileTypes are all structs that a pipeline file or tutti.yaml can fill.
func fileTypes() []reflect.Type {
	seen := map[reflect.Type]bool{}
	var out []reflect.Type
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
			visit(t.Elem())
		case reflect.Struct:
			if seen[t] || !strings.HasPrefix(t.PkgPath(), modulePath) {
				return
			}
			seen[t] = true
			out = append(out, t)
			for f := range t.Fields() {
				if f.IsExported() && f.Tag.Get("json") != "-" {
					visit(f.Type)
				}
			}
		}
	}
	visit(reflect.TypeFor[coordinator.Plan]())
	visit(reflect.TypeFor[pipeline.Workspace]())
	visit(reflect.TypeFor[models.Settings]())
	visit(reflect.TypeFor[agents.Price]())
	for _, f := range families {
		visit(f.settings)
	}
	return out
}

// packageComments are the comments of a package's types and of their fields.
func packageComments(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(repository, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources in %s: %v", dir, err)
	}
	out := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			typeComments(decl, out)
		}
	}
	return out
}

func typeComments(decl ast.Decl, out map[string]string) {
	gen, ok := decl.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range gen.Specs {
		typ, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		doc := typ.Doc
		if doc == nil {
			doc = gen.Doc
		}
		out[typ.Name.Name] = commentText(doc)
		s, ok := typ.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			text := commentText(f.Comment)
			if text == "" {
				text = commentText(f.Doc)
			}
			for _, name := range f.Names {
				out[typ.Name.Name+"."+name.Name] = text
			}
		}
	}
}

func commentText(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// compiled is a schema as editors use it.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiledOnce.Lock()
	defer compiledOnce.Unlock()
	if s := compiledSchemas[name]; s != nil {
		return s
	}
	raw, err := schemaOf(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	compiledSchemas[name] = s
	return s
}

var (
	compiledOnce    sync.Mutex
	compiledSchemas = map[string]*jsonschema.Schema{}
)

// validate reads YAML as an editor does. ok is false when it is no YAML.
func validate(t *testing.T, s *jsonschema.Schema, text []byte) (ok bool, err error) {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return false, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return false, err
	}
	return true, s.Validate(value)
}

// TestExamplesFitTheirSchemas checks every YAML file of the examples and of the starter.
func TestExamplesFitTheirSchemas(t *testing.T) {
	schemas := map[bool]*jsonschema.Schema{true: compiled(t, "workspace"), false: compiled(t, "pipeline")}
	checked := 0
	for _, root := range []string{filepath.Join(repository, "examples"), "starter"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			workspace := d != nil && d.Name() == pipeline.WorkspaceFile
			if err != nil || filepath.Ext(path) != ".yaml" || !workspace && filepath.Base(filepath.Dir(path)) != "pipelines" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			checked++
			if _, err := validate(t, schemas[workspace], text); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked < 6 {
		t.Errorf("only %d files were checked", checked)
	}
}

// TestSchemasRefuseWhatTheReaderRefuses takes files with one structural mistake each, and the same files without it.
func TestSchemasRefuseWhatTheReaderRefuses(t *testing.T) {
	for _, c := range []struct{ kind, fine, broken string }{
		{"pipeline", "steps: [{id: a, use: w}]", "steps: {id: a, use: w}"},
		{"pipeline", "steps: [{id: a, use: w}]", "steps: [{id: a, use: w}]\ndescribtion: x"},
		{"pipeline", "steps: [{id: a, use: w}]", "steps: []"},
		{"pipeline", "steps: [{id: a, use: w}]", "name: x"},
		{"pipeline", "steps: [{id: a, use: w}]", "steps: [{use: w}]"},
		{"pipeline", "steps: [{id: a, after: 2d}]", "steps: [{id: a}]"},
		{"pipeline", "steps: [{id: a_b, use: w}]", "steps: [{id: a-b, use: w}]"},
		{"pipeline", "steps: [{id: a, use: w, with: {x: [1, {y: null}]}}]", "steps: [{id: a, use: w, whit: {}}]"},
		{"pipeline", "steps: [{id: a, use: w, needs: b}]", "steps: [{id: a, use: w, needs: {b: true}}]"},
		{"pipeline", "steps: [{id: a, use: w, if: true}]", "steps: [{id: a, use: w, if: {x: 1}}]"},
		{"pipeline", "steps: [{id: a, use: w, timeout: 1d12h}]", "steps: [{id: a, use: w, timeout: 30}]"},
		{"pipeline", "steps: [{id: a, use: w, timeout: 1.5h}]", "steps: [{id: a, use: w, timeout: soon}]"},
		{"pipeline", "steps: [{id: a, use: w, retry: 3}]", "steps: [{id: a, use: w, retry: {times: 3}}]"},
		{"pipeline", "steps: [{id: a, use: w, retry: {attempts: 3, backoff: 1s}}]", "steps: [{id: a, use: w, retry: often}]"},
		{"pipeline", "steps: [{id: a, use: w, accept: 0.9}]", "steps: [{id: a, use: w, accept: 90}]"},
		{"pipeline", "steps: [{id: a, use: w, accept: 95 %}]", "steps: [{id: a, use: w, accept: 950%}]"},
		{"pipeline", "steps: [{id: a, use: w, accept: {risk: 2%}}]", "steps: [{id: a, use: w, accept: {risky: 2%}}]"},
		{"pipeline", "steps: [{id: a, use: w, review: {by: x, then: reject}}]", "steps: [{id: a, use: w, review: {by: x, then: retry}}]"},
		{"pipeline", "steps: [{id: a, use: w, review: {then: {reassign: x}}}]", "steps: [{id: a, use: w, review: finance}]"},
		{"pipeline", "steps: [{id: a, use: w, undo: {use: v}}]", "steps: [{id: a, use: w, undo: v}]"},
		{"pipeline", "steps: [{id: a, use: w, on_error: continue}]", "steps: [{id: a, use: w, on_error: ignore}]"},
		{"pipeline", "steps: [{id: a, use: w, parallel: 4}]", "steps: [{id: a, use: w, parallel: -1}]"},
		{"pipeline", "steps: [{id: a, use: w, approval: true}]", "steps: [{id: a, use: w, approval: \"yes\"}]"},
		{"pipeline", "steps: [{id: a, use: w}]\nbudget: {cost: 2.5}", "steps: [{id: a, use: w}]\nbudget: {dollars: 2.5}"},
		{"workspace", "name: w", "name: My Workspace"},
		{"workspace", "models: {default: offline}", "models: {default: 7}"},
		{"workspace", "models: {m: {use: openai/x, timeout: 30s}}", "models: {m: {timeout: 30s}}"},
		{"workspace", "models: {m: {use: openai/x, base_url: {secret: u}}}", "models: {m: {use: openai/x, basurl: u}}"},
		{"workspace", "agents: {a: {instructions: x, calls: [b]}}", "agents: {a: {instruction: x}}"},
		{"workspace", "people: {ada: {groups: finance}, bo: }", "people: [ada]"},
		{"workspace", "tools: {mail: {password: {secret: smtp}}}", "tools: {mail: {password: {secret: smtp, also: x}}}"},
		{"workspace", "tools: {mail: }", "tools: {mial: {}}"},
		{"workspace", "tools: {sql: {databases: {d: {url: 'sqlite:d', statements: s}}}}", "tools: {sql: {databases: {d: {url: 'sqlite:d'}}}}"},
		{"workspace", "secrets: {k: {env: K}}", "secrets: {k: hunter2}"},
		{"workspace", "limits: {steps: 10}", "limits: {steps: -10}"},
		{"workspace", "limits: {depth: 2}", "limits: {deep: 2}"},
	} {
		s := compiled(t, c.kind)
		if ok, err := validate(t, s, []byte(c.fine)); !ok || err != nil {
			t.Errorf("%s is refused: %v", c.fine, err)
		}
		if ok, err := validate(t, s, []byte(c.broken)); !ok || err == nil {
			t.Errorf("%s is taken (%v)", c.broken, err)
		}
	}
}

// structural is what the reader says about a mistake that a schema can see.
var structural = regexp.MustCompile(`unknown key|must be (a|text|true|an|approve|between)|is not an id|needs an id|must not be negative|does not say which one`)

// TestSchemasRefuseTheStructuralMistakesOfTestdata takes the files whose mistakes are pinned in words.
func TestSchemasRefuseTheStructuralMistakesOfTestdata(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(repository, "coordinator/pipeline/testdata/*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatal("no testdata", err)
	}
	refused := 0
	for _, name := range names {
		if filepath.Base(name) == "bomb.txtar" {
			continue // this test's YAML reader would expand it
		}
		refused += structuralMistakes(t, name)
	}
	if refused < 5 {
		t.Errorf("only %d files with structural mistakes", refused)
	}
}

func structuralMistakes(t *testing.T, name string) (refused int) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	said := string(archive.Files[len(archive.Files)-1].Data)
	for _, f := range archive.Files[:len(archive.Files)-1] {
		if !strings.HasSuffix(f.Name, ".yaml") || !strings.Contains(said, f.Name+":") && len(archive.Files) > 2 {
			continue
		}
		kind := "pipeline"
		if f.Name == pipeline.WorkspaceFile {
			kind = "workspace"
		}
		ok, err := validate(t, compiled(t, kind), f.Data)
		if !ok {
			continue // an editor does not get as far as the schema
		}
		own := aboutFile(said, f.Name)
		switch wrong := structural.MatchString(own); {
		case wrong && err == nil:
			t.Errorf("%s: the schema takes %s, of which the reader says\n%s", filepath.Base(name), f.Name, own)
		case wrong:
			refused++
		}
	}
	return refused
}

// aboutFile are the lines of a message that begin with a file's name.
func aboutFile(said, name string) string {
	var out []string
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, name+":") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
