package sqldb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/tools/schema"
)

// maxFile bounds one SQL file, in bytes.
const maxFile = 1 << 20

// statement is one named statement of a file.
type statement struct {
	name   string
	where  string   // file:line
	sql    string   // with :parameters
	params []string // in the order in which they first appear
	tokens []token
	writes bool // it changes something, going by its words
}

var (
	nameLine  = regexp.MustCompile(`^\s*--\s*name:\s*(.*?)\s*$`)
	validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

func readFile(root *os.Root, name string) (string, error) {
	if err := schema.CheckPath(name); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: it has more than %d bytes", name, maxFile)
	}
	return string(text), err
}

// parseStatements reads "-- name: x" blocks.
func parseStatements(file, text string) (map[string]*statement, error) {
	out := map[string]*statement{}
	var current *statement
	lines := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		m := nameLine.FindStringSubmatch(line)
		switch {
		case m != nil && !validName.MatchString(m[1]):
			return nil, fmt.Errorf("%s:%d: %q is no name for a statement; use letters, digits and _", file, i+1, m[1])
		case m != nil && out[m[1]] != nil:
			return nil, fmt.Errorf("%s:%d: statement %s is there already, in line %d", file, i+1, m[1], lines[m[1]])
		case m != nil:
			current = &statement{name: m[1], where: fmt.Sprintf("%s:%d", file, i+1)}
			out[m[1]], lines[m[1]] = current, i+1
		case current != nil:
			current.sql += line + "\n"
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(strings.TrimSpace(line), "--"):
			return nil, fmt.Errorf("%s:%d: SQL without a name; write a line like \"-- name: list_invoices\" above it", file, i+1)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: no statements; write a line like \"-- name: list_invoices\" above each", file)
	}
	for _, s := range out {
		if err := s.read(); err != nil {
			return nil, fmt.Errorf("%s: statement %s: %w", s.where, s.name, err)
		}
	}
	return out, nil
}

// read finds the parameters, and refuses what is not exactly one statement.
func (s *statement) read() error {
	tokens, err := scan(s.sql)
	if err != nil {
		return err
	}
	first := ""
	for i := 0; i < len(tokens); i++ {
		switch t := tokens[i]; t.kind {
		case parameter:
			if !slices.Contains(s.params, t.text) {
				s.params = append(s.params, t.text)
			}
		case placeholder:
			return fmt.Errorf("parameters are written as :name, not as %s", t.text)
		case semicolon:
			for _, after := range tokens[i+1:] {
				if after.kind != space {
					return errors.New("it holds more than one statement; give each a name")
				}
			}
			tokens = tokens[:i] // ends the loop
		case word:
			first = s.classify(first, strings.ToLower(t.text))
		}
	}
	if first == "" {
		return errors.New("it is empty")
	}
	s.tokens = tokens
	s.sql = render(tokens, func(p string) string { return ":" + p })
	return nil
}

// classify goes by the first word, and for WITH by any later one that changes something. It decides what a description
// lists and what sql.query refuses early; that nothing is written is for the database to hold.
func (s *statement) classify(first, w string) string {
	if first == "" {
		first = w
		s.writes = changes[w] || w == "create" || w == "drop" || w == "alter" || w == "truncate" || w == "replace" || w == "call"
	} else if first == "with" && changes[w] {
		s.writes = true
	}
	return first
}

var changes = map[string]bool{"insert": true, "update": true, "delete": true, "merge": true}

// inserts reports whether the statement is a plain insert.
func (s *statement) inserts() bool {
	for _, t := range s.tokens {
		if t.kind == word {
			return strings.EqualFold(t.text, "insert") || strings.EqualFold(t.text, "replace")
		}
	}
	return false
}

// returning reports whether the statement gives rows.
func (s *statement) returning() bool {
	for _, t := range s.tokens {
		if t.kind == word && strings.EqualFold(t.text, "returning") {
			return true
		}
	}
	return !s.writes
}
