package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/token"

	"github.com/tuttirun/tutti/coordinator"
)

// Marshal writes a plan as a pipeline file; Parse gives an equal plan back. Go values inside templates are written as
// their JSON, floats so that they stay floats.
func Marshal(p *coordinator.Plan) ([]byte, error) {
	n, err := toNode(reflect.ValueOf(*p))
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", p.Name, err)
	}
	var w writer
	w.block(n, 0)
	return w.Bytes(), nil
}

// toNode is the way back from Go values to nodes.
func toNode(v reflect.Value) (*node, error) {
	if !v.IsValid() {
		return &node{}, nil
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return textNode(shortDuration(x)), nil
	case json.RawMessage:
		return rawNode(x)
	case json.Number:
		return &node{kind: number, text: x.String()}, nil
	case coordinator.Then:
		if x.Do != "reassign" {
			return textNode(x.Do), nil
		}
		return &node{kind: mapping, fields: []field{{key: "reassign", value: textNode(x.Reassign)}}}, nil
	case coordinator.Accept:
		if x.Risk == 0 {
			return floatNode(x.Threshold)
		}
		return structNode(v)
	case coordinator.Retry:
		if x == (coordinator.Retry{Attempts: x.Attempts}) {
			return toNode(reflect.ValueOf(x.Attempts))
		}
		return structNode(v)
	case coordinator.Plan, coordinator.Step, coordinator.Review, coordinator.Budget:
		return structNode(v)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return toNode(v.Elem())
	case reflect.String:
		return textNode(v.String()), nil
	case reflect.Bool:
		return &node{kind: boolean, text: strconv.FormatBool(v.Bool())}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &node{kind: number, text: strconv.FormatInt(v.Int(), 10)}, nil
	case reflect.Float64:
		return floatNode(v.Float())
	case reflect.Slice:
		return listNode(v)
	case reflect.Map:
		return mapNode(v)
	}
	raw, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, err
	}
	return rawNode(raw)
}

func textNode(s string) *node { return &node{kind: text, text: strings.ToValidUTF8(s, "\uFFFD")} }

func floatNode(f float64) (*node, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is not a number that JSON has", f)
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return &node{kind: number, text: s}, nil
}

func listNode(v reflect.Value) (*node, error) {
	out := &node{kind: list}
	for i := range v.Len() {
		item, err := toNode(v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

func mapNode(v reflect.Value) (*node, error) {
	out := &node{kind: mapping}
	for _, key := range v.MapKeys() {
		value, err := toNode(v.MapIndex(key))
		if err != nil {
			return nil, fmt.Errorf("%v: %w", key, err)
		}
		out.fields = append(out.fields, field{key: fmt.Sprint(key), value: value})
	}
	slices.SortFunc(out.fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	return out, nil
}

func structNode(v reflect.Value) (*node, error) {
	out := &node{kind: mapping}
	for _, f := range fieldsOf(v) {
		if f.value.IsZero() {
			continue // every field of a plan may be left out
		}
		value, err := toNode(f.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		out.fields = append(out.fields, field{key: f.key, value: value})
	}
	return out, nil
}

// rawNode reads JSON and keeps the order of its keys.
func rawNode(raw json.RawMessage) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return jsonNode(d)
}

func jsonNode(d *json.Decoder) (*node, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return jsonList(d)
		}
		return jsonObject(d)
	case string:
		return textNode(t), nil
	case json.Number:
		return &node{kind: number, text: t.String()}, nil
	case bool:
		return &node{kind: boolean, text: strconv.FormatBool(t)}, nil
	}
	return &node{}, nil
}

func jsonList(d *json.Decoder) (*node, error) {
	out := &node{kind: list}
	for d.More() {
		item, err := jsonNode(d)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, item)
	}
	_, err := d.Token()
	return out, err
}

func jsonObject(d *json.Decoder) (*node, error) {
	out := &node{kind: mapping}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := jsonNode(d)
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, field{key: fmt.Sprint(key), value: value})
	}
	_, err := d.Token()
	return out, err
}

// shortDuration drops the zeros that time.Duration writes: 4h, not 4h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// writer lays nodes out as YAML.
type writer struct{ bytes.Buffer }

// maxInLine is how long a list or mapping may be to stand in one line.
const maxInLine = 80

// block writes a list or mapping, each entry on lines of its own; the cursor stands where its first entry begins.
func (w *writer) block(n *node, indent int) {
	for i, item := range n.items {
		if i > 0 {
			w.pad(indent)
		}
		w.WriteString("- ")
		w.entry(item, indent, indent+2, true)
	}
	for i, f := range n.fields {
		if i > 0 {
			w.pad(indent)
		}
		w.WriteString(plainOrQuoted(f.key) + ":")
		w.entry(f.value, indent, indent+2, false)
	}
	if n.kind != list && n.kind != mapping || len(n.items)+len(n.fields) == 0 {
		w.WriteString(inLine(n) + "\n")
	}
}

// entry writes what follows "- " or "key:".
func (w *writer) entry(n *node, parent, indent int, afterDash bool) {
	space := " "
	if afterDash {
		space = ""
	}
	if n.kind == text && fitsLiteral(n.text) {
		w.literal(n.text, space, indent)
		return
	}
	itemMapping := afterDash && len(n.fields) > 0
	if short := inLine(n); len(n.items)+len(n.fields) == 0 || len(short) <= maxInLine && !itemMapping && !isLarge(n) {
		w.WriteString(space + short + "\n")
		return
	}
	if !afterDash {
		w.WriteByte('\n')
		w.pad(indent)
	}
	w.block(n, indent)
}

func (w *writer) pad(indent int) { w.WriteString(strings.Repeat(" ", indent)) }

// isLarge reports whether a value is easier to read on several lines.
func isLarge(n *node) bool {
	for _, item := range n.items {
		if item.kind == mapping && len(item.fields) > 0 || isLarge(item) {
			return true
		}
	}
	for _, f := range n.fields {
		if f.value.kind == mapping && len(f.value.fields) > 1 || len(n.fields) > 4 || isLarge(f.value) {
			return true
		}
	}
	return n.kind == text && fitsLiteral(n.text)
}

// fitsLiteral reports whether a text of several lines can be written with |, exactly.
func fitsLiteral(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(body, "\n") {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.TrimSpace(line) != line || line == "" || strings.IndexFunc(line, notShown) >= 0 || strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

func (w *writer) literal(s, space string, indent int) {
	header := "|"
	if !strings.HasSuffix(s, "\n") {
		header = "|-"
	}
	w.WriteString(space + header + "\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		w.pad(indent)
		w.WriteString(line + "\n")
	}
}

// inLine writes a value in one line.
func inLine(n *node) string {
	switch n.kind {
	case null:
		return "null"
	case text:
		return plainOrQuoted(n.text)
	case list:
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = inLine(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mapping:
		parts := make([]string, len(n.fields))
		for i, f := range n.fields {
			parts[i] = plainOrQuoted(f.key) + ": " + inLine(f.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return n.text
}

// plain is what needs no quotes anywhere, in this reader or any other.
var plain = regexp.MustCompile(`^([A-Za-z_/][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*|([0-9]+(\.[0-9]+)?(h|m|s|ms|ns))+)$`)

func plainOrQuoted(s string) string {
	if k, _ := scalar(s); k == text && len(s) <= 200 && plain.MatchString(s) && !token.IsNeedQuoted(s) {
		return s
	}
	return quoted(s)
}

func notShown(r rune) bool {
	return !unicode.IsPrint(r)
}

// quoted writes a text in double quotes; whatever cannot be seen is escaped.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !notShown(r):
			b.WriteRune(r)
		case r <= 0xFF:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
