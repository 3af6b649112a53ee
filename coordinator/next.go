package coordinator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Next says what to do now. It is pure: equal journals give equal actions at equal times. Records and Asks come first;
// the runtime journals them and calls Next again. An attempt is returned until it is started, and never while it is in flight.
// The last action is a Wait unless there is something to record or the run has ended.
func (r *Run) Next(now time.Time) []Action {
	if r.status != "" {
		return []Action{Stop{Status: r.status}}
	}
	l := &look{run: r, now: now}
	if r.seq == 0 || r.quarantined {
		return []Action{Wait{InFlight: len(r.flying)}}
	}
	l.limits()
	l.deadlines()
	for _, n := range r.waitingForUs() {
		if !r.held(n) {
			l.at(n)
		}
	}
	l.askBudget()
	l.end()
	return l.actions()
}

// MaxDos is how many attempts one reading returns at most; the next one returns those that are left.
const MaxDos = 64

// look is one reading of a run.
type look struct {
	run     *Run
	now     time.Time
	records []Action
	dos     []Action
	asks    int
	items   int       // of the fan-outs that this reading expands
	timer   time.Time // earliest that moves the run by itself
	nagging time.Time // earliest deadline of a question
	over    string    // why the budget holds work back
}

func (l *look) actions() []Action {
	if len(l.records) > 0 {
		return append(l.records, l.dos...)
	}
	return append(l.dos, Wait{Until: earliest(l.timer, l.nagging), Timer: l.timer, InFlight: len(l.run.flying), Open: len(l.run.open)})
}

// waitingForUs returns the frontier in the order of creation.
func (r *Run) waitingForUs() []*node {
	out := make([]*node, 0, len(r.frontier))
	for n := range r.frontier {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *node) int { return cmp.Compare(a.order, b.order) })
	return out
}

// held reports whether a stop keeps the node from anything but a question about an effect in doubt.
func (r *Run) held(n *node) bool { return r.haltedAt(n) && n.phase != doubtful }

func (l *look) record(e Event) { l.records = append(l.records, Record{Event: e}) }

func (l *look) wait(until time.Time) { l.timer = earliest(l.timer, until) }

// earliest of two times, where zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (n *node) event(k Kind) Event {
	return Event{Kind: k, Path: n.path, Generation: n.generation, Turn: n.turn}
}

func (l *look) refuse(n *node, format string, args ...any) {
	e := n.event(Refused)
	e.Failure = &Failure{Message: fmt.Sprintf(format, args...), NotDone: true, Permanent: true}
	l.record(e)
}

// limits stops a run whose journal is full: what is in flight and what must be undone still fits.
func (l *look) limits() {
	r := l.run
	if r.stop != nil || r.seq < int64(r.limits.Events) {
		return
	}
	f := &Failure{Message: fmt.Sprintf("the journal has %d events, which is the limit", r.seq), NotDone: true, Permanent: true}
	l.record(Event{Kind: Refused, Failure: f})
}

func (l *look) deadlines() {
	for _, q := range l.run.Open() {
		switch {
		case q.Deadline.IsZero() || q.Then == (Then{}):
		case q.Deadline.After(l.now):
			l.nagging = earliest(l.nagging, q.Deadline)
		default:
			l.record(Event{Kind: Expired, Path: q.Path, ID: q.ID, Note: q.Then.Do})
		}
	}
}

func (l *look) at(n *node) {
	switch n.phase {
	case fresh:
		l.begin(n)
	case ready:
		l.start(n)
	case backoff:
		if n.due.After(l.now) {
			l.wait(n.due)
			return
		}
		l.start(n)
	case doubtful:
		l.ask(n, ReasonInDoubt)
	case failing:
		l.ask(n, ReasonFailed)
	case unsure:
		if n.plan != nil {
			l.ask(n, ReasonPlan)
			return
		}
		l.ask(n, ReasonLowConfidence)
	case joinable:
		l.join(n)
	}
}

// begin decides about a node whose needs are settled: skip, wait, expand, or start.
func (l *look) begin(n *node) {
	if by := n.skippedNeed(); by != "" {
		l.skip(n, by+" was skipped")
		return
	}
	if n.delayed() {
		if due := n.readyAt.Add(n.step.After); due.After(l.now) {
			l.wait(due)
			return
		}
		if n.use == "" {
			if run, ok := l.condition(n); !ok || !run {
				return
			}
		}
		l.record(n.event(Waited))
		return
	}
	if run, ok := l.condition(n); !ok || !run {
		return
	}
	if n.use == "" {
		l.record(n.event(Waited))
		return
	}
	switch n.role {
	case fan:
		l.expand(n)
	case loop:
		l.record(n.event(Looped))
	default:
		l.start(n)
	}
}

func (l *look) skip(n *node, why string) {
	e := n.event(Skipped)
	e.Note = why
	l.record(e)
}

// skippedNeed names a need that was skipped, unless the step's condition says always().
func (n *node) skippedNeed() string {
	if n.parent != nil || n.step.always {
		return ""
	}
	for _, i := range n.step.needs {
		if n.scope.nodes[i].fate == skipped {
			return n.scope.nodes[i].step.ID
		}
	}
	return ""
}

// condition evaluates the step's if, once per step; per item where it names the item.
func (l *look) condition(n *node) (run, ok bool) {
	st := n.step
	if st.cond == nil || (n.item != nil) != (st.forEach != nil && st.cond.item) || n.isRound() {
		return true, true
	}
	run, err := st.cond.bool(n.vars())
	if err != nil {
		l.refuse(n, "if: %v", err)
		return false, false
	}
	if !run {
		l.skip(n, "its if is false: "+shorten(st.cond.source))
	}
	return run, true
}

// shorten keeps a note to one readable line.
func shorten(s string) string {
	const most = 120
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (n *node) isRound() bool { return n.parent != nil && n.parent.role == loop }

func (l *look) expand(n *node) {
	v, err := n.step.forEach.eval(n.vars())
	if err != nil {
		l.refuse(n, "for_each: %v", err)
		return
	}
	items, ok := v.v.([]any)
	if !ok {
		l.refuse(n, "for_each must be a list, but it is %s", typeName(v.v))
		return
	}
	if all, most := l.run.created+l.items+len(items), 2*l.run.limits.Steps; all > most {
		l.refuse(n, "the run would have %d pieces of work; %d is the limit", all, most)
		return
	}
	if len(items) > l.run.limits.FanOut {
		l.refuse(n, "for_each has %d items; %d is the limit", len(items), l.run.limits.FanOut)
		return
	}
	raw, err := canonical(items)
	if err != nil {
		l.refuse(n, "for_each: %v", err)
		return
	}
	l.items += len(items)
	e := n.event(Expanded)
	e.Items, e.Label = raw, v.label
	l.record(e)
}

// start asks a person, or returns the attempt.
func (l *look) start(n *node) {
	in, label, err := l.input(n)
	if err != nil {
		l.refuse(n, "with: %v", err)
		return
	}
	switch {
	case n.use == Person:
		l.ask(n, ReasonQuestion)
	case len(l.dos) >= MaxDos:
	case n.needsApproval():
		l.ask(n, ReasonApproval)
	case !n.undoing && l.overBudget():
	default:
		l.do(n, in, label)
	}
}

// input freezes what the worker gets. Nothing it names can change any more, so a second reading gives the same.
func (l *look) input(n *node) (json.RawMessage, Label, error) {
	if n.input != nil {
		return n.input, n.inLabel, nil
	}
	if n.draft == nil {
		v := n.vars
		if n.role == compensation {
			v = n.undoVars
		}
		raw, label, err := n.step.with.eval(v())
		if err == nil && len(raw) > l.run.limits.Payload {
			err = fmt.Errorf("it has %d bytes; %d is the limit", len(raw), l.run.limits.Payload)
		}
		n.draft = &draft{raw, label.Join(n.scope.label), err}
	}
	return n.draft.input, n.draft.label, n.draft.err
}

func (l *look) do(n *node, in json.RawMessage, label Label) {
	r := l.run
	a := r.attempt(n, n.number+1)
	a.Input, a.Label = in, label
	e := n.event(Started)
	e.Number, e.Worker, e.Key, e.Input, e.Label = a.Number, n.use, a.Key, in, label
	do := Do{Worker: n.use, Attempt: a, Undo: n.undoing, Event: e}
	if n.step != nil {
		do.Step, do.Timeout = n.step.Step, n.step.Timeout
	}
	l.dos = append(l.dos, do)
}

func (r *Run) attempt(n *node, number int) Attempt {
	return Attempt{
		Run: r.task.Run, Path: n.path, Number: number, Turn: n.turn, Generation: n.generation,
		Key:   attemptKey(r.task.Workspace, r.task.Run, n.path, n.generation, n.turn),
		Input: n.input, Turns: n.turns, Guidance: n.guidance, Label: n.inLabel,
	}
}

// join records what a node's parts came to.
func (l *look) join(n *node) {
	switch {
	case n.sub != nil:
		l.joinPlan(n)
	case n.broken != nil:
		l.joined(n, nil, n.broken.label, &Failure{
			Message: n.broken.path + ": " + n.broken.failure.Message, NotDone: n.broken.failure.NotDone, Permanent: true,
		})
	case n.role == fan:
		out, label := make([]any, len(n.children)), n.inLabel
		for i, c := range n.children {
			v := c.value()
			out[i], label = v.v, label.Join(v.label)
		}
		l.joinValue(n, out, label)
	default:
		l.joinRound(n)
	}
}

func (l *look) joined(n *node, out json.RawMessage, label Label, f *Failure) {
	e := n.event(Joined)
	e.Output, e.Label, e.Failure = out, label, f
	l.record(e)
}

func (l *look) joinValue(n *node, v any, label Label) {
	raw, err := canonical(v)
	if err == nil && len(raw) > l.run.limits.Payload {
		err = fmt.Errorf("the joined output has %d bytes; %d is the limit", len(raw), l.run.limits.Payload)
	}
	if err != nil {
		l.joined(n, nil, label, &Failure{Message: err.Error(), NotDone: true, Permanent: true})
		return
	}
	l.joined(n, raw, label, nil)
}

func (l *look) joinPlan(n *node) {
	s := n.sub
	if s.failed != nil {
		l.joined(n, nil, s.failed.label, stepFailure(s.failed))
		return
	}
	out, label, err := s.result()
	if err != nil {
		l.joined(n, nil, label, &Failure{Message: "output: " + err.Error(), NotDone: true, Permanent: true})
		return
	}
	l.joined(n, out, label, nil)
}

// joinRound ends a loop or asks for one more round.
func (l *look) joinRound(n *node) {
	last := n.children[len(n.children)-1].value()
	v := n.vars()
	v.last, v.index = &last, len(n.children)-1
	stop, err := n.step.until.bool(v)
	rounds := n.step.Max
	if rounds == 0 {
		rounds = DefaultRounds
	}
	switch {
	case err != nil:
		l.joined(n, nil, last.label, &Failure{Message: "until: " + err.Error(), NotDone: true, Permanent: true})
	case stop:
		l.joinValue(n, last.v, last.label)
	case len(n.children) >= rounds:
		l.joined(n, nil, last.label, &Failure{
			Message: fmt.Sprintf("until was still false after %d rounds", rounds), NotDone: true, Permanent: true,
		})
	default:
		l.record(n.event(Looped))
	}
}

// result is a plan's output: its template, or the outputs of the steps nothing depends on, by id.
func (s *scope) result() (json.RawMessage, Label, error) {
	if s.prog.output != nil {
		v := &vars{input: s.input, step: s.lookup}
		v.input.label = v.input.label.Join(s.label)
		out, label, err := s.prog.output.eval(v)
		return out, label.Join(s.label), err
	}
	all, label := make(map[string]any, len(s.prog.leaves)), s.label
	for _, id := range s.prog.leaves {
		v, _ := s.lookup(id)
		all[id], label = v.v, label.Join(v.label)
	}
	out, err := canonical(all)
	return out, label, err
}

// end records the end of a run that has nothing left to do, to await or to undo.
func (l *look) end() {
	r := l.run
	switch {
	case r.stop != nil && r.top.busy == 0 && r.standing() == nil:
		l.record(Event{Kind: Ended, Status: r.stop.status, Failure: r.stop.failure})
	case r.stop == nil && r.top.pending == 0:
		out, label, err := r.top.result()
		if err != nil {
			f := &Failure{Message: "output: " + err.Error(), NotDone: true, Permanent: true}
			l.record(Event{Kind: Refused, Failure: f})
			return
		}
		l.record(Event{Kind: Ended, Status: StatusDone, Output: out, Label: label})
	}
}

// overBudget reports whether no further attempt may start, counting those that this reading starts.
func (l *look) overBudget() bool {
	r := l.run
	b, used := r.Budget(), r.spent
	switch {
	case used.Steps+len(l.dos) >= b.Steps:
		l.over = fmt.Sprintf("it has started %d attempts of %d", used.Steps, b.Steps)
	case b.Tokens > 0 && used.Usage.Input+used.Usage.Output >= b.Tokens:
		l.over = fmt.Sprintf("it has used %d tokens of %d", used.Usage.Input+used.Usage.Output, b.Tokens)
	case b.Cost > 0 && used.Usage.Cost >= b.Cost:
		l.over = fmt.Sprintf("it has cost $%.4f of $%.4f", used.Usage.Cost, b.Cost)
	case b.Wall > 0 && l.now.Sub(r.wallFrom) >= b.Wall:
		l.over = fmt.Sprintf("it has run for %s of %s", l.now.Sub(r.wallFrom).Round(time.Second), b.Wall)
	default:
		return false
	}
	return true
}

// Budget returns the limits that stand now.
func (r *Run) Budget() Budget {
	b := r.budget
	if b.Steps == 0 {
		b.Steps = r.limits.Steps
	}
	return b
}
