package sqldb

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// arg is one argument, as JSON.
type arg = json.RawMessage

// sqliteValue gives an argument the type that SQLite stores it by.
func sqliteValue(raw arg) (any, error) {
	v, err := plain(raw)
	if err != nil {
		return nil, err
	}
	n, ok := v.(json.Number)
	if !ok {
		return v, nil
	}
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("%s is out of range", n)
	}
	return f, nil
}

// postgresValue gives an argument as text, which the server reads as whatever type it wants there. So a number goes into
// NUMERIC with the digits that it was written with.
func postgresValue(raw arg) (any, error) {
	v, err := plain(raw)
	switch v := v.(type) {
	case json.Number:
		return v.String(), err
	case bool:
		return strconv.FormatBool(v), err
	}
	return v, err
}

// plain reads JSON into nil, bool, string or json.Number; lists and objects stay JSON text.
func plain(raw arg) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	switch v.(type) {
	case []any, map[string]any:
		return string(raw), nil
	}
	return v, nil
}

// column turns a value of the database into one of JSON. kind is the column's type there, in capitals.
func column(v any, kind string) (any, error) {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is not a number in JSON", v)
		}
		return v, nil
	case time.Time:
		return timeText(v, kind), nil
	case []byte:
		if kind == "JSON" || kind == "JSONB" {
			return json.RawMessage(v), nil
		}
		return base64.StdEncoding.EncodeToString(v), nil
	case string:
		if kind == "NUMERIC" {
			return decimal(v)
		}
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("its text is not UTF-8; store it as a blob")
		}
		return v, nil
	}
	return v, nil
}

func timeText(t time.Time, kind string) string {
	switch kind {
	case "DATE":
		return t.Format(time.DateOnly)
	case "TIMESTAMPTZ":
		return t.UTC().Format(time.RFC3339Nano)
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999999")
}

// decimal takes NUMERIC as a number as long as a float keeps its digits.
func decimal(s string) (any, error) {
	const exact = 15 // digits that every float64 keeps
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(s), "0")
	if _, err := strconv.ParseFloat(s, 64); err != nil || strings.ContainsAny(s, "NnIi") {
		return nil, fmt.Errorf("%s is not a number in JSON", s)
	}
	if strings.Contains(s, ".") {
		digits = strings.TrimRight(digits, "0")
	}
	if len(digits) > exact {
		return nil, fmt.Errorf("%s has more than %d digits; cast it to text in the statement", s, exact)
	}
	return json.Number(s), nil
}

// readRows reads all rows, or says which limit they break.
func readRows(rows *sql.Rows, d dialect, most int) ([]map[string]any, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	names, err := columnNames(types)
	if err != nil {
		return nil, err
	}
	kinds := columnKinds(types, d)
	out, size := []map[string]any{}, 0
	for rows.Next() {
		if len(out) == most {
			return nil, permanent("it returns more than %d rows; put a limit into the statement, or raise rows in the settings", most)
		}
		row, n, err := readRow(rows, kinds, names)
		if err != nil {
			return nil, err
		}
		if size += n; size > maxOutput {
			return nil, permanent("its rows have more than %d bytes; select fewer columns or rows", maxOutput)
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func columnNames(types []*sql.ColumnType) ([]string, error) {
	names := make([]string, len(types))
	seen := map[string]bool{}
	for i, t := range types {
		names[i] = t.Name()
		if seen[names[i]] {
			return nil, permanent("two of its columns are called %q; rename one with \"as\"", names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

// columnKinds names the types that need care. SQLite's are only declared: what is stored may be anything, apart from times,
// which its driver reads.
func columnKinds(types []*sql.ColumnType, d dialect) []string {
	kinds := make([]string, len(types))
	for i, t := range types {
		kinds[i] = t.DatabaseTypeName()
		switch {
		case d == postgres || kinds[i] == "DATE":
		case kinds[i] == "TIMESTAMP" || kinds[i] == "DATETIME":
			kinds[i] = "TIMESTAMPTZ"
		default:
			kinds[i] = ""
		}
	}
	return kinds
}

func readRow(rows *sql.Rows, kinds, names []string) (row map[string]any, size int, err error) {
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, 0, err
	}
	row = make(map[string]any, len(names))
	for i, name := range names {
		v, err := column(values[i], kinds[i])
		if err != nil {
			return nil, 0, permanent("column %s: %w", name, err)
		}
		row[name] = v
		size += len(name) + 8
		switch v := v.(type) {
		case string:
			size += len(v)
		case json.RawMessage:
			size += len(v)
		}
	}
	return row, size, nil
}
