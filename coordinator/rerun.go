package coordinator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// rerunning is a rerun whose first part, taking back what is to be done again, is not over.
type rerunning struct {
	prog  *program
	nodes map[string]*program // corrected plans of steps that answered with one, by path
	from  map[string]bool

	choices []Choice // about the steps of prog, when the rerun came
}

// rerun opens an ended run again, maybe with a corrected plan. What is done and unchanged is kept, what failed or was
// stopped goes on where it stands, with the keys it had; what is changed, named in From, or depends on such a step is done
// anew under a new generation. Effects of steps to be done anew are undone first, where their steps say how.
func (r *Run) rerun(e Event) (func(), string) {
	if r.status == "" {
		return nil, "the run has not ended"
	}
	again, reason := r.planRerun(e)
	if reason != "" {
		return nil, reason
	}
	return func() {
		r.status, r.output, r.label, r.failure, r.quarantined = "", nil, "", nil, false
		r.wallFrom = r.at
		if e.Plan != nil {
			r.task.Plan, r.budget = e.Plan, e.Plan.Budget
		}
		r.rerunning = again
		r.stop = &stop{} // nothing new begins until what is to be done anew is taken back
	}, ""
}

func (r *Run) planRerun(e Event) (*rerunning, string) {
	again := &rerunning{prog: r.top.prog, nodes: map[string]*program{}, from: map[string]bool{}}
	var err error
	plan := e.Plan
	if plan == nil && r.task.Plan != r.top.prog.plan { // a corrected one, cancelled before it was begun
		plan = r.task.Plan
	}
	if plan != nil {
		if again.prog, err = compile(plan, compileOptions{limits: r.limits}); err != nil {
			return nil, err.Error()
		}
	}
	for path, p := range e.Plans {
		n := r.nodes[path]
		if n == nil || n.sub == nil {
			return nil, path + " has no plan of its own"
		}
		if again.nodes[path], err = compile(p, compileOptions{limits: r.limits, known: n.sub.prev.doneIDs()}); err != nil {
			return nil, fmt.Sprintf("%s: %v", path, err)
		}
	}
	for _, id := range e.From {
		if again.prog.byID[id] == nil {
			return nil, "there is no step " + id
		}
		again.from[id] = true
	}
	again.choices = choose(r.top, again.prog, again.from)
	if why := r.unclear(again); why != "" {
		return nil, why
	}
	if again.prog == r.top.prog && !slices.ContainsFunc(again.choices, func(c Choice) bool { return c != ChoiceKeep }) {
		return nil, "every step is done: name those to do again"
	}
	return again, ""
}

// unclear returns why something cannot be done anew: nobody knows whether its effect happened, so it can only be asked about.
func (r *Run) unclear(again *rerunning) string {
	var doubt []string
	for path, n := range r.nodes {
		if n.fate == dead && n.unknown && n.role != call && !n.undoing && n.attempt != nil && !n.attempt.Effect.Repeatable() && r.doesAnew(n, again) {
			doubt = append(doubt, path)
		}
	}
	if len(doubt) == 0 {
		return ""
	}
	return fmt.Sprintf("step %s may or may not have happened: leave it, and what it needs, as it was, and a person is asked about it", slices.Min(doubt))
}

// doesAnew reports whether a rerun does a node from its beginning, or something that it is a part of.
func (r *Run) doesAnew(n *node, again *rerunning) bool {
	for ; n != nil; n = n.above() {
		s, prog, from := n.scope, again.prog, again.from
		if n.parent != nil {
			continue
		}
		if s.owner != nil {
			if prog, from = cmp.Or(again.nodes[s.owner.path], s.prog), nil; s.owner.sub != s {
				continue // an earlier plan of its owner
			}
		}
		if st := prog.byID[n.step.ID]; st != nil && choose(s, prog, from)[st.index] == ChoiceAnew {
			return true
		}
	}
	return false
}

// Choice is what a rerun does with a step.
type Choice string

const (
	ChoiceKeep Choice = "keep" // done and unchanged
	ChoiceMend Choice = "mend" // it goes on where it failed or was stopped
	ChoiceAnew Choice = "anew" // from its beginning, under a new generation
)

// Rerun tells what a Rerun event would do with each step of the plan, by id. The error says why the run cannot take it.
func (r *Run) Rerun(e Event) (map[string]Choice, error) {
	e.Kind, e.Seq = Rerun, r.seq+1
	if r.status == "" {
		return nil, &EventError{Event: e, Reason: "the run has not ended"}
	}
	again, reason := r.planRerun(e)
	if reason != "" {
		return nil, &EventError{Event: e, Reason: reason}
	}
	out := map[string]Choice{}
	for i, c := range again.choices {
		out[again.prog.steps[i].ID] = c
	}
	return out, nil
}

// PlansBelow returns the plans that workers of the run answered with, by the path of the step.
func (r *Run) PlansBelow() map[string]*Plan {
	out := map[string]*Plan{}
	for path, n := range r.nodes {
		if n.carriesOut() {
			out[path] = n.sub.prog.plan
		}
	}
	return out
}

// choose decides about every step of a plan that takes the place of a scope's.
func choose(s *scope, prog *program, from map[string]bool) []Choice {
	choices := make([]Choice, len(prog.steps))
	var decide func(st *compiledStep) Choice
	decide = func(st *compiledStep) Choice {
		if choices[st.index] != "" {
			return choices[st.index]
		}
		choice := ChoiceAnew
		if n := s.named(st.ID); n != nil && !from[st.ID] && sameWork(n.step.Step, st.Step) {
			choice = n.choice()
		}
		for _, i := range st.needs {
			if decide(prog.steps[i]) != ChoiceKeep {
				choice = ChoiceAnew
			}
		}
		choices[st.index] = choice
		return choice
	}
	for _, st := range prog.steps {
		decide(st)
	}
	return choices
}

func (s *scope) named(id string) *node {
	if st := s.prog.byID[id]; st != nil {
		return s.nodes[st.index]
	}
	return nil
}

// sameWork reports whether two steps do the same. How often, how long, and whom they ask may differ.
func sameWork(a, b *Step) bool {
	if a.Use != b.Use || a.If != b.If || a.ForEach != b.ForEach || a.Until != b.Until {
		return false
	}
	x, errX := json.Marshal(a.With)
	y, errY := json.Marshal(b.With)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func (n *node) choice() Choice {
	switch {
	case n.keeps():
		return ChoiceKeep
	case n.fate == done, n.answered && n.fate == dead, !n.worked(), n.undone, n.lostBefore(), n.takenBack && n.sub == nil && n.role != fan:
		return ChoiceAnew
	}
	return ChoiceMend
}

// lostBefore reports whether something that an earlier plan of the node did was taken back: its last plan builds on that.
func (n *node) lostBefore() bool {
	for s := n.sub; s != nil; s = s.prev {
		if (s != n.sub || !n.carriesOut()) && slices.ContainsFunc(s.nodes, func(c *node) bool { return c.takenBack }) {
			return true
		}
	}
	return false
}

// keeps reports whether what became of the node stands.
func (n *node) keeps() bool {
	return n.phase == settled && !n.takenBack && (n.fate == done || n.fate == skipped || n.onError() == OnErrorContinue)
}

// worked reports whether anything was begun, asked or decided for the node in its generation.
func (n *node) worked() bool { return !n.begun.IsZero() || n.fate != undecided || n.attempt != nil }

// goOn ends a rerun's first part once nothing that it takes back stands any more: the plan is carried out again.
func (r *Run) goOn() {
	again := r.rerunning
	if again == nil || r.top.busy > 0 || r.standing() != nil {
		return
	}
	r.rerunning, r.stop = nil, nil
	r.revive(r.top, again.prog, again)
	r.recount()
}

// takesBack reports whether an effect has to be undone: always when a run stops, in a rerun only below what is done anew.
func (r *Run) takesBack(ef *effect) bool {
	if r.rerunning == nil {
		return true
	}
	at := ef.node
	for at.above() != nil {
		at = at.above()
	}
	st := r.rerunning.prog.byID[at.step.ID]
	return st == nil || r.rerunning.choices[st.index] == ChoiceAnew
}

// revive lets a scope go on, with another plan in its place.
func (r *Run) revive(s *scope, prog *program, again *rerunning) {
	var from map[string]bool
	if s.owner == nil {
		from = again.from
	}
	choices := choose(s, prog, from)
	old, byID := s.nodes, s.prog.byID
	s.prog, s.nodes, s.pending, s.failed, s.closed = prog, make([]*node, len(prog.steps)), 0, nil, false
	left := map[*node]bool{}
	for _, n := range old {
		left[n] = true
	}
	for i, st := range prog.steps {
		var n *node
		if was := byID[st.ID]; was != nil {
			n = old[was.index]
		}
		if choices[i] == ChoiceAnew {
			s.nodes[i] = r.anew(s, st, n)
			s.pending++
			continue
		}
		delete(left, n)
		s.nodes[i] = n
		n.carry(st)
	}
	r.forget(left)
	for i, n := range s.nodes {
		if choices[i] == ChoiceMend {
			s.pending++
			r.mend(n, again)
		}
		for _, need := range n.step.needs {
			if choices[i] == ChoiceAnew && choices[need] != ChoiceKeep {
				n.missing++
			}
		}
		if choices[i] == ChoiceAnew && n.missing == 0 {
			r.freshen(n)
		}
	}
	r.quiet(s)
}

// nextGeneration is the first one whose keys nothing was begun under at the node's path.
func (n *node) nextGeneration() int {
	if n.worked() {
		return n.generation + 1
	}
	return n.generation
}

// carry gives a node the step of the corrected plan: its retries, its review, its undo.
func (n *node) carry(st *compiledStep) {
	n.step, n.missing = st, 0
	if n.effect != nil && st.undo == nil {
		n.effect.gone = true
	}
	for _, c := range n.children {
		if c.role != call {
			c.carry(st)
		}
	}
}

// anew makes the node of a step that is done from its beginning; was is the one before it, if any.
func (r *Run) anew(s *scope, st *compiledStep, was *node) *node {
	path := s.prefix + st.ID
	generation := max(1, r.retired[path])
	var guidance []string
	if was != nil {
		guidance = was.guidance
		generation = max(generation, was.nextGeneration())
	}
	n := r.create(&node{path: path, step: st, scope: s, use: st.Use, role: st.role(), guidance: guidance})
	n.generation = generation
	return n
}

// forget drops nodes, and all that was done for them, from what the run knows. Their paths and keys are never used again.
func (r *Run) forget(left map[*node]bool) {
	for path, n := range r.nodes {
		if n.below(left) {
			delete(r.nodes, path)
		}
	}
	for n := range left {
		if r.retired == nil {
			r.retired = map[string]int{}
		}
		r.retired[n.path] = max(r.retired[n.path], n.nextGeneration())
	}
	r.effects = slices.DeleteFunc(r.effects, func(ef *effect) bool { return ef.node.below(left) })
}

// below reports whether the node is one of these, or was done for one of them.
func (n *node) below(of map[*node]bool) bool {
	for at := n; at != nil; at = at.above() {
		if of[at] || at.undoes != nil && at.undoes.node.below(of) {
			return true
		}
	}
	return false
}

// mend lets a node go on that failed or was stopped.
func (r *Run) mend(n *node, again *rerunning) {
	stood := n.phase
	if stood == dropped {
		stood = n.before
	}
	n.fate, n.failure, n.reason, n.broken, n.ended = undecided, nil, "", nil, time.Time{}
	n.failures, n.interrupts, n.takenBack = 0, 0, false
	if !n.begun.IsZero() { // what came before the rerun is not time that it takes
		n.begun = r.at
	}
	switch {
	case n.approved && n.attempt == nil: // its input is what was approved
		r.to(n, ready)
	case n.role != call && n.attempt == nil && len(n.children) == 0 && n.items == nil: // nothing but a question, or an input that could not be made
		n.input, n.draft = nil, nil
		r.freshen(n)
	case n.role == fan, n.role == loop:
		r.mendParts(n, again)
	case n.carriesOut():
		r.mendPlan(n, again)
	case slices.ContainsFunc(n.children, unsettled):
		r.mendCalls(n, again)
	case n.unknown && !n.attempt.Effect.Repeatable():
		r.to(n, doubtful)
	case stood == unsure:
		r.to(n, unsure)
	case n.answered: // and somebody rejected the answer
		r.regenerate(n, "")
	case len(n.turns) >= n.turn: // its turns were used up, or its plan was rejected: one more
		n.turn, n.number, n.plan = len(n.turns)+1, 0, nil
		r.to(n, ready)
	default:
		r.to(n, ready)
	}
}

// carriesOut reports whether the node's last turn is the plan that it carries out. It is not when that one waits to be
// approved, or came when nobody was to begin it any more: its sub is then an earlier turn's.
func (n *node) carriesOut() bool {
	return n.sub != nil && len(n.turns) == n.turn && n.sub.prefix == turnPrefix(n.path, n.generation, n.turn)
}

func unsettled(n *node) bool { return n.phase != settled }

func (r *Run) mendPlan(n *node, again *rerunning) {
	prog := n.sub.prog
	if p := again.nodes[n.path]; p != nil {
		prog = p
		n.turns[len(n.turns)-1].Plan = p.plan
	}
	r.to(n, working)
	r.revive(n.sub, prog, again)
}

func (r *Run) mendCalls(n *node, again *rerunning) {
	r.to(n, working)
	n.running = 0
	for _, c := range n.children {
		if unsettled(c) {
			n.running++
			r.mend(c, again)
		}
	}
}

// rest is the items of a fan-out that a rerun goes on with once there is room for them.
type rest struct {
	again *rerunning
	items []*node
}

// mendParts lets the items or rounds go on that are not done.
func (r *Run) mendParts(n *node, again *rerunning) {
	r.to(n, working)
	n.running, n.rest = 0, &rest{again: again}
	for _, c := range n.children {
		if !c.keeps() {
			n.rest.items = append(n.rest.items, c)
			r.to(c, dropped)
		}
	}
	r.fill(n)
	if n.running == 0 {
		r.to(n, joinable)
	}
}

// mendPart lets the next item or round go on that a rerun left for later.
func (r *Run) mendPart(n *node) {
	c := n.rest.items[0]
	n.rest.items = n.rest.items[1:]
	n.running++
	switch {
	case !c.worked():
		c.fate, c.failure, c.ended = undecided, nil, time.Time{}
		r.freshen(c)
	case c.choice() == ChoiceAnew:
		r.regenerate(c, "")
	default:
		r.mend(c, n.rest.again)
	}
}

// recount counts the steps that are done; a rerun may have taken some away at any depth.
func (r *Run) recount() {
	r.finished = 0
	for _, n := range r.nodes {
		if n.fate == done && n.parent == nil && n.role != compensation {
			r.finished++
		}
	}
}
