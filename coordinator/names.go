package coordinator

import (
	"fmt"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// reader walks an expression and notes what it names. Dependencies follow from that, so a name must be written out.
type reader struct {
	x     *expression
	info  *ast.SourceInfo
	bound map[string]int // variables of the macros around, which hide the plan's own
	err   *expressionError
}

func (x *expression) readNames(info *ast.SourceInfo) error {
	r := &reader{x: x, info: info, bound: map[string]int{}}
	r.read(x.root)
	if r.err != nil {
		return r.err
	}
	slices.Sort(x.refs)
	x.refs = slices.Compact(x.refs)
	return nil
}

func (r *reader) read(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		r.name(e)
	case ast.SelectKind:
		if s := e.AsSelect(); r.isSteps(s.Operand()) {
			r.x.refs = append(r.x.refs, s.FieldName())
		} else {
			r.field(s)
			r.read(s.Operand())
		}
	case ast.CallKind:
		r.call(e)
	case ast.ListKind:
		r.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			r.read(entry.AsMapEntry().Key())
			r.read(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			r.read(f.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		r.macro(e.AsComprehension())
	}
}

func (r *reader) all(list []ast.Expr) {
	for _, e := range list {
		r.read(e)
	}
}

func (r *reader) name(e ast.Expr) {
	switch r.global(e) {
	case "input":
		r.x.input = true
	case "item":
		r.x.item, r.x.itself = true, true
	case "index":
		r.x.item, r.x.index = true, true
	case "last":
		r.x.last = true
	case "steps":
		r.wrong(e, "steps must be followed by the id of a step", "such as steps.invoice")
	}
}

// global returns the plan's variable that e names; "" when it names none, or a macro's.
func (r *reader) global(e ast.Expr) string {
	if e.Kind() != ast.IdentKind {
		return ""
	}
	name := e.AsIdent()
	if name != "" && name[0] == '.' { // CEL's way around a macro's variable
		return name[1:]
	}
	if r.bound[name] > 0 {
		return ""
	}
	return name
}

func (r *reader) isSteps(e ast.Expr) bool { return r.global(e) == "steps" }

func (r *reader) call(e ast.Expr) {
	c := e.AsCall()
	if c.FunctionName() == "always" {
		r.x.always = true
	}
	if c.FunctionName() == operators.Index && r.isSteps(c.Args()[0]) {
		id, ok := constant(c.Args()[1]).(string)
		if !ok {
			r.wrong(e, "the step in steps[…] must be written out", `such as steps["invoice"]; what a step waits for must be known beforehand`)
			return
		}
		r.x.refs = append(r.x.refs, id)
		return
	}
	if c.IsMemberFunction() {
		r.read(c.Target())
	}
	r.all(c.Args())
}

func (r *reader) macro(c ast.ComprehensionExpr) {
	r.read(c.IterRange())
	r.read(c.AccuInit())
	for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
		r.bound[name]++
		defer func() { r.bound[name]-- }()
	}
	r.all([]ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()})
}

func (r *reader) wrong(e ast.Expr, message, hint string) {
	if r.err != nil {
		return
	}
	at := r.info.GetStartLocation(e.ID())
	r.err = &expressionError{message: message, hint: hint, line: at.Line(), column: at.Column() + 1}
}

// constant returns a literal's string, int64 or float64; nil for anything else.
func constant(e ast.Expr) any {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	switch v := e.AsLiteral().(type) {
	case types.String:
		return string(v)
	case types.Int:
		return int64(v)
	}
	return nil
}

// deadEnd finds the path in the expression that ends at key, and says why it leads nowhere. It is "" when there is none,
// as for the variables of macros.
func (x *expression) deadEnd(v *vars, key string) string {
	w := &walk{vars: v, key: key}
	ast.PreOrderVisit(x.root, ast.NewExprVisitor(func(e ast.Expr) { w.follow(e) }))
	return w.why
}

type walk struct {
	vars *vars
	key  string
	why  string
}

// place is a value that a path leads to.
type place struct {
	path string
	v    any
}

// follow returns where the path e leads; false when it leads nowhere, or is no path.
func (w *walk) follow(e ast.Expr) (place, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return w.start(e.AsIdent())
	case ast.SelectKind:
		s := e.AsSelect()
		return w.into(s.Operand(), s.FieldName(), s.IsTestOnly())
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index {
			return w.into(c.Args()[0], constant(c.Args()[1]), false)
		}
	}
	return place{}, false
}

func (w *walk) start(name string) (place, bool) {
	a := activation{w.vars}
	if name == "steps" {
		return place{path: name, v: steps(a)}, true
	}
	v, ok := a.ResolveName(name)
	return place{path: name, v: v}, ok
}

func (w *walk) into(operand ast.Expr, key any, test bool) (place, bool) {
	at, ok := w.follow(operand)
	if !ok || key == nil {
		return place{}, false
	}
	next, ok := at.get(key)
	if !ok && !test && w.why == "" && fmt.Sprint(key) == w.key {
		w.why = at.without(key)
	}
	return next, ok
}

func (p place) get(key any) (place, bool) {
	switch key := key.(type) {
	case string:
		next := place{path: p.path + "." + key}
		if !isIdentifier(key) {
			next.path = p.path + "[" + strconv.Quote(key) + "]"
		}
		var ok bool
		switch v := p.v.(type) {
		case steps:
			next.v, ok = v.FindStringKey(key)
		case map[string]any:
			next.v, ok = v[key]
		}
		return next, ok
	case int64:
		next := place{path: fmt.Sprintf("%s[%d]", p.path, key)}
		list, _ := p.v.([]any)
		if key < 0 || key >= int64(len(list)) {
			return next, false
		}
		next.v = list[key]
		return next, true
	}
	return place{}, false
}

func (p place) without(key any) string {
	field := fmt.Sprintf("field %q", key)
	if i, ok := key.(int64); ok {
		field = fmt.Sprintf("[%d]", i)
		if list, ok := p.v.([]any); ok {
			return fmt.Sprintf("%s has %d items, so there is no [%d]", p.path, len(list), i)
		}
	}
	if _, ok := p.v.(map[string]any); ok {
		return fmt.Sprintf("%s has no %s", p.path, field)
	}
	return fmt.Sprintf("%s is %s, so it has no %s", p.path, typeName(p.v), field)
}

// isIdentifier reports whether s can follow a dot in an expression.
func isIdentifier(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
