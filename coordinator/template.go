package coordinator

import (
	"encoding/json"
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
	label := Trusted
	for _, x := range t.expressions {
		l, err := x.label(v)
		if err != nil {
			return nil, "", err
		}
		label = label.Join(l)
	}
	out, err := t.root.appendTo(nil, &templateWriter{vars: v, left: t.payload})
	return out, label, err
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
	v, err := n.x.run(w.vars)
	if err != nil {
		return nil, pathError(n.path, err)
	}
	before := len(b)
	if b, err = appendCanonical(b, v, 0); err != nil {
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
	out, err := p.x.run(v)
	if err != nil {
		return "", err
	}
	if s, ok := out.(string); ok {
		return s, nil
	}
	raw, err := canonical(out)
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
