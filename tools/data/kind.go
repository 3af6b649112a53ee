package data

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// kind turns the text of a cell into a value. Text without anything in it is null for every kind but text.
type kind func(cell string) (any, error)

// kindsOf finds the kind of every column. decimal says what stands before the decimals of numbers: point, which is also
// the default, or comma.
func kindsOf(columns []string, types map[string]string, decimal string) ([]kind, error) {
	out := make([]kind, len(columns))
	for i := range out {
		out[i] = asText
	}
	for name, t := range types {
		i := slices.Index(columns, name)
		if i < 0 {
			return nil, fmt.Errorf("types.%s: there is no such column; the columns are %s", name, strings.Join(columns, ", "))
		}
		var err error
		if out[i], err = kindOf(t, decimal); err != nil {
			return nil, fmt.Errorf("types.%s: %w", name, err)
		}
	}
	return out, nil
}

func kindOf(name, decimal string) (kind, error) {
	n := point
	if decimal == "comma" {
		n = comma
	}
	name, pattern, given := strings.Cut(name, ":")
	switch {
	case name == "text" && !given:
		return asText, nil
	case name == "number" && !given:
		return func(cell string) (any, error) { return number(cell, n) }, nil
	case name == "integer" && !given:
		return func(cell string) (any, error) { return integer(cell, n) }, nil
	case name == "boolean" && !given:
		return boolean, nil
	case name == "date" && !given:
		return func(cell string) (any, error) { return date(cell, time.DateOnly, "2.1.2006") }, nil
	case name == "date" && strings.Contains(pattern, "YY"):
		layout := layouts.Replace(pattern)
		return func(cell string) (any, error) { return date(cell, layout) }, nil
	}
	return nil, fmt.Errorf("%q is none of text, number, integer, boolean, date, date:DD/MM/YYYY", name)
}

var layouts = strings.NewReplacer("YYYY", "2006", "YY", "06", "MM", "01", "DD", "02", "M", "1", "D", "2")

func asText(cell string) (any, error) { return cell, nil }

// notation is how numbers are written.
type notation struct {
	mark    string         // before the decimals
	grouped *regexp.Regexp // with marks between thousands where they belong; elsewhere they mean something else
	plain   *strings.Replacer
}

const apart = `([ '’\x{a0}\x{202f}][0-9]{3})+` // thousands that both notations may set apart

var (
	plain = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)$`)
	point = notation{".",
		regexp.MustCompile(`^[+-]?[0-9]{1,3}((,[0-9]{3})+|` + apart + `)(\.[0-9]+)?$`),
		strings.NewReplacer(",", "", " ", "", "'", "", "’", "", "\u00a0", "", "\u202f", "")}
	comma = notation{",",
		regexp.MustCompile(`^[+-]?[0-9]{1,3}((\.[0-9]{3})+|` + apart + `)(,[0-9]+)?$`),
		strings.NewReplacer(".", "", " ", "", "'", "", "’", "", "\u00a0", "", "\u202f", "", ",", ".")}
)

// number reads 1234.5 and 1,234.50; with a decimal comma 1234,5 and 1.234,50.
func number(cell string, n notation) (any, error) {
	text := strings.ReplaceAll(strings.TrimSpace(cell), "−", "-")
	if text == "" {
		return nil, nil
	}
	switch {
	case n.grouped.MatchString(text):
		text = n.plain.Replace(text)
	case n.mark == "," && strings.Contains(text, "."):
		text = ""
	case n.mark == ",":
		text = strings.Replace(text, ",", ".", 1)
	}
	if !plain.MatchString(text) {
		return nil, fmt.Errorf("%q is not a number with %q before its decimals (see decimal)", clip(cell), n.mark)
	}
	return asJSON(text)
}

// asJSON writes a plain decimal as JSON has it. Digits that a double cannot hold must not get lost.
func asJSON(text string) (any, error) {
	sign := ""
	if text[0] == '+' || text[0] == '-' {
		sign, text = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	whole = strings.TrimLeft(whole, "0")
	const most = 15 // digits that a double holds for certain
	if len(whole)+len(fraction) > most {
		return nil, fmt.Errorf("%s has more than %d digits: read it as text", clip(text), most)
	}
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return json.Number(sign + whole), nil
}

func integer(cell string, n notation) (any, error) {
	v, err := number(cell, n)
	if digits, ok := v.(json.Number); ok && strings.Contains(digits.String(), ".") {
		return nil, fmt.Errorf("%q is not a whole number", clip(cell))
	}
	return v, err
}

func boolean(cell string) (any, error) {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "":
		return nil, nil
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%q is none of true, false, yes, no, 1, 0", clip(cell))
}

func date(cell string, known ...string) (any, error) {
	text := strings.TrimSpace(cell)
	if text == "" {
		return nil, nil
	}
	for _, layout := range known {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return nil, fmt.Errorf("%q is not a date such as 2026-09-30; a pattern such as date:DD/MM/YYYY reads others", clip(cell))
}

// clip keeps an error short whatever a file holds.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
