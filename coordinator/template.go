package coordinator

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// template is a compiled With or Output: a JSON-like tree whose strings may hold "${{ expression }}".
// A string that is exactly one expression takes the expression's type; else what expressions give is put into the text.
// "$${{" stands for a literal "${{". {"$literal": v} is v, whatever it holds.
type template struct {
	root        templateNode
	expressions []*expression
	payload     int // bytes, of the result at most
}

// eval gives canonical JSON and the label of everything that the expressions name.
func (t *template) eval(v *vars) (json.RawMessage, Label, error) {
	w := &templateWriter{vars: v, left: t.payload}
	out, err := t.root.appendTo(nil, w)
	if err != nil {
		return nil, "", err
	}
	label := Trusted
	for _, x := range t.expressions {
		l, err := x.label(v)
		if err != nil {
			return nil, "", err
		}
		label = label.Join(l)
	}
	return out, label, nil
}

// templateWriter carries what the nodes of one evaluation share.
type templateWriter struct {
	vars *vars
	left int // bytes
}

func (w *templateWriter) spend(bytes int) error {
	if w.left -= bytes; w.left < 0 {
		return errResultSize
	}
	return nil
}

// templateNode is one value in the tree: a constantNode, wholeNode, textNode, listNode or objectNode.
type templateNode interface {
	appendTo(b []byte, w *templateWriter) ([]byte, error)
}

// constantNode holds no expression: it is written once, when the plan is compiled.
type constantNode struct {
	raw json.RawMessage
	v   any
}

func (n *constantNode) appendTo(b []byte, w *templateWriter) ([]byte, error) {
	return append(b, n.raw...), w.spend(len(n.raw))
}

// wholeNode is a string that is exactly one expression.
type wholeNode struct {
	x    *expression
	path string // within the template, for error texts
}

func (n *wholeNode) appendTo(b []byte, w *templateWriter) ([]byte, error) {
	v, err := n.x.eval(w.vars)
	if err != nil {
		return nil, pathError(n.path, err)
	}
	before := len(b)
	if b, err = appendCanonical(b, v.v, 0); err != nil {
		return nil, pathError(n.path, err)
	}
	return b, w.spend(len(b) - before)
}

// textNode is a string with expressions in it.
type textNode struct {
	parts []textPart
	path  string
}

// textPart is plain text, or an expression.
type textPart struct {
	text string
	x    *expression
}

func (n *textNode) appendTo(b []byte, w *templateWriter) ([]byte, error) {
	var text strings.Builder
	for _, p := range n.parts {
		s, err := p.eval(w.vars)
		if err != nil {
			return nil, pathError(n.path, err)
		}
		if err := w.spend(len(s)); err != nil {
			return nil, pathError(n.path, err)
		}
		text.WriteString(s)
	}
	return appendString(b, text.String()), nil
}

func (p textPart) eval(v *vars) (string, error) {
	if p.x == nil {
		return p.text, nil
	}
	out, err := p.x.eval(v)
	if err != nil {
		return "", err
	}
	if s, ok := out.v.(string); ok {
		return s, nil
	}
	raw, err := canonical(out.v)
	return string(raw), err
}

type listNode struct{ items []templateNode }

func (n *listNode) appendTo(b []byte, w *templateWriter) ([]byte, error) {
	b = append(b, '[')
	for i, item := range n.items {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = item.appendTo(b, w); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), w.spend(len(n.items) + 1)
}

type objectNode struct {
	keys   []string // sorted
	values []templateNode
}

func (n *objectNode) appendTo(b []byte, w *templateWriter) ([]byte, error) {
	b = append(b, '{')
	for i, k := range n.keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		if err := w.spend(len(k) + 4); err != nil {
			return nil, err
		}
		var err error
		if b, err = n.values[i].appendTo(b, w); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func pathError(path string, err error) error {
	if path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// templateParser builds a template and goes on after a mistake, to find the next one.
type templateParser struct {
	compile func(source string) (*expression, error)
	check   func(path string, x *expression) // of each expression that compiles
	wrong   func(path string, err error)
	used    []*expression
}

// parse builds the node for v, which is at path within the template.
func (p *templateParser) parse(v any, path string, depth int) templateNode {
	if depth > maxNesting {
		return p.fail(path, errNesting)
	}
	switch v := v.(type) {
	case literal:
		return p.literal(v.Value, path)
	case nil, bool, int, int64, float64, json.Number:
		return p.literal(v, path)
	case string:
		return p.text(v, path)
	case []any:
		return p.list(v, path, depth)
	case map[string]any:
		return p.object(v, path, depth)
	}
	return p.other(v, path, depth)
}

// other takes the way through the value's own JSON.
func (p *templateParser) other(v any, path string, depth int) templateNode {
	raw, err := json.Marshal(v)
	if err != nil {
		return p.fail(path, fmt.Errorf("a %T cannot be written as JSON: %w", v, err))
	}
	plain, err := parse(raw)
	if err != nil {
		return p.fail(path, err)
	}
	return p.parse(plain, path, depth)
}

func (p *templateParser) fail(path string, err error) templateNode {
	p.wrong(path, err)
	return nil
}

func (p *templateParser) literal(v any, path string) templateNode {
	raw, err := canonical(v)
	if err != nil {
		return p.fail(path, err)
	}
	plain, err := decode(raw)
	if err != nil {
		return p.fail(path, err)
	}
	return &constantNode{raw: raw, v: plain}
}

func (p *templateParser) list(list []any, path string, depth int) templateNode {
	n := &listNode{items: make([]templateNode, len(list))}
	for i, v := range list {
		n.items[i] = p.parse(v, fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
	return n.fold()
}

func (p *templateParser) object(m map[string]any, path string, depth int) templateNode {
	if v, ok := m["$literal"]; ok {
		if len(m) > 1 {
			return p.fail(path, errors.New(`"$literal" stands alone in its object`))
		}
		return p.literal(v, path)
	}
	n := &objectNode{keys: sortedKeys(m), values: make([]templateNode, len(m))}
	for i, k := range n.keys {
		at := fieldPath(path, k)
		if strings.Contains(k, "${{") {
			p.wrong(at, errors.New("names of fields cannot hold expressions"))
		}
		n.values[i] = p.parse(m[k], at, depth+1)
	}
	return n.fold()
}

func fieldPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// fold makes one constant of a list without expressions.
func (n *listNode) fold() templateNode {
	list := make([]any, len(n.items))
	for i, item := range n.items {
		c, ok := item.(*constantNode)
		if !ok {
			return n
		}
		list[i] = c.v
	}
	return folded(n, list)
}

// fold makes one constant of an object without expressions.
func (n *objectNode) fold() templateNode {
	m := make(map[string]any, len(n.keys))
	for i, v := range n.values {
		c, ok := v.(*constantNode)
		if !ok {
			return n
		}
		m[n.keys[i]] = c.v
	}
	return folded(n, m)
}

func folded(n templateNode, v any) templateNode {
	raw, err := n.appendTo(nil, &templateWriter{left: 1 << 40})
	if err != nil { // only a size can be wrong with constants
		return n
	}
	return &constantNode{raw: raw, v: v}
}

// text splits a string at its expressions.
func (p *templateParser) text(s, path string) templateNode {
	if !strings.Contains(s, "${{") {
		return p.literal(s, path)
	}
	var parts []textPart
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, textPart{text: plain.String()})
			plain.Reset()
		}
	}
	for rest := s; rest != ""; {
		before, after, found := strings.Cut(rest, "${{")
		plain.WriteString(strings.TrimSuffix(before, "$"))
		switch {
		case !found:
			rest = ""
			if strings.HasSuffix(before, "$") {
				plain.WriteByte('$')
			}
			continue
		case strings.HasSuffix(before, "$"):
			plain.WriteString("${{")
			rest = after
			continue
		}
		end := expressionEnd(after)
		if end < 0 {
			return p.fail(path, errors.New(`"${{" without "}}"; write "$${{" for the characters themselves`))
		}
		flush()
		x, err := p.compile(strings.TrimSpace(after[:end]))
		if err != nil {
			p.wrong(path, err)
		} else {
			p.check(path, x)
			p.used = append(p.used, x)
		}
		parts = append(parts, textPart{x: x})
		rest = after[end+2:]
	}
	flush()
	return textOf(parts, path)
}

func textOf(parts []textPart, path string) templateNode {
	switch {
	case len(parts) == 1 && parts[0].x == nil:
		s := parts[0].text
		return &constantNode{raw: appendString(nil, s), v: s}
	case len(parts) == 1:
		return &wholeNode{x: parts[0].x, path: path}
	}
	return &textNode{parts: parts, path: path}
}

// expressionEnd finds the "}}" that ends an expression: not one in a string, nor one that closes CEL's own braces.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'':
			if i = stringEnd(s, i); i < 0 {
				return -1
			}
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}' && strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return -1
}

// stringEnd returns where the CEL string that begins at i has its last quote; -1 when it has none.
func stringEnd(s string, i int) int {
	quote := s[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s[i:], triple) {
		quote = triple
	}
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R')
	for at := i + len(quote); at < len(s); at++ {
		if s[at] == '\\' && !raw {
			at++
		} else if strings.HasPrefix(s[at:], quote) {
			return at + len(quote) - 1
		}
	}
	return -1
}
