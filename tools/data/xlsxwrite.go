package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/tuttirun/tutti/coordinator"
)

// XLSXOutput is an Excel file to write.
type XLSXOutput struct {
	Path      string        `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace. Missing folders are made."`
	Sheets    []SheetOutput `json:"sheets" validate:"min=1,dive"`
	Overwrite bool          `json:"overwrite,omitempty" jsonschema_description:"Replace a file that has other content."`
}

// SheetOutput is one sheet to write.
type SheetOutput struct {
	Name    string                       `json:"name" validate:"required,max=31"`
	Rows    []map[string]json.RawMessage `json:"rows" jsonschema_description:"Each an object of text, numbers, booleans and null."`
	Columns []Column                     `json:"columns,omitempty" validate:"dive" jsonschema_description:"Which fields, in which order; all of them, by name, if left out."`
	Freeze  *bool                        `json:"freeze,omitempty" jsonschema_description:"Keep the head in sight (the default)."`
}

// Column is one column of a sheet to write.
type Column struct {
	Field  string  `json:"field" validate:"required"`
	Title  string  `json:"title,omitempty" jsonschema_description:"The field's name if left out."`
	Width  float64 `json:"width,omitempty" validate:"gte=0,lte=255" jsonschema_description:"In characters; as wide as its content if left out."`
	Format string  `json:"format,omitempty" validate:"omitempty,oneof=text integer number money percent date datetime" jsonschema_description:"How values look. With date and datetime, texts such as 2026-09-30 become dates."`
}

var formats = map[string]string{
	"text": "@", "integer": "#,##0", "number": "#,##0.######", "money": "#,##0.00", "percent": "0.00%",
	"date": "yyyy-mm-dd", "datetime": "yyyy-mm-dd hh:mm:ss",
}

func (d *desk) writeXLSX(ctx context.Context, in XLSXOutput) (Written, error) {
	content, rows, err := d.formatXLSX(ctx, in)
	if ctx.Err() != nil {
		return Written{}, coordinator.NotDone(ctx.Err())
	}
	if err != nil {
		return Written{}, coordinator.Permanent(err)
	}
	out, err := d.store(in.Path, content, in.Overwrite)
	out.Rows = rows
	return out, err
}

func (d *desk) formatXLSX(ctx context.Context, in XLSXOutput) (content string, rows int, err error) {
	if len(in.Sheets) > maxSheets {
		return "", 0, fmt.Errorf("sheets: %d, at most %d are allowed", len(in.Sheets), maxSheets)
	}
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &workbook{file: f, styles: map[string]int{}}
	for i, s := range in.Sheets {
		if err := d.addSheet(ctx, w, i, s); err != nil {
			return "", 0, fmt.Errorf("sheets.%d: %w", i, err)
		}
		rows += len(s.Rows)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return "", 0, err
	}
	return b.String(), rows, nil
}

// addSheet makes a sheet; a new file has one already.
func (d *desk) addSheet(ctx context.Context, w *workbook, i int, s SheetOutput) error {
	if at, err := w.file.GetSheetIndex(s.Name); i > 0 && err == nil && at >= 0 {
		return fmt.Errorf("name: there are two sheets %q", s.Name)
	}
	var err error
	if i == 0 {
		err = w.file.SetSheetName(w.file.GetSheetName(0), s.Name)
	} else {
		_, err = w.file.NewSheet(s.Name)
	}
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	rows, err := rowsIn(s.Rows)
	if err != nil {
		return err
	}
	if s.Columns, err = columnsOf(s.Columns, rows); err != nil {
		return err
	}
	if w.cells += (len(rows) + 1) * len(s.Columns); w.cells > maxCells {
		return fmt.Errorf("more than %d cells", maxCells)
	}
	if err := d.checkSize(len(s.Columns), len(rows)); err != nil {
		return err
	}
	return w.fill(ctx, s, rows)
}

func columnsOf(given []Column, rows []map[string]any) ([]Column, error) {
	if len(given) == 0 {
		for _, name := range fieldsOf(rows) {
			given = append(given, Column{Field: name})
		}
		return given, nil
	}
	names := make([]string, len(given))
	for i, c := range given {
		names[i] = c.Field
	}
	return given, checkFields(names, rows)
}

// workbook is a file in the making.
type workbook struct {
	file   *excelize.File
	styles map[string]int // by format; "" is the head
	cells  int
}

func (w *workbook) fill(ctx context.Context, s SheetOutput, rows []map[string]any) error {
	for i, c := range s.Columns {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.column(s.Name, i+1, c, rows); err != nil {
			return err
		}
	}
	if len(s.Columns) == 0 || s.Freeze != nil && !*s.Freeze {
		return nil
	}
	return w.file.SetPanes(s.Name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// column writes the head and the cells of the n-th column, from 1.
func (w *workbook) column(sheet string, n int, c Column, rows []map[string]any) error {
	if c.Title == "" {
		c.Title = c.Field
	}
	width := utf8.RuneCountInString(c.Title)
	for i, row := range rows {
		v, err := c.value(row[c.Field])
		if err == nil {
			err = w.set(sheet, n, i+2, v)
		}
		if err != nil {
			return fmt.Errorf("rows.%d.%s: %w", i, c.Field, err)
		}
		width = max(width, utf8.RuneCountInString(c.shown(v)))
	}
	if err := w.set(sheet, n, 1, c.Title); err != nil {
		return fmt.Errorf("title of %s: %w", c.Field, err)
	}
	return w.look(sheet, n, c, width, len(rows))
}

func (w *workbook) set(sheet string, column, row int, v any) error {
	cell, err := excelize.CoordinatesToCellName(column, row)
	if err != nil || v == nil {
		return err
	}
	if text, ok := v.(string); ok { // never a formula
		if utf8.RuneCountInString(text) > excelize.TotalCellChars {
			return fmt.Errorf("%d characters, a cell holds %d", utf8.RuneCountInString(text), excelize.TotalCellChars)
		}
		return w.file.SetCellStr(sheet, cell, text)
	}
	return w.file.SetCellValue(sheet, cell, v)
}

// look sets the width and the styles of a column.
func (w *workbook) look(sheet string, n int, c Column, width, rows int) error {
	const narrowest, widest = 8, 60
	name, err := excelize.ColumnNumberToName(n)
	if err != nil {
		return err
	}
	if c.Width == 0 {
		c.Width = float64(min(max(width+2, narrowest), widest))
	}
	if err := w.file.SetColWidth(sheet, name, name, c.Width); err != nil {
		return err
	}
	head, err := w.style("")
	if err != nil {
		return err
	}
	if err := w.file.SetCellStyle(sheet, name+"1", name+"1", head); err != nil || c.Format == "" || rows == 0 {
		return err
	}
	style, err := w.style(c.Format)
	if err != nil {
		return err
	}
	return w.file.SetCellStyle(sheet, name+"2", name+strconv.Itoa(rows+1), style)
}

func (w *workbook) style(format string) (int, error) {
	if id, known := w.styles[format]; known {
		return id, nil
	}
	look := &excelize.Style{Font: &excelize.Font{Bold: true}}
	if format != "" {
		code := formats[format]
		look = &excelize.Style{CustomNumFmt: &code}
	}
	id, err := w.file.NewStyle(look)
	w.styles[format] = id
	return id, err
}

// value is what a cell of this column holds.
func (c Column) value(v any) (any, error) {
	switch v.(type) {
	case []any, map[string]any:
		return nil, fmt.Errorf("a cell holds text, a number, a boolean or null, not a list or an object")
	}
	text, isText := v.(string)
	switch c.Format {
	case "integer", "number", "money", "percent":
		if isText {
			return nil, fmt.Errorf("%q is text, and the column's format is %s", clip(text), c.Format)
		}
	case "text":
		if v != nil && !isText {
			return CSVOutput{}.cell(v), nil
		}
	case "date", "datetime":
		if v == nil || isText && text == "" {
			return nil, nil
		}
		for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", time.DateTime, time.RFC3339} {
			if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1900 {
				return t.UTC(), nil // Excel knows no time zones
			}
		}
		return nil, fmt.Errorf("%q is not a date such as 2026-09-30 or a time such as 2026-09-30T08:15:00", clip(fmt.Sprint(v)))
	}
	return v, nil
}

// shown is about what a reader sees of a value; its length makes the column's width.
func (c Column) shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return map[bool]string{true: time.DateOnly, false: time.DateTime}[c.Format == "date"]
	case float64:
		if c.Format != "" {
			return strconv.FormatFloat(v, 'f', 2, 64) + ",,"
		}
	}
	return fmt.Sprint(v)
}
