package docs_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// names are what a page calls things that have other names while it is tested: addresses and runs.
type names struct {
	addresses map[string]string // as on the page, to what they are
	runs      map[string]string // the same for run and batch ids
	exported  map[string]string // variables that the page sets, as NAME=value by name
	latest    string            // run that was named last
}

func namesFor(addresses map[string]string) *names {
	return &names{addresses: addresses, runs: map[string]string{}, exported: map[string]string{}}
}

var id = regexp.MustCompile(`\b[rb]-[0-9a-z]{8,9}-[0-9a-f]{16}\b`)

// real returns a text of the page with the true names.
func (n *names) real(text string) string {
	for _, shown := range slices.Sorted(maps.Keys(n.addresses)) {
		text = strings.ReplaceAll(text, shown, n.addresses[shown])
	}
	return id.ReplaceAllStringFunc(text, func(shown string) string {
		if real, ok := n.runs[shown]; ok {
			return real
		}
		return shown
	})
}

// passing is what differs each time: durations, ages, points in time.
var passing = regexp.MustCompile(`\b\d+(\.\d+)?(ms|µs)\b|\b\d+\.\d+s\b|(?m)\b\d+s$|\b\d+(ms|s|m) ago\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?|\b[A-Z][a-z]{2} \d\d \d\d:\d\d\b`)

// shown returns what was printed with the page's names, line by line.
func (n *names) shown(text string) []string {
	for _, shown := range slices.Sorted(maps.Keys(n.addresses)) {
		text = strings.ReplaceAll(text, n.addresses[shown], shown)
	}
	text = id.ReplaceAllStringFunc(text, func(real string) string {
		for shown, r := range n.runs {
			if r == real {
				return shown
			}
		}
		for i := len(n.runs); ; i++ {
			n.latest = fmt.Sprintf("%c-mq2k7x1c-%016x", real[0], 0x5a17c0de00000000+uint64(i)*0x01f35d7b9)
			if n.runs[n.latest] == "" {
				break
			}
		}
		n.runs[n.latest] = real
		return n.latest
	})
	return clean(passing.ReplaceAllString(text, "…"))
}

// clean returns the lines of a text without what one doesn't see.
func clean(text string) []string {
	text = strings.TrimRight(text, " \n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// match reports whether a text is what the page says, and learns the names of runs from it.
func (n *names) match(want []string, got string) bool {
	for shown, real := range n.addresses {
		got = strings.ReplaceAll(got, real, shown)
	}
	var pattern strings.Builder
	var learned []string
	pattern.WriteString("^")
	for _, line := range clean(strings.Join(want, "\n")) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		learned = append(learned, n.line(&pattern, line)...)
		pattern.WriteString(` *\n`)
	}
	pattern.WriteString("$")
	m := regexp.MustCompile(pattern.String()).FindStringSubmatch(joined(clean(got)))
	if m == nil {
		return false
	}
	for i, shown := range learned {
		if known, ok := n.runs[shown]; ok && known != m[i+1] {
			return false
		}
		n.runs[shown], n.latest = m[i+1], shown
	}
	return true
}

// known returns a command with the names of runs that a page has told: in place of others, which an update leaves behind,
// the latest one.
func (n *names) known(command string) string {
	return id.ReplaceAllStringFunc(command, func(shown string) string {
		if _, ok := n.runs[shown]; ok || n.latest == "" {
			return shown
		}
		return n.latest
	})
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// line adds one line to a pattern, and returns the names in it that are still to be learned.
func (n *names) line(pattern *strings.Builder, line string) (learned []string) {
	at := 0
	for _, m := range id.FindAllStringIndex(line, -1) {
		shown := line[m[0]:m[1]]
		pattern.WriteString(quoted(line[at:m[0]]))
		if real, ok := n.runs[shown]; ok {
			pattern.WriteString(regexp.QuoteMeta(real))
		} else {
			pattern.WriteString(`(` + strings.Trim(id.String(), `\b`) + `)`)
			learned = append(learned, shown)
		}
		at = m[1]
	}
	pattern.WriteString(quoted(line[at:]))
	return learned
}

var gap = regexp.MustCompile(` {2,}`)

// quoted returns a pattern for a part of a line. Columns are as wide as what stands in them, durations too: a gap is a gap.
func quoted(text string) string {
	return gap.ReplaceAllString(strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*?"), " {2,}")
}
