package coordinator

import (
	"encoding/json"
	"time"
)

// phase is where a node stands in its life; see doc.go for the drawing.
type phase int

const (
	idle     phase = iota // some need is not settled
	fresh                 // needs are settled, nothing decided yet
	ready                 // an attempt may start
	backoff               // an attempt may start when due
	inFlight              // started, no outcome yet
	doubtful              // an effect may or may not have happened: to be asked
	failing               // failed for good: to be asked
	unsure                // a result that is not sure enough: to be asked
	asked                 // a question is open
	working               // its children (calls, plan, items, rounds) are at it
	joinable              // its children are through: to be joined
	settled               // done, skipped or dead
	dropped               // will never be decided: its run or plan stopped
)

// fate is how a settled node ended.
type fate int

const (
	undecided fate = iota
	done
	skipped
	dead
)

// role tells what a node's children are.
type role int

const (
	leaf role = iota // one worker
	fan              // children are items
	loop             // children are rounds
	call             // asked for by an agent: it has no step
	compensation
)

// node is one piece of work. Apply is the only one to change it.
type node struct {
	path   string
	order  int // of creation: the order in which Next looks at nodes
	role   role
	use    string
	step   *compiledStep // nil for a call
	scope  *scope        // where its expressions look
	parent *node         // the fan or loop it belongs to, the agent that called; nil for a step of a scope
	index  int           // among its parent's children
	item   *value
	last   *value

	phase    phase
	fate     fate
	missing  int       // needs not yet settled
	readyAt  time.Time // when the last need settled
	waited   bool
	approved bool

	generation int
	turn       int // from 1
	number     int // attempts started in this turn
	failures   int // attempts failed in this turn
	due        time.Time
	input      json.RawMessage // frozen; nil until then
	inLabel    Label
	draft      *draft // what the input will be; derived, so Next may keep it
	attempt    *Event // the started event in flight, or the last one
	question   string // id of the open escalation

	output     json.RawMessage
	label      Label
	decoded    *value
	confidence *Confidence
	failure    *Failure
	unknown    bool     // nobody knows whether its effect happened
	doubt      *Failure // what raised that doubt
	takenBack  bool     // its effect, or one below it, was undone and is not being redone
	undone     bool     // this generation's effect was undone, or that was tried
	answered   bool     // this generation has given an output: its key has done its work
	before     phase    // dropped: where it stood
	interrupts int      // attempts of this turn whose process went away
	tainted    bool     // a failure's text came from outside
	holds      bool     // counted in the busy of its scopes
	undoing    bool     // a compensation, or below one: it goes on while the run stops
	reason     string
	usage      Usage
	begun      time.Time
	ended      time.Time
	note       string

	turns    []Turn
	guidance []string
	plan     *Plan // proposed: waits for a verdict
	replans  bool
	sub      *scope

	children []*node // calls of the turn, items or rounds so far
	running  int     // children not settled
	items    []any
	rest     *rest // of the items, what a rerun goes on with
	broken   *node // first child whose failure fails this node

	redo   *string // its effect is being undone; then it is done again with this guidance
	undoes *effect // role compensation
	effect *effect // of the current generation, if a compensation is declared for it
}

type draft struct {
	input json.RawMessage
	label Label
	err   error
}

// effect is something a step did that its compensation can take back.
type effect struct {
	node       *node
	generation int
	output     value
	unknown    bool  // it may not have happened: a person is asked first
	gone       bool  // taken back, replaced by a parent's compensation, or decided to stand
	undo       *node // the compensation in progress
}

// scope is one plan being carried out: the run's own, or one that a worker answered with.
type scope struct {
	prefix  string
	prog    *program
	nodes   []*node // by step index
	input   value
	label   Label  // of the plan's own words
	owner   *node  // nil for the run's own plan
	prev    *scope // the same owner's earlier plan
	pending int    // steps not settled
	busy    int    // attempts below that are in flight or in doubt
	failed  *node  // the step that failed this plan
	closed  bool   // dropped, or joined
	undoing bool   // the plan of a compensation
	depth   int
}

func (n *node) is(p ...phase) bool {
	for _, one := range p {
		if n.phase == one {
			return true
		}
	}
	return false
}

// stopped reports whether no new work may start below s.
func (s *scope) stopped() bool {
	within := s.undoing
	for ; s != nil && s.undoing == within; s = s.outer() {
		if s.failed != nil || s.closed {
			return true
		}
	}
	return false
}

func (s *scope) outer() *scope {
	if s.owner == nil {
		return nil
	}
	return s.owner.scope
}

// contains reports whether n is at work below s; a compensation of something in s is not.
func (s *scope) contains(n *node) bool {
	if n.undoing && !s.undoing {
		return false
	}
	for at := n.scope; at != nil; at = at.outer() {
		if at == s {
			return true
		}
	}
	return false
}

// value is the node's output as expressions see it.
func (n *node) value() value {
	if n.decoded == nil {
		v, err := decode(n.output)
		if err != nil { // outputs are checked before they are journaled
			v = nil
		}
		n.decoded = &value{v: v, label: n.label}
	}
	return *n.decoded
}

// lookup finds the output of a settled step, in this plan or in an earlier one of the same owner.
func (s *scope) lookup(id string) (value, bool) {
	if st, ok := s.prog.byID[id]; ok {
		if n := s.nodes[st.index]; n.phase == settled {
			return n.value(), true
		}
		return value{}, false
	}
	for at := s.prev; at != nil; at = at.prev {
		if st, ok := at.prog.byID[id]; ok && at.nodes[st.index].fate == done {
			return at.nodes[st.index].value(), true
		}
	}
	return value{}, false
}

// vars is what the node's expressions may see.
func (n *node) vars() *vars {
	v := &vars{input: n.scope.input, step: n.scope.lookup, item: n.item, index: n.index, last: n.last}
	v.input.label = v.input.label.Join(n.scope.label)
	return v
}

// reviewer finds who is asked about a node: its own step's review, else that of whoever it works for.
func (n *node) review() Review {
	if n.role == compensation && n.step.Review == (Review{}) {
		return n.undoes.node.review()
	}
	for at := n; at != nil; at = at.above() {
		if at.step != nil && at.step.Review != (Review{}) {
			return at.step.Review
		}
	}
	return Review{}
}

func (n *node) above() *node {
	if n.parent != nil {
		return n.parent
	}
	return n.scope.owner
}

// delayed reports whether the step still has to wait for its time.
func (n *node) delayed() bool {
	return n.phase == fresh && n.step != nil && n.step.After > 0 && !n.waited
}

func (n *node) needsApproval() bool {
	return n.step != nil && n.step.Approval && !n.approved && n.role != compensation
}

func (n *node) retry() Retry {
	if n.step == nil {
		return Retry{}
	}
	return n.step.Retry
}

func (n *node) onError() OnError {
	switch {
	case n.role == call:
		return OnErrorContinue // its agent sees the failure
	case n.role == compensation:
		return OnErrorEscalate
	case n.step.OnError == "":
		return OnErrorFail
	}
	return n.step.OnError
}

func (n *node) accept() Accept {
	if n.step == nil {
		return Accept{}
	}
	return n.step.Accept
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
	if p == dropped && n.phase != dropped {
		n.before = n.phase
	}
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
