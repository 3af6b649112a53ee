package offline

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// date is a day in a text.
type date struct {
	span
	year, month, day int
	numeric          bool // day and month are both numbers
	sep              byte // of a numeric one
	yearFirst        bool
	shortYear        bool
}

// unclear reports that day and month could be exchanged.
func (d date) unclear() bool {
	return d.numeric && !d.yearFirst && d.day <= 12 && d.month <= 12 && d.day != d.month
}

func (d date) iso() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

func (d date) swapped() date {
	d.day, d.month = d.month, d.day
	return d
}

var (
	yearFirst = regexp.MustCompile(`\b(\d{4})\s?([-/.年])\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})\b`)
	yearLast  = regexp.MustCompile(`\b(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?([-/.])\s?(\d{4}|\d{2})\b`)
	dayFirst  = regexp.MustCompile(`(?i)\b(\d{1,2})(?:st|nd|rd|th|er|e)?[.\s-]{1,3}(?:de\s|of\s)?(\pL{3,10})[.,]?[\s-]{1,2}(\d{4}|'?\d{2})\b`)
	monthName = regexp.MustCompile(`(?i)(?:^|[^\pL])(\pL{3,10})\.?[\s-]{1,2}(\d{1,2})(?:st|nd|rd|th)?\s?[,\s-]\s{0,2}(\d{4})\b`)
)

// months maps folded names and abbreviations of the four languages.
var months = func() map[string]int {
	out := map[string]int{}
	for i, names := range strings.Split(
		"january jan januar janner janvier janv januari|february feb februar fevrier fevr fev februari|march mar marz maerz mrz mars maart mrt|"+
			"april apr avril avr|may mai mei|june jun juni juin|july jul juli juillet juil|august aug aout augustus|"+
			"september sep sept septembre|october oct oktober okt octobre|november nov novembre|december dec dezember dez decembre", "|") {
		for name := range strings.FieldsSeq(names) {
			out[name] = i + 1
		}
	}
	return out
}()

// dates finds the days of a text, in order. Numeric ones are read day first; see pageDates for how a document settles it.
func dates(text string) []date {
	var out []date
	add := func(m []int, year, month, day string, d date) {
		d.span = span{m[0], m[1]}
		d.year, d.shortYear = readYear(year)
		d.day = atoi(day)
		if d.month = months[fold(month)]; d.month == 0 {
			d.month = atoi(month)
		}
		if d.month > 12 && d.day <= 12 && d.numeric {
			d = d.swapped()
		}
		if d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31 && d.year >= 1900 && d.year < 2100 && !overlaps(out, d.span) {
			out = append(out, d)
		}
	}
	part := func(m []int, i int) string { return text[m[2*i]:m[2*i+1]] }
	for _, m := range yearFirst.FindAllStringSubmatchIndex(text, -1) {
		add(m, part(m, 1), part(m, 3), part(m, 4), date{numeric: true, yearFirst: true, sep: text[m[4]]})
	}
	for _, m := range dayFirst.FindAllStringSubmatchIndex(text, -1) {
		if months[fold(part(m, 2))] > 0 {
			add(m, part(m, 3), part(m, 2), part(m, 1), date{})
		}
	}
	for _, m := range monthName.FindAllStringSubmatchIndex(text, -1) {
		if months[fold(part(m, 1))] > 0 {
			m[0] = m[2]
			add(m, part(m, 3), part(m, 1), part(m, 2), date{})
		}
	}
	for _, m := range yearLast.FindAllStringSubmatchIndex(text, -1) {
		if part(m, 2) == part(m, 4) && (endsAt(out, m[0]-1) || !partOfNumber(text, m[0], m[1])) {
			add(m, part(m, 5), part(m, 3), part(m, 1), date{numeric: true, sep: text[m[4]]})
		}
	}
	slices.SortFunc(out, func(a, b date) int { return a.from - b.from })
	return out
}

// endsAt reports a date that ends at a place, as the first of a range does before the dash.
func endsAt(list []date, at int) bool {
	return slices.ContainsFunc(list, func(d date) bool { return d.to == at })
}

// partOfNumber reports digits that go on before or after: a phone number, a version, an account.
func partOfNumber(text string, from, to int) bool {
	return from > 1 && strings.ContainsRune(".-/", rune(text[from-1])) && text[from-2] >= '0' && text[from-2] <= '9' ||
		to < len(text)-1 && strings.ContainsRune(".-/", rune(text[to])) && text[to+1] >= '0' && text[to+1] <= '9' && !isRange(text[to:])
}

// isRange lets "01.05.14-31.05.14" be two days.
func isRange(rest string) bool { return rest[0] == '-' && yearLast.MatchString(rest) }

func overlaps(list []date, s span) bool {
	for _, d := range list {
		if s.from < d.to && d.from < s.to {
			return true
		}
	}
	return false
}

func readYear(s string) (year int, short bool) {
	year = atoi(strings.TrimPrefix(s, "'"))
	if year < 100 {
		return year + 2000, true
	}
	return year, false
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s) // digits, by the patterns above
	return n
}
