package coordinator

import (
	"fmt"
	"strings"
)

// Mistake is one thing that is wrong with a plan.
type Mistake struct {
	Step    string `json:"step,omitempty"` // id of the step, if it has one
	Field   string `json:"field"`          // path into the plan, such as steps[2].with.to or steps[2].needs[0]
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it
}

func (m Mistake) String() string {
	where := m.Field
	if m.Step != "" {
		if _, rest, ok := strings.Cut(where, "]"); ok && strings.HasPrefix(where, "steps[") {
			where = "step " + m.Step
			if rest = strings.TrimPrefix(rest, "."); rest != "" {
				where += ": " + rest
			}
		}
	}
	out := m.Message
	if where != "" {
		out = where + ": " + out
	}
	if m.Hint != "" {
		out += "; " + m.Hint
	}
	return out
}

// PlanError holds every mistake of a plan, in the order of the plan.
type PlanError struct {
	Plan     string    `json:"plan,omitempty"` // its name
	Mistakes []Mistake `json:"mistakes"`
}

// Error has one line per mistake.
func (e *PlanError) Error() string {
	prefix := "plan: "
	if e.Plan != "" {
		prefix = fmt.Sprintf("plan %s: ", e.Plan)
	}
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = prefix + m.String()
	}
	return strings.Join(lines, "\n")
}

// Check reports every mistake of a plan at once, as a *PlanError. workers tells which workers there are; nil doesn't look.
// A plan that takes an earlier one's place may also name the steps in known, and must not define them anew.
func Check(p *Plan, workers func(name string) (Card, bool), l Limits, known ...string) error {
	_, err := compile(p, compileOptions{workers: workers, limits: l, known: known})
	return err
}
