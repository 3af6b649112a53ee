package offline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// node is the part of a JSON Schema that the rules understand.
type node struct {
	Ref         string           `json:"$ref"`
	Type        types            `json:"type"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Format      string           `json:"format"`
	Pattern     string           `json:"pattern"`
	Enum        []any            `json:"enum"`
	Const       any              `json:"const"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Items       json.RawMessage  `json:"items"`
	AnyOf       []*node          `json:"anyOf"`
	OneOf       []*node          `json:"oneOf"`
	AllOf       []*node          `json:"allOf"`
	Defs        map[string]*node `json:"$defs"`
	Definitions map[string]*node `json:"definitions"`
	Labels      []string         `json:"x-labels"`
}

// types is JSON Schema's "type": one name or several.
type types []string

func (t *types) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = types{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// Limits of a schema.
const (
	maxFields = 500
	maxNested = 8
)

// field is one value to find.
type field struct {
	path     []string // of property names
	node     *node
	concept  concept // "": one that only its own labels describe
	required bool    // and all above it are
	nullable bool
	pattern  *regexp.Regexp
}

func (f *field) name() string { return strings.Join(f.path, ".") }

// is reports whether the field may hold a JSON type.
func (f *field) is(kind string) bool {
	return len(f.node.Type) == 0 || slices.Contains(f.node.Type, kind)
}

// wanted is a schema read for extraction.
type wanted struct {
	root   *node
	fields []*field
	labels map[string]entry // what the schema adds to the lexicon
}

func readSchema(raw json.RawMessage) (*wanted, error) {
	root := &node{}
	if err := json.Unmarshal(raw, root); err != nil {
		return nil, fmt.Errorf("output schema: %w", err)
	}
	w := &wanted{root: root, labels: map[string]entry{}}
	if err := w.collect(root, nil, true, 0); err != nil {
		return nil, fmt.Errorf("output schema: %w", err)
	}
	w.recognise()
	return w, nil
}

// resolve follows references into the schema's own definitions and takes the one shape out of "this or null".
func (w *wanted) resolve(n *node, depth int) (resolved *node, nullable bool) {
	for range depth {
		if n.Ref == "" {
			break
		}
		name := n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]
		target := w.root.Defs[name]
		if target == nil {
			target = w.root.Definitions[name]
		}
		if target == nil {
			break
		}
		n = target
	}
	nullable = slices.Contains(n.Type, "null") || slices.Contains(n.Enum, any(nil))
	options := slices.Concat(n.AnyOf, n.OneOf, n.AllOf)
	var shape *node
	for _, o := range options {
		if len(o.Type) == 1 && o.Type[0] == "null" {
			nullable = true
		} else if shape == nil {
			shape = o
		}
	}
	if shape == nil || depth == 0 {
		return n, nullable
	}
	inner, alsoNull := w.resolve(shape, depth-1)
	merged := *inner
	if merged.Description == "" {
		merged.Description = n.Description
	}
	merged.Labels = slices.Concat(n.Labels, inner.Labels)
	return &merged, nullable || alsoNull
}

func (w *wanted) collect(n *node, path []string, required bool, depth int) error {
	n, nullable := w.resolve(n, maxNested)
	if len(w.fields) >= maxFields || depth > maxNested {
		return fmt.Errorf("more than %d fields or %d levels", maxFields, maxNested)
	}
	if len(n.Properties) == 0 {
		f := &field{path: path, node: n, required: required, nullable: nullable}
		if n.Pattern != "" {
			f.pattern, _ = regexp.Compile(n.Pattern) // one that Go does not know is left to the caller's own check
		}
		w.fields = append(w.fields, f)
		return nil
	}
	for _, name := range sortedKeys(n.Properties) {
		inside := required && slices.Contains(n.Required, name)
		if err := w.collect(n.Properties[name], append(slices.Clone(path), name), inside, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// aliases are names that programmers give to properties and no document has.
var aliases = map[string]concept{
	"number": invoiceNumber, "invoice": invoiceNumber, "no": invoiceNumber, "nr": invoiceNumber,
	"amount": total, "amount total": total, "total gross": total, "gross": total, "total sum": total, "sum": total,
	"amount untaxed": net, "untaxed amount": net, "untaxed": net, "amount net": net, "subtotal": net, "net": net,
	"amount tax": tax, "vat amount": tax, "tax total": tax, "issuer": seller, "supplier name": seller, "seller name": seller, "vendor name": seller,
	"issuer name": seller, "date due": dueDate, "due": dueDate, "payment date due": dueDate, "mail": email, "vat": vatID, "open amount": due,
	"invoice total amount": total, "total amount due": due,
}

// numeric are the concepts whose values are amounts; a property of another type is something else of that name.
var numeric = map[concept]bool{total: true, net: true, tax: true, due: true, paid: true, carried: true, "other_amount": true}

func (w *wanted) recognise() {
	bills := false
	for _, f := range w.fields {
		f.concept = w.known(f)
		bills = bills || f.concept == total || f.concept == dueDate || f.concept == invoiceDate || f.concept == net
	}
	for _, f := range w.fields {
		last := ""
		if len(f.path) > 0 {
			last = strings.Join(splitName(f.path[len(f.path)-1]), " ")
		}
		short := last == "number" || last == "no" || last == "nr" || last == "invoice"
		if f.concept == invoiceNumber && short && !bills {
			f.concept = ""
		}
		w.addLabels(f, last)
	}
}

// known recognises a property by its name, else by its title.
func (w *wanted) known(f *field) concept {
	if len(f.path) == 0 || len(f.node.Enum) > 0 {
		return ""
	}
	name := strings.Join(splitName(f.path[len(f.path)-1]), " ")
	for _, phrase := range []string{name, f.node.Title} {
		c, ok := aliases[phrase]
		if !ok {
			e, found := builtin().lookup(phrase)
			c, ok = e.concept, found && e.concept != column && e.concept != qualifierGross && e.strength > weak
		}
		if ok && suits(f, c) {
			return c
		}
	}
	return ""
}

func suits(f *field, c concept) bool {
	switch {
	case numeric[c]:
		return f.is("number") || f.is("integer") || f.is("string")
	case f.is("string"):
		return true
	}
	return strings.HasSuffix(string(c), "_number") && f.is("integer")
}

// addLabels makes the schema's own words labels: of the known concept, or of the property alone.
func (w *wanted) addLabels(f *field, name string) {
	meaning := entry{f.concept, strong}
	if f.concept == "" {
		meaning.concept = concept("field:" + f.name())
	}
	for _, phrase := range f.node.Labels {
		w.labels[phrase] = meaning
	}
	if f.concept == "" {
		f.concept = meaning.concept
		for _, phrase := range []string{name, f.node.Title} {
			if phrase != "" {
				w.labels[phrase] = meaning
			}
		}
	}
}

// splitName splits snake_case, kebab-case and camelCase into folded words.
func splitName(name string) []string {
	var b strings.Builder
	var last rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			b.WriteByte(' ')
		}
		if r == '_' || r == '-' || r == '.' {
			r = ' '
		}
		b.WriteRune(r)
		last = r
	}
	return foldedWords(b.String())
}

// encode writes values in the order of the schema's names, without escaping for HTML.
func encode(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSpace(b.String()), err
}
