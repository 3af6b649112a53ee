package coordinator

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// JSON knows one kind of number, CEL knows two and lets nothing pass between them. In plans, numbers mix: 10 + 0.5 is 10.5,
// and because 10 and 10.0 are the same number in JSON, 7 / 2 is 3.5, not 3. What divides evenly stays an integer.

// operator is one arithmetic operator over whole numbers, doubles, and whatever else CEL lets it take.
type operator struct {
	name  string
	sign  string
	verb  string
	exact func(a, b ref.Val) ref.Val   // both of one kind, or no numbers
	mixed func(a, b float64) float64   // a double and another number
	whole func(a, b types.Int) ref.Val // two integers; nil: exact
}

var arithmeticOperators = []operator{
	{name: operators.Add, sign: "+", verb: "add", mixed: func(a, b float64) float64 { return a + b }, exact: func(a, b ref.Val) ref.Val {
		if x, ok := a.(traits.Adder); ok {
			return x.Add(b)
		}
		return nil
	}},
	{name: operators.Subtract, sign: "-", verb: "subtract", mixed: func(a, b float64) float64 { return a - b }, exact: func(a, b ref.Val) ref.Val {
		if x, ok := a.(traits.Subtractor); ok {
			return x.Subtract(b)
		}
		return nil
	}},
	{name: operators.Multiply, sign: "*", verb: "multiply", mixed: func(a, b float64) float64 { return a * b }, exact: func(a, b ref.Val) ref.Val {
		if x, ok := a.(traits.Multiplier); ok {
			return x.Multiply(b)
		}
		return nil
	}},
	{name: operators.Divide, sign: "/", verb: "divide", whole: divideWhole, mixed: func(a, b float64) float64 { return a / b }, exact: func(a, b ref.Val) ref.Val {
		if x, ok := a.(traits.Divider); ok {
			return x.Divide(b)
		}
		return nil
	}},
	{name: operators.Modulo, sign: "%", verb: "take the remainder of", mixed: math.Mod, exact: func(a, b ref.Val) ref.Val {
		if x, ok := a.(traits.Modder); ok {
			return x.Modulo(b)
		}
		return nil
	}},
}

func divideWhole(a, b types.Int) ref.Val {
	if b == 0 || a%b == 0 {
		return a.Divide(b)
	}
	return types.Double(float64(a) / float64(b))
}

// arithmetic declares the operators in place of the standard ones.
func arithmetic() []cel.EnvOption {
	standard := map[string]*decls.FunctionDecl{}
	for _, f := range stdlib.Functions() {
		standard[f.Name()] = f
	}
	var out []cel.EnvOption
	for _, o := range arithmeticOperators {
		out = append(out, cel.Function(o.name, o.overloads(standard[o.name])...))
	}
	return out
}

func (o operator) overloads(standard *decls.FunctionDecl) []cel.FunctionOpt {
	out := []cel.FunctionOpt{
		cel.Overload(o.name+"_int_double", []*cel.Type{cel.IntType, cel.DoubleType}, cel.DoubleType),
		cel.Overload(o.name+"_double_int", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType),
		cel.SingletonBinaryBinding(o.apply),
	}
	doubles := false
	for _, d := range standard.OverloadDecls() {
		result, args := d.ResultType(), d.ArgTypes()
		if o.whole != nil && args[0] == cel.IntType {
			result = cel.DynType
		}
		doubles = doubles || args[0] == cel.DoubleType
		out = append(out, cel.Overload(d.ID(), args, result))
	}
	if !doubles {
		out = append(out, cel.Overload(o.name+"_double", []*cel.Type{cel.DoubleType, cel.DoubleType}, cel.DoubleType))
	}
	return out
}

func (o operator) apply(a, b ref.Val) ref.Val {
	if x, ok := a.(types.Int); ok && o.whole != nil {
		if y, ok := b.(types.Int); ok {
			return o.whole(x, y)
		}
	}
	if x, y, ok := doubles(a, b); ok {
		return o.finite(x, y)
	}
	if v := o.exact(a, b); v != nil && !isNoOverload(v) {
		return v
	}
	return types.NewErr("cannot %s %s and %s", o.verb, kindName(a), kindName(b))
}

// finite refuses what JSON cannot hold.
func (o operator) finite(x, y float64) ref.Val {
	if y == 0 && (o.sign == "/" || o.sign == "%") {
		return types.NewErr("division by zero")
	}
	f := o.mixed(x, y)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return types.NewErr("%v %s %v is not a finite number", x, o.sign, y)
	}
	return types.Double(f)
}

// doubles reads two numbers of which at least one is a double.
func doubles(a, b ref.Val) (x, y float64, ok bool) {
	x, xDouble, xOK := asDouble(a)
	y, yDouble, yOK := asDouble(b)
	return x, y, xOK && yOK && (xDouble || yDouble)
}

func asDouble(v ref.Val) (f float64, double, ok bool) {
	switch v := v.(type) {
	case types.Double:
		return float64(v), true, true
	case types.Int:
		return float64(v), false, true
	case types.Uint:
		return float64(v), false, true
	}
	return 0, false, false
}

func isNoOverload(v ref.Val) bool {
	e, ok := v.(*types.Err)
	return ok && e.Error() == "no such overload"
}

// isDecimal reports whether s is digits with at most one point between them, and maybe a sign.
func isDecimal(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	return isDigits(whole) && (!point || isDigits(fraction))
}

func isDigits(s string) bool {
	const most = 30 // more than any amount has
	return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// money reads an amount as whole cents, rounded half away from zero. A double is read with 15 significant digits, the most
// that it holds for certain: 1.005 is 101 although the nearest double is a little less, and 1.1 * 1.15 is 127.
// A string is read exactly; it has digits and at most one point.
func money(v ref.Val) ref.Val {
	var text string
	switch v := v.(type) {
	case types.Int:
		text = strconv.FormatInt(int64(v), 10)
	case types.Double:
		text = strconv.FormatFloat(float64(v), 'e', 14, 64)
	case types.String:
		if text = string(v); !isDecimal(text) {
			return types.NewErr("money(%q): an amount has digits and at most one point, such as 1234.50", text)
		}
	default:
		return types.NewErr("money(x) takes a number or a string, not %s", kindName(v))
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return types.NewErr("money(%s): not an amount", text)
	}
	cents, ok := roundHalfAway(amount.Mul(amount, big.NewRat(100, 1)))
	if !ok {
		return types.NewErr("money(%s): the amount is too large", text)
	}
	return types.Int(cents)
}

func roundHalfAway(r *big.Rat) (int64, bool) {
	twice := new(big.Int).Lsh(new(big.Int).Abs(r.Num()), 1)
	n := twice.Add(twice, r.Denom())
	n.Quo(n, new(big.Int).Lsh(r.Denom(), 1))
	if r.Sign() < 0 {
		n.Neg(n)
	}
	return n.Int64(), n.IsInt64()
}

// kindName says in JSON's words what a CEL value is, for error texts.
func kindName(v ref.Val) string {
	switch v.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return "a boolean"
	case types.String:
		return "a string"
	case types.Int, types.Uint, types.Double:
		return "a number"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "an object"
	}
	return fmt.Sprintf("a %s", v.Type().TypeName())
}
