package pipeline

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

type kind int

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "a yes-or-no value", "a number", "text", "a list", "a mapping"}[k]
}

// node is a value of a file: what YAML's many spellings come down to. Aliases share nodes, so nodes are never changed.
type node struct {
	kind   kind
	text   string  // of a scalar: number in JSON's spelling, "true" or "false", or the text
	items  []*node // of a list
	fields []field // of a mapping, in the order of the file, keys distinct
	secret string  // text that stands for a secret: its name. The text is never shown
	at     span
	size   int // nodes in it, itself included, aliases expanded
	depth  int
}

type field struct {
	key   string
	at    span // of the key
	value *node
}

func (n *node) get(key string) *node {
	for _, f := range n.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

func (n *node) has(key string) bool { return n.get(key) != nil }

// without returns a mapping that lacks some keys.
func (n *node) without(keys ...string) *node {
	out := *n
	out.fields = nil
next:
	for _, f := range n.fields {
		for _, key := range keys {
			if f.key == key {
				continue next
			}
		}
		out.fields = append(out.fields, f)
	}
	return &out
}

// emptyBefore returns the key above f in a block, when nothing was given for it: what stands below may have been meant.
func (n *node) emptyBefore(f field) string {
	for i := 1; i < len(n.fields); i++ {
		above := n.fields[i-1]
		if n.fields[i].at == f.at && above.value.kind == null && above.at.line < f.at.line && above.at.column == f.at.column {
			return above.key
		}
	}
	return ""
}

// value returns the node as plain Go: nil, bool, int64, float64, string, []any, map[string]any. A number that neither
// int64 nor float64 holds exactly is a json.Number.
func (n *node) value() any {
	switch n.kind {
	case boolean:
		return n.text == "true"
	case number:
		return exact(n.text)
	case text:
		return n.text
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.value()
		}
		return out
	case mapping:
		out := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			out[f.key] = f.value.value()
		}
		return out
	}
	return nil
}

func exact(s string) any {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		return json.Number(s)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !sameNumber(s, strconv.FormatFloat(f, 'g', -1, 64)) {
		return json.Number(s)
	}
	return f
}

// sameNumber compares digits, not values: 0.1 is 0.1 although no float64 is. Exponents are bounded by isNumber.
func sameNumber(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	return ok && ok2 && x.Cmp(y) == 0
}

// json returns the node as JSON, keys in the order of the file.
func (n *node) json() json.RawMessage {
	var b bytes.Buffer
	n.writeJSON(&b)
	return b.Bytes()
}

func (n *node) writeJSON(b *bytes.Buffer) {
	switch n.kind {
	case null:
		b.WriteString("null")
	case boolean, number:
		b.WriteString(n.text)
	case text:
		writeJSONString(b, n.text)
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.writeJSON(b)
		}
		b.WriteByte(']')
	case mapping:
		b.WriteByte('{')
		for i, f := range n.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSONString(b, f.key)
			b.WriteByte(':')
			f.value.writeJSON(b)
		}
		b.WriteByte('}')
	}
}

func writeJSONString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a bytes.Buffer takes everything, and every string is JSON
	b.Truncate(b.Len() - 1)
}

var (
	decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	float   = regexp.MustCompile(`^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?$`)
	radix   = regexp.MustCompile(`^0(x[0-9a-fA-F]+|o[0-7]+)$`)
)

// maxDigits bounds the length of a number; longer ones are text.
const maxDigits = 100

// scalar resolves an unquoted word as YAML 1.2's core schema does, except that digits after a leading zero are text:
// they are codes and phone numbers far more often than numbers.
func scalar(s string) (kind, string) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return null, ""
	case "true", "True", "TRUE":
		return boolean, "true"
	case "false", "False", "FALSE":
		return boolean, "false"
	}
	switch {
	case len(s) > maxDigits:
	case decimal.MatchString(s):
		return number, strings.TrimPrefix(s, "+")
	case radix.MatchString(s):
		i, _ := new(big.Int).SetString(s, 0)
		return number, i.String()
	case float.MatchString(s):
		return number, jsonFloat(s)
	}
	return text, s
}

// jsonFloat writes YAML's .5, 5. and +5.0 as JSON does.
func jsonFloat(s string) string {
	s = strings.TrimPrefix(s, "+")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	whole, rest, point := strings.Cut(s, ".")
	if point && (rest == "" || rest[0] < '0' || rest[0] > '9') {
		rest = "0" + rest
	}
	if point {
		whole += "." + rest
	}
	return sign + whole
}
