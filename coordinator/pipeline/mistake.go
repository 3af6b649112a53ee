package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tuttirun/tutti/tools/secret"
)

// maxMistakes is how many mistakes of one file are kept; more would not be read.
const maxMistakes = 50

// maxExcerpt is how much of a line is shown, in characters.
const maxExcerpt = 100

// Mistake is something in a file that its author has to change.
type Mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`             // from 1
	Column  int    `json:"column"`           // from 1, in characters
	Width   int    `json:"width"`            // how many characters it is about, at least 1
	Message string `json:"message"`          // what is wrong
	Hint    string `json:"hint,omitempty"`   // what to do
	Source  string `json:"source,omitempty"` // the line
}

// String returns the place and the message, then the line with the spot marked, then what to do:
//
//	intake.yaml:9:5: unknown key "neds"
//	   9 |     neds: [text]
//	     |     ^^^^ did you mean "needs"?
func (m Mistake) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", m.File, m.Line, m.Column, m.Message)
	if strings.TrimSpace(m.Source) == "" {
		if m.Hint != "" {
			b.WriteString("; " + m.Hint)
		}
		return b.String()
	}
	line, column, width := clip(m.Source, m.Column, m.Width)
	fmt.Fprintf(&b, "\n%4d | %s\n     | %s%s", m.Line, line, strings.Repeat(" ", column-1), strings.Repeat("^", width))
	if m.Hint != "" {
		b.WriteString(" " + m.Hint)
	}
	return b.String()
}

var password = regexp.MustCompile(`://[^\s@/]*@`)

// clip makes a line fit to be shown: tabs and control characters become one column each, passwords in URLs are masked,
// and of a long line only what surrounds the spot is left.
func clip(source string, column, width int) (string, int, int) {
	source = password.ReplaceAllStringFunc(source, func(s string) string {
		return "://" + strings.Repeat("*", len([]rune(s))-4) + "@"
	})
	line := []rune(source)
	for i, r := range line {
		if r == '\t' {
			line[i] = ' '
		} else if !unicode.IsPrint(r) {
			line[i] = '·'
		}
	}
	column = min(max(column, 1), len(line)+1)
	width = max(1, min(width, len(line)-column+1))
	if len(line) <= maxExcerpt {
		return strings.TrimRight(string(line), " "), column, width
	}
	from := max(0, min(column-1-maxExcerpt/3, len(line)-maxExcerpt))
	to := min(len(line), from+maxExcerpt)
	width = min(width, to-column+1)
	shown, before := string(line[from:to]), ""
	if from > 0 {
		before = "… "
	}
	if to < len(line) {
		shown += " …"
	}
	return before + shown, column - from + len([]rune(before)), width
}

// Error is every mistake found, ordered by file, line and column.
type Error struct {
	Mistakes []Mistake `json:"mistakes"`
	Left     int       `json:"left,omitempty"` // mistakes beyond the first 50 of a file, which are not listed
}

// Error lists the mistakes; more than one are followed by their count.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Mistakes)+1)
	files := map[string]bool{}
	for _, m := range e.Mistakes {
		lines = append(lines, m.String())
		files[m.File] = true
	}
	if n := len(e.Mistakes) + e.Left; n > 1 {
		total := strconv.Itoa(n) + " mistakes"
		if len(files) > 1 {
			total += " in " + strconv.Itoa(len(files)) + " files"
		}
		if e.Left > 0 {
			total += fmt.Sprintf(", the first %d shown", len(e.Mistakes))
		}
		lines = append(lines, total)
	}
	return strings.Join(lines, "\n")
}

// span is a place in a file.
type span struct{ line, column, width int }

func (s span) spot() [2]int { return [2]int{s.line, s.column} }

// source is one file as text, and the mistakes found in it so far.
type source struct {
	name     string
	lines    []string
	root     *node // nil when the YAML itself cannot be read
	mistakes []Mistake
	left     int
	meant    map[span]string // misspelt keys by place: what was surely meant
	hidden   *secret.Set     // kept out of messages
}

func (s *source) mistake(at span, message, hint string) {
	if len(s.mistakes) >= maxMistakes {
		s.left++
		return
	}
	m := Mistake{File: s.name, Line: max(at.line, 1), Column: max(at.column, 1), Width: max(at.width, 1), Message: s.hidden.Mask(message), Hint: s.hidden.Mask(hint)}
	if m.Line <= len(s.lines) {
		m.Source = s.lines[m.Line-1]
	}
	s.mistakes = append(s.mistakes, m)
}

// err returns the mistakes as an *Error, or nil.
func (s *source) err() error {
	if len(s.mistakes) == 0 {
		return nil
	}
	e := &Error{Mistakes: slices.Clone(s.mistakes), Left: s.left}
	e.sort()
	return e
}

func (e *Error) sort() {
	slices.SortStableFunc(e.Mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// join makes one *Error of several; nil when all are.
func join(errs ...error) error {
	all := &Error{}
	for _, err := range errs {
		if e := (*Error)(nil); errors.As(err, &e) {
			all.Mistakes = append(all.Mistakes, e.Mistakes...)
			all.Left += e.Left
		}
	}
	if len(all.Mistakes) == 0 {
		return nil
	}
	all.sort()
	return all
}
