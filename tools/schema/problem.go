package schema

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Error lists everything that is wrong with a value, in the order of the paths.
type Error struct{ Problems []Problem }

// Problem is one thing that is wrong.
type Problem struct {
	Path    string // "lines[2].total"; "" is the whole value
	Message string // reads on from the path: "must be a number, not a string"
}

func (p Problem) String() string {
	if p.Path == "" {
		return "it " + p.Message
	}
	return p.Path + " " + p.Message
}

// maxShown is how many problems an error text names; Problems holds them all.
const maxShown = 20

func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == maxShown {
			fmt.Fprintf(&b, "; and %d more", len(e.Problems)-maxShown)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Path writes the way to a value inside JSON: "lines[2].total". Each part is a key, or the index of a list item.
func Path(parts ...any) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", part)
		case string:
			if !isName(part) {
				fmt.Fprintf(&b, "[%s]", strconv.Quote(part))
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i, r := range s {
		if !unicode.IsLetter(r) && r != '_' && r != '$' && (i == 0 || !unicode.IsDigit(r) && r != '-') {
			return false
		}
	}
	return s != ""
}
