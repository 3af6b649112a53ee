package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes are what a server says of its tools compared with what was accepted. All texts are the server's, with characters
// that don't show written out as \u{…}.
type Changes struct {
	Server  string   `json:"server"`
	First   bool     `json:"first,omitempty"` // nothing of this server was accepted before
	Added   []Change `json:"added,omitempty"`
	Changed []Change `json:"changed,omitempty"`
	Removed []Change `json:"removed,omitempty"`
}

// Change is one tool that differs.
type Change struct {
	Tool  string   `json:"tool"`
	Parts []string `json:"parts,omitempty"` // of a changed one: title, description, input schema, output schema, hints
	Lines []string `json:"lines,omitempty"` // the difference: each begins with "- ", "+ " or two spaces
}

// None reports whether nothing differs.
func (c Changes) None() bool { return len(c.Added)+len(c.Changed)+len(c.Removed) == 0 }

// String is the whole difference for people.
func (c Changes) String() string {
	if c.None() {
		return c.Server + ": nothing has changed\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d added, %d changed, %d removed\n", c.Server, len(c.Added), len(c.Changed), len(c.Removed))
	for _, group := range []struct {
		word string
		list []Change
	}{{"added", c.Added}, {"changed", c.Changed}, {"removed", c.Removed}} {
		for _, one := range group.list {
			fmt.Fprintf(&b, "\n%s %s", group.word, one.Tool)
			if len(one.Parts) > 0 {
				fmt.Fprintf(&b, " (%s)", strings.Join(one.Parts, ", "))
			}
			b.WriteByte('\n')
			for _, text := range one.Lines {
				fmt.Fprintf(&b, "  %s\n", text)
			}
		}
	}
	return b.String()
}

func changesOf(server string, before, now map[string]definition) Changes {
	c := Changes{Server: server}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		old, was := before[name]
		if !was {
			c.Added = append(c.Added, Change{Tool: revealed(name), Lines: difference(nil, now[name].lines())})
		} else if parts := old.differences(now[name]); len(parts) > 0 {
			c.Changed = append(c.Changed, Change{revealed(name), parts, difference(old.lines(), now[name].lines())})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, is := now[name]; !is {
			c.Removed = append(c.Removed, Change{Tool: revealed(name), Lines: difference(before[name].lines(), nil)})
		}
	}
	return c
}

// lines writes a definition so that differences of lines are readable.
func (d definition) lines() []string {
	var out []string
	add := func(name, text string) {
		if text == "" {
			return
		}
		parts := strings.Split(revealed(text), "\n")
		out = append(out, name+": "+parts[0])
		for _, more := range parts[1:] {
			out = append(out, "  "+more)
		}
	}
	add("title", d.Title)
	add("description", d.Description)
	add("hints", d.Hints.text())
	add("input", indented(d.Input))
	add("output", indented(d.Output))
	return out
}

func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

// maxTable bounds the work of comparing two texts line by line.
const maxTable = 4_000_000

// difference shows two texts as one: the longest common subsequence of their lines, and what each has besides.
func difference(a, b []string) []string {
	if len(a)*len(b) > maxTable {
		return append(prefixed("- ", a), prefixed("+ ", b)...)
	}
	common := commonLengths(a, b)
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	out = append(out, prefixed("- ", a[i:])...)
	return append(out, prefixed("+ ", b[j:])...)
}

// commonLengths gives the length of the longest common subsequence of a[i:] and b[j:] for all i and j.
func commonLengths(a, b []string) [][]int {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}

func prefixed(mark string, lines []string) []string {
	out := make([]string, len(lines))
	for i, text := range lines {
		out[i] = mark + text
	}
	return out
}
