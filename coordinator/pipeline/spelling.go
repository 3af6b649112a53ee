package pipeline

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// The short forms that people may write, one function per type.

func (d decoder) raw(n *node, v reflect.Value, _ string) {
	if n.kind != null {
		v.SetBytes(n.json())
	}
}

func (d decoder) duration(n *node, v reflect.Value, name string) {
	if n.kind == null {
		return
	}
	if n.kind == number {
		d.wrong(n, name, "a duration", fmt.Sprintf("add a unit: %ss, %[1]sm, %[1]sh or %[1]sd", n.text))
		return
	}
	length, err := parseDuration(n.text)
	if n.kind != text || err != nil {
		d.wrong(n, name, "a duration", "write 30s, 5m, 4h or 2d")
		return
	}
	v.SetInt(int64(length))
}

var days = regexp.MustCompile(`^([0-9]{1,6})d(.*)$`)

// parseDuration reads what time.ParseDuration reads, with days of 24 hours before it: 2d, 1d12h.
func parseDuration(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	m := days.FindStringSubmatch(s)
	if m == nil {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > int64(math.MaxInt64/day) {
		return 0, fmt.Errorf("duration %s: too long", s)
	}
	if m[2] == "" {
		return time.Duration(n) * day, nil
	}
	rest, err := time.ParseDuration(m[2])
	if err != nil || rest < 0 || rest > math.MaxInt64-time.Duration(n)*day {
		return 0, fmt.Errorf("duration %s: not readable", s)
	}
	return time.Duration(n)*day + rest, nil
}

func (d decoder) retry(n *node, v reflect.Value, name string) {
	switch n.kind {
	case null:
	case number:
		d.into(n, v.FieldByName("Attempts"), name)
	case mapping:
		d.object(n, v, name)
	default:
		d.wrong(n, name, "a number of attempts, or {attempts, backoff, cap}", "write 3, say")
	}
}

func (d decoder) accept(n *node, v reflect.Value, name string) {
	const want = "a threshold such as 0.9, or {risk: 2%}"
	fields := map[string]reflect.Value{"threshold": v.FieldByName("Threshold"), "risk": v.FieldByName("Risk")}
	switch n.kind {
	case null:
	case mapping:
		known := fieldsOf(v)
		for _, f := range n.fields {
			target, ok := fields[f.key]
			if !ok {
				target, ok = d.unknownKey(n, f, known)
			}
			if ok {
				d.share(f.value, target, f.key, "a number from 0 to 1, or a percentage")
			}
		}
	default:
		d.share(n, fields["threshold"], name, want)
	}
}

var percentage = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?%$`)

// share reads 0.02 and 2%.
func (d decoder) share(n *node, v reflect.Value, name, want string) {
	if n.kind == null {
		return
	}
	digits := n.text
	if m := percentage.FindStringSubmatch(n.text); m != nil && n.kind == text {
		digits = m[1] + "e-2" // dividing by 100 would round twice
	} else if n.kind != number {
		d.wrong(n, name, want, "")
		return
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || f < 0 || f > 1 {
		hint := ""
		if f > 1 && f <= 100 {
			hint = "did you mean " + n.text + "%?"
		}
		d.wrong(n, name, "between 0 and 1", hint)
		return
	}
	v.SetFloat(f)
}

func (d decoder) then(n *node, v reflect.Value, name string) {
	const want = "approve, reject, fail or {reassign: name}"
	out := coordinator.Then{}
	switch n.kind {
	case null:
	case text:
		switch n.text {
		case "approve", "reject", "fail":
			out.Do = n.text
		default:
			d.wrong(n, name, want, didYouMean(n.text, []string{"approve", "reject", "fail"}))
		}
	case mapping:
		var form struct {
			Reassign string `json:"reassign"`
		}
		d.object(n, reflect.ValueOf(&form).Elem(), name)
		if out.Reassign = form.Reassign; out.Reassign != "" {
			out.Do = "reassign"
		}
	default:
		d.wrong(n, name, want, "")
	}
	v.Set(reflect.ValueOf(out))
}

// step reads a step; its three expressions have a spelling of their own.
func (d decoder) step(n *node, v reflect.Value, name string) {
	if n.kind == null {
		return
	}
	d.object(n.without("if", "for_each", "until"), v, name)
	s := v.Addr().Interface().(*coordinator.Step)
	for _, e := range []struct {
		key    string
		target *string
	}{{"if", &s.If}, {"for_each", &s.ForEach}, {"until", &s.Until}} {
		if value := n.get(e.key); value != nil {
			*e.target = d.expression(value, e.key)
		}
	}
}

// expression reads a whole expression: with or without ${{ }}, or a plain value that is its own expression.
func (d decoder) expression(n *node, name string) string {
	switch n.kind {
	case null:
		return ""
	case text:
		return bare(n.text)
	case mapping:
		d.wrong(n, name, "an expression", `put it in quotes`)
		return ""
	}
	literal := string(n.json())
	if strings.Contains(literal, "${{") {
		d.mistake(n, name+": a list with ${{ }} inside", "write the whole list as one expression")
		return ""
	}
	return literal
}

// bare strips ${{ }} from an expression, when they surround the whole of it.
func bare(s string) string {
	s = strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(s, "${{"); ok && strings.Count(s, "${{") == 1 {
		if inner, ok = strings.CutSuffix(inner, "}}"); ok {
			return strings.TrimSpace(inner)
		}
	}
	return s
}

func (d decoder) model(n *node, v reflect.Value, name string) {
	m := Model{}
	switch n.kind {
	case text:
		m.Use = n.text
	case mapping:
		if use := n.get("use"); use != nil {
			d.into(use, reflect.ValueOf(&m.Use).Elem(), "use")
		}
		if m.Use == "" {
			d.mistake(n, fmt.Sprintf("model %s does not say which one it is", strconv.Quote(name)), `add use: openai/gpt-4o-mini`)
		}
		if rest := n.without("use"); len(rest.fields) > 0 {
			m.Settings = rest.json()
		}
	default:
		d.wrong(n, name, "a model's name, or {use: …}", "")
	}
	v.Set(reflect.ValueOf(m))
}
