package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/tuttirun/tutti/coordinator"
)

// XLSXInput names a sheet of an Excel file.
type XLSXInput struct {
	Path   string `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace."`
	Sheet  string `json:"sheet,omitempty" jsonschema_description:"Its name, or its number from 1; the first one if left out."`
	Header *bool  `json:"header,omitempty" jsonschema_description:"The first row names the columns (the default). If not, they are column_1, column_2, …"`
	Skip   int    `json:"skip,omitempty" validate:"gte=0" jsonschema_description:"Rows to leave out before the first one."`
}

// Sheet is what xlsx.read gives.
type Sheet struct {
	Table
	Sheet  string   `json:"sheet"`
	Sheets []string `json:"sheets" jsonschema_description:"all of the file"`
}

func (d *desk) readXLSX(ctx context.Context, in XLSXInput) (Sheet, error) {
	data, _, err := d.load(in.Path)
	if err != nil {
		return Sheet{}, err
	}
	out, err := d.parseXLSX(ctx, data, in)
	if err != nil && ctx.Err() == nil {
		err = coordinator.Permanent(fmt.Errorf("%s: %w", in.Path, err))
	}
	return out, err
}

func (d *desk) parseXLSX(ctx context.Context, data []byte, in XLSXInput) (out Sheet, err error) {
	if err := d.checkWorkbook(ctx, data); err != nil {
		return Sheet{}, err
	}
	defer func() {
		if p := recover(); p != nil { // the library trusts the parts of a file to fit together
			err = errors.New("it cannot be read as an Excel file: its parts do not fit together")
		}
	}()
	limit := int64(d.limits.MaxUnzipped)
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: limit, UnzipXMLSizeLimit: limit, RawCellValue: true})
	if err != nil {
		return Sheet{}, fmt.Errorf("it cannot be read as an Excel file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := newSheetReader(f, in)
	if err != nil {
		return Sheet{}, err
	}
	out = Sheet{Sheet: s.name, Sheets: f.GetSheetList()}
	out.Table, err = s.table(ctx, d.limits)
	return out, err
}

// sheetReader reads one sheet of an open file.
type sheetReader struct {
	file     *excelize.File
	in       XLSXInput
	name     string
	from1904 bool
	dates    map[int]moment // by style
}

func newSheetReader(f *excelize.File, in XLSXInput) (*sheetReader, error) {
	s := &sheetReader{file: f, in: in, dates: map[int]moment{}}
	props, err := f.GetWorkbookProps()
	if err != nil {
		return nil, err
	}
	s.from1904 = props.Date1904 != nil && *props.Date1904
	names := f.GetSheetList()
	if len(names) == 0 {
		return nil, errors.New("it has no sheets")
	}
	if in.Sheet == "" {
		s.name = names[0]
		return s, nil
	}
	for _, name := range names {
		if strings.EqualFold(name, in.Sheet) {
			s.name = name
			return s, nil
		}
	}
	if n, err := strconv.Atoi(in.Sheet); err == nil && n >= 1 && n <= len(names) {
		s.name = names[n-1]
		return s, nil
	}
	return nil, fmt.Errorf("sheet: there is no %q; there is %s", in.Sheet, strings.Join(names, ", "))
}

// table reads the rows from the first one on that is not left out. Empty rows are none.
func (s *sheetReader) table(ctx context.Context, limits Settings) (out Table, err error) {
	rows, err := s.file.Rows(s.name)
	if err != nil {
		return Table{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	b := &builder{limits: limits}
	for n := 1; rows.Next(); n++ {
		if ctx.Err() != nil {
			return Table{}, ctx.Err()
		}
		cells, err := rows.Columns()
		if err == nil && n > s.in.Skip && len(cells) > 0 {
			err = s.take(b, n, cells)
		}
		if err != nil {
			return Table{}, fmt.Errorf("sheet %s, row %d: %w", s.name, n, err)
		}
	}
	if err := rows.Error(); err != nil {
		return Table{}, fmt.Errorf("sheet %s: %w", s.name, err)
	}
	if b.table.Columns == nil {
		return Table{}, fmt.Errorf("sheet %s: it has no rows, not even one that names the columns", s.name)
	}
	return b.table, nil
}

// take adds a row; the first one makes the head. Without a head, columns appear as rows have need of them.
func (s *sheetReader) take(b *builder, n int, cells []string) error {
	values, err := s.values(n, cells)
	if err != nil {
		return err
	}
	named := s.in.Header == nil || *s.in.Header
	switch {
	case b.table.Columns == nil && named:
		titles := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				titles[i] = fmt.Sprint(v)
			}
		}
		return b.head(titles)
	case b.table.Columns == nil:
		if err := b.head(make([]string, len(values))); err != nil {
			return err
		}
	}
	if err := s.widen(b, len(values)); err != nil {
		return err
	}
	return b.add(values)
}

// widen adds columns for a row that is longer than all before; those have null there.
func (s *sheetReader) widen(b *builder, width int) error {
	if width > b.limits.MaxColumns {
		return fmt.Errorf("%d columns, at most %d are allowed (max_columns)", width, b.limits.MaxColumns)
	}
	for i := len(b.table.Columns); i < width; i++ {
		name := numbered(i)
		b.table.Columns = append(b.table.Columns, name)
		for _, row := range b.table.Rows {
			row[name] = nil
			b.size += len(name) + len(`"":null,`)
		}
	}
	if b.size > maxOutput {
		return fmt.Errorf("the rows so far have more than %d bytes as JSON: read a smaller file", maxOutput)
	}
	return nil
}

func (s *sheetReader) values(n int, cells []string) ([]any, error) {
	out := make([]any, len(cells))
	for i, raw := range cells {
		if raw == "" {
			continue
		}
		cell, err := excelize.CoordinatesToCellName(i+1, n)
		if err != nil {
			return nil, err
		}
		if out[i], err = s.value(cell, raw); err != nil {
			return nil, fmt.Errorf("cell %s: %w", cell, err)
		}
	}
	return out, nil
}

// value gives a cell's value its type. An error such as #DIV/0! is the text that the sheet shows.
func (s *sheetReader) value(cell, raw string) (any, error) {
	t, err := s.file.GetCellType(s.name, cell)
	if err != nil {
		return nil, err
	}
	switch t {
	case excelize.CellTypeBool:
		return raw == "1" || strings.EqualFold(raw, "true"), nil
	case excelize.CellTypeNumber, excelize.CellTypeUnset, excelize.CellTypeDate:
	default:
		return raw, nil
	}
	v, err := strconv.ParseFloat(raw, 64)
	if err != nil { // a date that stands there as ISO 8601 already
		return raw, nil
	}
	style, err := s.file.GetCellStyle(s.name, cell)
	if err != nil {
		return nil, err
	}
	m, err := s.moment(style)
	if err != nil {
		return nil, err
	}
	return m.show(v, s.from1904), nil
}

// moment finds out whether a style shows numbers as dates.
func (s *sheetReader) moment(style int) (moment, error) {
	if m, known := s.dates[style]; known {
		return m, nil
	}
	look, err := s.file.GetStyle(style)
	if err != nil {
		return plainNumber, err
	}
	m := momentOf(look.NumFmt, "")
	if look.CustomNumFmt != nil {
		m = momentOf(0, *look.CustomNumFmt)
	}
	s.dates[style] = m
	return m, nil
}
