package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// maxExpression is the longest expression, in bytes.
const maxExpression = 8 << 10

// value is a decoded JSON value and where it came from.
type value struct {
	v     any
	label Label
}

// vars is what an expression may see.
type vars struct {
	input value
	step  func(id string) (value, bool) // output of a settled step, null when it was skipped; false: there is none yet
	item  *value                        // nil outside a for_each
	index int
	last  *value // nil outside an until
}

// expression is a compiled CEL expression. It is immutable: one may serve many places of a plan.
type expression struct {
	source string
	refs   []string   // ids of the steps it names, sorted
	input  bool       // it names input
	item   bool       // it names item or index: it differs from item to item
	itself bool       // it names item
	index  bool       // it names index
	last   bool       // it names last
	always bool       // it calls always()
	fields []fieldUse // fields that it reads of the input and of steps, in the order of the text

	root    ast.Expr
	program cel.Program
	limits  Limits
}

// expressionError is a mistake in an expression. Line and column count from 1; 0 is unknown.
type expressionError struct {
	message string
	hint    string
	unknown string // the name that is not known, if that is the mistake
	line    int
	column  int
}

func (e *expressionError) Error() string {
	if e.column == 0 {
		return e.message
	}
	if e.line > 1 {
		return fmt.Sprintf("%s (line %d, column %d)", e.message, e.line, e.column)
	}
	return fmt.Sprintf("%s (column %d)", e.message, e.column)
}

// environment is built on first use and shared by all plans.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	replaced := env.NewLibrarySubset()
	for _, o := range arithmeticOperators {
		replaced.AddExcludedFunctions(env.NewFunction(o.name))
	}
	for name, overload := range zoned {
		replaced.AddExcludedFunctions(env.NewFunction(name, env.NewMemberOverload(overload, nil, nil, nil)))
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(replaced)),
		cel.CustomTypeAdapter(adapter{}),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.Variable("input", cel.DynType),
		cel.Variable("steps", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("item", cel.DynType),
		cel.Variable("index", cel.IntType),
		cel.Variable("last", cel.DynType),
		cel.Function("always", cel.Overload("always", nil, cel.BoolType,
			cel.FunctionBinding(func(...ref.Val) ref.Val { return types.True }))),
		cel.Function("money", cel.Overload("money_dyn", []*cel.Type{cel.DynType}, cel.IntType, cel.UnaryBinding(money))),
		ext.Strings(), ext.Lists(), ext.Math(),
	}
	return cel.NewCustomEnv(append(options, arithmetic()...)...)
})

// zoned are the accessors of timestamps in a named zone: they would read the time zone files of whatever machine they run on.
var zoned = map[string]string{
	overloads.TimeGetFullYear:     overloads.TimestampToYearWithTz,
	overloads.TimeGetMonth:        overloads.TimestampToMonthWithTz,
	overloads.TimeGetDayOfYear:    overloads.TimestampToDayOfYearWithTz,
	overloads.TimeGetDayOfMonth:   overloads.TimestampToDayOfMonthZeroBasedWithTz,
	overloads.TimeGetDate:         overloads.TimestampToDayOfMonthOneBasedWithTz,
	overloads.TimeGetDayOfWeek:    overloads.TimestampToDayOfWeekWithTz,
	overloads.TimeGetHours:        overloads.TimestampToHoursWithTz,
	overloads.TimeGetMinutes:      overloads.TimestampToMinutesWithTz,
	overloads.TimeGetSeconds:      overloads.TimestampToSecondsWithTz,
	overloads.TimeGetMilliseconds: overloads.TimestampToMillisecondsWithTz,
}

// newExpression compiles source. Every error is an *expressionError.
func newExpression(source string, l Limits) (*expression, error) {
	switch {
	case strings.TrimSpace(source) == "":
		return nil, &expressionError{message: "the expression is empty"}
	case len(source) > maxExpression:
		return nil, &expressionError{message: fmt.Sprintf("the expression has %d bytes; %d is the limit", len(source), maxExpression)}
	case !utf8.ValidString(source):
		return nil, &expressionError{message: "the expression is not valid UTF-8"}
	}
	e, err := environment()
	if err != nil {
		return nil, &expressionError{message: err.Error()}
	}
	compiled, issues := e.Compile(source)
	if issues.Err() != nil {
		return nil, reduce(issues.Errors()[0], source)
	}
	tree := compiled.NativeRep()
	x := &expression{source: source, root: tree.Expr(), limits: l}
	if err := x.readNames(tree.SourceInfo()); err != nil {
		return nil, err
	}
	x.program, err = e.Program(compiled, cel.CostTracking(charges{l.Cost}), cel.CostLimit(uint64(l.Cost)), decorate())
	if err != nil {
		return nil, &expressionError{message: err.Error()}
	}
	return x, nil
}

// reduce makes one clear sentence of what CEL says.
func reduce(e *common.Error, source string) *expressionError {
	out := &expressionError{line: e.Location.Line(), column: e.Location.Column() + 1}
	text, _, _ := strings.Cut(e.Message, "\n")
	text = strings.TrimPrefix(text, "Syntax error: ")
	text, _, _ = strings.Cut(text, " expecting ")
	switch {
	case strings.HasPrefix(text, "undeclared reference to '"):
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "undeclared reference to '"), "'")
		out.unknown, text, out.hint = name, fmt.Sprintf("unknown name %q", name), "expressions know input, steps, item, index and last"
		switch {
		case slices.Contains([]string{"map", "filter", "all", "exists", "exists_one"}, name):
			text, out.hint = name+" takes a variable and an expression", fmt.Sprintf("such as input.list.%s(x, x.id > 0)", name)
		case strings.Contains(source, name+"("):
			text, out.hint = fmt.Sprintf("unknown function %q", name), ""
		case strings.Contains(source, "-"+name):
			out.hint = `expressions read a-b as a minus b; write ["a-b"] for a field of that name`
		}
	case strings.HasPrefix(text, "found no matching overload for '"):
		text, out.hint = reduceOverload(text)
	case strings.Contains(text, "'<EOF>'"):
		text = "the expression ends too early"
	case strings.HasPrefix(text, "mismatched input "), strings.HasPrefix(text, "extraneous input "), strings.HasPrefix(text, "no viable alternative at input "):
		text = "unexpected " + text[strings.Index(text, "input ")+len("input "):]
	case strings.HasPrefix(text, "token recognition error at: "):
		text = "unexpected " + strings.TrimPrefix(text, "token recognition error at: ")
	}
	out.message = text
	return out
}

// reduceOverload reads: found no matching overload for 'NAME' applied to '(TYPES)'.
func reduceOverload(text string) (message, hint string) {
	parts := strings.Split(text, "'")
	if len(parts) < 4 {
		return text, ""
	}
	name, args := parts[1], parts[3]
	if name == operators.Conditional {
		return "both sides of ?: must have the same type", "wrap one side in dyn(…)"
	}
	if sign := strings.Trim(name, "_@!-"); sign != name && sign != "" {
		name = sign
	}
	if _, _, method := strings.Cut(args, ".("); method {
		return fmt.Sprintf("%s cannot be applied to %s", name, strings.Replace(args, ".(", " with (", 1)), ""
	}
	return fmt.Sprintf("%s cannot be applied to %s", name, args), ""
}

// activation shows vars to CEL.
type activation struct{ vars *vars }

func (a activation) Parent() interpreter.Activation { return nil }

func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return a.vars.input.v, true
	case "steps":
		return steps(a), true
	case "index":
		return int64(a.vars.index), true
	case "item":
		return resolve(a.vars.item)
	case "last":
		return resolve(a.vars.last)
	}
	return nil, false
}

func resolve(v *value) (any, bool) {
	if v == nil {
		return nil, false
	}
	return v.v, true
}

// steps finds outputs by id. CEL looks for this method before it looks for a map.
type steps struct{ vars *vars }

func (s steps) FindStringKey(id string) (any, bool) {
	v, ok := s.vars.step(id)
	return v.v, ok
}

// eval evaluates the expression. The label joins everything it names, whether or not it mattered to the result.
// The value may share parts with the values it was made from: nobody may change it.
func (x *expression) eval(v *vars) (value, error) {
	label, err := x.label(v)
	if err != nil {
		return value{}, err
	}
	out, err := x.run(v)
	return value{v: out, label: label}, err
}

// run evaluates the expression once its label is known, and with it that all it names is there.
func (x *expression) run(v *vars) (any, error) {
	out, _, err := x.program.Eval(activation{v})
	if err != nil {
		return nil, x.explain(err, v)
	}
	n := native{left: x.limits.Payload}
	return n.convert(out, 0)
}

// bool evaluates a condition.
func (x *expression) bool(v *vars) (bool, error) {
	out, err := x.eval(v)
	if err != nil {
		return false, err
	}
	b, ok := out.v.(bool)
	if !ok {
		return false, fmt.Errorf("%s must be true or false, but it is %s", x.source, typeName(out.v))
	}
	return b, nil
}

func (x *expression) label(v *vars) (Label, error) {
	label := Trusted
	if x.input {
		label = label.Join(v.input.label)
	}
	for _, id := range x.refs {
		out, ok := v.lookup(id)
		if !ok {
			return "", fmt.Errorf("step %q has no output yet", id)
		}
		label = label.Join(out.label)
	}
	if x.item && v.item != nil {
		label = label.Join(v.item.label)
	}
	if x.last && v.last != nil {
		label = label.Join(v.last.label)
	}
	return label, nil
}

func (v *vars) lookup(id string) (value, bool) {
	if v.step == nil {
		return value{}, false
	}
	return v.step(id)
}

// explain says what went wrong in terms of the plan.
func (x *expression) explain(err error, v *vars) error {
	if cancelled := (interpreter.EvalCancelledError{}); errors.As(err, &cancelled) {
		return fmt.Errorf("the expression costs more than %d to evaluate, which is the limit", x.limits.Cost)
	}
	text := err.Error()
	if key, ok := strings.CutPrefix(text, "no such key: "); ok {
		if why := x.deadEnd(v, key); why != "" {
			return errors.New(why)
		}
		return fmt.Errorf("there is no field %q", key)
	}
	if at, ok := strings.CutPrefix(text, "index out of bounds: "); ok {
		if why := x.deadEnd(v, at); why != "" {
			return errors.New(why)
		}
		return fmt.Errorf("the list has no [%s]", at)
	}
	if name, ok := strings.CutPrefix(text, "no such attribute(s): "); ok {
		return fmt.Errorf("%s has no value here", name)
	}
	if kind, ok := strings.CutSuffix(text, "', expected iterable type"); ok {
		kind = strings.TrimPrefix(kind, "got 'types.")
		return fmt.Errorf("%s: only lists and objects have parts to go through, not %s", x.source, strings.ToLower(kind))
	}
	if strings.HasPrefix(text, "no such overload") {
		return fmt.Errorf("%s: the types of its values do not fit", x.source)
	}
	return errors.New(text)
}
