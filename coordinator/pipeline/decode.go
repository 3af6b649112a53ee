package pipeline

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// decoder fills Go values from nodes. The json tags of a struct are its keys; a key it does not have is a mistake.
// It goes on after a mistake, so that all of them are found.
type decoder struct{ source *source }

func (d decoder) mistake(n *node, message, hint string) { d.source.mistake(n.at, message, hint) }

// wrong says that a value is of another type than its field.
func (d decoder) wrong(n *node, name, want, hint string) {
	got := n.kind.String()
	switch n.kind {
	case number, boolean:
		got = n.text
		if want == "text" && n.kind == number {
			got = "the number " + n.text
		}
	case text:
		got = strconv.Quote(short(n.text))
	}
	if n.secret != "" {
		got = "the secret " + n.secret
	}
	d.mistake(n, fmt.Sprintf("%s must be %s, not %s", name, want, got), hint)
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// examples show how a mapping or a list of a type is written.
var examples = map[reflect.Type]string{
	reflect.TypeFor[coordinator.Plan]():   "a pipeline has steps: and below them - id: …",
	reflect.TypeFor[coordinator.Step]():   "write {id: …, use: …, with: …}",
	reflect.TypeFor[coordinator.Review](): "write {by: finance, within: 4h}",
	reflect.TypeFor[coordinator.Budget](): "write {steps: 100, cost: 2.50}",
	reflect.TypeFor[[]coordinator.Step](): "each step begins with a dash: - id: …",
	reflect.TypeFor[Agent]():              "write {model: …, instructions: …}",
	reflect.TypeFor[Person]():             "write {name: …, groups: […]}",
}

// special types have a spelling of their own.
var special map[reflect.Type]func(d decoder, n *node, v reflect.Value, name string)

func init() { // not a literal: the functions use decoder.into, which uses the map
	special = map[reflect.Type]func(decoder, *node, reflect.Value, string){
		reflect.TypeFor[time.Duration]():      decoder.duration,
		reflect.TypeFor[json.RawMessage]():    decoder.raw,
		reflect.TypeFor[coordinator.Retry]():  decoder.retry,
		reflect.TypeFor[coordinator.Accept](): decoder.accept,
		reflect.TypeFor[coordinator.Then]():   decoder.then,
		reflect.TypeFor[coordinator.Step]():   decoder.step,
		reflect.TypeFor[Model]():              decoder.model,
		reflect.TypeFor[Secret]():             decoder.secret,
	}
}

// into fills v from n. Name is what the value is called in messages.
func (d decoder) into(n *node, v reflect.Value, name string) {
	if decode, ok := special[v.Type()]; ok {
		decode(d, n, v, name)
		return
	}
	if v.CanAddr() && d.unmarshaler(n, v.Addr().Interface(), name) {
		return
	}
	if n.kind == null {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.into(n, v.Elem(), name)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(n.value()))
		}
	case reflect.Struct:
		d.object(n, v, name)
	case reflect.Map:
		d.entries(n, v, name)
	case reflect.Slice:
		d.slice(n, v, name)
	default:
		d.scalar(n, v, name)
	}
}

// unmarshaler lets types read themselves.
func (d decoder) unmarshaler(n *node, target any, name string) bool {
	var err error
	switch u := target.(type) {
	case json.Unmarshaler:
		err = u.UnmarshalJSON(n.json())
	case encoding.TextUnmarshaler:
		if n.kind == list || n.kind == mapping {
			d.wrong(n, name, "text", "")
			return true
		}
		err = u.UnmarshalText([]byte(n.text))
	default:
		return false
	}
	if err != nil {
		d.mistake(n, name+": "+err.Error(), "")
	}
	return true
}

func (d decoder) scalar(n *node, v reflect.Value, name string) {
	ok := true
	switch v.Kind() {
	case reflect.String:
		if n.kind != text {
			hint := ""
			if n.kind == number || n.kind == boolean {
				hint = fmt.Sprintf("put it in quotes: %q", n.text)
			}
			d.wrong(n, name, "text", hint)
			return
		}
		v.SetString(n.text)
	case reflect.Bool:
		if n.kind != boolean {
			d.wrong(n, name, "true or false", map[string]string{
				"yes": "write true", "on": "write true", "no": "write false", "off": "write false",
			}[strings.ToLower(n.text)])
			return
		}
		v.SetBool(n.text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.text, 10, v.Type().Bits())
		if ok = n.kind == number && err == nil; ok {
			v.SetInt(i)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		i, err := strconv.ParseUint(n.text, 10, v.Type().Bits())
		if ok = n.kind == number && err == nil; ok {
			v.SetUint(i)
		}
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.text, v.Type().Bits())
		if n.kind != number || err != nil {
			d.wrong(n, name, "a number", "")
			return
		}
		v.SetFloat(f)
	default:
		d.mistake(n, name+" cannot be set in a file", "")
	}
	if !ok {
		d.wrong(n, name, "a whole number", "")
	}
}

func (d decoder) slice(n *node, v reflect.Value, name string) {
	items := n.items
	if n.kind != list {
		if v.Type().Elem().Kind() != reflect.String || n.kind != text {
			d.wrong(n, name, "a list", examples[v.Type()])
			return
		}
		items = []*node{n} // one word stands for a list of one
	}
	if len(items) == 0 {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		itemName := name
		if n.kind == list {
			itemName = fmt.Sprintf("%s[%d]", name, i)
		}
		if item.kind == null {
			d.mistake(item, itemName+" is empty", "")
		}
		d.into(item, out.Index(i), itemName)
	}
	v.Set(out)
}

func (d decoder) entries(n *node, v reflect.Value, name string) {
	if n.kind != mapping {
		d.wrong(n, name, "a mapping", "")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.fields))
	for _, f := range n.fields {
		value := reflect.New(v.Type().Elem()).Elem()
		d.into(f.value, value, f.key)
		out.SetMapIndex(reflect.ValueOf(f.key).Convert(v.Type().Key()), value)
	}
	v.Set(out)
}

func (d decoder) object(n *node, v reflect.Value, name string) {
	if n.kind != mapping {
		d.wrong(n, name, "a mapping", examples[v.Type()])
		return
	}
	fields := fieldsOf(v)
	for _, f := range n.fields {
		target, ok := fields.named(f.key)
		if !ok {
			target, ok = d.unknownKey(n, f, fields)
		}
		if ok {
			d.into(f.value, target, cmp.Or(d.source.meant[f.at], f.key))
		}
	}
}

// unknownKey reports the key, and returns the field that was surely meant, so that reading it finds what else is wrong.
func (d decoder) unknownKey(n *node, f field, known structFields) (reflect.Value, bool) {
	free := make([]string, 0, len(known))
	for _, k := range known {
		if !n.has(k.key) {
			free = append(free, k.key)
		}
	}
	hint := oneOf(f.key, free)
	if parent := n.emptyBefore(f); parent != "" && didYouMean(f.key, free) == "" {
		hint = "indent it more if it belongs to " + parent
	}
	d.source.mistake(f.at, "unknown key "+strconv.Quote(f.key), hint)
	meant := suggest(f.key, free)
	if meant != "" {
		d.source.meant[f.at] = meant
	}
	return known.named(meant)
}

type structField struct {
	key       string
	omitEmpty bool
	value     reflect.Value
}

type structFields []structField

func (fs structFields) named(key string) (reflect.Value, bool) {
	for _, f := range fs {
		if f.key == key {
			return f.value, true
		}
	}
	return reflect.Value{}, false
}

// fieldsOf returns the fields of a struct by their json names, in order; those of embedded structs count as its own.
func fieldsOf(v reflect.Value) structFields {
	var out structFields
	for f := range v.Type().Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		value := v.FieldByIndex(f.Index)
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			out = append(out, fieldsOf(value)...)
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			out = append(out, structField{name, strings.Contains(options, "omit"), value})
		}
	}
	return out
}
