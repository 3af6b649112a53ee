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
		r.goOn()
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
	case e.Kind == Rerun:
		return r.rerun(e)
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
	case Claimed, Unclaimed:
		return r.claimed(e)
	case Denied:
		return func() {}, ""
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
		r.task, r.limits, r.budget, r.submittedAt, r.wallFrom = *e.Task, limits, e.Task.Plan.Budget, r.at, r.at
		r.nodes, r.frontier, r.flying = map[string]*node{}, map[*node]struct{}{}, map[*node]struct{}{}
		r.open = map[string]*question{}
		r.top = r.enter(&scope{prog: prog, input: value{v: in, label: e.Task.Label}, label: Trusted})
	}, ""
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
