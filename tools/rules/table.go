package rules

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/tuttirun/tutti/coordinator"
)

// table is a compiled decision table.
type table struct {
	file    string
	columns []column
	rules   []rule
}

type columnKind int

const (
	ignored columnKind = iota
	when               // tests the value of an expression
	free               // holds whole expressions
	then
	naming
)

type column struct {
	kind    columnKind
	header  string      // as it is written
	field   string      // of a then column
	subject cel.Program // of a when column
}

// rule is one line of the table.
type rule struct {
	name   any // what the rule column says, or the line
	line   int
	tests  []test
	answer map[string]any
}

type test struct {
	column  int
	cell    string
	program cel.Program
}

// maxMistakes is how many mistakes of a table are named at once.
const maxMistakes = 20

func compile(file, text string, names []string, s Settings) (*table, error) {
	e, err := newEnvironment(names)
	if err != nil {
		return nil, fmt.Errorf("%s: facts: %w", file, err)
	}
	c := compiler{table: &table{file: file}, env: e, cost: s.Cost}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = separator(text)
	r.Comment = '#'
	r.TrimLeadingSpace = true
	r.LazyQuotes = true // facts["a-b"]
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the table is empty", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c.header(header)
	for len(c.wrong) < maxMistakes {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if len(c.table.rules) == s.Rows {
			return nil, fmt.Errorf("%s: it has more than %d rules", file, s.Rows)
		}
		line, _ := r.FieldPos(0)
		c.rule(line, cells)
	}
	if err := errors.Join(c.wrong...); err != nil {
		return nil, err
	}
	return c.table, nil
}

// separator is what divides the first line: spreadsheets write semicolons where the comma is a decimal one.
func separator(text string) rune {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		if strings.Contains(line, ";") {
			return ';'
		}
		break
	}
	return ','
}

type compiler struct {
	table *table
	env   *cel.Env
	cost  uint64
	wrong []error
}

func (c *compiler) mistake(line int, header string, err error) {
	c.wrong = append(c.wrong, fmt.Errorf("%s:%d, column %q: %w", c.table.file, line, header, err))
}

func (c *compiler) header(cells []string) {
	seen := map[string]bool{}
	decides := false
	if len(cells) > maxColumns {
		c.wrong = append(c.wrong, fmt.Errorf("%s: it has more than %d columns", c.table.file, maxColumns))
		return
	}
	for _, cell := range cells {
		col, err := c.column(strings.TrimSpace(cell))
		if err == nil && (col.kind == then || col.kind == naming) {
			if seen[col.field] {
				err = errors.New("there are two columns of this name")
			}
			seen[col.field] = true
		}
		if err != nil {
			c.mistake(1, col.header, err)
		}
		decides = decides || col.kind == then
		c.table.columns = append(c.table.columns, col)
	}
	if !decides && len(c.wrong) == 0 {
		c.wrong = append(c.wrong, fmt.Errorf(`%s: it has no column such as "then action", so it cannot answer anything`, c.table.file))
	}
}

func (c *compiler) column(header string) (column, error) {
	word, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	col := column{header: header}
	switch {
	case strings.HasPrefix(header, "#"), header == "":
		return col, nil
	case header == "rule":
		col.kind, col.field = naming, "rule"
		return col, nil
	case header == "when":
		col.kind = free
		return col, nil
	case word == "when":
		col.kind = when
		var err error
		col.subject, err = program(c.env, rest, c.cost)
		return col, err
	case word == "then" && rest == "rule":
		return col, errors.New(`the answer says by itself which rule it was; name the rules in a column "rule"`)
	case word == "then" && rest != "":
		col.kind, col.field = then, rest
		return col, nil
	}
	return col, errors.New(`a column is called "when …", "then …", "when", "rule", or begins with #`)
}

func (c *compiler) rule(line int, cells []string) {
	r := rule{name: line, line: line, answer: map[string]any{}}
	for i, cell := range cells {
		if i >= len(c.table.columns) {
			break
		}
		cell = strings.TrimSpace(cell)
		if len(cell) > maxCell {
			c.mistake(line, c.table.columns[i].header, fmt.Errorf("the cell has more than %d bytes", maxCell))
			continue
		}
		switch col := c.table.columns[i]; col.kind {
		case when, free:
			c.test(&r, i, cell)
		case then:
			r.answer[col.field] = literal(cell)
		case naming:
			if cell != "" {
				r.name = cell
			}
		}
	}
	r.answer["rule"] = r.name
	c.table.rules = append(c.table.rules, r)
}

func (c *compiler) test(r *rule, i int, cell string) {
	if cell == "" || cell == "-" {
		return
	}
	source, err := cell, error(nil)
	if c.table.columns[i].kind == when {
		source, err = testOf(cell)
	}
	if err == nil {
		var p cel.Program
		if p, err = program(c.env, source, c.cost); err == nil {
			r.tests = append(r.tests, test{i, cell, p})
			return
		}
	}
	c.mistake(r.line, c.table.columns[i].header, fmt.Errorf("%s: %w", cell, err))
}

// literal reads JSON; what is none is text.
func literal(cell string) any {
	if cell == "" {
		return nil
	}
	if v, err := coordinator.Decode(json.RawMessage(cell)); err == nil {
		return v
	}
	return cell
}

// hits returns the answers of the rules that fit.
func (t *table) hits(ctx context.Context, facts map[string]any, onlyFirst bool, cost uint64) ([]map[string]any, error) {
	run := evaluation{table: t, facts: facts, subjects: map[int]any{}, left: cost}
	out := []map[string]any{}
	for _, r := range t.rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		fits, err := run.fits(r)
		if err != nil {
			return nil, err
		}
		if fits {
			out = append(out, r.answer)
			if onlyFirst {
				break
			}
		}
	}
	return out, nil
}
