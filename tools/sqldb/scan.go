package sqldb

import (
	"errors"
	"strings"
)

type tokenKind int

const (
	other tokenKind = iota // operators, numbers, quoted text
	space                  // blanks and comments
	word
	parameter   // :name, without the colon
	placeholder // ?, $1, @name: styles of other worlds
	semicolon
)

type token struct {
	kind tokenKind
	text string
}

// scan cuts SQL into tokens, as far as is needed to tell a parameter from everything that only looks like one: text in
// quotes, comments, Postgres's dollar quotes and its :: casts.
func scan(sql string) ([]token, error) {
	var out []token
	for len(sql) > 0 {
		kind, n, err := next(sql)
		if err != nil {
			return nil, err
		}
		text := sql[:n]
		if kind == parameter {
			text = text[1:]
		}
		out = append(out, token{kind, text})
		sql = sql[n:]
	}
	return out, nil
}

// next measures the first token.
func next(s string) (tokenKind, int, error) {
	c := s[0]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return space, 1, nil
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return space, i, nil
		}
		return space, len(s), nil
	case strings.HasPrefix(s, "/*"):
		return until(space, s, 2, "*/", "a comment")
	case c == '\'', c == '"', c == '`':
		return until(other, s, 1, s[:1], "text in quotes") // a doubled quote reads as two texts, which is as good
	case c == ';':
		return semicolon, 1, nil
	case strings.HasPrefix(s, "::"):
		return other, 2, nil
	case c == ':' && len(s) > 1 && isLetter(s[1]):
		return parameter, 1 + nameLength(s[1:]), nil
	case c == '?':
		return placeholder, 1, nil
	case c == '$':
		return dollar(s)
	case c == '@' && len(s) > 1 && isLetter(s[1]):
		return placeholder, 1 + nameLength(s[1:]), nil
	case isLetter(c):
		return word, nameLength(s), nil
	}
	return other, 1, nil
}

// dollar reads $1, which is refused, and $tag$ text $tag$, which is Postgres's other way to quote.
func dollar(s string) (tokenKind, int, error) {
	n := nameLength(s[1:])
	if len(s) > n+1 && s[n+1] == '$' && (n == 0 || isLetter(s[1])) {
		tag := s[:n+2]
		return until(other, s, len(tag), tag, "text in dollar quotes")
	}
	return placeholder, n + 1, nil
}

func until(kind tokenKind, s string, from int, end, what string) (tokenKind, int, error) {
	i := strings.Index(s[from:], end)
	if i < 0 {
		return kind, 0, errors.New(what + " does not end")
	}
	return kind, from + i + len(end), nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

func nameLength(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || '0' <= s[n] && s[n] <= '9') {
		n++
	}
	return n
}

// render writes tokens back, with each parameter as write says.
func render(tokens []token, write func(name string) string) string {
	var b strings.Builder
	for _, t := range tokens {
		if t.kind == parameter {
			b.WriteString(write(t.text))
			continue
		}
		b.WriteString(t.text)
	}
	return strings.TrimSpace(b.String())
}
