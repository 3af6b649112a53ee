package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/go-playground/locales/en"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	translations "github.com/go-playground/validator/v10/translations/en"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// decode reads an input strictly and checks its validate tags, which know rules between fields that a schema does not.
func decode(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("input: %w", decodeError(err))
	}
	if err := validate(reflect.ValueOf(into).Elem()); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}

func decodeError(err error) error {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return &schema.Error{Problems: []schema.Problem{{
			Path: wrong.Field, Message: fmt.Sprintf("must be a %s, not a %s", wrong.Type, wrong.Value),
		}}}
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// encode writes an output as canonical JSON.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("a %T cannot be written as JSON: %w", v, err)
	}
	return coordinator.Canonical(b.Bytes())
}

// validation is the validator and its English words. It caches what it learns about types, so there is one.
var validation = sync.OnceValue(func() struct {
	*validator.Validate
	words ut.Translator
} {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			return ""
		}
		return name
	})
	locale := en.New()
	words, _ := ut.New(locale, locale).GetTranslator("en")
	if err := translations.RegisterDefaultTranslations(v, words); err != nil {
		panic(err) // the library's own texts
	}
	return struct {
		*validator.Validate
		words ut.Translator
	}{v, words}
})

// validate checks the tags of a struct, or of the structs in a list or map.
func validate(v reflect.Value) error {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if _, tagged := structsIn(v.Type()); !tagged {
		return nil
	}
	var err error
	if v.Kind() == reflect.Struct {
		err = validation().Struct(v.Interface())
	} else {
		err = validation().Var(v.Interface(), dives(v.Type()))
	}
	if wrong := (validator.ValidationErrors)(nil); errors.As(err, &wrong) {
		return problems(wrong, v.Type())
	}
	return err
}

// dives leads the validator through lists and maps down to the structs in them.
func dives(t reflect.Type) string {
	var steps []string
	for t.Kind() != reflect.Struct {
		if t.Kind() != reflect.Pointer {
			steps = append(steps, "dive")
		}
		t = t.Elem()
	}
	return strings.Join(steps, ",")
}

func problems(wrong validator.ValidationErrors, root reflect.Type) error {
	out := &schema.Error{}
	for _, w := range wrong {
		path := w.Namespace()
		if root.Kind() == reflect.Struct { // the first part is the Go type
			_, path, _ = strings.Cut(path, ".")
		}
		message := w.Translate(validation().words)
		message = strings.TrimPrefix(message, w.Field()+" ")
		switch {
		case strings.HasPrefix(message, "Key:"): // a tag without English words
			message = fmt.Sprintf("does not satisfy %s", rule(w))
		case strings.HasSuffix(w.Tag(), "field") && w.Param() != "":
			message = strings.ReplaceAll(message, w.Param(), sibling(root, w))
		}
		out.Problems = append(out.Problems, schema.Problem{Path: path, Message: message})
	}
	return out
}

// sibling returns the JSON name of the field that a rule between fields compares with.
func sibling(root reflect.Type, w validator.FieldError) string {
	found, _ := structsIn(root)
	parts := strings.Split(w.StructNamespace(), ".")
	field, _, _ := strings.Cut(parts[len(parts)-1], "[")
	for _, t := range found {
		if _, ok := t.FieldByName(field); !ok {
			continue
		}
		if other, ok := t.FieldByName(w.Param()); ok {
			if name, _, _ := strings.Cut(other.Tag.Get("json"), ","); name != "" {
				return name
			}
		}
	}
	return w.Param()
}

func rule(w validator.FieldError) string {
	if w.Param() == "" {
		return w.Tag()
	}
	return w.Tag() + "=" + w.Param()
}

// structsIn finds the structs within a type, as far as validate tags are looked for.
func structsIn(t reflect.Type) (found []reflect.Type, tagged bool) {
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			found = append(found, t)
			for i := range t.NumField() {
				f := t.Field(i)
				tagged = tagged || f.Tag.Get("validate") != ""
				if f.IsExported() {
					walk(f.Type)
				}
			}
		}
	}
	walk(t)
	return found, tagged
}

// checkTags lets the validator read every tag now: it panics on one that it doesn't know, and that should not be at night.
func checkTags(t reflect.Type) (err error) {
	found, tagged := structsIn(t)
	if !tagged {
		return nil
	}
	var current reflect.Type
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("validate tags of %s: %v", current, p)
		}
	}()
	for _, current = range found {
		_ = validation().Struct(reflect.New(current).Interface())
	}
	return nil
}
