package data

import (
	"fmt"
	"strings"
	"testing"
)

func TestJSONIsReadInWholeOrInPart(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.json": "\ufeff{\"orders\": [{\"id\": 12345678901234567890, \"a/b\": {\"~\": 1.10}}], \"x\": 1, \"x\": 2}"})
	for at, want := range map[string]string{
		"/orders/0/a~1b/~0": `{"path":"a.json","value":1.1}`, "/orders/0/a~1b": `{"path":"a.json","value":{"~":1.1}}`, "/x": `{"path":"a.json","value":2}`,
	} {
		if got := b.do("json.read", `{"path":"a.json","at":"`+at+`"}`); got != want {
			t.Errorf("%s: %s", at, got)
		}
	}
	for at, want := range map[string]string{
		"/orders/1": "at /orders/1: there is nothing", "/orders/-": "number of an item", "/orders/00": "number of an item",
		"/x/y": "at /x/y: 2 has no parts", "/nope/y": "at /nope: there is nothing", "x": "begins with a slash",
	} {
		b.refused("json.read", `{"path":"a.json","at":"`+at+`"}`, "a.json", want)
	}
}

func TestJSONLinesAreAList(t *testing.T) {
	b := newWorkbench(t, Settings{MaxRows: 3}, map[string]string{"a.jsonl": "{\"a\":1}\n\n[2]\r\n", "b.txt": "1\n2\n", "bad.ndjson": "1\n{\"a\":}\n", "many.jsonl": "1\n2\n3\n4\n"})
	if got := b.do("json.read", `{"path":"a.jsonl"}`); got != `{"path":"a.jsonl","value":[{"a":1},[2]]}` {
		t.Error(got)
	}
	if got := b.do("json.read", `{"path":"b.txt","lines":true,"at":"/1"}`); got != `{"path":"b.txt","value":2}` {
		t.Error(got)
	}
	b.refused("json.read", `{"path":"bad.ndjson"}`, "line 2, character 6")
	b.refused("json.read", `{"path":"many.jsonl"}`, "line 4", "max_rows")
	b.do("json.write", `{"path":"c.jsonl","value":[{"b":1,"a":2},"x"]}`)
	if got := b.read("c.jsonl"); got != "{\"a\":2,\"b\":1}\n\"x\"\n" {
		t.Errorf("%q", got)
	}
	b.refused("json.write", `{"path":"d.jsonl","value":{}}`, "from a list")
}

func TestJSONErrorsNameLineAndCharacter(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{
		"a.json": "{\n  \"ä\": 1,\n  \"b\": tru\n}", "b.json": "{\"a\": 1", "c.json": "1\n2", "d.json": "", "e.json": "{\"a\": 1,}", "f.json": "\x00\x00\x00",
	})
	for name, want := range map[string]string{
		"a.json": "line 3, character 11", "b.json": "line 1, character 8: it ends before", "c.json": "line 2, character 1: more than one value",
		"d.json": "it ends before", "e.json": "line 1, character 9", "f.json": "",
	} {
		b.refused("json.read", fmt.Sprintf(`{"path":%q}`, name), name, want)
	}
}

func TestAPartIsSetAndTheRestStays(t *testing.T) {
	const file = "{\n    \"b\": 1.10,   \"a\": [ 1,2 ],\n    \"o\": {}\n}\n"
	for _, c := range []struct{ at, value, want string }{
		{"/a/1", `{"x":1}`, "{\n    \"b\": 1.10,   \"a\": [ 1,{\n      \"x\": 1\n    } ],\n    \"o\": {}\n}\n"},
		{"/b", `"z"`, "{\n    \"b\": \"z\",   \"a\": [ 1,2 ],\n    \"o\": {}\n}\n"},
		{"/new~1field", `true`, "{\n    \"b\": 1.10,   \"a\": [ 1,2 ],\n    \"o\": {},\n  \"new/field\": true\n}\n"},
		{"/o/x", `1`, "{\n    \"b\": 1.10,   \"a\": [ 1,2 ],\n    \"o\": {\"x\":1}\n}\n"},
	} {
		b := newWorkbench(t, Settings{}, map[string]string{"a.json": file})
		input := fmt.Sprintf(`{"path":"a.json","at":%q,"value":%s,"overwrite":true}`, c.at, c.value)
		for _, want := range []bool{true, false} {
			if got := b.changed("json.write", input); got != want {
				t.Errorf("%s: changed %v", c.at, got)
			}
		}
		if got := b.read("a.json"); got != c.want {
			t.Errorf("%s:\n%s", c.at, got)
		}
	}
	b := newWorkbench(t, Settings{}, map[string]string{"a.json": file})
	b.refused("json.write", `{"path":"a.json","at":"/b","value":2}`, "overwrite")
	b.refused("json.write", `{"path":"a.json","at":"/a/2","value":2,"overwrite":true}`, "at /a/2: there is nothing")
	b.refused("json.write", `{"path":"a.json","at":"/q/r","value":2,"overwrite":true}`, "at /q: there is nothing")
	b.refused("json.write", `{"path":"none.json","at":"/b","value":2,"overwrite":true}`, "no such file")
}

// Each step of a pointer reads the rest of the document: a thousand of them would read eight gigabytes.
func TestAPointerHasALimit(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.json": strings.Repeat("[", 51) + strings.Repeat("]", 51)})
	if got := b.do("json.read", `{"path":"a.json","at":"`+strings.Repeat("/0", 50)+`"}`); !strings.Contains(got, `"value":[]`) {
		t.Error(got)
	}
	b.refused("json.read", `{"path":"a.json","at":"`+strings.Repeat("/0", 51)+`"}`, "at most 50 steps")
}
