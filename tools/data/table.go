package data

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// Table is what reading one gives.
type Table struct {
	Columns []string         `json:"columns" jsonschema_description:"in the order of the file"`
	Rows    []map[string]any `json:"rows"`
	Count   int              `json:"count" jsonschema_description:"of the rows"`
}

// builder makes a table row by row, within its limits.
type builder struct {
	limits Settings
	table  Table
	size   int // bytes of the rows as JSON, about
}

// head names the columns: a column without a title gets column_3, a second one of a name gets name_2.
func (b *builder) head(titles []string) error {
	if len(titles) > b.limits.MaxColumns {
		return fmt.Errorf("%d columns, at most %d are allowed (max_columns)", len(titles), b.limits.MaxColumns)
	}
	used := map[string]bool{}
	for _, t := range titles {
		used[strings.TrimSpace(t)] = true
	}
	seen := map[string]bool{}
	b.table.Columns, b.table.Rows = make([]string, 0, len(titles)), []map[string]any{}
	for i, t := range titles {
		name := strings.TrimSpace(t)
		if name == "" {
			name = numbered(i)
		}
		for base, n := name, 2; seen[name]; n++ {
			if next := fmt.Sprintf("%s_%d", base, n); !used[next] {
				name = next
			}
		}
		seen[name] = true
		b.table.Columns = append(b.table.Columns, name)
	}
	return nil
}

// numbered is the name of a column that has none; i counts from 0.
func numbered(i int) string { return "column_" + strconv.Itoa(i+1) }

// add appends a row whose values stand in the order of the columns; there may be fewer.
func (b *builder) add(values []any) error {
	if len(b.table.Rows) == b.limits.MaxRows {
		return fmt.Errorf("more than %d rows (max_rows)", b.limits.MaxRows)
	}
	row := make(map[string]any, len(b.table.Columns))
	for i, name := range b.table.Columns {
		var v any
		if i < len(values) {
			v = values[i]
		}
		row[name] = v
		b.size += len(name) + len(`"":,`) + sizeOf(v)
	}
	if b.size > maxOutput {
		return fmt.Errorf("the rows so far have more than %d bytes as JSON: read a smaller file", maxOutput)
	}
	b.table.Rows = append(b.table.Rows, row)
	b.table.Count = len(b.table.Rows)
	return nil
}

func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return len(v) + 2
	case json.Number:
		return len(v)
	}
	return len("false")
}

// rowsIn reads the rows of a written table as expressions see them, each value with its type.
func rowsIn(raw []map[string]json.RawMessage) ([]map[string]any, error) {
	out := make([]map[string]any, len(raw))
	for i, row := range raw {
		out[i] = make(map[string]any, len(row))
		for name, v := range row {
			var err error
			if out[i][name], err = coordinator.Decode(v); err != nil {
				return nil, fmt.Errorf("rows.%d.%s: %w", i, name, err)
			}
		}
	}
	return out, nil
}

// fieldsOf returns the fields of the rows, sorted, for a table that names no columns.
func fieldsOf(rows []map[string]any) []string {
	all := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// checkFields finds a column that no row has a value for: most likely it is misspelt.
func checkFields(columns []string, rows []map[string]any) error {
	if len(rows) == 0 {
		return nil
	}
	fields := fieldsOf(rows)
	for i, c := range columns {
		if _, ok := slices.BinarySearch(fields, c); !ok {
			return fmt.Errorf("columns.%d: no row has a field %q; the fields are %s", i, c, strings.Join(fields, ", "))
		}
	}
	return nil
}

// checkSize refuses a table that is too large to write.
func (d *desk) checkSize(columns, rows int) error {
	if columns > d.limits.MaxColumns {
		return fmt.Errorf("columns: %d, at most %d are allowed (max_columns)", columns, d.limits.MaxColumns)
	}
	if rows > d.limits.MaxRows {
		return fmt.Errorf("rows: %d, at most %d are allowed (max_rows)", rows, d.limits.MaxRows)
	}
	return nil
}
