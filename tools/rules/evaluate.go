package rules

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// evaluation is one decision.
type evaluation struct {
	table    *table
	facts    map[string]any
	subjects map[int]any // what the when columns test, by column, once known
	left     uint64      // cost
}

// fits makes a rule's tests from left to right, up to the first that fails.
func (e *evaluation) fits(r rule) (bool, error) {
	for _, t := range r.tests {
		col := e.table.columns[t.column]
		vars := map[string]any{}
		if col.kind == when {
			subject, err := e.subject(t.column)
			if err != nil {
				return false, fmt.Errorf("%s, column %q: %w", e.table.file, col.header, err)
			}
			vars["value"] = subject
		}
		out, err := e.run(t.program, vars)
		if err != nil {
			return false, fmt.Errorf("%s:%d, column %q: %s: %w", e.table.file, r.line, col.header, t.cell, explain(err, vars))
		}
		yes, ok := out.(types.Bool)
		if !ok {
			return false, fmt.Errorf("%s:%d, column %q: %s must be true or false, but it is %s", e.table.file, r.line, col.header, t.cell, kindName(out))
		}
		if !yes {
			return false, nil
		}
	}
	return true, nil
}

func (e *evaluation) subject(i int) (any, error) {
	if v, ok := e.subjects[i]; ok {
		return v, nil
	}
	v, err := e.run(e.table.columns[i].subject, nil)
	if err != nil {
		return nil, explain(err, nil)
	}
	e.subjects[i] = v
	return v, nil
}

var errCost = errors.New("the decision costs too much to evaluate; see cost in the settings")

func (e *evaluation) run(p cel.Program, own map[string]any) (ref.Val, error) {
	facts, err := cel.NewActivation(e.facts)
	if err != nil {
		return nil, err
	}
	vars, err := cel.NewActivation(own)
	if err != nil {
		return nil, err
	}
	out, details, err := p.Eval(interpreter.NewHierarchicalActivation(facts, vars))
	if details != nil && details.ActualCost() != nil {
		if spent := *details.ActualCost(); spent > e.left {
			return nil, errCost
		} else {
			e.left -= spent
		}
	}
	return out, err
}

// explain says what went wrong in words of the table.
func explain(err error, vars map[string]any) error {
	if cancelled := (interpreter.EvalCancelledError{}); errors.As(err, &cancelled) {
		return errCost
	}
	text := err.Error()
	if key, ok := strings.CutPrefix(text, "no such key: "); ok {
		return fmt.Errorf("there is no field %q; has(…) in a plain when column can ask", key)
	}
	if strings.Contains(text, "no such overload") {
		if v, ok := vars["value"].(ref.Val); ok {
			return fmt.Errorf("the value is %s, which cannot be tested so", kindName(v))
		}
		return errors.New("the types of its values do not fit")
	}
	return err
}
