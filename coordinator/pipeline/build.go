package pipeline

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// builder turns the parser's tree into nodes.
type builder struct {
	source  *source
	anchors map[string]*node // nil while its value is being built
	stopped bool             // over a limit: nothing more is read
	depth   int
}

// mistake reports what is wrong, unless reading has stopped: what follows from that is not worth saying.
func (b *builder) mistake(at span, message, hint string) {
	if !b.stopped {
		b.source.mistake(at, message, hint)
	}
}

func (b *builder) stop(at span, message, hint string) *node {
	b.mistake(at, message, hint)
	b.stopped = true
	return &node{at: at, size: 1}
}

// build returns the node of n; at is the place to name when n has none of its own.
func (b *builder) build(n ast.Node, at span) *node {
	if b.stopped || n == nil {
		return &node{at: at, size: 1}
	}
	b.depth++
	defer func() { b.depth-- }()
	if b.depth > 3*maxDepth { // an anchor, a tag and a value are three levels of the parser's
		return b.stop(at, tooDeep(), "")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return b.mapping(n.Values, place(n.Start, n.IsFlowStyle, n.Values, at))
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{n}, spanOf(n.Key.GetToken()))
	case *ast.SequenceNode:
		return b.list(n)
	case *ast.AnchorNode:
		return b.anchor(n, at)
	case *ast.AliasNode:
		return b.alias(n)
	case *ast.TagNode:
		b.mistake(spanOf(n.Start), n.Start.Value+" is a YAML tag", "put the value in quotes")
		return b.build(n.Value, at)
	case *ast.LiteralNode:
		return &node{kind: text, text: n.Value.Value, at: spanOf(n.Start), size: 1}
	case *ast.MappingKeyNode:
		return b.build(n.Value, at)
	}
	return b.scalar(n, at)
}

// place returns where a mapping starts: its brace, or its first key.
func place(start *token.Token, flow bool, values []*ast.MappingValueNode, at span) span {
	switch {
	case flow:
		return spanOf(start)
	case len(values) > 0:
		return spanOf(values[0].Key.GetToken())
	}
	return at
}

func (b *builder) scalar(n ast.Node, at span) *node {
	t := n.GetToken()
	out := &node{at: spanOf(t), size: 1}
	switch t.Type {
	case token.ImplicitNullType:
		out.at = at
	case token.SingleQuoteType, token.DoubleQuoteType:
		out.kind, out.text = text, t.Value
	case token.InfinityType, token.NanType:
		b.mistake(out.at, t.Value+" is not a number that can be sent on", "")
	default:
		out.kind, out.text = scalar(t.Value)
	}
	return out
}

func (b *builder) list(n *ast.SequenceNode) *node {
	out := &node{kind: list, at: spanOf(n.Start), size: 1}
	for _, v := range n.Values {
		item := b.build(v, out.at)
		out.items = append(out.items, item)
		b.grow(out, item)
	}
	return out
}

// grow counts a child, and stops when there is too much of everything.
func (b *builder) grow(parent, child *node) {
	parent.size += child.size
	parent.depth = max(parent.depth, child.depth+1)
	switch {
	case b.stopped:
	case parent.size > maxNodes:
		b.stop(child.at, fmt.Sprintf("the file expands to more than %d values", maxNodes), "use fewer aliases, or smaller lists")
	case parent.depth > maxDepth:
		b.stop(child.at, tooDeep(), "")
	}
}

func (b *builder) mapping(values []*ast.MappingValueNode, at span) *node {
	out := &node{kind: mapping, at: at, size: 1}
	seen := make(map[string]span, len(values))
	var merged []*node
	for _, v := range values {
		if b.stopped {
			break
		}
		keyAt := spanOf(v.Key.GetToken())
		value := b.build(v.Value, keyAt)
		if v.Key.IsMergeKey() {
			merged = append(merged, value)
			b.grow(out, value)
			continue
		}
		key, ok := b.key(v.Key, keyAt)
		if !ok {
			continue
		}
		if first, twice := seen[key]; twice {
			b.mistake(keyAt, strconv.Quote(key)+" is written twice", "first in line "+strconv.Itoa(first.line))
			continue
		}
		seen[key] = keyAt
		out.fields = append(out.fields, field{key, keyAt, value})
		b.grow(out, value)
	}
	for _, m := range merged {
		b.merge(out, m, seen)
	}
	return out
}

// key returns a mapping's key as text: JSON has no other keys.
func (b *builder) key(n ast.MapKeyNode, at span) (string, bool) {
	switch k := b.build(n, at); k.kind {
	case text, boolean, number:
		if t := n.GetToken(); k.kind != text && t != nil {
			return t.Value, true
		}
		return k.text, true
	case null:
		if t := n.GetToken(); t != nil && t.Type == token.NullType {
			return t.Value, true
		}
		b.mistake(at, "a key that is empty", "")
	default:
		b.mistake(at, "a key must be a word, not "+k.kind.String(), "")
	}
	return "", false
}

// merge adds what a merge key brings; what is written out, or came earlier, wins.
func (b *builder) merge(into, from *node, seen map[string]span) {
	switch from.kind {
	case list:
		for _, item := range from.items {
			b.merge(into, item, seen)
		}
	case mapping:
		for _, f := range from.fields {
			if _, written := seen[f.key]; !written {
				seen[f.key] = f.at
				into.fields = append(into.fields, f)
			}
		}
	default:
		b.mistake(from.at, "<< takes a mapping, not "+from.kind.String(), "")
	}
}

func (b *builder) anchor(n *ast.AnchorNode, at span) *node {
	name := strings.TrimSpace(n.Name.GetToken().Value)
	b.anchors[name] = nil
	value := b.build(n.Value, at)
	b.anchors[name] = value
	return value
}

func (b *builder) alias(n *ast.AliasNode) *node {
	at := spanOf(n.Value.GetToken())
	name := n.Value.GetToken().Value
	target, known := b.anchors[name]
	if target != nil {
		return target
	}
	if known {
		return b.stop(at, "the alias *"+name+" stands inside what it names", "")
	}
	b.mistake(at, "no anchor &"+name+" before this alias", "a value that starts with * needs quotes")
	return &node{at: at, size: 1}
}
