package coordinator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

func (r *Run) escalationID(n int) string { return r.task.Run + "." + strconv.Itoa(n) }

func (r *Run) askedEvent(e Event) (func(), string) {
	q := e.Escalation
	switch {
	case q == nil:
		return nil, "it carries no escalation"
	case q.ID != r.escalationID(r.asked+1):
		return nil, "the next escalation is " + r.escalationID(r.asked+1)
	case len(r.open) >= r.limits.Escalations:
		return nil, fmt.Sprintf("%d questions are open, which is the limit", len(r.open))
	case q.Reason == ReasonBudget:
		if r.budgetAsked() {
			return nil, "the budget is asked about already"
		}
		return func() { r.asked++; r.open[q.ID] = &question{Escalation: *q} }, ""
	}
	n, ok := r.nodes[e.Path]
	if !ok || !n.mayAsk(q.Reason) || r.held(n) {
		return nil, "nothing is to be asked there"
	}
	return func() {
		r.asked++
		r.open[q.ID] = &question{Escalation: *q, node: n}
		n.question = q.ID
		if q.Reason == ReasonApproval || q.Reason == ReasonQuestion {
			n.input, n.inLabel = q.Input, q.Label
		}
		if n.begun.IsZero() {
			n.begun = r.at
		}
		r.to(n, asked)
	}, ""
}

func (n *node) mayAsk(why Reason) bool {
	switch why {
	case ReasonInDoubt:
		return n.phase == doubtful
	case ReasonFailed:
		return n.phase == failing
	case ReasonPlan:
		return n.phase == unsure && n.plan != nil
	case ReasonLowConfidence:
		return n.phase == unsure && n.plan == nil
	case ReasonApproval:
		return n.is(fresh, ready) && n.needsApproval() && !n.delayed()
	case ReasonQuestion:
		return n.is(fresh, ready) && n.use == Person && !n.delayed()
	}
	return false
}

func (r *Run) budgetAsked() bool {
	for _, q := range r.open {
		if q.Reason == ReasonBudget {
			return true
		}
	}
	return false
}

// decided takes a person's answer. One that comes too late, or that its question does not know, changes nothing:
// the runtime checks answers before they become events.
func (r *Run) decided(e Event) (func(), string) {
	q := r.open[e.ID]
	if q == nil || e.Decision == nil || !slices.Contains(q.Reason.Verbs(), e.Decision.Verb) {
		return func() {}, ""
	}
	d := *e.Decision
	if d.Label == "" {
		d.Label = Trusted
	}
	answer := r.answer(q, d)
	if answer == nil {
		return func() {}, ""
	}
	return func() { r.close(q); answer() }, ""
}

// claimed notes who has taken a question on, or that nobody has any more. Who may was checked before it became an event.
func (r *Run) claimed(e Event) (func(), string) {
	q := r.open[e.ID]
	if q == nil {
		return func() {}, ""
	}
	by := e.By
	if e.Kind == Unclaimed {
		by = ""
	}
	return func() { q.Claimed = by }, ""
}

func (r *Run) close(q *question) {
	delete(r.open, q.ID)
	if q.node != nil {
		q.node.question = ""
	}
}

// answer returns what a decision changes; nil when its content makes no sense.
func (r *Run) answer(q *question, d Decision) func() {
	n := q.node
	switch {
	case q.Reason == ReasonBudget:
		return r.answerBudget(d)
	case d.Verb == Reject:
		return func() { n.unknown = n.unknown && q.Reason != ReasonInDoubt; r.reject(n, d) }
	case d.Verb == Redo && r.haltedAt(n): // nothing is begun any more: it did not happen, and stays so
		return func() { n.unknown = false; r.reject(n, Decision{By: d.By, Comment: "not done, and the run stops"}) }
	case d.Verb == Redo:
		return func() { r.again(n, d.Guidance, q.Reason == ReasonInDoubt) }
	case q.Reason == ReasonApproval:
		return r.approve(n, d)
	case q.Reason == ReasonPlan:
		return r.answerPlan(n, d)
	case d.Verb == Approve:
		return func() { r.settle(n, done) }
	}
	if _, err := decode(d.Output); err != nil {
		return nil
	}
	return func() { r.amend(n, d) }
}

func (r *Run) amend(n *node, d Decision) {
	if n.role == compensation && n.undoes.unknown { // it happened: now it can be undone
		v, _ := decode(d.Output)
		n.undoes.unknown, n.undoes.output = false, value{v: v, label: d.Label}
		n.unknown = false
		r.to(n, ready)
		return
	}
	n.output, n.label, n.decoded, n.unknown = d.Output, d.Label, nil, false
	if n.effect == nil || n.effect.unknown { // else the world holds what the worker did, not the amendment
		r.remember(n)
	}
	r.settle(n, done)
}

func (r *Run) reject(n *node, d Decision) {
	text := "rejected"
	if d.By != "" {
		text += " by " + d.By
	}
	if d.Comment != "" {
		text += ": " + d.Comment
	}
	r.die(n, &Failure{Message: text, NotDone: true, Permanent: true})
}

func (r *Run) approve(n *node, d Decision) func() {
	if d.Verb == Amend {
		if in, err := canonicalRaw(d.Output); err == nil {
			return func() { n.input, n.inLabel, n.approved = in, d.Label, true; r.to(n, ready) }
		}
		return nil
	}
	return func() { n.approved = true; r.to(n, ready) }
}

func (r *Run) answerPlan(n *node, d Decision) func() {
	p, label := n.plan, n.label
	if d.Verb == Amend {
		p, label = new(Plan), d.Label
		if json.Unmarshal(d.Output, p) != nil {
			return nil
		}
	}
	s, err := r.subScope(n, p, label)
	if err != nil {
		return nil
	}
	return func() { r.carryOut(n, s) }
}

func (r *Run) answerBudget(d Decision) func() {
	if d.Verb == Reject {
		f := &Failure{Message: "over budget; more was refused", NotDone: true, Permanent: true}
		if d.By != "" {
			f.Message += " by " + d.By
		}
		return func() { r.halt(&stop{status: StatusFailed, failure: f}) }
	}
	var b Budget
	if json.Unmarshal(d.Output, &b) != nil {
		return nil
	}
	return func() {
		r.budget.Steps = max(r.Budget().Steps, b.Steps)
		r.budget.Tokens = max(r.budget.Tokens, b.Tokens)
		r.budget.Cost = max(r.budget.Cost, b.Cost)
		r.budget.Wall = max(r.budget.Wall, b.Wall)
	}
}

// again does a piece of work once more under a new generation; what its last one did is undone first, if it can be.
func (r *Run) again(n *node, guidance string, notDone bool) {
	if n.role == compensation && n.undoes.unknown { // it did not happen: nothing to undo
		n.undoes.gone = true
		r.settle(n, skipped)
		return
	}
	if n.unknown && !notDone && n.effect == nil && n.role != compensation {
		r.remember(n)
	}
	if ef := n.effect; ef != nil && !ef.gone && !notDone && n.role != compensation {
		n.redo = &guidance
		r.to(n, working)
		r.compensate(ef)
		return
	}
	r.regenerate(n, guidance)
}

func (r *Run) regenerate(n *node, guidance string) {
	n.generation++
	n.turn, n.number, n.failures, n.interrupts = 1, 0, 0, 0
	n.fate, n.output, n.decoded, n.failure, n.confidence = undecided, nil, nil, nil, nil
	n.tainted, n.takenBack, n.undone, n.answered, n.broken = false, false, false, false, nil
	n.unknown, n.approved, n.redo, n.effect, n.plan, n.sub = false, false, nil, nil, nil, nil
	n.children, n.rest, n.turns, n.running, n.reason = nil, nil, nil, 0, ""
	n.ended = time.Time{}
	if guidance != "" {
		n.guidance = append(n.guidance, guidance)
	}
	if n.input == nil || n.role == fan || n.role == loop {
		r.to(n, fresh)
		return
	}
	r.to(n, ready)
}

// expired takes a deadline that passed. An effect in doubt is never decided by a clock: at most the step fails, still in doubt.
func (r *Run) expired(e Event) (func(), string) {
	q := r.open[e.ID]
	switch {
	case q == nil:
		return nil, "the question is not open"
	case q.Deadline.IsZero() || e.At.Before(q.Deadline):
		return nil, "its deadline has not passed"
	}
	can := slices.Contains(q.Reason.Verbs(), Approve)
	switch q.Then.Do {
	case "approve":
		if can {
			if answer := r.answer(q, Decision{Verb: Approve, By: "the deadline"}); answer != nil {
				return func() { r.close(q); answer() }, ""
			}
		}
	case "reassign":
		return func() { q.By, q.Claimed, q.Deadline, q.Then = q.Then.Reassign, "", time.Time{}, Then{} }, ""
	case "reject", "fail":
		return func() { r.close(q); r.nobody(q) }, ""
	}
	return func() { q.Deadline, q.Then = time.Time{}, Then{} }, ""
}

// nobody ends what a question was about because nobody answered.
func (r *Run) nobody(q *question) {
	f := &Failure{Message: fmt.Sprintf("nobody answered within %s", q.Within), NotDone: true, Permanent: true}
	if q.node == nil {
		f.Message = "over budget; " + f.Message
		r.halt(&stop{status: StatusFailed, failure: f})
		return
	}
	f.NotDone = !q.node.unknown
	r.die(q.node, f)
}

// redone takes a request to do a finished step again. It changes nothing once something that depends on it has begun.
func (r *Run) redone(e Event) (func(), string) {
	n, ok := r.nodes[e.Path]
	if !ok || !r.mayRedo(n) {
		return func() {}, ""
	}
	return func() {
		r.reopen(n)
		r.again(n, e.Guidance, false)
	}, ""
}

// MayRedo reports why the step at path cannot be done again; "" when it can.
func (r *Run) MayRedo(path string) string {
	n, ok := r.nodes[path]
	switch {
	case !ok:
		return "there is no step " + path
	case !r.mayRedo(n):
		return "step " + path + " is not finished, or something that depends on it has begun, or the run stops"
	}
	return ""
}

func (r *Run) mayRedo(n *node) bool {
	if r.stop != nil || r.status != "" || n.phase != settled || n.fate == skipped || n.scope.stopped() || r.standsBelow(n) {
		return false
	}
	switch {
	case n.role == call, n.role == compensation, n.role == fan, n.role == loop, n.use == "":
		return false
	case n.parent != nil:
		return n.parent.role == fan && n.parent.phase == working && n.parent.broken != n
	}
	for _, i := range n.step.dependants {
		if d := n.scope.nodes[i]; !d.is(idle, fresh) || d.waited {
			return false
		}
	}
	return n.scope.owner == nil || n.scope.owner.phase == working
}

func (r *Run) reopen(n *node) {
	if n.fate == done && n.parent == nil {
		r.finished--
	}
	if n.parent != nil {
		n.parent.running++
		return
	}
	n.scope.pending++
	for _, i := range n.step.dependants {
		d := n.scope.nodes[i]
		d.missing++
		d.draft = nil
		r.to(d, idle)
	}
}
