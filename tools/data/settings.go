package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/folder"
)

// Settings are the limits of the tools. The zero value takes the defaults.
type Settings struct {
	MaxBytes    int `json:"max_bytes,omitempty" validate:"gte=0"`    // of a file that is read or written
	MaxRows     int `json:"max_rows,omitempty" validate:"gte=0"`     // of a table, or lines of JSON Lines
	MaxColumns  int `json:"max_columns,omitempty" validate:"gte=0"`  // of a table
	MaxUnzipped int `json:"max_unzipped,omitempty" validate:"gte=0"` // bytes that an .xlsx file may unfold to
}

// Defaults of Settings.
const (
	DefaultMaxBytes    = 8 << 20
	DefaultMaxRows     = 20_000
	DefaultMaxColumns  = 1000
	DefaultMaxUnzipped = 64 << 20
)

// Fixed limits.
const (
	maxOutput = 8 << 20 // bytes of what a read gives, as JSON; also keeps long column names from being repeated without end
	maxCells  = 500_000 // that all sheets of an .xlsx file have room for, empty ones between others included
	maxSheets = 100
)

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&s.MaxBytes, DefaultMaxBytes}, {&s.MaxRows, DefaultMaxRows},
		{&s.MaxColumns, DefaultMaxColumns}, {&s.MaxUnzipped, DefaultMaxUnzipped},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return s
}

// New returns the workers for the workspace dir.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	f, err := folder.New(dir)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	d := &desk{f, s.withDefaults()}
	reads := tools.Options{Effect: coordinator.EffectRead, Authority: []string{"path"}}
	writes := tools.Options{Effect: coordinator.EffectIdempotent, Authority: []string{"path", "overwrite"}}
	formulas := writes
	formulas.Authority = append(formulas.Authority, "formulas")
	return []coordinator.Worker{
		tools.New("csv.read", "Reads a CSV file of the workspace as rows. Cells are text unless types says more. "+
			`Example: {"path": "in/a.csv", "types": {"amount": "number"}, "decimal": "comma"} gives {"columns": ["day", "amount"], "rows": [{"day": "1.9.2026", "amount": 12.5}], "count": 1}.`,
			d.readCSV, reads),
		tools.New("csv.write", "Writes rows as a CSV file of the workspace. A file with other content is only replaced with overwrite. "+
			`Example: {"path": "out/a.csv", "columns": ["day", "amount"], "rows": [{"day": "2026-09-01", "amount": 12.5}]}.`,
			d.writeCSV, formulas),
		tools.New("json.read", "Reads a JSON or JSON Lines file of the workspace, or the part of it that a JSON pointer names. "+
			`Example: {"path": "in/order.json", "at": "/lines/0"} gives {"value": {"item": "bolt"}}.`,
			d.readJSON, reads),
		tools.New("json.write", "Writes a value as a JSON or JSON Lines file of the workspace, or sets the part of a JSON file that a JSON pointer names. "+
			"A file with other content is only replaced with overwrite.",
			d.writeJSON, writes),
		tools.New("xlsx.read", "Reads a sheet of an Excel file (.xlsx) of the workspace as rows: dates as ISO 8601, numbers as numbers. "+
			`Example: {"path": "in/a.xlsx", "sheet": "Orders"} gives {"sheet": "Orders", "columns": ["day"], "rows": [{"day": "2026-09-01"}], "count": 1, "sheets": ["Orders"]}.`,
			d.readXLSX, reads),
		tools.New("xlsx.write", "Writes tables as the sheets of an Excel file (.xlsx) of the workspace. A file with other content is only replaced with overwrite. "+
			`Example: {"path": "out/a.xlsx", "sheets": [{"name": "Orders", "columns": [{"field": "day", "format": "date"}, {"field": "total", "title": "Total", "format": "money"}], "rows": [{"day": "2026-09-01", "total": 12.5}]}]}.`,
			d.writeXLSX, writes),
	}, nil
}

// desk is the workspace that files come from and go to, and how much of it at a time.
type desk struct {
	folder *folder.Folder
	limits Settings
}

// load reads a file.
func (d *desk) load(path string) (data []byte, shown string, err error) {
	err = d.folder.Within(path, func(root *os.Root, local string) (err error) {
		shown = folder.Shown(local)
		data, err = folder.Load(root, local, d.limits.MaxBytes)
		return err
	})
	return data, shown, err
}

// Written says what became of a file.
type Written struct {
	Path    string `json:"path"`
	Rows    int    `json:"rows,omitempty" jsonschema_description:"of a table, without its head"`
	Bytes   int    `json:"bytes"`
	SHA256  string `json:"sha256"`
	Changed bool   `json:"changed" jsonschema_description:"False if the file was like this before."`
}

// store writes a file.
func (d *desk) store(path, content string, overwrite bool) (Written, error) {
	if len(content) > d.limits.MaxBytes {
		return Written{}, permanent("path %q: %d bytes to write, at most %d are allowed (max_bytes)", path, len(content), d.limits.MaxBytes)
	}
	sum := sha256.Sum256([]byte(content))
	out := Written{Bytes: len(content), SHA256: hex.EncodeToString(sum[:])}
	err := d.folder.Change(path, func(root *os.Root, local string) (err error) {
		out.Path = folder.Shown(local)
		out.Changed, err = folder.Write(root, local, content, overwrite)
		return err
	})
	return out, err
}

func permanent(format string, args ...any) error {
	return coordinator.Permanent(fmt.Errorf(format, args...))
}
