package coordinator

import (
	"errors"
	"fmt"
	"slices"
)

// program is a plan that can be carried out: every expression compiled, every dependency resolved.
type program struct {
	plan   *Plan
	steps  []*compiledStep // in the order of the plan
	byID   map[string]*compiledStep
	output *template // nil when Plan.Output is nil
	leaves []string  // ids of the steps that nothing depends on, in the order of the plan
}

// compiledStep is a step with its expressions and its place in the graph.
type compiledStep struct {
	*Step
	index      int
	needs      []int       // indexes of all the steps to finish first: those of Needs and those that expressions name
	dependants []int       // the other way round
	with       *template   // never nil: without a With the input is {}
	cond       *expression // nil without If
	forEach    *expression // nil without ForEach
	until      *expression // nil without Until
	always     bool        // If mentions always(): it runs even after a skipped need
	undo       *compiledStep
}

type compileOptions struct {
	workers func(name string) (Card, bool) // nil: workers are not checked, as when a journal is replayed
	limits  Limits
	known   []string // ids of earlier steps that are done: a new plan may name them, not redefine them
}

// compile checks a plan and prepares it for execution. The error is a *PlanError with every mistake.
func compile(p *Plan, o compileOptions) (*program, error) {
	o.limits = o.limits.WithDefaults()
	c := &compiler{
		plan: p, options: o, byID: map[string]*compiledStep{}, known: map[string]bool{},
		cache: map[string]compiledSource{}, schemas: map[string]any{},
	}
	for _, id := range o.known {
		c.known[id] = true
	}
	prog := &program{plan: p, byID: c.byID}
	if c.head(); len(p.Steps) <= o.limits.Steps {
		c.declare()
		for _, st := range c.steps {
			c.step(st)
		}
		c.connect()
		prog.steps, prog.output, prog.leaves = c.steps, c.output(), c.leaves()
	}
	if len(c.mistakes) > 0 {
		return nil, &PlanError{Plan: p.Name, Mistakes: c.sorted()}
	}
	return prog, nil
}

// compiler goes through one plan and collects its mistakes.
type compiler struct {
	plan     *Plan
	options  compileOptions
	steps    []*compiledStep
	byID     map[string]*compiledStep
	known    map[string]bool
	cache    map[string]compiledSource
	schemas  map[string]any // decoded input schemas, by worker
	mistakes []located
	guesses  int // did-you-mean answers so far
}

type compiledSource struct {
	x   *expression
	err error
}

// declare gives every step its id, so that expressions anywhere may name it.
func (c *compiler) declare() {
	c.steps = make([]*compiledStep, len(c.plan.Steps))
	for i := range c.plan.Steps {
		st := &compiledStep{Step: &c.plan.Steps[i], index: i}
		c.steps[i] = st
		c.checkID(st)
		if _, twice := c.byID[st.ID]; !twice {
			c.byID[st.ID] = st
		}
	}
}

// step checks one step and compiles its expressions.
func (c *compiler) step(st *compiledStep) {
	c.checkTags(c.at(st, ""), *st.Step)
	c.checkShape(st)
	c.checkPeople(st)
	each, round := st.ForEach != "", st.Until != ""
	st.with = c.input(st, st.Step, c.at(st, "with"), naming{item: each, index: each || round, last: round})
	st.cond = c.condition(st, "if", st.If, naming{item: each, index: each})
	st.forEach = c.condition(st, "for_each", st.ForEach, naming{})
	st.until = c.condition(st, "until", st.Until, naming{item: each, index: true, last: true})
	st.always = st.cond != nil && st.cond.always
	c.needs(st)
	if st.Undo != nil {
		c.undo(st, naming{item: each, index: each, self: true})
	}
	c.checkWorker(st.Step, c.at(st, ""))
}

func (c *compiler) undo(st *compiledStep, n naming) {
	c.checkUndo(st)
	u := *st.Undo
	u.Undo = nil // it is a mistake, and reported
	c.checkTags(c.at(st, "undo"), u)
	st.undo = &compiledStep{Step: st.Undo, index: st.index}
	st.undo.with = c.input(st, st.Undo, c.at(st, "undo.with"), n)
	c.checkWorker(st.Undo, c.at(st, "undo"))
}

// input compiles a With and compares it with what its worker wants.
func (c *compiler) input(st *compiledStep, s *Step, at spot, n naming) *template {
	with := s.With
	if with == nil {
		with = map[string]any{}
	}
	before := len(c.mistakes)
	t := c.template(with, at, n, st)
	if len(c.mistakes) == before {
		c.checkInput(s, t, at)
	}
	return t
}

func (c *compiler) output() *template {
	if c.plan.Output == nil {
		return nil
	}
	return c.template(c.plan.Output, spot{step: len(c.plan.Steps), field: "output"}, naming{}, nil)
}

// template compiles a tree. st is the step it belongs to; nil for the plan's output.
func (c *compiler) template(v any, at spot, n naming, st *compiledStep) *template {
	p := &templateParser{
		compile: c.expression,
		check:   func(path string, x *expression) { c.names(x, at.below(path), n, st) },
		wrong:   func(path string, err error) { c.wrongExpression(at.below(path), err) },
	}
	t := &template{payload: c.options.limits.Payload}
	t.root = p.parse(v, "", 0)
	t.expressions = unique(p.used)
	return t
}

func unique(list []*expression) []*expression {
	seen := map[*expression]bool{}
	return slices.DeleteFunc(list, func(x *expression) bool {
		twice := seen[x]
		seen[x] = true
		return twice
	})
}

// condition compiles a field that is one expression.
func (c *compiler) condition(st *compiledStep, field, source string, n naming) *expression {
	if source == "" {
		return nil
	}
	at := c.at(st, field)
	x, err := c.expression(source)
	if err != nil {
		c.wrongExpression(at, err)
		return nil
	}
	c.names(x, at, n, st)
	return x
}

// expression compiles a source once per plan.
func (c *compiler) expression(source string) (*expression, error) {
	done, ok := c.cache[source]
	if !ok {
		done.x, done.err = newExpression(source, c.options.limits)
		c.cache[source] = done
	}
	return done.x, done.err
}

func (c *compiler) wrongExpression(at spot, err error) {
	e := (*expressionError)(nil)
	if !errors.As(err, &e) {
		c.wrong(at, "", "%v", err)
		return
	}
	hint := e.hint
	if e.unknown != "" {
		hint = c.hintForName(e.unknown, hint)
	}
	c.wrong(at, hint, "%v", e)
}

// hintForName says what somebody may have meant by a name that expressions don't know.
func (c *compiler) hintForName(name, otherwise string) string {
	if c.byID[name] != nil || c.known[name] {
		return "write steps." + name + " for the output of that step"
	}
	if guess := closest(name, []string{"input", "steps", "item", "index", "last", "money", "always"}); guess != "" {
		return fmt.Sprintf("did you mean %q?", guess)
	}
	return otherwise
}
