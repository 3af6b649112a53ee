package coordinator

import (
	"fmt"
)

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
		return func() {
			r.spend(n, e)
			n.tainted = n.tainted || e.Label != Trusted
			r.failed(n, e.Failure)
		}, ""
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
	n.output, n.label, n.decoded, n.unknown, n.answered = e.Output, e.Label, nil, false, true
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
	n.children, n.unknown = nil, false
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
	n.replans, n.unknown = e.Replans, false
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
	if !f.NotDone && n.attempt.Effect.Changes() {
		n.unknown, n.doubt = true, f // and stays so until an attempt succeeds: a later one that did nothing says nothing of this one
	}
	switch {
	case n.unknown && !n.attempt.Effect.Repeatable():
		r.to(n, doubtful)
	case !f.Permanent && n.failures < n.retry().attempts() && !r.haltedAt(n):
		n.due = r.at.Add(max(min(f.After, maxRetryAfter), n.retry().delay(n.attempt.Key, n.failures)))
		r.to(n, backoff)
	default:
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
	n.failure, n.output, n.decoded, n.plan = f, nil, nil, nil
	n.label = n.inLabel
	switch {
	case n.tainted:
		n.label = Untrusted
	case n.label == "":
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
	if n.attempt.Effect.Changes() {
		n.doubt = n.failure
	}
	switch {
	case !n.attempt.Effect.Repeatable():
		n.unknown = true
		n.interrupts++
		r.to(n, doubtful)
	case r.haltedAt(n):
		n.unknown = n.unknown || n.attempt.Effect.Changes()
		r.die(n, n.failure)
	default:
		n.unknown = n.unknown || n.attempt.Effect.Changes()
		n.due = r.at
		if n.interrupts++; n.interrupts >= maxInterrupts {
			r.giveUp(n, &Failure{Message: fmt.Sprintf("%d processes went away while they worked on it", n.interrupts)})
			return
		}
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
