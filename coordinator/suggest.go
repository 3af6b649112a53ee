package coordinator

import (
	"iter"
	"strings"
)

// maxGuesses bounds the work for plans that are wrong everywhere.
const maxGuesses = 50

// closest returns the candidate that a typing mistake may have turned into name; "" when none is near.
func closest(name string, candidates []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, candidate := range candidates {
		if candidate == name || max(len(candidate)-len(name), len(name)-len(candidate)) >= least {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between a and b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// misspellings yields every name that is one typing mistake away from name: two letters swapped, one too many, one wrong,
// one forgotten.
func misspellings(name string) iter.Seq[string] {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789._-/"
	return func(yield func(string) bool) {
		for i := 0; i+1 < len(name); i++ {
			if !yield(name[:i] + name[i+1:i+2] + name[i:i+1] + name[i+2:]) {
				return
			}
		}
		for i := range len(name) {
			if !yield(name[:i] + name[i+1:]) {
				return
			}
		}
		for i := 0; i <= len(name); i++ {
			for _, l := range letters {
				if i < len(name) && !yield(name[:i]+string(l)+name[i+1:]) {
					return
				}
				if !yield(name[:i] + string(l) + name[i:]) {
					return
				}
			}
		}
	}
}
