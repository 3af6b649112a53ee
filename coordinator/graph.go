package coordinator

import (
	"fmt"
	"slices"
	"strings"
)

// naming is what an expression at some place of a plan may name besides input and the steps.
type naming struct {
	item, index, last bool
	self              bool // its own step's output: only in an undo
}

// names checks what an expression names, and notes the steps that its own step has to wait for.
func (c *compiler) names(x *expression, at spot, n naming, st *compiledStep) {
	if x.itself && !n.item {
		c.wrong(at, "", "item is there only in a step with for_each, not in its for_each itself")
	}
	if x.index && !n.index {
		c.wrong(at, "", "index is there only in a step with for_each or until")
	}
	if x.last && !n.last {
		c.wrong(at, "", "last is there only in a step with until")
	}
	for _, id := range x.refs {
		other, ok := c.byID[id]
		switch {
		case !ok && !c.known[id]:
			c.wrong(at, c.hintForStep(id), "unknown step %q", id)
		case !ok || st == nil || other == st && n.self:
		case other == st:
			hint := ""
			if n.last {
				hint = "in an until, last is its latest output"
			}
			c.wrong(at, hint, "step %q cannot use its own output", id)
		default:
			st.needs = append(st.needs, other.index)
		}
	}
}

// needs resolves the steps that a step names in its needs.
func (c *compiler) needs(st *compiledStep) {
	for i, id := range st.Needs {
		at := c.at(st, fmt.Sprintf("needs[%d]", i))
		other, ok := c.byID[id]
		switch {
		case !ok && !c.known[id]:
			c.wrong(at, c.hintForStep(id), "unknown step %q", id)
		case other == st:
			c.wrong(at, "", "step %q cannot wait for itself", id)
		case ok:
			st.needs = append(st.needs, other.index)
		}
	}
}

func (c *compiler) hintForStep(id string) string {
	if c.guesses++; c.guesses > maxGuesses {
		return ""
	}
	candidates := slices.Clone(c.options.known)
	for _, st := range c.steps {
		candidates = append(candidates, st.ID)
	}
	if guess := closest(id, candidates); guess != "" {
		return fmt.Sprintf("did you mean %q?", guess)
	}
	return ""
}

// connect completes the graph and looks for circles in it.
func (c *compiler) connect() {
	for _, st := range c.steps {
		slices.Sort(st.needs)
		st.needs = slices.Compact(st.needs)
		for _, i := range st.needs {
			c.steps[i].dependants = append(c.steps[i].dependants, st.index)
		}
	}
	s := &search{steps: c.steps, state: make([]visit, len(c.steps))}
	for _, st := range c.steps {
		s.from(st.index)
	}
	for _, circle := range s.circles {
		c.wrong(c.at(c.steps[circle[0]], ""), "an arrow reads: waits for", "steps wait for each other: %s", s.path(circle))
	}
}

type visit int

const (
	unseen visit = iota
	onPath
	finished
)

// search walks the graph depth first.
type search struct {
	steps   []*compiledStep
	state   []visit
	trail   []int
	circles [][]int // each begins with its first step in the plan
}

func (s *search) from(i int) {
	if s.state[i] != unseen {
		return
	}
	s.state[i] = onPath
	s.trail = append(s.trail, i)
	for _, need := range s.steps[i].needs {
		if s.state[need] == onPath {
			s.circle(need)
			continue
		}
		s.from(need)
	}
	s.trail = s.trail[:len(s.trail)-1]
	s.state[i] = finished
}

// circle keeps the part of the trail that begins at first.
func (s *search) circle(first int) {
	path := slices.Clone(s.trail[slices.Index(s.trail, first):])
	lowest := slices.Index(path, slices.Min(path))
	s.circles = append(s.circles, slices.Concat(path[lowest:], path[:lowest]))
}

func (s *search) path(circle []int) string {
	ids := make([]string, len(circle)+1)
	for i, at := range append(slices.Clone(circle), circle[0]) {
		ids[i] = s.steps[at].ID
	}
	return strings.Join(ids, " → ")
}

func (c *compiler) leaves() []string {
	var out []string
	for _, st := range c.steps {
		if len(st.dependants) == 0 {
			out = append(out, st.ID)
		}
	}
	return out
}

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
