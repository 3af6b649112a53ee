package rules

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// arithmetic in which whole numbers and others mix, as in plans: 10 + 0.5 is 10.5 and 7 / 2 is 3.5.
var arithmetic = []operation{
	{operators.Add, types.Int.Add, func(a, b float64) float64 { return a + b }},
	{operators.Subtract, types.Int.Subtract, func(a, b float64) float64 { return a - b }},
	{operators.Multiply, types.Int.Multiply, func(a, b float64) float64 { return a * b }},
	{operators.Divide, divide, func(a, b float64) float64 { return a / b }},
	{operators.Modulo, types.Int.Modulo, math.Mod},
}

type operation struct {
	name   string
	whole  func(a types.Int, b ref.Val) ref.Val
	double func(a, b float64) float64
}

func (o operation) declare() cel.EnvOption {
	return cel.Function(o.name, cel.Overload(o.name+"_dyn", []*cel.Type{cel.DynType, cel.DynType}, cel.DynType, cel.BinaryBinding(o.apply)))
}

func (o operation) apply(a, b ref.Val) ref.Val {
	x, whole := a.(types.Int)
	if _, ok := b.(types.Int); ok && whole {
		return o.whole(x, b)
	}
	f, fOK := number(a)
	g, gOK := number(b)
	if fOK && gOK {
		if out := o.double(f, g); !math.IsInf(out, 0) && !math.IsNaN(out) {
			return types.Double(out)
		}
		return types.NewErr("the result is not a finite number")
	}
	if add, ok := a.(traits.Adder); ok && o.name == operators.Add && !fOK && !gOK {
		return add.Add(b)
	}
	return types.NewErr("%s and %s are no numbers to calculate with", kindName(a), kindName(b))
}

func divide(a types.Int, b ref.Val) ref.Val {
	if n := b.(types.Int); n != 0 && a%n != 0 {
		return types.Double(float64(a) / float64(n))
	}
	return a.Divide(b)
}

func number(v ref.Val) (float64, bool) {
	switch v := v.(type) {
	case types.Int:
		return float64(v), true
	case types.Double:
		return float64(v), true
	}
	return 0, false
}

var isAmount = regexp.MustCompile(`^[-+]?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// money reads an amount as whole cents, rounded half away from zero. A double is read with the 15 significant digits that
// it holds for certain: 1.005 is 101, although the nearest double is a little less.
func money(v ref.Val) ref.Val {
	var text string
	switch v := v.(type) {
	case types.Int:
		text = strconv.FormatInt(int64(v), 10)
	case types.Double:
		text = strconv.FormatFloat(float64(v), 'e', 14, 64)
	case types.String:
		if text = string(v); !isAmount.MatchString(text) {
			return types.NewErr("money(%q): an amount has digits and at most one point, such as 1234.50", text)
		}
	default:
		return types.NewErr("money(x) takes a number or a string, not %s", kindName(v))
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return types.NewErr("money(%s): not an amount", text)
	}
	half := big.NewRat(int64(amount.Sign()), 2)
	cents := amount.Mul(amount, big.NewRat(100, 1)).Add(amount, half)
	whole := new(big.Int).Quo(cents.Num(), cents.Denom()) // towards zero
	if !whole.IsInt64() {
		return types.NewErr("money(%s): the amount is too large", text)
	}
	return types.Int(whole.Int64())
}

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
	return strings.TrimSpace(fmt.Sprintf("a %s", v.Type().TypeName()))
}
