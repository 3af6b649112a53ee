package data

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// CSVInput names a CSV file and how to read it.
type CSVInput struct {
	Path      string            `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace."`
	Delimiter string            `json:"delimiter,omitempty" jsonschema_description:"One character, or tab; found by itself if left out."`
	Header    *bool             `json:"header,omitempty" jsonschema_description:"The first row names the columns (the default). If not, they are column_1, column_2, …"`
	Skip      int               `json:"skip,omitempty" validate:"gte=0" jsonschema_description:"Lines to leave out before the first row."`
	Types     map[string]string `json:"types,omitempty" jsonschema_description:"By column: text (the default), number, integer, boolean, date, or date with a pattern such as date:DD/MM/YYYY. An empty cell is null then."`
	Decimal   string            `json:"decimal,omitempty" validate:"omitempty,oneof=point comma" jsonschema_description:"What stands before the decimals of a number; a point if left out."`
}

func (d *desk) readCSV(ctx context.Context, in CSVInput) (Table, error) {
	data, _, err := d.load(in.Path)
	if err != nil {
		return Table{}, err
	}
	text, binary := plaintext.Decode(data)
	if binary {
		return Table{}, permanent("path %q: it holds binary data, not CSV", in.Path)
	}
	out, err := d.parseCSV(ctx, text, in)
	if err != nil && ctx.Err() == nil {
		err = coordinator.Permanent(fmt.Errorf("%s: %w", in.Path, err))
	}
	return out, err
}

// parseCSV reads RFC 4180, with any delimiter.
func (d *desk) parseCSV(ctx context.Context, text string, in CSVInput) (Table, error) {
	for range in.Skip {
		_, rest, more := strings.Cut(text, "\n")
		if !more {
			return Table{}, fmt.Errorf("skip: it has only %d lines", strings.Count(text, "\n")+1)
		}
		text = rest
	}
	comma, err := delimiter(in.Delimiter, text)
	if err != nil {
		return Table{}, err
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	p := &csvParser{in: in, reader: r, builder: builder{limits: d.limits}}
	for ctx.Err() == nil {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return p.finish()
		}
		if err == nil {
			err = p.take(record)
		}
		if err != nil {
			return Table{}, p.locate(err)
		}
	}
	return Table{}, ctx.Err()
}

type csvParser struct {
	in      CSVInput
	reader  *csv.Reader
	builder builder
	kinds   []kind
}

// take adds a record; the first one makes the head.
func (p *csvParser) take(record []string) error {
	if p.kinds == nil {
		named := p.in.Header == nil || *p.in.Header
		titles := record
		if !named {
			titles = make([]string, len(record))
		}
		if err := p.begin(titles); err != nil || named {
			return err
		}
	}
	if len(record) != len(p.kinds) {
		return fmt.Errorf("%d fields where there are %d columns", len(record), len(p.kinds))
	}
	values := make([]any, len(record))
	for i, cell := range record {
		var err error
		if values[i], err = p.kinds[i](cell); err != nil {
			return fmt.Errorf("column %s: %w", p.builder.table.Columns[i], err)
		}
	}
	return p.builder.add(values)
}

func (p *csvParser) begin(titles []string) (err error) {
	if err = p.builder.head(titles); err != nil {
		return err
	}
	p.kinds, err = kindsOf(p.builder.table.Columns, p.in.Types, p.in.Decimal)
	return err
}

func (p *csvParser) finish() (Table, error) {
	if p.kinds == nil {
		return Table{}, errors.New("it has no rows, not even one that names the columns")
	}
	return p.builder.table, nil
}

// locate names the line of the file that an error is about.
func (p *csvParser) locate(err error) error {
	if wrong := (*csv.ParseError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("line %d, character %d: %w", wrong.Line+p.in.Skip, wrong.Column, wrong.Err)
	}
	line, _ := p.reader.FieldPos(0)
	return fmt.Errorf("line %d: %w", line+p.in.Skip, err)
}

// delimiter reads a setting; without one it is the mark that splits the first line into the most fields. A semicolon beats
// a comma, which may be a decimal one.
func delimiter(setting, text string) (rune, error) {
	if setting == "tab" {
		return '\t', nil
	}
	if setting != "" {
		r, size := utf8.DecodeRuneInString(setting)
		if size != len(setting) || strings.ContainsRune("\"\r\n\ufffd", r) {
			return 0, fmt.Errorf("delimiter: %q is not one character that can separate fields, nor tab", setting)
		}
		return r, nil
	}
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n")
	best, most := ',', 0
	for _, r := range ";\t|," {
		if n := countOutsideQuotes(line, r); n > most {
			best, most = r, n
		}
		if r == ';' && most > 0 {
			break
		}
	}
	return best, nil
}

func countOutsideQuotes(line string, mark rune) (n int) {
	quoted := false
	for _, r := range line {
		if r == '"' {
			quoted = !quoted
		}
		if r == mark && !quoted {
			n++
		}
	}
	return n
}
