package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/tools/page"
)

// charts are what report templates can call beside the functions of package page.
var charts = page.Funcs{
	HTML: map[string]any{"bar": barHTML, "line": lineHTML},
	Text: map[string]any{"bar": chartText, "line": chartText},
}

// maxPoints bounds one chart.
const (
	maxBars   = 60
	maxPoints = 1000
)

// series is what a chart shows: one number per label.
type series struct {
	name   string
	unit   string
	labels []string
	values []float64
	digits int // after the point, the same for all values
}

func newSeries(rows any, label, number string, unit []string, most int) (*series, error) {
	list, ok := rows.([]any)
	if !ok && rows != nil {
		return nil, fmt.Errorf("chart: it takes a list of objects, not %T", rows)
	}
	if len(list) > most {
		return nil, fmt.Errorf("chart: it has %d values; %d is the limit", len(list), most)
	}
	s := &series{name: number, unit: strings.Join(unit, " ")}
	for i, row := range list {
		object, _ := row.(map[string]any)
		text, ok := object[label]
		if !ok {
			return nil, fmt.Errorf("chart: row %d has no field %q", i, label)
		}
		v, err := toFloat(object[number])
		if err != nil {
			return nil, fmt.Errorf("chart: row %d, field %s: %w", i, number, err)
		}
		s.labels = append(s.labels, labelText(text))
		s.values = append(s.values, v)
	}
	s.digits = digitsOf(s.values)
	return s, nil
}

// digitsOf is how many decimals all of the values are written with: none, or two, or four where all are small.
func digitsOf(values []float64) int {
	whole, small := true, true
	for _, v := range values {
		whole = whole && v == math.Trunc(v)
		small = small && math.Abs(v) < 1
	}
	switch {
	case whole:
		return 0
	case small:
		return 4
	}
	return 2
}

func toFloat(v any) (float64, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return 0, fmt.Errorf("%q is not a number", v)
		}
		return f, nil
	}
	return 0, fmt.Errorf("%v is not a number", v)
}

func labelText(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strings.Join(strings.Fields(fmt.Sprint(v)), " ")
}

func barHTML(rows any, label, number string, unit ...string) (template.HTML, error) {
	s, err := newSeries(rows, label, number, unit, maxBars)
	if err != nil {
		return "", err
	}
	if len(s.values) == 0 {
		return nothing, nil
	}
	if s.lying() {
		return figure(s.rows()), nil
	}
	return figure(s.plot(s.columns)), nil
}

func lineHTML(rows any, label, number string, unit ...string) (template.HTML, error) {
	s, err := newSeries(rows, label, number, unit, maxPoints)
	if err != nil {
		return "", err
	}
	if len(s.values) == 0 {
		return nothing, nil
	}
	return figure(s.plot(s.curve)), nil
}

// chartText is the chart of those who read text: label and number, a line each.
func chartText(rows any, label, number string, unit ...string) (string, error) {
	s, err := newSeries(rows, label, number, unit, maxPoints)
	if err != nil {
		return "", err
	}
	width := 0
	for _, l := range s.labels {
		width = max(width, utf8.RuneCountInString(l))
	}
	var b strings.Builder
	for i, l := range s.labels {
		fmt.Fprintf(&b, "    %s%s  %s\n", l, strings.Repeat(" ", width-utf8.RuneCountInString(l)), s.withUnit(s.values[i]))
	}
	return b.String(), nil
}

const nothing = template.HTML(`<p>There is nothing to show.</p>` + "\n")

func figure(svg string) template.HTML {
	return template.HTML(`<figure class="chart">` + svg + "</figure>\n")
}

// withUnit writes a value with its unit.
func (s *series) withUnit(v float64) string {
	text := thousands(v, s.digits)
	if s.unit != "" {
		text += " " + s.unit
	}
	return text
}

// thousands writes a number for people.
func thousands(v float64, decimals int) string {
	whole, fraction, point := strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', decimals, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	if v < 0 && strings.Trim(whole, "0.,") != "" {
		return "−" + whole
	}
	return whole
}

// scale is an axis that begins and ends at round numbers and includes zero.
type scale struct {
	low, high, step float64
	decimals        int
}

func newScale(values []float64, ticks int) scale {
	low, high := extent(values)
	step := niceStep((high - low) / float64(ticks))
	s := scale{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step, step: step}
	s.decimals = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	return s
}

// extent holds all values and zero.
func extent(values []float64) (low, high float64) {
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if low == high {
		high = 1
	}
	return low, high
}

// niceStep is the next larger 1, 2 or 5 times a power of ten.
func niceStep(rough float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if rough <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func (s scale) ticks() []float64 {
	var out []float64
	for i := 0; ; i++ {
		v := s.low + float64(i)*s.step
		if v > s.high+s.step/2 {
			return out
		}
		if math.Abs(v) < s.step/1e6 {
			v = 0
		}
		out = append(out, v)
	}
}

// part is where a value stands between low (0) and high (1).
func (s scale) part(v float64) float64 { return (v - s.low) / (s.high - s.low) }
