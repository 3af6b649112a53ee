package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// near returns those of the known names that a mistyped one may have meant, the nearest first.
func near(written string, known []string) []string {
	type guess struct {
		name string
		off  int
	}
	var guesses []guess
	for _, name := range known {
		a, b := strings.ToLower(written), strings.ToLower(name)
		off := edits(a, b)
		switch {
		case off <= 1+len(written)/3 && off < len(name):
		case len(a) > 1 && strings.Contains(b, a):
			off = len(b) // after those that look alike
		default:
			continue
		}
		guesses = append(guesses, guess{name, off})
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.off - b.off })
	var out []string
	for _, g := range guesses[:min(len(guesses), 3)] {
		out = append(out, g.name)
	}
	return out
}

// didYouMean is a half-sentence with what was likely meant; "" when nothing is near.
func didYouMean(written string, known []string) string {
	guesses := near(written, known)
	if len(guesses) == 0 {
		return ""
	}
	for i, g := range guesses {
		guesses[i] = fmt.Sprintf("%q", g)
	}
	return "; did you mean " + strings.Join(guesses, " or ") + "?"
}

// edits is how many letters have to be put in, left out or changed to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// knownCommands refuses the words after a group of commands that name none of them.
func knownCommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	hint := didYouMean(args[0], known)
	if hint == "" {
		hint = "; there are " + strings.Join(known, ", ")
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), hint)
}
