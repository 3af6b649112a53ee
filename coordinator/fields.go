package coordinator

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/common/ast"
)

// fieldUse is a field that an expression reads of the input, or of what a step puts out.
type fieldUse struct {
	step  string // "": of the input
	field string
}

func (u fieldUse) of() string {
	if u.step == "" {
		return "the input"
	}
	return "steps." + u.step
}

// field notes input.x and steps.a.x; has(input.x) asks, and may ask for anything.
func (r *reader) field(s ast.SelectExpr) {
	if s.IsTestOnly() {
		return
	}
	of := s.Operand()
	switch {
	case r.global(of) == "input":
		r.x.fields = append(r.x.fields, fieldUse{field: s.FieldName()})
	case of.Kind() == ast.SelectKind && r.isSteps(of.AsSelect().Operand()) && !of.AsSelect().IsTestOnly():
		r.x.fields = append(r.x.fields, fieldUse{step: of.AsSelect().FieldName(), field: s.FieldName()})
	}
}

// checkFields finds fields that cannot be there: the schema of the input, or of what a step's worker puts out, is closed and
// does not list them. It looks only where a plan is checked, not where a journal is replayed.
func (c *compiler) checkFields(x *expression, at spot) {
	if c.options.workers == nil {
		return
	}
	for _, u := range x.fields {
		known, closed := c.fieldsOf(u.step)
		if !closed || slices.Contains(known, u.field) {
			continue
		}
		hint := ""
		if c.guesses++; c.guesses <= maxGuesses {
			if guess := closest(u.field, known); guess != "" {
				hint = fmt.Sprintf("did you mean %q?", guess)
			}
		}
		c.wrong(at, hint, "%s has no field %q", u.of(), u.field)
	}
}

// fieldsOf returns the fields that there can be, where a schema says so: false when it does not.
func (c *compiler) fieldsOf(step string) ([]string, bool) {
	raw := c.plan.Input
	if step != "" {
		st := c.byID[step]
		if st == nil || st.ForEach != "" || st.Use == "" || st.Use == Person {
			return nil, false
		}
		card, _ := c.options.workers(st.Use)
		raw = card.Output
	}
	schema, err := readSchema(raw)
	s, ok := schema.(map[string]any)
	if err != nil || !ok || s["type"] != "object" || s["additionalProperties"] != false {
		return nil, false
	}
	for _, word := range []string{"$ref", "patternProperties", "allOf", "anyOf", "oneOf"} {
		if _, more := s[word]; more {
			return nil, false
		}
	}
	properties, _ := s["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(properties)), true
}
