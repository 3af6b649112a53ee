package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
)

func TestValuesAreReadAsTheSchemaWantsThem(t *testing.T) {
	plan := &coordinator.Plan{Input: json.RawMessage(`{"type": "object", "additionalProperties": true, "properties": {
		"name": {"type": "string"}, "maybe": {"type": ["string", "null"]}, "n": {"type": "integer"},
		"deep": {"type": "object", "properties": {"name": {"type": "string"}}}}}`)}
	for _, c := range []struct{ set, want string }{
		{"name=007", `{"name":"007"}`},
		{"name=null", `{"name":"null"}`},
		{"maybe=null", `{"maybe":null}`},
		{"maybe=12", `{"maybe":"12"}`},
		{"n=12", `{"n":12}`},
		{"n=many", `{"n":"many"}`},
		{"deep.name=1", `{"deep":{"name":"1"}}`},
		{"other.x=1.50", `{"other":{"x":1.50}}`},
		{"other=[1, 2]", `{"other":[1,2]}`},
		{"other=1 2", `{"other":"1 2"}`},
		{"other=a=b", `{"other":"a=b"}`},
	} {
		f := inputFlags{set: []string{c.set}}
		got, err := f.read(strings.NewReader(""), plan)
		if err != nil || string(got) != c.want {
			t.Errorf("--set %s: %s, %v; not %s", c.set, got, err, c.want)
		}
	}
}

func TestSetGoesOverInputAndKeepsTheRest(t *testing.T) {
	f := inputFlags{whole: "@-", set: []string{"a.y=2"}}
	got, err := f.read(strings.NewReader(`{"a": {"x": 1, "y": 1}, "b": 9007199254740993}`), new(coordinator.Plan))
	if err != nil || string(got) != `{"a":{"x":1,"y":2},"b":9007199254740993}` {
		t.Errorf("%s, %v", got, err)
	}
	f = inputFlags{whole: `{"a": 1}`, set: []string{"a.y=2"}}
	if _, err := f.read(nil, new(coordinator.Plan)); err == nil || !strings.Contains(err.Error(), "a is no object") {
		t.Errorf("%v", err)
	}
}

func TestAKeyThatTheInputDoesNotKnowIsRefused(t *testing.T) {
	plan := &coordinator.Plan{Input: json.RawMessage(`{"properties": {
		"name": {}, "open": {"additionalProperties": true, "properties": {"a": {}}}, "deep": {"properties": {"total": {}}}}}`)}
	for set, want := range map[string]string{
		"nmae=1":       `the input has no "nmae"; it has deep, name, open; did you mean "name"?`,
		"deep.totel=1": `the input has no "deep.totel"; it has total; did you mean "total"?`,
		"open.b=1":     "",
		"name.x=1":     "",
	} {
		f := inputFlags{set: []string{set}}
		_, err := f.read(nil, plan)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v", set, err)
		}
	}
}

func TestADocumentHasALimit(t *testing.T) {
	huge := `"` + strings.Repeat("x", maxDocument) + `"`
	if _, err := document("--input", "@-", strings.NewReader(huge)); err == nil || !strings.Contains(err.Error(), "more than 8 MiB") {
		t.Errorf("%.80v", err)
	}
}
