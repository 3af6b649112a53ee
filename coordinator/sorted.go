package coordinator

import (
	"cmp"
	"fmt"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// CEL walks maps in Go's random order. A run must see the same order in every process that replays it,
// so every map that an expression can walk is a sortedMap: those from JSON by the adapter, literals by the decorator.

// adapter turns decoded JSON into CEL values.
type adapter struct{}

func (a adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		return sortedMap{types.NewStringInterfaceMap(a, v)}
	case []any:
		return types.NewDynamicList(a, v)
	case []ref.Val:
		return types.NewRefValList(a, v)
	case sortedMap:
		return v
	case traits.Mapper:
		return sortedMap{v}
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// sortedMap walks its keys in order. It embeds the interface, not the map, so that nothing finds a faster, unordered way.
type sortedMap struct{ traits.Mapper }

func (m sortedMap) ConvertToType(t ref.Type) ref.Val {
	if t == types.MapType {
		return m
	}
	return m.Mapper.ConvertToType(t)
}

func (m sortedMap) Iterator() traits.Iterator {
	it := m.Mapper.Iterator()
	var keys []ref.Val
	for it.HasNext() == types.True {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return types.NewRefValList(adapter{}, keys).Iterator()
}

func compareKeys(a, b ref.Val) int {
	if s, ok := a.(types.String); ok {
		if t, ok := b.(types.String); ok {
			return cmp.Compare(s, t)
		}
	}
	return cmp.Or(
		cmp.Compare(a.Type().TypeName(), b.Type().TypeName()),
		compareAlike(a, b),
		cmp.Compare(fmt.Sprint(a.Value()), fmt.Sprint(b.Value())),
	)
}

func compareAlike(a, b ref.Val) int {
	c, ok := a.(traits.Comparer)
	if !ok {
		return 0
	}
	order, ok := c.Compare(b).(types.Int)
	if !ok {
		return 0
	}
	return int(order)
}
