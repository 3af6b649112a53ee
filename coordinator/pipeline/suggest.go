package pipeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// elsewhere maps what other systems call a key to what it is called here.
var elsewhere = map[string]string{
	"args": "with", "arguments": "with", "inputs": "with", "params": "with",
	"uses": "use", "worker": "use", "agent": "use", "tool": "use", "call": "use",
	"depends_on": "needs", "dependsOn": "needs", "dependencies": "needs",
	"when": "if", "condition": "if", "foreach": "for_each", "loop": "for_each", "withItems": "for_each",
	"retries": "retry", "name": "id", "compensate": "undo", "rollback": "undo", "delay": "after", "wait": "after",
	"concurrency": "parallel", "max_rounds": "max", "outputs": "output", "prompt": "instructions", "system": "instructions",
	"tools": "calls", "users": "people", "workflows": "pipelines",
}

// suggest returns the known name that the author most likely meant, or "".
func suggest(written string, known []string) string {
	if other := elsewhere[written]; other != "" && slices.Contains(known, other) {
		return other
	}
	best, bestDistance := "", 1+max(1, len(written)/3)
	for _, name := range slices.Sorted(slices.Values(known)) {
		if d := distance(strings.ToLower(written), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// didYouMean returns a hint, or "".
func didYouMean(written string, known []string) string {
	if name := suggest(written, known); name != "" {
		return "did you mean " + strconv.Quote(name) + "?"
	}
	return ""
}

// oneOf returns a hint that lists a few known names, or the one that was likely meant.
func oneOf(written string, known []string) string {
	if hint := didYouMean(written, known); hint != "" {
		return hint
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return "known: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// workerHint says which worker was likely meant, or where tools of that kind come from.
func workerHint(written string, known []string) string {
	for _, name := range slices.Sorted(slices.Values(known)) {
		if strings.HasSuffix(name, "."+written) {
			return "did you mean " + strconv.Quote(name) + "?"
		}
	}
	hint := didYouMean(written, known)
	family, _, dotted := strings.Cut(written, ".")
	if hint != "" || !dotted || len(known) == 0 {
		return cmp.Or(hint, oneOf(written, known))
	}
	kin := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !strings.HasPrefix(name, family+".") })
	if len(kin) == 0 {
		return "no tool begins with " + family + ".; some need settings first, in " + WorkspaceFile + " under tools"
	}
	return oneOf(written, kin)
}

// distance counts the edits between two words: insertions, deletions, replacements and swaps of neighbours.
func distance(a, b string) int {
	const far = 1 << 10
	if len(a) > 100 || len(b) > 100 {
		return far
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
