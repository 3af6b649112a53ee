package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// fit puts a value into the schema's type.
func fit(f *field, a answer) answer {
	switch v := a.value.(type) {
	case amount:
		return fitNumber(f, v, a)
	case string:
		switch {
		case f.is("string"):
			if f.node.Format == "date-time" && len(v) == len("2006-01-02") {
				a.value, a.score, a.note = v+"T00:00:00Z", min(a.score, 0.8), a.note+"; the time is not in the text"
			}
		case f.is("integer") || f.is("number"):
			n := json.Number(v)
			if _, err := n.Int64(); err != nil || strings.HasPrefix(v, "0") {
				return answer{note: fmt.Sprintf("%q (%s) is no number", v, a.note)}
			}
			a.value = n
		}
	}
	return a
}

func fitNumber(f *field, v amount, a answer) answer {
	switch {
	case f.is("number"):
		a.value = json.Number(v.String())
	case f.is("integer"):
		inCents := slices.ContainsFunc(foldedWords(strings.Join(f.path, " ")+" "+f.node.Description), func(w string) bool { return w == "cents" || w == "cent" })
		switch {
		case inCents:
			a.value = json.Number(fmt.Sprint(v.cents))
		case v.micros%1_000_000 == 0:
			a.value = json.Number(fmt.Sprint(v.micros / 1_000_000))
		default:
			return answer{note: fmt.Sprintf("%s (%s) is no whole number", v, a.note)}
		}
	default:
		a.value = v.String()
	}
	return a
}

// String is the number with a decimal point: money with two digits, others with as many as they need.
func (a amount) String() string {
	if a.decimals <= 2 && (a.decimals > 0 || a.currency != "") {
		return money(a.cents)
	}
	minus, n := "", a.micros
	if n < 0 {
		minus, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%06d", minus, n/1_000_000, n%1_000_000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
