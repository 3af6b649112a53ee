package data

import (
	"regexp"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// moment is what a number means in a sheet: Excel keeps dates as days since 1900, and only the format tells.
type moment int

const (
	plainNumber moment = iota
	someDate
	timeOfDay
)

// momentOf reads a number format: a built-in one by its id (ECMA-376, part 1, 18.8.30) or the code of another.
func momentOf(id int, code string) moment {
	switch {
	case code == "" && (14 <= id && id <= 17 || id == 22 || 27 <= id && id <= 36 || 50 <= id && id <= 58):
		return someDate
	case code == "" && (18 <= id && id <= 21 || id == 45 || id == 47):
		return timeOfDay
	}
	code, _, _ = strings.Cut(code, ";") // the format of positive numbers
	code = strings.ToLower(notFormat.ReplaceAllString(code, ""))
	switch {
	case strings.ContainsAny(code, "yd"):
		return someDate
	case strings.ContainsAny(code, "hs") && !strings.Contains(code, "general"):
		return timeOfDay
	case strings.Contains(code, "m"):
		return someDate
	}
	return plainNumber
}

// notFormat is what only looks like a part of a date: text in quotes, escaped and padding characters, and brackets, which
// hold a colour, a currency, or a duration such as [h]: a duration is a number of days.
var notFormat = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[(?i:h+|m+|s+)\].*|\[[^\]]*\]`)

// show writes a number as what it means: a number, 2026-09-30, 2026-09-30T08:15:00, or 08:15:00. Excel knows no time zones.
func (m moment) show(v float64, from1904 bool) any {
	if m == plainNumber || v < 0 {
		return v
	}
	t, err := excelize.ExcelDateToTime(v, from1904)
	if err != nil || t.Year() > 9999 {
		return v
	}
	t = t.Round(time.Second)
	switch midnight := t.Truncate(24 * time.Hour).Equal(t); {
	case m == timeOfDay && v < 1:
		return t.Format(time.TimeOnly)
	case midnight && m == someDate:
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05")
}
