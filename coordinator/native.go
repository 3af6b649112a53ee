package coordinator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// native turns CEL values into what decode gives. A short expression can name one value many times over, so it stops
// when the result would be larger than a value may be.
type native struct {
	left int // bytes, roughly
}

var errResultSize = errors.New("the result is larger than a value may be")

func (n *native) spend(bytes int) error {
	if n.left -= bytes; n.left < 0 {
		return errResultSize
	}
	return nil
}

func (n *native) convert(v ref.Val, depth int) (any, error) {
	if depth > maxNesting {
		return nil, errNesting
	}
	if err := n.spend(2); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if v > math.MaxInt64 {
			return float64(v), nil
		}
		return int64(v), nil
	case types.Double:
		return finite(float64(v))
	case types.String:
		return string(v), n.spend(len(v))
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(v), n.spend(len(v))
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return strconv.FormatFloat(v.Duration.Seconds(), 'f', -1, 64) + "s", nil
	case traits.Lister:
		return n.list(v, depth)
	case traits.Mapper:
		return n.object(v, depth)
	}
	return nil, fmt.Errorf("the result is a %s, which is not a JSON value", v.Type().TypeName())
}

func finite(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("the result is not a finite number")
	}
	return f, nil
}

// take spends what v needs if v is decoded JSON through and through: then it can stay as it is.
func (n *native) take(v any) bool {
	before := n.left
	if n.left < 0 || n.measure(v) {
		return true
	}
	n.left = before
	return false
}

func (n *native) measure(v any) bool {
	n.left -= 2
	if n.left < 0 {
		return true
	}
	switch v := v.(type) {
	case nil, bool, int64, float64:
	case string:
		n.left -= len(v)
	case []any:
		for _, one := range v {
			if !n.measure(one) {
				return false
			}
		}
	case map[string]any:
		for k, one := range v {
			if n.left -= len(k); !n.measure(one) {
				return false
			}
		}
	default:
		return false
	}
	return true
}

func (n *native) list(l traits.Lister, depth int) (any, error) {
	if plain, ok := l.Value().([]any); ok && n.take(plain) {
		return plain, n.spend(0)
	}
	out := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		v, err := n.convert(it.Next(), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (n *native) object(m traits.Mapper, depth int) (any, error) {
	if plain, ok := m.Value().(map[string]any); ok && n.take(plain) {
		return plain, n.spend(0)
	}
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name := fmt.Sprint(k.Value())
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the result has the key %q twice", name)
		}
		v, err := n.convert(m.Get(k), depth+1)
		if err != nil {
			return nil, err
		}
		out[name] = v
		if err := n.spend(len(name)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
