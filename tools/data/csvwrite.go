package data

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// CSVOutput is a CSV file to write.
type CSVOutput struct {
	Path      string                       `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace. Missing folders are made."`
	Rows      []map[string]json.RawMessage `json:"rows" jsonschema_description:"Each an object of text, numbers, booleans and null; a list or object is written as JSON."`
	Columns   []string                     `json:"columns,omitempty" validate:"unique" jsonschema_description:"Which fields, in which order; all of them, by name, if left out."`
	Header    *bool                        `json:"header,omitempty" jsonschema_description:"Write the names of the columns first (the default)."`
	Delimiter string                       `json:"delimiter,omitempty" jsonschema_description:"One character, or tab; a comma if left out."`
	Decimal   string                       `json:"decimal,omitempty" validate:"omitempty,oneof=point comma" jsonschema_description:"What stands before the decimals of a number; a point if left out."`
	BOM       bool                         `json:"bom,omitempty" jsonschema_description:"Begin with a byte order mark, by which Excel knows UTF-8."`
	Formulas  bool                         `json:"formulas,omitempty" jsonschema_description:"Leave texts that a spreadsheet takes for formulas as they are."`
	Overwrite bool                         `json:"overwrite,omitempty" jsonschema_description:"Replace a file that has other content."`
}

func (d *desk) writeCSV(_ context.Context, in CSVOutput) (Written, error) {
	content, err := d.formatCSV(in)
	if err != nil {
		return Written{}, coordinator.Permanent(err)
	}
	out, err := d.store(in.Path, content, in.Overwrite)
	out.Rows = len(in.Rows)
	return out, err
}

func (d *desk) formatCSV(in CSVOutput) (string, error) {
	if in.Delimiter == "" {
		in.Delimiter = ","
	}
	comma, err := delimiter(in.Delimiter, "")
	if err != nil {
		return "", err
	}
	rows, err := rowsIn(in.Rows)
	if err != nil {
		return "", err
	}
	columns := in.Columns
	if len(columns) == 0 {
		columns = fieldsOf(rows)
	}
	if err := d.checkSize(len(columns), len(rows)); err != nil {
		return "", err
	}
	if err := checkFields(columns, rows); err != nil {
		return "", err
	}
	return in.encode(comma, columns, rows)
}

func (in CSVOutput) encode(comma rune, columns []string, rows []map[string]any) (string, error) {
	var b bytes.Buffer
	if in.BOM {
		b.WriteString("\ufeff")
	}
	w := csv.NewWriter(&b)
	w.Comma = comma
	record := make([]string, len(columns))
	if in.Header == nil || *in.Header {
		for i, c := range columns {
			record[i] = in.safe(c)
		}
		if err := w.Write(record); err != nil {
			return "", err
		}
	}
	for _, row := range rows {
		for i, c := range columns {
			record[i] = in.cell(row[c])
		}
		if err := w.Write(record); err != nil {
			return "", err
		}
	}
	w.Flush()
	return b.String(), w.Error()
}

func (in CSVOutput) cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return in.safe(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if in.Decimal == "comma" {
			text = strings.Replace(text, ".", ",", 1)
		}
		return text
	}
	raw, err := json.Marshal(v)
	if err != nil { // it came from JSON
		return ""
	}
	return string(raw)
}

// safe keeps a text from being run as a formula by the spreadsheet that opens the file (OWASP: CSV injection). A text that is
// no more than a number, such as -12,50, stays.
func (in CSVOutput) safe(text string) string {
	if in.Formulas || text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) || strings.Trim(text[1:], "0123456789.,") == "" && strings.ContainsAny(text, "0123456789") {
		return text
	}
	return "'" + text
}
