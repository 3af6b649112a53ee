package coordinator

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// charges prices what CEL cannot, because types are known only when an expression runs: text costs a tenth per byte; lists
// and objects a tenth per element that a function may look at, and a tenth per value in them when they are built.
// Without it, [a, a] of [a, a] of … would double a value for the price of one, and comparing two of them would never end.
type charges struct{ limit int64 }

// built is the name under which the building of a list or object is charged.
const built = "@built"

func (c charges) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	switch {
	case function == overloads.Size || overload == overloads.Matches:
		return nil
	case function == built:
		cost += c.weigh(result)
	case function == operators.Add:
		cost += c.sum(args[0], result)
	case function == operators.Equals || function == operators.NotEquals:
		cost += min(c.weigh(args[0]), c.weigh(args[1]))
	default:
		for _, v := range args {
			cost += shallow(v)
		}
		cost += shallow(result)
	}
	return &cost
}

// sum prices a +. What a macro gathers is not counted again with each element.
func (c charges) sum(left, result ref.Val) uint64 {
	if _, gathering := left.(traits.MutableLister); gathering {
		return 0
	}
	return c.weigh(result)
}

func shallow(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v)) / 10
	case types.Bytes:
		return uint64(len(v)) / 10
	case traits.Sizer:
		if n, ok := v.Size().(types.Int); ok {
			return uint64(n) / 10
		}
	}
	return 0
}

// weigh returns a tenth of the values and bytes in v. It stops where the limit is reached.
func (c charges) weigh(v ref.Val) uint64 {
	s := scale{left: c.limit * 10}
	s.add(v)
	return uint64(c.limit*10-s.left) / 10
}

type scale struct{ left int64 }

func (s *scale) add(v any) {
	s.left--
	switch v := v.(type) {
	case types.String:
		s.left -= int64(len(v))
	case types.Bytes:
		s.left -= int64(len(v))
	case string:
		s.left -= int64(len(v))
	case []any:
		for i := 0; i < len(v) && s.left > 0; i++ {
			s.add(v[i])
		}
	case map[string]any:
		for _, one := range v {
			if s.left <= 0 {
				return
			}
			s.add(one)
		}
	case traits.Mapper:
		s.addMap(v)
	case traits.Lister:
		for it := v.Iterator(); s.left > 0 && it.HasNext() == types.True; {
			s.add(it.Next())
		}
	}
}

func (s *scale) addMap(m traits.Mapper) {
	if sorted, ok := m.(sortedMap); ok {
		m = sorted.Mapper // the order makes no difference to the sum
	}
	if plain, ok := m.Value().(map[string]any); ok {
		s.add(plain)
		return
	}
	for it := m.Iterator(); s.left > 0 && it.HasNext() == types.True; {
		k := it.Next()
		s.add(k)
		s.add(m.Get(k))
	}
}

// decorate changes how CEL runs two kinds of nodes: literals of lists and objects, and functions that could do too much
// before they are charged.
func decorate() cel.ProgramOption {
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		switch n := i.(type) {
		case interpreter.InterpretableConstructor:
			return builtValue{n}, nil
		case interpreter.InterpretableCall:
			if f, ok := bounded[n.Function()]; ok && len(n.Args()) == f.args {
				return boundedCall{n, f.do}, nil
			}
		}
		return i, nil
	})
}

// builtValue is a literal of a list or object: weighed, and walked in order.
type builtValue struct {
	interpreter.InterpretableConstructor
}

func (b builtValue) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := adapter{}.NativeToValue(b.InterpretableConstructor.Exec(frame))
	if t := frame.CostTracker(); t != nil {
		t.EvalZeroArity(nil, b.ID(), builtCall{}, v)
	}
	return v
}

type builtCall struct{}

func (builtCall) Function() string   { return built }
func (builtCall) OverloadID() string { return built }

// bounded are functions of CEL's library in a form that cannot grow beyond all bounds.
var bounded = map[string]struct {
	args int
	do   func(args []ref.Val) ref.Val
}{
	"replace":  {3, replaceText},
	"distinct": {1, distinct},
}

type boundedCall struct {
	interpreter.InterpretableCall
	do func(args []ref.Val) ref.Val
}

func (b boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	args := make([]ref.Val, len(b.Args()))
	for i, arg := range b.Args() {
		if args[i] = arg.Exec(frame); types.IsUnknownOrError(args[i]) {
			return args[i]
		}
	}
	v := b.do(args)
	if t := frame.CostTracker(); t != nil {
		t.EvalVarArgs(nil, b.ID(), b, args, v)
	}
	return v
}

func replaceText(args []ref.Val) ref.Val {
	const most = 8 << 20 // bytes
	text, ok1 := args[0].(types.String)
	before, ok2 := args[1].(types.String)
	after, ok3 := args[2].(types.String)
	if !ok1 || !ok2 || !ok3 {
		return types.NewErr("replace takes strings, not %s, %s and %s", kindName(args[0]), kindName(args[1]), kindName(args[2]))
	}
	if n := strings.Count(string(text), string(before)); len(text)+n*(len(after)-len(before)) > most {
		return types.NewErr("the text that replace would make has more than %d bytes", most)
	}
	return types.String(strings.ReplaceAll(string(text), string(before), string(after)))
}

// distinct keeps the first of equal elements. CEL's own compares each with each.
func distinct(args []ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return types.NewErr("distinct takes a list, not %s", kindName(args[0]))
	}
	seen := map[string]bool{}
	out := []ref.Val{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		v := it.Next()
		n := native{left: 8 << 20}
		plain, err := n.convert(v, 0)
		if err != nil {
			return types.WrapErr(err)
		}
		key, err := canonical(plain)
		if err != nil {
			return types.WrapErr(err)
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, v)
		}
	}
	return adapter{}.NativeToValue(out)
}
