package page

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"
)

// maxTableRows bounds one table of a page.
const maxTableRows = 10_000

// grid is a table whose cells are text.
type grid struct {
	titles []string
	right  []bool // numbers stand below each other
	whole  []bool // dates and amounts don't break
	cells  [][]string
}

// newGrid reads rows, a list of objects, by columns of the form field, field:Title or field:Title:format.
func newGrid(rows any, columns []string) (*grid, error) {
	list, ok := rows.([]any)
	if !ok && rows != nil {
		return nil, fmt.Errorf("table: it takes a list of objects, not %T", rows)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf(`table: name its columns, such as "seller" or "total:Total:money"`)
	}
	if len(list) > maxTableRows {
		return nil, fmt.Errorf("table: it has %d rows; %d is the limit", len(list), maxTableRows)
	}
	g := &grid{right: make([]bool, len(columns)), whole: make([]bool, len(columns))}
	for range list {
		g.cells = append(g.cells, make([]string, len(columns)))
	}
	for i, column := range columns {
		if err := g.column(i, column, list); err != nil {
			return nil, fmt.Errorf("table: column %s: %w", column, err)
		}
	}
	return g, nil
}

func (g *grid) column(i int, column string, list []any) error {
	field, rest, _ := strings.Cut(column, ":")
	title, format, _ := strings.Cut(rest, ":")
	if title == "" {
		title = strings.ToUpper(field[:min(1, len(field))]) + strings.ReplaceAll(field[min(1, len(field)):], "_", " ")
	}
	g.titles = append(g.titles, title)
	numbers := len(list) > 0
	for n, row := range list {
		object, ok := row.(map[string]any)
		if !ok {
			return fmt.Errorf("row %d is not an object", n)
		}
		v, ok := object[field]
		if !ok {
			return fmt.Errorf("row %d has no field %q", n, field)
		}
		text, err := formatted(v, format)
		if err != nil {
			return fmt.Errorf("row %d: %w", n, err)
		}
		g.cells[n][i] = strings.Join(strings.Fields(text), " ")
		numbers = numbers && (v == nil || isNumber(v))
	}
	g.whole[i] = format != ""
	g.right[i] = numbers || format == "money" || format == "number"
	return nil
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func formatted(v any, format string) (string, error) {
	switch format {
	case "":
		return display(v)
	case "money":
		return money(v)
	case "number":
		return number(v)
	case "date":
		return date(v, "2 Jan 2006")
	}
	return "", fmt.Errorf("unknown format %q; there is money, number and date", format)
}

func tableHTML(rows any, columns ...string) (template.HTML, error) {
	g, err := newGrid(rows, columns)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("<table>\n<thead>\n")
	g.writeRow(&b, "th", g.titles)
	b.WriteString("</thead>\n<tbody>\n")
	for _, row := range g.cells {
		g.writeRow(&b, "td", row)
	}
	b.WriteString("</tbody>\n</table>\n")
	return template.HTML(b.String()), nil
}

func (g *grid) writeRow(b *strings.Builder, tag string, cells []string) {
	b.WriteString("<tr>")
	for i, cell := range cells {
		style := ""
		switch {
		case g.right[i]:
			style = ` style="text-align:right"`
		case g.whole[i]:
			style = ` style="white-space:nowrap"`
		}
		fmt.Fprintf(b, "<%s%s>%s</%s>", tag, style, html.EscapeString(cell), tag)
	}
	b.WriteString("</tr>\n")
}

// tableText is Markdown whose columns stand below each other.
func tableText(rows any, columns ...string) (string, error) {
	g, err := newGrid(rows, columns)
	if err != nil {
		return "", err
	}
	widths := make([]int, len(g.titles))
	lines := append([][]string{g.titles}, g.cells...)
	for _, line := range lines {
		for i := range line {
			line[i] = strings.ReplaceAll(line[i], "|", "/") // a bar would end the cell
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]), 3)
		}
	}
	var b strings.Builder
	for n, line := range lines {
		b.WriteByte('|')
		for i, cell := range line {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if g.right[i] {
				cell = space + cell
			} else {
				cell += space
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteByte('\n')
		if n == 0 {
			g.writeRule(&b, widths)
		}
	}
	return b.String(), nil
}

func (g *grid) writeRule(b *strings.Builder, widths []int) {
	b.WriteByte('|')
	for i, w := range widths {
		end := " |"
		if g.right[i] {
			w, end = w-1, ": |"
		}
		b.WriteString(" " + strings.Repeat("-", w) + end)
	}
	b.WriteByte('\n')
}
