package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// fenceFunc is added behind every value that the instructions print. Its name cannot clash with a template's own.
const fenceFunc = "_fence"

// parseInstructions parses a template and makes every action that prints pass through the fence, the way html/template
// adds its escapers: conditions and loops still see the plain values.
func parseInstructions(text string) (*template.Template, error) {
	t, err := template.New("instructions").
		Option("missingkey=error").
		Funcs(template.FuncMap{fenceFunc: func(v any) (string, error) { return printed(v) }}).
		Parse(text)
	if err != nil {
		return nil, err
	}
	for _, defined := range t.Templates() {
		if defined.Tree != nil {
			fencePrints(defined.Root)
		}
	}
	return t, nil
}

func fencePrints(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				fence := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{parse.NewIdentifier(fenceFunc).SetPos(n.Pos)}}
				n.Pipe.Cmds = append(n.Pipe.Cmds, fence)
			}
		case *parse.IfNode:
			fencePrints(n.List)
			fencePrints(n.ElseList)
		case *parse.RangeNode:
			fencePrints(n.List)
			fencePrints(n.ElseList)
		case *parse.WithNode:
			fencePrints(n.List)
			fencePrints(n.ElseList)
		}
	}
}

// render executes the instructions over the input. Printed values are fenced with around.
func render(t *template.Template, input json.RawMessage, limit int, around func(string) string) (string, error) {
	value, err := templateValue(input)
	if err != nil {
		return "", fmt.Errorf("input: %w", err)
	}
	t, err = t.Clone()
	if err != nil {
		return "", err
	}
	t.Funcs(template.FuncMap{fenceFunc: func(v any) (string, error) {
		text, err := printed(v)
		return around(text), err
	}})
	out := &boundedBuffer{limit: limit}
	if err := t.Execute(out, map[string]any{"input": value}); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}

// printed is a value as a prompt shows it: text as it is, everything else as JSON.
func printed(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	raw, err := plainJSON(v)
	return string(raw), err
}

// plainJSON encodes v without the escapes for HTML: people and models read it.
func plainJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// templateValue decodes JSON so that templates can compare it: integral numbers are int64, others float64.
func templateValue(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key, item := range v {
			v[key] = plainNumbers(item)
		}
	case []any:
		for i, item := range v {
			v[i] = plainNumbers(item)
		}
	}
	return v
}

// boundedBuffer fails a write that would exceed its limit in bytes.
type boundedBuffer struct {
	bytes.Buffer
	limit int
}

var errTooLong = errors.New("text is longer than max_text")

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}
