package data

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html/charset"
)

// An .xlsx file comes from outside. A few kilobytes may unfold to gigabytes, by compression, and by a cell far down and to the
// right, for which the library makes room for all cells before it. Both are measured before it sees the file.

const (
	maxParts  = 2000 // files within the archive
	maxNested = 200  // elements of XML within another; what Excel writes stays below 30
)

func (d *desk) checkWorkbook(ctx context.Context, data []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")) {
		return errors.New("it is an old .xls file, or one with a password: save it as .xlsx without one")
	}
	if err != nil {
		return errors.New("it is not an Excel file (.xlsx)")
	}
	if len(archive.File) > maxParts {
		return fmt.Errorf("%d parts, at most %d are allowed", len(archive.File), maxParts)
	}
	m := &measure{left: uint64(d.limits.MaxUnzipped)}
	for _, part := range archive.File {
		if part.UncompressedSize64 > m.left {
			return fmt.Errorf("it unfolds to more than %d bytes (max_unzipped)", d.limits.MaxUnzipped)
		}
		m.left -= part.UncompressedSize64
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := m.part(ctx, part); err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
	}
	return nil
}

// measure counts what a workbook makes room for.
type measure struct {
	left  uint64 // bytes
	cells int
}

func (m *measure) part(ctx context.Context, part *zip.File) error {
	name := strings.ToLower(part.Name)
	if !strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, ".rels") {
		return nil // pictures and such; archive/zip reads no more of them than they said
	}
	r, err := part.Open()
	if err != nil {
		return errors.New("it cannot be unpacked")
	}
	defer r.Close()
	return m.sheet(ctx, xml.NewDecoder(r))
}

// sheet counts the cells of a sheet's rows up to the last of each, and the rows up to the last one. A part that is no sheet
// has none. Broken XML is an error here: the library would take the rows before the break for all.
func (m *measure) sheet(ctx context.Context, d *xml.Decoder) error {
	d.CharsetReader = charset.NewReaderLabel
	row, column, widest, last, depth := 0, 0, 0, 0, 0
	for ctx.Err() == nil {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return m.add(last, widest)
		}
		if err != nil {
			return fmt.Errorf("it is broken: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if _, ends := token.(xml.EndElement); ends {
			depth--
		}
		if !ok {
			continue
		}
		if depth++; depth > maxNested {
			return fmt.Errorf("its XML is nested more than %d deep", maxNested)
		}
		switch start.Name.Local {
		case "row":
			row, column = row+1, 0
			if n := rowOf(start); n > 0 {
				row = n
			}
			last = max(last, row)
		case "c":
			column++
			if c, _, err := excelize.CellNameToCoordinates(attribute(start, "r")); err == nil {
				column = c
			}
			widest = max(widest, column)
		default:
			continue
		}
		if last*max(widest, 1) > maxCells {
			return m.add(last, widest)
		}
	}
	return ctx.Err()
}

func (m *measure) add(rows, columns int) error {
	if m.cells += rows * max(columns, 1); m.cells > maxCells {
		return fmt.Errorf("%d rows and %d columns, empty ones included: all sheets together may have %d cells", rows, max(columns, 1), maxCells)
	}
	return nil
}

func rowOf(e xml.StartElement) int {
	n, err := strconv.Atoi(attribute(e, "r"))
	if err != nil || n < 0 || n > excelize.TotalRows {
		return 0
	}
	return n
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
