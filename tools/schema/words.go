package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

var english = message.NewPrinter(language.English)

// problemsOf flattens the validator's tree of causes. Groups such as allOf and $ref only pass on what is below them.
func problemsOf(e *jsonschema.ValidationError) []Problem {
	var out []Problem
	collect(e, &out)
	slices.SortStableFunc(out, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(out)
}

func collect(e *jsonschema.ValidationError, out *[]Problem) {
	at := keys(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if one, ok := k.(*kind.OneOf); ok && len(one.Subschemas) > 1 {
			*out = append(*out, Problem{Path(at...), "fits more than one of the forms of which it may have one"})
			return
		}
		*out = append(*out, alternatives(at, e.Causes)...)
	case *kind.Required:
		for _, name := range k.Missing {
			*out = append(*out, Problem{Path(append(at, name)...), "is missing"})
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			*out = append(*out, Problem{Path(append(at, name)...), "is not a known field"})
		}
	default:
		if len(e.Causes) == 0 {
			*out = append(*out, Problem{Path(at...), words(e.ErrorKind)})
			return
		}
		for _, cause := range e.Causes {
			collect(cause, out)
		}
	}
}

// keys tells list indexes from keys by their look: the validator gives both as text.
func keys(location []string) []any {
	out := make([]any, len(location), len(location)+1)
	for i, token := range location {
		if n, err := strconv.Atoi(token); err == nil && n >= 0 {
			out[i] = n
			continue
		}
		out[i] = token
	}
	return out
}

// alternatives explains anyOf and oneOf: by the wanted types if only those differ, else by the form that fits best.
func alternatives(at []any, causes []*jsonschema.ValidationError) []Problem {
	var wanted []string
	got := ""
	var closest []Problem
	for _, cause := range causes {
		if t, ok := leaf(cause).(*kind.Type); ok && len(leafAt(cause)) == len(at) {
			wanted, got = append(wanted, t.Want...), t.Got
			continue
		}
		if found := problemsOf(cause); closest == nil || len(found) < len(closest) {
			closest = found
		}
	}
	switch {
	case closest == nil && got != "":
		return []Problem{{Path(at...), words(&kind.Type{Got: got, Want: wanted})}}
	case len(causes) == 1 || len(wanted) == len(causes)-1:
		return closest
	}
	return []Problem{{Path(at...), fmt.Sprintf("fits none of its %d allowed forms; in the closest one, %v", len(causes), &Error{closest})}}
}

// leaf follows single causes down to the one thing that is wrong.
func leaf(e *jsonschema.ValidationError) jsonschema.ErrorKind {
	for len(e.Causes) == 1 {
		e = e.Causes[0]
	}
	return e.ErrorKind
}

func leafAt(e *jsonschema.ValidationError) []string {
	for len(e.Causes) == 1 {
		e = e.Causes[0]
	}
	return e.InstanceLocation
}

// words says what is wrong, to be read after the path.
func words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + oneOf(articles(k.Want)) + ", not " + article(k.Got)
	case *kind.Enum:
		return mustBe(k.Want)
	case *kind.Const:
		return mustBe([]any{k.Want})
	case *kind.Format:
		return formatWords(k)
	case *kind.FalseSchema:
		return "must not be there"
	case *kind.Not:
		return "must not have this form"
	case *kind.Pattern:
		return fmt.Sprintf("must match the pattern %s", k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("must not repeat an item, but items %d and %d are equal", k.Duplicates[0], k.Duplicates[1])
	case *kind.PropertyNames:
		return fmt.Sprintf("must not have a field called %q", k.Property)
	case *kind.Contains:
		return "lacks an item that must be in it"
	case *kind.DependentRequired:
		return fmt.Sprintf("must also have %s when it has %s", strings.Join(k.Missing, ", "), k.Prop)
	}
	if text, ok := sizeWords(k); ok {
		return text
	}
	return "is not allowed: " + k.LocalizedString(english)
}

func sizeWords(k jsonschema.ErrorKind) (string, bool) {
	switch k := k.(type) {
	case *kind.MinLength:
		if k.Want == 1 {
			return "must not be empty", true
		}
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "character"), k.Got), true
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "character"), k.Got), true
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "item"), k.Got), true
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "item"), k.Got), true
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "field"), k.Got), true
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "field"), k.Got), true
	case *kind.Minimum:
		return fmt.Sprintf("must be at least %s, not %s", decimal(k.Want), decimal(k.Got)), true
	case *kind.Maximum:
		return fmt.Sprintf("must be at most %s, not %s", decimal(k.Want), decimal(k.Got)), true
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("must be greater than %s, not %s", decimal(k.Want), decimal(k.Got)), true
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("must be less than %s, not %s", decimal(k.Want), decimal(k.Got)), true
	case *kind.MultipleOf:
		return fmt.Sprintf("must be a multiple of %s, and %s is not", decimal(k.Want), decimal(k.Got)), true
	}
	return "", false
}

func formatWords(k *kind.Format) string {
	if k.Want == "path" {
		return fmt.Sprintf("is %s, which is no path here: %v", show(k.Got), k.Err)
	}
	names := map[string]string{
		"email": "a mail address", "uri": "a URL", "date": "a date such as 2026-09-30", "uuid": "a UUID",
		"date-time": "a time such as 2026-09-30T08:00:00Z", "time": "a time of day such as 08:00:00Z",
	}
	name, ok := names[k.Want]
	if !ok {
		name = "valid " + k.Want
	}
	return fmt.Sprintf("must be %s, not %s", name, show(k.Got))
}

func mustBe(allowed []any) string {
	texts := make([]string, len(allowed))
	for i, v := range allowed {
		texts[i] = show(v)
	}
	if len(texts) == 1 {
		return "must be " + texts[0]
	}
	return "must be one of " + strings.Join(texts, ", ")
}

// show writes a value for people, shortened.
func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	const most = 80
	if utf8.RuneCount(raw) > most {
		return string([]rune(string(raw))[:most]) + "…"
	}
	return string(raw)
}

func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// articles names types; null comes last, where it reads as the exception that it is.
func articles(types []string) []string {
	var out []string
	for _, t := range types {
		if text := article(t); t != "null" && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if slices.Contains(types, "null") {
		out = append(out, "null")
	}
	return out
}

func article(t string) string {
	switch t {
	case "null":
		return t
	case "array":
		return "a list"
	case "integer":
		return "a whole number"
	case "object":
		return "an object"
	}
	return "a " + t
}

func oneOf(texts []string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}
