package schema

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// For derives the JSON Schema of T: its json tags, its validate tags (required, min, max, len, gt, gte, lt, lte, oneof,
// email, url, uuid, unique, dive), and jsonschema_description. Rules between fields stay with the validator.
// A field is required unless its json tag says omitempty or omitzero. A type that contains itself is an error.
func For[T any]() (json.RawMessage, error) { return Of(reflect.TypeFor[T]()) }

// Of is For with a type that is known only while running.
func Of(t reflect.Type) (json.RawMessage, error) {
	if err := checkType(t, nil, t.String()); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	r := jsonschema.Reflector{Anonymous: true, DoNotReference: true, Mapper: special}
	s := r.ReflectFromType(t)
	s.Version = "" // Compile takes 2020-12 anyway, and models stumble over it
	if err := addRules(t, s); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", t, err)
	}
	return raw, nil
}

var (
	customSchema  = reflect.TypeFor[interface{ JSONSchema() *jsonschema.Schema }]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	jsonReader    = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	numberType    = reflect.TypeFor[json.Number]()
	timeType      = reflect.TypeFor[time.Time]()
	durationType  = reflect.TypeFor[time.Duration]()
)

// special gives the schema of types that write themselves. Their Go structure says nothing about their JSON.
func special(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == timeType || t.Implements(customSchema):
		return nil // the reflector knows
	case t == numberType:
		return &jsonschema.Schema{Type: "number"}
	case t == durationType:
		return &jsonschema.Schema{Type: "integer"} // nanoseconds
	case implements(t, jsonMarshaler), implements(t, jsonReader):
		return &jsonschema.Schema{}
	case implements(t, textMarshaler):
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

func implements(t, what reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(what) || reflect.PointerTo(t).Implements(what))
}

func opaque(t reflect.Type) bool {
	return t == timeType || t.Implements(customSchema) || special(t) != nil
}

// checkType refuses what the reflector cannot take: it overflows the stack on a type that contains itself, and panics on
// channels and functions.
func checkType(t reflect.Type, above []reflect.Type, at string) error {
	for _, seen := range above {
		if seen == t {
			return fmt.Errorf("%s contains itself (at %s); write its schema by hand", t, at)
		}
	}
	if opaque(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkType(t.Elem(), append(above, t), at)
	case reflect.Map:
		if k := t.Key(); k.Kind() != reflect.String && !k.Implements(textMarshaler) && !isInteger(k) {
			return fmt.Errorf("%s: a map with keys of type %s is not JSON", at, k)
		}
		return checkType(t.Elem(), append(above, t), at)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if _, _, ok := jsonName(f); !ok && !inlined(f) {
				continue
			}
			if err := checkType(f.Type, append(above, t), at+"."+f.Name); err != nil {
				return err
			}
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("%s: a %s is not JSON", at, t)
	}
	return nil
}

func isInteger(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
}

// jsonName returns a field's name in JSON and whether it may be left out; ok is false when it is not in the JSON by itself.
func jsonName(f reflect.StructField) (name string, optional, ok bool) {
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	if tag == "-" || !f.IsExported() || inlined(f) {
		return "", false, false
	}
	if name == "" {
		name = f.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		optional = optional || option == "omitempty" || option == "omitzero"
	}
	return name, optional, true
}

// inlined reports whether the fields of an embedded struct stand in the outer object.
func inlined(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && name == "" && t.Kind() == reflect.Struct
}

var errTag = errors.New("bad validate tag")
