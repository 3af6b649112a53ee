package coordinator

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

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
		if !strings.Contains(v, "${{") {
			return &constantNode{raw: appendString(nil, v), v: v}
		}
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
	plain, err := parse(raw)
	if err != nil {
		return p.fail(path, err)
	}
	if err := survives(plain); err != nil {
		return p.fail(path, err)
	}
	if plain, err = numbers(plain); err != nil {
		return p.fail(path, err)
	}
	return &constantNode{raw: raw, v: plain}
}

// survives refuses integers that a float64 cannot hold: a plan is journaled, and what reads it back knows only those.
func survives(v any) error {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return fmt.Errorf("number %s is out of range", v)
		}
		if back, err := appendFloat(nil, f); isIntegral(v) && (err != nil || string(back) != string(v)) {
			return fmt.Errorf("number %s has too many digits; write it as a string", v)
		}
	case []any:
		for _, one := range v {
			if err := survives(one); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if err := survives(v[k]); err != nil {
				return err
			}
		}
	}
	return nil
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
	var parts []textPart
	plain := ""
	for {
		before, after, found := strings.Cut(s, "${{")
		if !found {
			return textOf(parts, plain+s, path)
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			plain, s = plain+escaped+"${{", after
			continue
		}
		end := expressionEnd(after)
		if end < 0 {
			return p.fail(path, errors.New(`"${{" without "}}"; write "$${{" for the characters themselves`))
		}
		if plain += before; plain != "" {
			parts = append(parts, textPart{text: plain})
		}
		parts = append(parts, textPart{x: p.expression(after[:end], path)})
		plain, s = "", after[end+len("}}"):]
	}
}

// expression is nil after a mistake.
func (p *templateParser) expression(source, path string) *expression {
	x, err := p.compile(strings.TrimSpace(source))
	if err != nil {
		p.wrong(path, err)
		return nil
	}
	p.check(path, x)
	p.used = append(p.used, x)
	return x
}

func textOf(parts []textPart, rest, path string) templateNode {
	switch {
	case len(parts) == 0:
		return &constantNode{raw: appendString(nil, rest), v: rest}
	case len(parts) == 1 && rest == "":
		return &wholeNode{x: parts[0].x, path: path}
	case rest != "":
		parts = append(parts, textPart{text: rest})
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
