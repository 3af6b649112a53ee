package page

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// shared are the functions that write the same into text and HTML.
var shared = map[string]any{"money": money, "number": number, "date": date}

// decode reads the data; none is an object without fields.
func decode(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return map[string]any{}, nil
	}
	return coordinator.Decode(raw)
}

// display writes a value as people read it: null is nothing, no number has an exponent, a list or object is JSON.
func display(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any, map[string]any:
		raw, err := json.Marshal(v)
		return string(raw), err
	}
	return fmt.Sprint(v), nil
}

// amount reads a number, or text that is one. A double counts with the 15 digits that it holds for certain.
func amount(v any) (*big.Rat, error) {
	text := ""
	switch v := v.(type) {
	case nil:
		return nil, nil
	case int, int64:
		text = fmt.Sprint(v)
	case float64:
		text = strconv.FormatFloat(v, 'e', 14, 64)
	case string:
		text = v
	default:
		return nil, fmt.Errorf("%v is not a number", v)
	}
	const most = 60 // characters of a number; also keeps exponents out of reach
	r, ok := new(big.Rat).SetString(text)
	if !ok || len(text) > most || strings.ContainsAny(text, "/xX") || isText(v) && strings.ContainsAny(text, "eEpP_") {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	return r, nil
}

func isText(v any) bool { _, ok := v.(string); return ok }

// money writes an amount to the cent, rounded half away from zero: 1,234.50 EUR. Null is nothing.
func money(v any, currency ...string) (string, error) {
	r, err := amount(v)
	if r == nil || err != nil {
		return "", err
	}
	out := groups(r.FloatString(2))
	for _, c := range currency {
		out += " " + c
	}
	return out, nil
}

// number writes a number with at most six decimals.
func number(v any) (string, error) {
	r, err := amount(v)
	if r == nil || err != nil {
		return "", err
	}
	text := strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
	if text == "-0" || text == "" {
		text = "0"
	}
	return groups(text), nil
}

// groups puts commas between thousands.
func groups(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	return sign + whole
}

// date writes a date such as 2026-09-30 or a time such as 2026-09-30T08:00:00Z.
func date(v any, layout ...string) (string, error) {
	text, ok := v.(string)
	if v == nil || ok && text == "" {
		return "", nil
	}
	if !ok {
		return "", fmt.Errorf("%v is not a date", v)
	}
	format := "2 January 2006"
	if len(layout) > 0 {
		format = layout[0]
	}
	for _, known := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.Parse(known, text); err == nil {
			return t.Format(format), nil
		}
	}
	return "", fmt.Errorf("%q is not a date such as 2026-09-30", text)
}
