package coordinator

import (
	"cmp"
	"fmt"
	"slices"
)

// settle ends a node and tells those who wait for it.
func (r *Run) settle(n *node, f fate) {
	n.fate, n.ended, n.question = f, r.at, ""
	r.to(n, settled)
	if f == done && n.parent == nil && n.role != compensation {
		r.finished++
	}
	switch {
	case n.role == compensation:
		r.compensated(n)
	case n.parent == nil:
		r.settleStep(n)
	case n.role == call:
		r.settleCall(n.parent)
	default:
		r.settlePart(n)
	}
	r.quiet(n.scope)
}

func (r *Run) settleStep(n *node) {
	s := n.scope
	s.pending--
	if n.fate == dead && n.onError() != OnErrorContinue {
		r.breakPlan(s, n)
		return
	}
	for _, i := range n.step.dependants {
		d := s.nodes[i]
		if d.missing--; d.missing == 0 && d.phase == idle {
			r.freshen(d)
		}
	}
}

// settleCall gives the agent its next turn once every call of this one is settled.
func (r *Run) settleCall(n *node) {
	if n.running--; n.running > 0 || n.phase != working {
		return
	}
	turn := &n.turns[len(n.turns)-1]
	turn.Outcomes = make([]Outcome, len(n.children))
	for i, c := range n.children {
		turn.Outcomes[i] = c.outcome()
		n.inLabel = n.inLabel.Join(c.label)
	}
	r.nextTurn(n)
}

func (r *Run) nextTurn(n *node) {
	if n.turn >= r.limits.Turns {
		f := &Failure{Message: fmt.Sprintf("it took %d turns without an answer, which is the limit", n.turn), NotDone: true, Permanent: true}
		r.giveUp(n, f)
		return
	}
	n.turn++
	n.number, n.failures, n.interrupts = 0, 0, 0
	r.to(n, ready)
}

// settlePart counts an item or a round.
func (r *Run) settlePart(c *node) {
	n := c.parent
	n.running--
	if c.fate == dead && c.onError() != OnErrorContinue && n.broken == nil {
		n.broken = c
		r.dropUnbegun(n)
	}
	if n.role == fan && n.broken == nil {
		r.fill(n)
	}
	if n.running == 0 && n.phase == working {
		r.to(n, joinable)
	}
}

// dropUnbegun leaves out the items that nothing has happened to yet: their fan-out has failed.
func (r *Run) dropUnbegun(n *node) {
	for _, c := range n.children {
		if c.attempt != nil || !c.is(fresh, ready, asked) {
			continue
		}
		if q := r.open[c.question]; q != nil {
			r.drop(q.ID, q)
		}
		r.to(c, dropped)
		n.running--
	}
}

// quiet looks, after something below s came to rest, whether plans that were complete or had stopped can be left.
func (r *Run) quiet(s *scope) {
	for ; s != nil && s.owner != nil; s = s.outer() {
		n := s.owner
		if s.closed || n.sub != s || n.phase != working || s.busy > 0 {
			continue
		}
		if s.failed == nil && s.pending == 0 {
			r.to(n, joinable)
		}
		if s.failed == nil || r.haltedAt(n) || r.takingBack(s) {
			continue
		}
		r.leaveBroken(n, s)
	}
}

// leaveBroken asks the worker again whose plan failed, or fails it.
func (r *Run) leaveBroken(n *node, s *scope) {
	if !n.replans || n.turn >= r.limits.Turns {
		r.to(n, joinable)
		return
	}
	r.leave(s)
	turn := &n.turns[len(n.turns)-1]
	turn.Outcomes = s.outcomes()
	for _, o := range turn.Outcomes {
		n.inLabel = n.inLabel.Join(o.Label)
	}
	r.nextTurn(n)
}

// leave closes a plan: what it has not begun is forgotten.
func (r *Run) leave(s *scope) {
	s.closed = true
	for n := range r.frontier {
		if s.contains(n) {
			r.to(n, dropped)
		}
	}
}

// breakPlan stops a plan because of a step; the run's own plan stops the run.
func (r *Run) breakPlan(s *scope, n *node) {
	if s.failed == nil {
		s.failed = n
	}
	if s.owner == nil {
		r.halt(&stop{status: StatusFailed, failure: stepFailure(n)})
		return
	}
	for id, q := range r.open {
		if q.node != nil && s.contains(q.node) && q.Reason != ReasonInDoubt {
			r.drop(id, q)
		}
	}
	r.forsake(s.contains)
}

// forsake ends the nodes that would have been tried again or asked about and whose effect may have happened:
// only so is it undone.
func (r *Run) forsake(below func(*node) bool) {
	var left []*node
	for n := range r.frontier {
		if n.unknown && n.is(backoff, failing) && below(n) {
			left = append(left, n)
		}
	}
	slices.SortFunc(left, func(a, b *node) int { return cmp.Compare(a.order, b.order) })
	for _, n := range left {
		if n.is(backoff, failing) {
			r.die(n, n.failure)
		}
	}
}

func stepFailure(n *node) *Failure {
	f := *n.failure
	f.Message = "step " + n.path + ": " + f.Message
	return &f
}

func (r *Run) drop(id string, q *question) {
	delete(r.open, id)
	if q.node != nil {
		q.node.question = ""
		if q.Reason == ReasonFailed && q.node.unknown {
			r.to(q.node, failing) // forsake ends it
			return
		}
		r.to(q.node, dropped)
		if q.Reason == ReasonLowConfidence || q.Reason == ReasonPlan {
			q.node.before = unsure
		}
	}
}

// halt stops the run: no new work, no questions but those about effects in doubt. The first reason stands,
// except that a person's cancel during a failure changes nothing.
func (r *Run) halt(s *stop) {
	if r.stop != nil && r.rerunning == nil {
		return
	}
	r.stop, r.rerunning, r.quarantined = s, nil, false
	for id, q := range r.open {
		if q.Reason != ReasonInDoubt && (q.node == nil || !q.node.undoing) {
			r.drop(id, q)
		}
	}
	r.forsake(func(n *node) bool { return !n.undoing })
}
