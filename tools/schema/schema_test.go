package schema_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/tools/schema"
)

func compile(t *testing.T, text string) *schema.Schema {
	t.Helper()
	s, err := schema.Compile(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProblemsAreNamedInPlainWords(t *testing.T) {
	s := compile(t, `{
		"type": "object", "additionalProperties": false, "required": ["seller", "lines"],
		"properties": {
			"seller": {"type": "string", "minLength": 1},
			"currency": {"enum": ["EUR", "CHF"]},
			"date": {"type": "string", "format": "date"},
			"iban": {"type": ["string", "null"], "pattern": "^[A-Z]{2}"},
			"mail": {"type": "string", "format": "email"},
			"lines": {"type": "array", "maxItems": 2, "items": {
				"type": "object", "required": ["total"], "properties": {
					"total": {"type": "number", "exclusiveMinimum": 0}, "tax rate": {"maximum": 0.5}
				}}},
			"ref": {"$ref": "#/properties/date"},
			"id": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
			"pay": {"oneOf": [
				{"type": "object", "required": ["iban"], "properties": {"iban": {"type": "string"}}},
				{"type": "object", "required": ["card", "owner"]}]}
		}}`)
	for _, c := range []struct{ value, want string }{
		{`{"seller": "x", "lines": []}`, ""},
		{`[]`, `it must be an object, not a list`},
		{`{"lines": []}`, `seller is missing`},
		{`{"seller": "", "lines": []}`, `seller must not be empty`},
		{`{"seller": "x", "lines": [], "sellr": 1}`, `sellr is not a known field`},
		{`{"seller": "x", "lines": [{"total": 1}, {"total": "7"}]}`, `lines[1].total must be a number, not a string`},
		{`{"seller": "x", "lines": [{"total": 0}, {}]}`, `lines[0].total must be greater than 0, not 0; lines[1].total is missing`},
		{`{"seller": "x", "lines": [{"total": 1, "tax rate": 0.75}]}`, `lines[0]["tax rate"] must be at most 0.5, not 0.75`},
		{`{"seller": "x", "lines": [1, 2, 3]}`, `lines must have at most 2 items, not 3; lines[0] must be an object, not a number; lines[1] must be an object, not a number; lines[2] must be an object, not a number`},
		{`{"seller": "x", "lines": [], "currency": "DM"}`, `currency must be one of "EUR", "CHF"`},
		{`{"seller": "x", "lines": [], "date": "30.9.2026"}`, `date must be a date such as 2026-09-30, not "30.9.2026"`},
		{`{"seller": "x", "lines": [], "ref": "soon"}`, `ref must be a date such as 2026-09-30, not "soon"`},
		{`{"seller": "x", "lines": [], "mail": "nobody"}`, `mail must be a mail address, not "nobody"`},
		{`{"seller": "x", "lines": [], "iban": 5}`, `iban must be a string or null, not a number`},
		{`{"seller": "x", "lines": [], "iban": "5"}`, `iban must match the pattern ^[A-Z]{2}`},
		{`{"seller": "x", "lines": [], "id": 1.5}`, `id must be a string or a whole number, not a number`},
		{`{"seller": "x", "lines": [], "pay": {}}`, `pay fits none of its 2 allowed forms; in the closest one, pay.iban is missing`},
		{`{"seller": "x", "lines": [], "pay": {"iban": "a", "card": 1, "owner": 2}}`, `pay fits more than one of the forms of which it may have one`},
	} {
		got := ""
		if err := s.Validate(json.RawMessage(c.value)); err != nil {
			if wrong := (*schema.Error)(nil); !errors.As(err, &wrong) || len(wrong.Problems) == 0 {
				t.Errorf("%s: not a typed error: %v", c.value, err)
			}
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.value, got, c.want)
		}
	}
}

func TestManyProblemsAreShortenedInTheTextOnly(t *testing.T) {
	s := compile(t, `{"items": {"type": "string"}}`)
	err := s.Validate(json.RawMessage("[" + strings.Repeat("1,", 99) + "1]"))
	wrong := (*schema.Error)(nil)
	if !errors.As(err, &wrong) || len(wrong.Problems) != 100 {
		t.Fatalf("want 100 problems, got %v", err)
	}
	if !strings.HasSuffix(err.Error(), "; and 80 more") {
		t.Errorf("got %s", err)
	}
}

func TestValueMustBeOneJSONValueWithinLimits(t *testing.T) {
	var anything *schema.Schema
	for _, c := range []struct{ value, want string }{
		{`{"a": 1}`, ""},
		{``, "ends too early"},
		{`{"a": `, "ends too early"},
		{`{} {}`, "something follows"},
		{`{a: 1}`, "not JSON"},
		{strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "nested more than 1000 deep"},
		{`"` + strings.Repeat("x", schema.MaxValueBytes) + `"`, "is the limit"},
		{`"` + strings.Repeat(`[\"`, 2000) + `"`, ""},
	} {
		err := anything.Validate(json.RawMessage(c.value))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: got %v, want %q", c.value, err, c.want)
		}
	}
}

func TestLargeNumbersKeepTheirDigits(t *testing.T) {
	s := compile(t, `{"const": 9007199254740993}`)
	if err := s.Validate(json.RawMessage(`9007199254740993`)); err != nil {
		t.Error(err)
	}
	if err := s.Validate(json.RawMessage(`9007199254740992`)); err == nil {
		t.Error("a neighbour was taken for the same number")
	}
}

func TestPathFormatStaysInsideTheWorkspace(t *testing.T) {
	s := compile(t, `{"type": "string", "format": "path"}`)
	for _, good := range []string{"a.txt", "inbox/a b.pdf", "./a", "a..b/c", ".hidden", "ü.pdf"} {
		raw, _ := json.Marshal(good)
		if err := s.Validate(raw); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/etc/passwd", "../x", "a/../../x", "a/..", "..", "a\x00b", `a\b`, `C:\x`, "c:/x"} {
		raw, _ := json.Marshal(bad)
		if err := s.Validate(raw); err == nil {
			t.Errorf("%q was taken for a path", bad)
		}
	}
}

func TestSchemasLoadNothingFromOutside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other.json")
	if err := os.WriteFile(file, []byte(`{"type": "string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"https://example.com/schema.json", "file://" + file, "other.json", "http://127.0.0.1:1/x"} {
		_, err := schema.Compile(json.RawMessage(`{"properties": {"a": {"$ref": "` + ref + `"}}}`))
		if err == nil || !strings.Contains(err.Error(), "only point into the schema itself") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := schema.Compile(json.RawMessage(`{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}}`)); err != nil {
		t.Errorf("draft 7: %v", err)
	}
}

func TestSchemaThatIsNoneIsRefusedWithItsPath(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"properties": {"total": {"type": "nummer"}}}`, "properties.total.type"},
		{`{"required": "total"}`, "required must be a list, not a string"},
		{`[]`, "must be a boolean or an object, not a list"},
		{`{"pattern": "("}`, "pattern"},
		{`{"$ref": "#/nowhere"}`, "nowhere"},
		{strings.Repeat(`{"items":`, 101) + "true" + strings.Repeat("}", 101), "nested more than 100 deep"},
		{`{"description": "` + strings.Repeat("x", schema.MaxSchemaBytes) + `"}`, "is the limit"},
	} {
		_, err := schema.Compile(json.RawMessage(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "schema: ") {
			t.Errorf("%.60s: got %v, want %q", c.schema, err, c.want)
		}
	}
}

func TestPathsReadLikeCode(t *testing.T) {
	if got := schema.Path("lines", 2, "tax rate", "net"); got != `lines[2]["tax rate"].net` {
		t.Error(got)
	}
}
