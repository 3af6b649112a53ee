package pipeline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	atColumn    = regexp.MustCompile(` \(column ([0-9]{1,6})\)$`)
	unknownStep = regexp.MustCompile(`^unknown step "([^"]+)"`)
)

// focus narrows a mistake in an expression from the whole text down to the spot, where the line shows it: the plan's
// checker counts columns from the expression's start, people from the line's.
func (s *source) focus(at span, message string) (span, string) {
	if at.line < 1 || at.line > len(s.lines) {
		return at, message
	}
	line := []rune(s.lines[at.line-1])
	from, to := min(at.column-1, len(line)), min(at.column-1+at.width, len(line))
	written := string(line[from:to])
	if m := unknownStep.FindStringSubmatch(message); m != nil {
		if before, _, found := strings.Cut(written, "steps."+m[1]); found {
			return span{at.line, at.column + utf8.RuneCountInString(before), len([]rune("steps." + m[1]))}, message
		}
		return at, message
	}
	m := atColumn.FindStringSubmatch(message)
	if m == nil || strings.ContainsRune(written, '\\') || strings.Contains(written, "''") {
		return at, message // escapes shift the columns
	}
	start, ok := expressionStart(written)
	column, _ := strconv.Atoi(m[1])
	if !ok || start+column > to-from+1 {
		return at, message
	}
	return span{at.line, at.column + start + column - 1, 1}, strings.TrimSuffix(message, m[0])
}

// expressionStart returns after how many characters the only expression of a text begins.
func expressionStart(written string) (int, bool) {
	const open = "${{"
	head, rest := "", written
	switch strings.Count(written, open) {
	case 0:
		if strings.HasPrefix(written, `"`) || strings.HasPrefix(written, "'") {
			head, rest = written[:1], written[1:]
		}
	case 1:
		before, after, _ := strings.Cut(written, open)
		head, rest = before+open, after
	default:
		return 0, false
	}
	blank := rest[:len(rest)-len(strings.TrimLeft(rest, " "))]
	return utf8.RuneCountInString(head + blank), true
}
