package coordinator

import (
	"fmt"
)

// Apply takes the next event of the journal into the run. It is the only mutator: the whole life of a step is this switch.
// An event that the state does not allow is an *EventError and changes nothing. A foreign event is always taken;
// one that no longer has an effect is ignored.
func (r *Run) Apply(e Event) error {
	change, reason := r.allow(e)
	if reason != "" {
		return &EventError{Event: e, Reason: reason}
	}
	r.seq = e.Seq
	if e.At.After(r.at) {
		r.at = e.At
	}
	change()
	if r.top != nil && r.stop != nil && r.status == "" {
		r.undoNext()
	}
	return nil
}

// allow returns what the event changes, or why it is not allowed here.
func (r *Run) allow(e Event) (change func(), reason string) {
	switch {
	case e.Seq != r.seq+1:
		return nil, fmt.Sprintf("expected seq %d", r.seq+1)
	case e.Kind == Submitted:
		return r.submitted(e)
	case r.seq == 0:
		return nil, "the first event must be submitted"
	case r.status != "" && !e.Kind.Foreign():
		return nil, "the run has ended"
	case r.status != "":
		return func() {}, ""
	}
	switch e.Kind {
	case Decided:
		return r.decided(e)
	case Cancelled:
		return func() { r.halt(&stop{status: StatusCancelled, failure: cancelFailure(e)}) }, ""
	case Redone:
		return r.redone(e)
	case Quarantined:
		return func() { r.quarantined = true }, ""
	case Released:
		return func() { r.quarantined = false }, ""
	case Expired:
		return r.expired(e)
	case Asked:
		return r.askedEvent(e)
	case Ended:
		return r.endedEvent(e)
	case Refused:
		if e.Path == "" {
			return r.refusedRun(e)
		}
	}
	n, ok := r.nodes[e.Path]
	if !ok {
		return nil, "there is no such step"
	}
	switch e.Kind {
	case Started:
		return r.started(n, e)
	case Succeeded, Called, Planned, Failed, Interrupted:
		return r.outcome(n, e)
	case Skipped, Refused, Expanded, Waited:
		return r.prepared(n, e)
	case Looped:
		return r.looped(n, e)
	case Joined:
		return r.joined(n, e)
	}
	return nil, "unknown kind of event"
}

func cancelFailure(e Event) *Failure {
	text := "cancelled"
	if e.By != "" {
		text += " by " + e.By
	}
	if e.Note != "" {
		text += ": " + e.Note
	}
	return &Failure{Message: text, NotDone: true}
}

func (r *Run) submitted(e Event) (func(), string) {
	if r.seq != 0 {
		return nil, "the run is submitted already"
	}
	if e.Task == nil || e.Task.Plan == nil {
		return nil, "it carries no plan"
	}
	if e.Task.Version > Version {
		return nil, fmt.Sprintf("version %d of the rules is newer than this program's %d; use a newer tutti", e.Task.Version, Version)
	}
	limits := e.Task.Limits.WithDefaults()
	prog, err := compile(e.Task.Plan, compileOptions{limits: limits})
	if err != nil {
		return nil, err.Error()
	}
	in, err := decode(e.Task.Input)
	if err != nil {
		return nil, "input: " + err.Error()
	}
	return func() {
		r.task, r.limits, r.budget, r.submittedAt = *e.Task, limits, e.Task.Plan.Budget, r.at
		r.nodes, r.frontier, r.flying = map[string]*node{}, map[*node]struct{}{}, map[*node]struct{}{}
		r.open = map[string]*question{}
		r.top = r.enter(&scope{prog: prog, input: value{v: in, label: e.Task.Label}, label: Trusted})
	}, ""
}

// enter creates the nodes of a plan's steps.
func (r *Run) enter(s *scope) *scope {
	s.nodes = make([]*node, len(s.prog.steps))
	s.pending = len(s.nodes)
	for i, st := range s.prog.steps {
		n := r.create(&node{path: s.prefix + st.ID, step: st, scope: s, use: st.Use, missing: len(st.needs), role: st.role()})
		s.nodes[i] = n
		if n.missing == 0 {
			r.freshen(n)
		}
	}
	return s
}

func (st *compiledStep) role() role {
	switch {
	case st.forEach != nil:
		return fan
	case st.until != nil:
		return loop
	}
	return leaf
}

func (r *Run) create(n *node) *node {
	n.order, n.generation, n.turn = r.created, 1, 1
	n.undoing = n.role == compensation || n.scope.undoing || n.parent != nil && n.parent.undoing
	r.created++
	r.nodes[n.path] = n
	return n
}

func (r *Run) freshen(n *node) {
	n.phase, n.readyAt = fresh, r.at
	r.frontier[n] = struct{}{}
}

// to moves a node to a phase and keeps the books that make Next cheap.
func (r *Run) to(n *node, p phase) {
	n.phase = p
	switch p {
	case fresh, ready, backoff, doubtful, failing, unsure, joinable:
		r.frontier[n] = struct{}{}
	default:
		delete(r.frontier, n)
	}
	if p == inFlight {
		r.flying[n] = struct{}{}
	} else {
		delete(r.flying, n)
	}
	r.hold(n, n.is(inFlight, doubtful) || p == asked && n.unknown)
}

// hold counts the nodes that a plan has to wait for before it can be left.
func (r *Run) hold(n *node, holds bool) {
	delta := 0
	switch {
	case holds && !n.holds:
		delta = 1
	case !holds && n.holds:
		delta = -1
	}
	n.holds = holds
	for s := n.scope; s != nil && s.undoing == n.undoing && delta != 0; s = s.outer() {
		s.busy += delta
	}
}

func (r *Run) started(n *node, e Event) (func(), string) {
	switch {
	case !n.is(ready, backoff, fresh):
		return nil, "it is not ready to start"
	case e.Generation != n.generation || e.Turn != n.turn || e.Number != n.number+1:
		return nil, fmt.Sprintf("it is at generation %d, turn %d, attempt %d", n.generation, n.turn, n.number)
	case n.role == fan || n.role == loop:
		return nil, "its items start, not itself"
	case n.delayed():
		return nil, "it waits for its time"
	case n.needsApproval() || n.use == Person:
		return nil, "a person must be asked first"
	}
	return func() {
		copied := e
		n.attempt, n.number, n.input, n.inLabel = &copied, e.Number, e.Input, e.Label
		if n.begun.IsZero() {
			n.begun = r.at
		}
		r.spent.Steps++
		r.to(n, inFlight)
	}, ""
}

// outcome takes what became of an attempt in flight.
func (r *Run) outcome(n *node, e Event) (func(), string) {
	if n.phase != inFlight || e.Generation != n.generation || e.Turn != n.turn || e.Number != n.number {
		return nil, fmt.Sprintf("no such attempt is in flight (generation %d, turn %d, attempt %d)", e.Generation, e.Turn, e.Number)
	}
	switch e.Kind {
	case Succeeded:
		if _, err := decode(e.Output); err != nil {
			return nil, "output: " + err.Error()
		}
		return func() { r.spend(n, e); r.succeeded(n, e) }, ""
	case Called:
		if len(e.Calls) == 0 {
			return nil, "it carries no calls"
		}
		return func() { r.spend(n, e); r.called(n, e) }, ""
	case Planned:
		s, err := r.subScope(n, e.Plan, e.Label)
		if err != nil {
			return nil, err.Error()
		}
		return func() { r.spend(n, e); r.plannedBy(n, e, s) }, ""
	case Failed:
		if e.Failure == nil {
			return nil, "it carries no failure"
		}
		return func() { r.spend(n, e); r.failed(n, e.Failure) }, ""
	}
	return func() { r.interrupted(n, e) }, ""
}

func (r *Run) spend(n *node, e Event) {
	r.spent.Usage = r.spent.Usage.Add(e.Usage)
	n.usage = n.usage.Add(e.Usage)
	n.confidence = e.Confidence
	if e.Note != "" {
		n.note = e.Note
	}
}

func (r *Run) succeeded(n *node, e Event) {
	n.output, n.label, n.decoded, n.unknown = e.Output, e.Label, nil, false
	r.remember(n)
	switch {
	case r.haltedAt(n), e.Verdict == "", e.Verdict == VerdictAccept, n.role == compensation:
		r.settle(n, done)
	default:
		r.to(n, unsure)
	}
}

// haltedAt reports whether nobody waits for the node any more. What undoes goes on.
func (r *Run) haltedAt(n *node) bool {
	if n.undoing {
		return n.scope.undoing && n.scope.stopped()
	}
	return r.stop != nil || n.scope.stopped()
}

func (r *Run) called(n *node, e Event) {
	n.turns = append(n.turns, Turn{Calls: e.Calls, State: e.State})
	prefix := turnPrefix(n.path, n.generation, n.turn)
	n.children = nil
	n.running = len(e.Calls)
	r.to(n, working)
	for i, c := range e.Calls {
		child := r.create(&node{path: callPath(prefix, i, c.Use), role: call, use: c.Use, scope: n.scope, parent: n, index: i})
		child.input, child.inLabel = c.Input, n.inLabel.Join(e.Label)
		n.children = append(n.children, child)
		child.readyAt = r.at
		r.to(child, ready)
	}
	for i, c := range e.Calls {
		refused := c.Refused
		if refused == "" && n.depth() >= r.limits.Depth {
			refused = fmt.Sprintf("calls may be nested %d deep, no deeper", r.limits.Depth)
		}
		if refused != "" {
			r.die(n.children[i], &Failure{Message: refused, NotDone: true, Permanent: true})
		}
	}
	r.quiet(n.scope) // a plan that stopped may have waited for this turn
}

// depth counts the calls and plans around a node.
func (n *node) depth() int {
	d := n.scope.depth
	for at := n; at.role == call; at = at.parent {
		d++
	}
	return d
}

// subScope compiles a plan that a worker answered with.
func (r *Run) subScope(n *node, p *Plan, label Label) (*scope, error) {
	if p == nil {
		return nil, fmt.Errorf("it carries no plan")
	}
	if n.depth() >= r.limits.Depth {
		return nil, fmt.Errorf("plans may be nested %d deep, no deeper", r.limits.Depth)
	}
	prog, err := compile(p, compileOptions{limits: r.limits, known: n.sub.doneIDs()})
	if err != nil {
		return nil, err
	}
	in, err := decode(n.input)
	if err != nil {
		return nil, err
	}
	return &scope{
		prefix: turnPrefix(n.path, n.generation, n.turn), prog: prog, input: value{v: in, label: n.inLabel},
		label: label, owner: n, prev: n.sub, depth: n.depth() + 1, undoing: n.undoing,
	}, nil
}

func (r *Run) plannedBy(n *node, e Event, s *scope) {
	n.replans = e.Replans
	n.turns = append(n.turns, Turn{Plan: e.Plan, State: e.State})
	if r.haltedAt(n) {
		r.to(n, dropped)
		r.quiet(n.scope)
		return
	}
	if e.Verdict == "" || e.Verdict == VerdictAccept {
		r.carryOut(n, s)
		return
	}
	n.plan, n.label = e.Plan, e.Label
	r.to(n, unsure)
}

func (r *Run) carryOut(n *node, s *scope) {
	n.plan, n.sub = nil, s
	r.to(n, working)
	r.enter(s)
}

// failed decides what a failure means: try again, ask whether it happened, ask what now, or give up.
func (r *Run) failed(n *node, f *Failure) {
	n.failure = f
	n.failures++
	unknown := !f.NotDone && n.attempt.Effect.Changes()
	switch {
	case unknown && !n.attempt.Effect.Repeatable():
		n.unknown = true
		r.to(n, doubtful)
	case !f.Permanent && n.failures < n.retry().attempts() && !r.haltedAt(n):
		n.due = r.at.Add(max(f.After, n.retry().delay(n.attempt.Key, n.failures)))
		r.to(n, backoff)
	default:
		n.unknown = unknown
		r.giveUp(n, f)
	}
}

// giveUp ends a node that no further attempt will mend.
func (r *Run) giveUp(n *node, f *Failure) {
	n.failure = f
	if n.onError() == OnErrorEscalate && !r.haltedAt(n) {
		r.to(n, failing)
		return
	}
	r.die(n, f)
}

func (r *Run) die(n *node, f *Failure) {
	n.failure, n.output, n.decoded = f, nil, nil
	n.label = n.inLabel
	if n.label == "" {
		n.label = Trusted
	}
	if n.unknown {
		r.remember(n)
	}
	r.settle(n, dead)
}

func (r *Run) interrupted(n *node, e Event) {
	n.failure = &Failure{Message: "the process that worked on it went away"}
	if e.Note != "" {
		n.failure.Message = e.Note
	}
	switch {
	case !n.attempt.Effect.Repeatable():
		n.unknown = true
		r.to(n, doubtful)
	case r.haltedAt(n):
		n.unknown = n.attempt.Effect.Changes()
		r.die(n, n.failure)
	default:
		n.due = r.at
		r.to(n, backoff)
	}
}

// remember keeps an effect that a compensation is declared for.
func (r *Run) remember(n *node) {
	if n.step == nil || n.step.undo == nil || n.undoing {
		return
	}
	n.effect = &effect{node: n, generation: n.generation, output: n.value(), unknown: n.unknown}
	r.effects = append(r.effects, n.effect)
}

// prepared takes what was decided about a node before any attempt.
func (r *Run) prepared(n *node, e Event) (func(), string) {
	if !n.is(fresh, ready) || n.role == call && e.Kind != Refused {
		return nil, "it is not at its beginning"
	}
	switch e.Kind {
	case Skipped:
		return func() { n.reason = e.Note; n.label = Trusted; r.settle(n, skipped) }, ""
	case Refused:
		if e.Failure == nil {
			return nil, "it carries no failure"
		}
		return func() { r.giveUp(n, e.Failure) }, ""
	case Waited:
		return func() {
			n.waited = true
			if n.use == "" {
				n.label = Trusted
				r.settle(n, done)
			}
		}, ""
	}
	return r.expanded(n, e)
}

func (r *Run) expanded(n *node, e Event) (func(), string) {
	if n.role != fan || n.phase != fresh {
		return nil, "it has no items"
	}
	v, err := decode(e.Items)
	items, ok := v.([]any)
	if err != nil || !ok {
		return nil, "items must be a list"
	}
	return func() {
		n.items, n.inLabel, n.begun = items, e.Label, r.at
		if len(items) == 0 {
			r.to(n, joinable)
			return
		}
		r.to(n, working)
		for len(n.children) < len(items) && (n.step.Parallel == 0 || n.running < n.step.Parallel) {
			r.nextItem(n)
		}
	}, ""
}

func (r *Run) nextItem(n *node) {
	i := len(n.children)
	kind := leaf
	if n.step.until != nil {
		kind = loop
	}
	item := value{v: n.items[i], label: n.inLabel}
	r.child(n, &node{path: itemPath(generationPath(n.path, n.generation), i), role: kind, index: i, item: &item})
}

func (r *Run) nextRound(n *node) {
	last := value{label: Trusted} // null before the first round
	if i := len(n.children); i > 0 {
		last = n.children[i-1].value()
	}
	round := &node{path: roundPath(generationPath(n.path, n.generation), len(n.children)), role: leaf, index: len(n.children), item: n.item, last: &last}
	r.child(n, round)
}

func (r *Run) child(n, c *node) {
	c.step, c.use, c.scope, c.parent, c.waited = n.step, n.use, n.scope, n, true
	n.children = append(n.children, r.create(c))
	n.running++
	r.freshen(c)
}

func (r *Run) looped(n *node, e Event) (func(), string) {
	first := n.phase == fresh && len(n.children) == 0
	if n.role != loop || !first && n.phase != joinable {
		return nil, "it is not between two rounds"
	}
	return func() {
		if first {
			n.begun = r.at
		}
		r.to(n, working)
		r.nextRound(n)
	}, ""
}

func (r *Run) joined(n *node, e Event) (func(), string) {
	if n.phase != joinable {
		return nil, "its parts are not through"
	}
	if _, err := decode(e.Output); err != nil {
		return nil, "output: " + err.Error()
	}
	return func() {
		if n.sub != nil {
			n.sub.closed = true
		}
		if e.Failure != nil {
			r.giveUp(n, e.Failure)
			return
		}
		n.output, n.label, n.decoded = e.Output, e.Label, nil
		if n.role == leaf {
			r.remember(n)
			r.replaceBelow(n)
		}
		r.settle(n, done)
	}, ""
}

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
	n.number, n.failures = 0, 0
	r.to(n, ready)
}

// settlePart counts an item or a round.
func (r *Run) settlePart(c *node) {
	n := c.parent
	n.running--
	if c.fate == dead && c.onError() != OnErrorContinue && n.broken == nil {
		n.broken = c
	}
	if n.role == fan && n.broken == nil && len(n.children) < len(n.items) {
		r.nextItem(n)
	}
	if n.running == 0 && n.phase == working {
		r.to(n, joinable)
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
		if s.failed == nil || r.haltedAt(n) {
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
	s.closed = true
	turn := &n.turns[len(n.turns)-1]
	turn.Outcomes = s.outcomes()
	for _, o := range turn.Outcomes {
		n.inLabel = n.inLabel.Join(o.Label)
	}
	r.nextTurn(n)
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
		r.to(q.node, dropped)
	}
}

// halt stops the run: no new work, no questions but those about effects in doubt. The first reason stands,
// except that a person's cancel during a failure changes nothing.
func (r *Run) halt(s *stop) {
	if r.stop != nil {
		return
	}
	r.stop, r.quarantined = s, false
	for id, q := range r.open {
		if q.Reason != ReasonInDoubt && (q.node == nil || !q.node.undoing) {
			r.drop(id, q)
		}
	}
}

func (r *Run) refusedRun(e Event) (func(), string) {
	if e.Failure == nil {
		return nil, "it carries no failure"
	}
	return func() { r.halt(&stop{status: StatusFailed, failure: e.Failure}) }, ""
}

func (r *Run) endedEvent(e Event) (func(), string) {
	switch {
	case !e.Status.Final():
		return nil, "its status is not final"
	case r.stop == nil && (e.Status != StatusDone || r.top.pending > 0):
		return nil, "there is work left"
	case r.stop != nil && (e.Status != r.stop.status || r.top.busy > 0 || r.standing() != nil):
		return nil, "there is work left to await or to undo"
	}
	return func() {
		r.status, r.output, r.label, r.failure = e.Status, e.Output, e.Label, e.Failure
		clear(r.frontier)
		clear(r.open)
	}, ""
}
