package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/openapi"
	"github.com/tuttirun/tutti/tools/schema"
	"github.com/tuttirun/tutti/tools/tooltest"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txtar")

var everything = map[string]openapi.Credential{
	"petstore_key":   {Token: "canary-key-1"},
	"petstore_login": {Username: "ann", Password: "canary-password"},
}

func petstore(change func(*openapi.API)) openapi.Settings {
	api := openapi.API{Document: "petstore.yaml", Auth: everything}
	if change != nil {
		change(&api)
	}
	return openapi.Settings{APIs: map[string]openapi.API{"petstore": api}}
}

func open(t *testing.T, dir string, s openapi.Settings) map[string]coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, openapi.New, dir, s)
}

// write makes a workspace of one document.
func write(t *testing.T, name, text string) string {
	t.Helper()
	return tooltest.Folder(t, map[string]string{name: text})
}

func TestEachOperationBecomesATypedTool(t *testing.T) {
	workers, err := openapi.New("testdata", petstore(nil))
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{}
	for _, w := range workers {
		c := w.Card()
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s\n%s", c.Description, c.Effect)
		for _, name := range c.Authority {
			b.WriteString(" " + name)
		}
		for title, raw := range map[string]json.RawMessage{"input": c.Input, "output": c.Output} {
			if _, err := schema.Compile(raw); err != nil {
				t.Errorf("%s: %s: %v", c.Name, title, err)
			}
		}
		fmt.Fprintf(&b, "\ninput %s\noutput %s\n", indent(t, c.Input), indent(t, c.Output))
		got.Files = append(got.Files, txtar.File{Name: c.Name, Data: b.Bytes()})
	}
	const golden = "testdata/petstore.txtar"
	if *update {
		if err := os.WriteFile(golden, txtar.Format(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(txtar.Format(got)) != string(want) {
		t.Errorf("the tools differ from %s; see them with -update:\n%s", golden, txtar.Format(got))
	}
}

func indent(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSchemasSayWhatTheDocumentSays(t *testing.T) {
	card := open(t, "testdata", petstore(nil))["petstore.createPet"].Card()
	in, err := schema.Compile(card.Input)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ value, want string }{
		{`{"body": {"name": "Rex", "status": null, "owner": null, "pin": "1"}}`, ""},
		{`{"body": {"name": "Rex", "parents": [{"name": "Ada", "parents": [{"name": 7}]}]}}`, "body.parents[0].parents[0].name must be a string, not a number"},
		{`{"body": {"name": "Rex", "status": "ill"}}`, `body.status must be one of "available", "sold", null`},
		{`{"body": {"status": "sold"}}`, "body.name is missing"},
		{`{}`, "body is missing"},
		{`{"body": {"name": "Rex"}, "id": 1}`, "id is not a known field"},
	} {
		got := ""
		if err := in.Validate(json.RawMessage(c.value)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.value, got, c.want)
		}
	}
}

func TestOpenAPI31SchemasAreTakenAsTheyAre(t *testing.T) {
	dir := write(t, "a.json", `{"openapi": "3.1.0", "servers": [{"url": "https://a.example"}], "paths": {"/a": {"post": {
		"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/N", "description": "mine", "minProperties": 1}}}},
		"responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": ["integer", "null"], "exclusiveMinimum": 3}}}},
			"202": {"description": "later"}}}}},
		"components": {"schemas": {"N": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/N/$defs/m"}}, "$defs": {"m": {"const": 1}}}}}}`)
	card := open(t, dir, openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.json"}}})["a.post_a"].Card()
	const input = `{"$defs":{"N":{"properties":{"next":{"$ref":"#/$defs/m"}},"type":"object"},"m":{"const":1}},"additionalProperties":false,` +
		`"properties":{"body":{"$ref":"#/$defs/N","description":"mine","minProperties":1}},"type":"object"}`
	if string(card.Input) != input {
		t.Errorf("input\n got %s\nwant %s", card.Input, input)
	}
	if want := `{"anyOf":[{"exclusiveMinimum":3,"type":["integer","null"]},{"type":"null"}]}`; string(card.Output) != want {
		t.Errorf("output %s", card.Output)
	}
}

func TestLargeSchemasAreLeftOpenWhereTheyAreFarthest(t *testing.T) {
	var defs strings.Builder
	for i := range 300 { // each leads to the next
		fmt.Fprintf(&defs, `"s%d": {"properties": {"next": {"$ref": "#/components/schemas/s%d"}, "kind": {"enum": [%q]}}},`, i, i+1, strings.Repeat("x", 1000))
	}
	dir := write(t, "a.json", `{"openapi": "3.0.0", "servers": [{"url": "https://a.example"}], "paths": {"/": {"get": {"operationId": "a",
		"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/s0"}}}}}}}},
		"components": {"schemas": {`+defs.String()+`"s300": {}}}}`)
	out := open(t, dir, openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.json"}}})["a.a"].Card().Output
	var s struct {
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.Compile(out); err != nil || len(s.Defs) < 100 || len(s.Defs) > 150 || string(s.Defs[fmt.Sprintf("s%d", len(s.Defs)-1)]) != "true" {
		t.Errorf("%d definitions in %d bytes, %v", len(s.Defs), len(out), err)
	}
}

func TestSettingsChooseOperationsAndEffects(t *testing.T) {
	got := open(t, "testdata", petstore(func(a *openapi.API) {
		a.Operations = []string{"list*", "createPet", "pets.*"}
		a.Effects = map[string]string{"createPet": "idempotent", "pets/replace": "unrepeatable"}
	}))
	for name, effect := range map[string]coordinator.Effect{
		"petstore.listPets": "read", "petstore.createPet": "idempotent", "petstore.pets.replace": "unrepeatable",
	} {
		if w, ok := got[name]; !ok || w.Card().Effect != effect {
			t.Errorf("%s: want a tool of effect %s", name, effect)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %d tools", len(got))
	}
}

func TestWrongSettingsAreNamedAllAtOnce(t *testing.T) {
	for _, c := range []struct {
		change func(*openapi.API)
		want   []string
	}{
		{func(a *openapi.API) { a.Operations = []string{"lost*", "getPet"} }, []string{`operations: "lost*" is no operation of petstore.yaml`}},
		{func(a *openapi.API) { a.Operations = []string{"[", "getPet"} }, []string{`operations: "[" is no pattern`}},
		{func(a *openapi.API) { a.Effects = map[string]string{"createDog": "read"} }, []string{`effects: petstore.yaml has no operation "createDog"`}},
		{func(a *openapi.API) { a.Effects = map[string]string{"createPet": "maybe"} }, []string{`effects: createPet: "maybe" is none of read, idempotent, unrepeatable`}},
		{func(a *openapi.API) { a.IdempotencyHeader = "a b" }, []string{`idempotency_header: "a b" is not the name of a header`}},
		{func(a *openapi.API) { a.Auth = map[string]openapi.Credential{"nobody": {Token: "canary"}} }, []string{"auth.nobody: the document has no such security scheme; it has petstore_key, petstore_login, petstore_oauth"}},
		{func(a *openapi.API) { a.Auth = nil }, []string{
			"petstore.yaml:6: /security: it asks for credentials: set auth.petstore_key, or anonymous: true (createPet, delete_pets_petId and 2 more operations)",
			"petstore.yaml:57: /paths/~1pets~1{petId}~1note.txt/post/security: it asks for credentials: set auth.petstore_login",
			"1 operations are fine"}},
		{func(a *openapi.API) { a.Auth = map[string]openapi.Credential{"petstore_key": {Username: "canary"}} }, []string{"petstore.yaml:65: /components/securitySchemes/petstore_key: auth.petstore_key: it needs a token"}},
		{func(a *openapi.API) { a.Auth = map[string]openapi.Credential{"petstore_key": {Token: "canary\n"}} }, []string{"auth.petstore_key: a credential has a line break"}},
		{func(a *openapi.API) { a.Auth = map[string]openapi.Credential{"petstore_key": {}} }, []string{"auth.petstore_key is empty"}},
		{func(a *openapi.API) { a.Server = "http://petstore.example/v1" }, []string{"credentials are not sent to petstore.example over http"}},
		{func(a *openapi.API) { a.Server = "https://u:canary@petstore.example/v1" }, []string{"server: credentials do not stand in a server's URL"}},
		{func(a *openapi.API) { a.Document = "../petstore.yaml" }, []string{`a path must not hold ".."`}},
		{func(a *openapi.API) { a.Document = "nothing.yaml" }, []string{"nothing.yaml: no such file or directory"}},
		{func(a *openapi.API) { a.Private = []string{"https://x"} }, []string{"private[0]"}},
	} {
		_, err := openapi.New("testdata", petstore(c.change))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a credential is shown: %v", err)
		}
	}
}

func TestNumberOfToolsIsBounded(t *testing.T) {
	s := petstore(nil)
	s.MaxTools = 5
	_, err := openapi.New("testdata", s)
	if err == nil || !strings.Contains(err.Error(), "have 6 operations, and 5 tools are the limit") {
		t.Errorf("got %v", err)
	}
}

const broken = `openapi: 3.0.0
servers: [{url: https://a.example}]
paths:
  /a/{id}:
    get:
      operationId: a
      parameters: [{name: other, in: path, schema: {type: string}}]
    post:
      operationId: a
    put:
      operationId: upload
      parameters: [{name: id, in: path, schema: {type: string}}]
      requestBody: {content: {application/octet-stream: {}}}
  /b:
    get:
      operationId: b
      parameters:
        - {name: q, in: query, style: simple, schema: {type: string}}
        - {name: r, in: query, schema: {$ref: "#/components/schemas/None"}}
        - {name: s, in: query, schema: {$ref: "https://b.example/s.json"}}
        - {name: u, in: query, schema: {$ref: "../../../etc/passwd"}}
        - {in: query}
    delete:
      operationId: bad
      responses: {200: {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Bad"}}}}}
    trace: {operationId: t}
  /c: {get: {operationId: fine}}
  /d: {get: {operationId: alsoBad, responses: {2XX: {content: {application/json: {schema: {$ref: "#/components/schemas/Bad"}}}}}}}
  /e: {$ref: "#/components/circle"}
components:
  schemas:
    Bad: {properties: {a: {type: nummer}}}
  circle: {$ref: "#/components/circle"}
`

func TestEverythingBrokenIsReportedWithItsPlace(t *testing.T) {
	dir := write(t, "b.yaml", broken)
	settings := openapi.Settings{APIs: map[string]openapi.API{"b": {Document: "b.yaml"}}}
	_, err := openapi.New(dir, settings)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"b.yaml:5: /paths/~1a~1{id}/get: {id} in the path is no parameter (a)",
		"b.yaml:8: /paths/~1a~1{id}/post: the operation would be called b.a, and so is GET /a/{id} (a)",
		"b.yaml:13: /paths/~1a~1{id}/put/requestBody/content: content of type application/octet-stream cannot be sent; only JSON, forms and text can (upload)",
		`b.yaml:18: /paths/~1b/get/parameters/0/style: style "simple" does not exist for query parameters; there is form, spaceDelimited, pipeDelimited, deepObject (b)`,
		`b.yaml:19: /paths/~1b/get/parameters/1/schema/$ref: "#/components/schemas/None" leads nowhere: there is no /components/schemas/None (b)`,
		`b.yaml:20: /paths/~1b/get/parameters/2/schema/$ref: "https://b.example/s.json" is not in the workspace; save it there and refer to the file (b)`,
		`b.yaml:21: /paths/~1b/get/parameters/3/schema/$ref: ../../../etc/passwd: a path must not hold ".." (b)`,
		"b.yaml:22: /paths/~1b/get/parameters/4: a parameter needs a name, and in: path, query, header or cookie (b)",
		"b.yaml:32: /components/schemas/Bad: schema: properties.a.type", "(alsoBad, bad)",
		"b.yaml:26: /paths/~1b/trace: TRACE is not supported",
		"b.yaml:33: /components/circle: its references lead in a circle",
		"skip_broken: true to go without them; 1 operations are fine",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	settings.APIs["b"] = openapi.API{Document: "b.yaml", SkipBroken: true}
	if got := open(t, dir, settings); len(got) != 1 || got["b.fine"] == nil {
		t.Errorf("skip_broken: got %v", got)
	}
	skipped, err := openapi.Skipped(dir, settings)
	if err != nil || len(skipped) != 11 {
		t.Errorf("skipped: %d %v", len(skipped), err)
	}
	settings.APIs["b"] = openapi.API{Document: "b.yaml", Operations: []string{"fine"}}
	if got := open(t, dir, settings); len(got) != 1 || got["b.fine"] == nil {
		t.Errorf("operations: got %v", got)
	}
}

func TestDocumentsThatAreNoneAreRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"swagger: '2.0'\npaths: {}\n", "a.yaml:1: /swagger: this is Swagger 2.0; convert the document to OpenAPI 3"},
		{"openapi: 4.0.0\n", "a.yaml:1: /openapi: OpenAPI 4.0.0 is not supported; there is 3.0 and 3.1"},
		{"name: x\n", "it is no OpenAPI document"},
		{"", "it is no OpenAPI document"},
		{"openapi: 3.0.0\npaths:\n\t/a: {}\n", "a.yaml:3: neither JSON nor YAML"},
		{`{"openapi": "3.0.0",`, "neither JSON nor YAML"},
		{"openapi: 3.0.0\nopenapi: 3.0.0\n", `a.yaml:2: the key "openapi" stands there twice`},
		{"openapi: 3.0.0\npaths: {}\n", "no operation of it can be used"},
		{"openapi: 3.0.0\npaths: {/a: {get: {}}}\n", "the document names no server; set server"},
		{"openapi: 3.0.0\nservers: [{url: /v1}]\npaths: {/a: {get: {}}}\n", `a.yaml:2: /servers/0: the server "/v1" is no http or https URL; set server`},
		{"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + bomb(), "aliases or nesting make it too large"},
		{strings.Repeat("[", 1100) + strings.Repeat("]", 1100), "too large"},
	} {
		_, err := openapi.New(write(t, "a.yaml", c.text), openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.yaml"}}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, err := openapi.New(t.TempDir(), openapi.Settings{}); err == nil || !strings.Contains(err.Error(), "no API is configured") {
		t.Errorf("got %v", err)
	}
}

func bomb() string {
	var b strings.Builder
	for c := 'b'; c < 'k'; c++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	return b.String()
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	outside := write(t, "a.yaml", "openapi: 3.0.0\n")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "a.yaml"), filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := openapi.New(dir, openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.yaml"}}})
	if err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkThousandOperations is what a large document costs when a command starts.
func BenchmarkThousandOperations(b *testing.B) {
	var text strings.Builder
	text.WriteString("{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"https://a.example\"}],\"components\":{\"schemas\":{\"A\":{\"properties\":{\"a\":{\"$ref\":\"#/components/schemas/A\"}}}}},\"paths\":{\"/\":{}")
	for i := range 1000 {
		fmt.Fprintf(&text, `,"/p%d/{id}":{"get":{"operationId":"op%d","parameters":[{"name":"id","in":"path","schema":{"type":"string"}},{"name":"q","in":"query","schema":{"type":"integer"}}],
			"responses":{"200":{"content":{"application/json":{"schema":{"type":"array","items":{"$ref":"#/components/schemas/A"}}}}}}}}`, i, i)
	}
	text.WriteString("}}")
	dir := tooltest.Folder(b, map[string]string{"a.json": text.String()})
	for b.Loop() {
		start := time.Now()
		if _, err := openapi.New(dir, openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.json"}}}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/load")
	}
}
