package files

import (
	"encoding/csv"
	"strings"
	"unicode/utf8"
)

// maxCell is how far a cell may push the next column, in characters; longer ones overhang.
const maxCell = 60

// writeTable writes rows so that columns stand below each other, two spaces apart.
func writeTable(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], min(utf8.RuneCountInString(cell), maxCell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
}

// csvText lays a CSV out as a table. Text that is none comes back as it is.
func csvText(text string) string {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma = separator(text)
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	reader.TrimLeadingSpace = true
	rows, err := reader.ReadAll()
	if err != nil {
		return text
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = strings.Join(strings.Fields(cell), " ")
		}
	}
	var b strings.Builder
	writeTable(&b, rows)
	return b.String()
}

// separator is the character that splits the first line best; a semicolon beats a comma, which may be a decimal one.
func separator(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	for _, r := range ";\t|" {
		if strings.ContainsRune(line, r) {
			return r
		}
	}
	return ','
}
