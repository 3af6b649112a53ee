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
		c.wrong(at, "", "item is there only once the list of a for_each is known")
	}
	if x.index && !n.index {
		c.wrong(at, "", "index is there only in a step with for_each or until")
	}
	if x.last && !n.last {
		c.wrong(at, "", "last is there only in a step with until, once it has begun")
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
	c.checkFields(x, at)
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
