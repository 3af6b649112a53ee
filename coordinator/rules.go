package coordinator

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// spot is a place in a plan. The plan's own fields stand before the steps, except its output.
type spot struct {
	step  int // -1: the plan itself
	id    string
	field string // below the step
}

func (c *compiler) at(st *compiledStep, field string) spot {
	return spot{step: st.index, id: st.ID, field: field}
}

// below returns the spot at a path under s.
func (s spot) below(path string) spot {
	switch {
	case path == "":
	case s.field == "" || path[0] == '[':
		s.field += path
	default:
		s.field += "." + path
	}
	return s
}

// located is a mistake with its place in the order of the plan.
type located struct {
	Mistake
	step, rank int
}

// fieldOrder is the order of a step's fields in the plan's JSON.
var fieldOrder = sync.OnceValue(func() map[string]int {
	order := map[string]int{}
	t := reflect.TypeFor[Step]()
	for i := range t.NumField() {
		order[jsonName(t.Field(i))] = i
	}
	return order
})

func (c *compiler) wrong(at spot, hint, format string, args ...any) {
	field := at.field
	if at.step >= 0 && at.step < len(c.plan.Steps) {
		field = fmt.Sprintf("steps[%d]", at.step)
		if at.field != "" {
			field += "." + at.field
		}
	}
	first := at.field
	if i := strings.IndexAny(first, ".["); i >= 0 {
		first = first[:i]
	}
	c.mistakes = append(c.mistakes, located{
		Mistake: Mistake{Step: at.id, Field: field, Message: fmt.Sprintf(format, args...), Hint: hint},
		step:    at.step, rank: fieldOrder()[first],
	})
}

func (c *compiler) sorted() []Mistake {
	slices.SortStableFunc(c.mistakes, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.rank, b.rank))
	})
	out := make([]Mistake, len(c.mistakes))
	for i, m := range c.mistakes {
		out[i] = m.Mistake
	}
	return out
}

// head checks the plan's own fields.
func (c *compiler) head() {
	p := *c.plan
	if n, most := len(p.Steps), c.options.limits.Steps; n > most {
		c.wrong(spot{step: -1, field: "steps"}, "", "the plan has %d steps; %d is the limit", n, most)
	}
	if len(p.Steps) > 0 {
		p.Steps = []Step{{ID: "one"}} // the real ones are checked one by one
	}
	c.checkTags(spot{step: -1}, p)
	if raw := c.plan.Input; len(raw) > 0 {
		if _, err := readSchema(raw); err != nil {
			c.wrong(spot{step: -1, field: "input"}, "", "%v", err)
		}
	}
}

// checkID wants ids that expressions can name.
func (c *compiler) checkID(st *compiledStep) {
	at := c.at(st, "id")
	_, twice := c.byID[st.ID]
	switch {
	case st.ID == "":
		c.wrong(at, "", "a step needs an id")
	case !isIdentifier(st.ID) && strings.Contains(st.ID, "-"):
		c.wrong(at, "use _: expressions read a-b as a minus b", "%q is not an id", st.ID)
	case !isIdentifier(st.ID):
		c.wrong(at, "ids have letters, digits and _, and begin with no digit", "%q is not an id", st.ID)
	case len(st.ID) > 64:
		c.wrong(at, "", "the id has %d characters; 64 is the limit", len(st.ID))
	case slices.Contains([]string{"true", "false", "null", "in"}, st.ID):
		c.wrong(at, "", "%q means something else in expressions", st.ID)
	case twice:
		c.wrong(at, "", "the id %q is taken by steps[%d]", st.ID, c.byID[st.ID].index)
	case c.known[st.ID]:
		c.wrong(at, "choose another id; steps."+st.ID+" is its output", "step %q is done already and cannot be redefined", st.ID)
	}
}

// checkShape looks for fields that make no sense together.
func (c *compiler) checkShape(st *compiledStep) {
	if st.Use == "" && st.After == 0 {
		c.wrong(c.at(st, ""), "", "the step has neither use (a worker) nor after (a wait)")
	}
	pure := st.Use == "" && st.After > 0
	limit := c.options.limits.FanOut
	for _, r := range []struct {
		wrong bool
		field string
		text  string
		hint  string
	}{
		{pure && st.With != nil, "with", "a pure wait has no input", "name a worker with use"},
		{pure && st.ForEach != "", "for_each", "a pure wait has nothing to do for each item", "name a worker with use"},
		{pure && st.Until != "", "until", "a pure wait has nothing to repeat", "name a worker with use"},
		{pure && st.Undo != nil, "undo", "a pure wait has nothing to undo", ""},
		{pure && st.Approval, "approval", "a pure wait has nothing to approve", "name a worker with use"},
		{st.Parallel != 0 && st.ForEach == "", "parallel", "parallel without for_each", ""},
		{st.Max != 0 && st.Until == "", "max", "max without until", ""},
		{st.Max > limit, "max", fmt.Sprintf("%d rounds are too many; %d is the limit", st.Max, limit), ""},
		{st.Accept.Risk > 0, "accept.risk", "not yet: accept: {risk} needs the calibrated gate", "use a threshold such as accept: 0.9"},
	} {
		if r.wrong {
			c.wrong(c.at(st, r.field), r.hint, "%s", r.text)
		}
	}
}

// checkPeople looks at who is asked, and what happens when nobody answers.
func (c *compiler) checkPeople(st *compiledStep) {
	then := st.Review.Then
	if then != (Then{}) && st.Review.Within == 0 {
		c.wrong(c.at(st, "review.then"), "add within, such as within: 4h", "then without within: there is no deadline")
	}
	switch {
	case then.Do == "reassign" && then.Reassign == "":
		c.wrong(c.at(st, "review.then.reassign"), "name a person or a group", "do: reassign needs to know to whom")
	case then.Do != "reassign" && then.Reassign != "":
		c.wrong(c.at(st, "review.then.reassign"), "set do: reassign", "reassign is for do: reassign, not %q", then.Do)
	}
}

// checkUndo refuses what a compensation cannot have.
func (c *compiler) checkUndo(st *compiledStep) {
	u := st.Undo
	if u.Use == "" {
		c.wrong(c.at(st, "undo.use"), "", "an undo needs a worker")
	}
	for _, r := range []struct {
		set   bool
		field string
	}{
		{len(u.Needs) > 0, "needs"}, {u.If != "", "if"}, {u.ForEach != "", "for_each"}, {u.Parallel != 0, "parallel"},
		{u.Until != "", "until"}, {u.Max != 0, "max"}, {u.After != 0, "after"}, {u.Undo != nil, "undo"},
	} {
		if r.set {
			c.wrong(c.at(st, "undo."+r.field), "it is one attempt of one worker", "an undo cannot have %s", r.field)
		}
	}
}

// checkWorker wants a worker that there is.
func (c *compiler) checkWorker(s *Step, at spot) {
	if c.options.workers == nil || s.Use == "" {
		return
	}
	_, known := c.options.workers(s.Use)
	switch {
	case s.Use == Person && known:
		c.wrong(at.below("use"), "register that worker under another name", "the name person is reserved for people")
	case s.Use != Person && !known:
		c.wrong(at.below("use"), c.hintForWorker(s.Use), "unknown worker %q", s.Use)
	}
}

// hintForWorker tries the names that one typing mistake away from name: there is no list of all workers.
func (c *compiler) hintForWorker(name string) string {
	if c.guesses++; c.guesses > maxGuesses || len(name) > 64 {
		return ""
	}
	for guess := range misspellings(name) {
		_, ok := c.options.workers(guess)
		if ok || guess == Person {
			return fmt.Sprintf("did you mean %q?", guess)
		}
	}
	return ""
}

// checkInput compares a step's input with its worker's schema, as far as it is known before anything runs.
func (c *compiler) checkInput(s *Step, t *template, at spot) {
	if s.Use == Person {
		c.checkQuestion(t, at)
		return
	}
	schema, ok := c.schema(s.Use)
	if !ok {
		return
	}
	check := &schemaCheck{wrong: func(path, hint, message string) { c.wrong(at.below(path), hint, "%s", message) }}
	check.node(t.root, schema, "")
}

func (c *compiler) schema(worker string) (any, bool) {
	if c.options.workers == nil || worker == "" {
		return nil, false
	}
	if s, ok := c.schemas[worker]; ok {
		return s, s != nil
	}
	card, _ := c.options.workers(worker)
	s, err := readSchema(card.Input)
	if err != nil {
		s = nil // the worker's mistake, not the plan's
	}
	c.schemas[worker] = s
	return s, s != nil
}

// checkQuestion wants something that a person can be asked.
func (c *compiler) checkQuestion(t *template, at spot) {
	const want = `{"type": "object", "required": ["question"],
		"properties": {"question": {"type": "string"}, "options": {"type": "array"}, "schema": {"type": "object"}}}`
	schema, err := readSchema([]byte(want))
	if err != nil {
		panic(err) // the text above is JSON
	}
	check := &schemaCheck{wrong: func(path, _, message string) {
		c.wrong(at.below(path), `with: {question: "…"}`, "use: person asks a question: %s", message)
	}}
	check.node(t.root, schema, "")
	if q, ok := field(t.root, "question").(*constantNode); ok && q.v == "" {
		c.wrong(at.below("question"), "", "the question is empty")
	}
}

// tags is built on first use; it is safe for concurrent use and caches what it reads.
var tags = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	return v
})

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// checkTags reports what the validate tags of a Plan or Step say. A step's undo is checked by itself.
func (c *compiler) checkTags(at spot, v any) {
	if s, ok := v.(Step); ok {
		s.Undo = nil
		v = s
	}
	var found validator.ValidationErrors
	if !errors.As(tags().Struct(v), &found) {
		return
	}
	for _, f := range found {
		_, path, _ := strings.Cut(f.Namespace(), ".")
		c.wrong(at.below(path), "", "%s", tagText(f))
	}
}

// tagText says what a validate tag wants.
func tagText(f validator.FieldError) string {
	switch f.Tag() {
	case "required", "min":
		return "at least one is needed"
	case "max":
		return fmt.Sprintf("it has more than %s characters", f.Param())
	case "gte":
		return fmt.Sprintf("it must be at least %s", f.Param())
	case "lte":
		return fmt.Sprintf("it must be at most %s", f.Param())
	case "lt":
		return fmt.Sprintf("it must be less than %s", f.Param())
	case "oneof":
		return fmt.Sprintf("%q is not one of %s", f.Value(), strings.ReplaceAll(f.Param(), " ", ", "))
	}
	return fmt.Sprintf("it breaks the rule %s %s", f.Tag(), f.Param())
}
