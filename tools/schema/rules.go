package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
)

// addRules walks a type beside its schema and writes what the validate tags say onto the schema.
func addRules(t reflect.Type, s *jsonschema.Schema) error {
	if opaque(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return addRules(t.Elem(), s)
	case reflect.Slice, reflect.Array:
		if s.Items != nil {
			return addRules(t.Elem(), s.Items)
		}
	case reflect.Map:
		if s.AdditionalProperties != nil && s.AdditionalProperties != jsonschema.FalseSchema {
			return addRules(t.Elem(), s.AdditionalProperties)
		}
	case reflect.Struct:
		return addFieldRules(t, s)
	}
	return nil
}

func addFieldRules(t reflect.Type, s *jsonschema.Schema) error {
	if s.Properties == nil {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if inlined(f) {
			if err := addRules(f.Type, s); err != nil {
				return err
			}
			continue
		}
		name, optional, ok := jsonName(f)
		if !ok {
			continue
		}
		property, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if err := addRules(f.Type, property); err != nil {
			return err
		}
		tag := splitTag(f.Tag.Get("validate"))
		// A value that must be there but may be empty: only the validator can say what else it may be.
		if slices.Contains(tag, "omitempty") && !optional {
			continue
		}
		if slices.Contains(tag, "required") && !slices.Contains(s.Required, name) {
			s.Required = append(s.Required, name)
		}
		if err := addTag(f.Type, property, tag); err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
	}
	return nil
}

func splitTag(tag string) []string {
	if tag == "" || tag == "-" {
		return nil
	}
	return strings.Split(tag, ",")
}

func addTag(t reflect.Type, s *jsonschema.Schema, tag []string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i, rule := range tag {
		name, value, _ := strings.Cut(rule, "=")
		if name == "dive" {
			return dive(t, s, tag[i+1:])
		}
		if strings.Contains(rule, "|") { // alternatives stay with the validator
			continue
		}
		var err error
		switch name {
		case "required":
			if t.Kind() == reflect.String && s.MinLength == nil {
				one := uint64(1)
				s.MinLength = &one
			}
		case "min", "max", "len", "gt", "gte", "lt", "lte":
			err = bound(t, s, name, value)
		case "oneof":
			err = enumerate(t, s, value)
		case "email":
			s.Format = "email"
		case "url", "uri", "http_url":
			s.Format = "uri"
		case "uuid", "uuid4":
			s.Format = "uuid"
		case "unique":
			s.UniqueItems = t.Kind() == reflect.Slice && value == ""
		}
		if err != nil {
			return fmt.Errorf("%w %q: %w", errTag, rule, err)
		}
	}
	return nil
}

// dive applies what follows to the items of a list or the values of a map. Rules for keys stay with the validator.
func dive(t reflect.Type, s *jsonschema.Schema, rest []string) error {
	if end := slices.Index(rest, "endkeys"); end >= 0 {
		rest = rest[end+1:]
	}
	switch {
	case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && s.Items != nil:
		return addTag(t.Elem(), s.Items, rest)
	case t.Kind() == reflect.Map && s.AdditionalProperties != nil && s.AdditionalProperties != jsonschema.FalseSchema:
		return addTag(t.Elem(), s.AdditionalProperties, rest)
	}
	return nil
}

// bound writes a limit: of the value of a number, of the length of everything else.
func bound(t reflect.Type, s *jsonschema.Schema, name, value string) error {
	switch {
	case t == durationType || opaque(t) && t != numberType:
		return nil
	case isInteger(t), t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return numberBound(s, name, value)
	case t.Kind() != reflect.String && t.Kind() != reflect.Slice && t.Kind() != reflect.Map:
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return err
	}
	low, high := lengths(name, n)
	switch t.Kind() {
	case reflect.String:
		set(&s.MinLength, low)
		set(&s.MaxLength, high)
	case reflect.Slice:
		set(&s.MinItems, low)
		set(&s.MaxItems, high)
	case reflect.Map:
		set(&s.MinProperties, low)
		set(&s.MaxProperties, high)
	}
	return nil
}

func lengths(name string, n uint64) (low, high *uint64) {
	switch name {
	case "min", "gte":
		return &n, nil
	case "gt":
		n++
		return &n, nil
	case "max", "lte":
		return nil, &n
	case "lt":
		n = max(n, 1) - 1
		return nil, &n
	}
	return &n, &n // len
}

func set(field **uint64, n *uint64) {
	if n != nil {
		*field = n
	}
}

func numberBound(s *jsonschema.Schema, name, value string) error {
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		return err
	}
	n := json.Number(value)
	switch name {
	case "min", "gte":
		s.Minimum = n
	case "gt":
		s.ExclusiveMinimum = n
	case "max", "lte":
		s.Maximum = n
	case "lt":
		s.ExclusiveMaximum = n
	case "len":
		s.Const = n
	}
	return nil
}

// enumerate reads the values of oneof, which stand in single quotes where they hold spaces.
func enumerate(t reflect.Type, s *jsonschema.Schema, value string) error {
	s.Enum = nil
	for value = strings.TrimSpace(value); value != ""; value = strings.TrimSpace(value) {
		var word string
		if rest, quoted := strings.CutPrefix(value, "'"); quoted {
			word, value, _ = strings.Cut(rest, "'")
		} else {
			word, value, _ = strings.Cut(value, " ")
		}
		if t.Kind() == reflect.String {
			s.Enum = append(s.Enum, word)
			continue
		}
		if _, err := strconv.ParseFloat(word, 64); err != nil {
			return err
		}
		s.Enum = append(s.Enum, json.Number(word))
	}
	return nil
}
