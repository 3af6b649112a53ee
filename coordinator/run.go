package coordinator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Run is one plan in progress for one task: the fold of its journal. Apply is its only mutator.
// A Run is not safe for concurrent use.
type Run struct {
	task   Task
	limits Limits
	budget Budget
	seq    int64
	at     time.Time
	top    *scope

	submittedAt time.Time
	wallFrom    time.Time // since when the budget's wall time counts: the submission, or the last rerun

	nodes    map[string]*node
	created  int
	frontier map[*node]struct{} // nodes that Next has to look at; finished ones never are
	flying   map[*node]struct{} // attempts without an outcome

	open  map[string]*question
	asked int // escalations ever, for their ids

	effects []*effect // in journal order of their outcomes

	spent       Spent
	finished    int // steps done
	stop        *stop
	rerunning   *rerunning     // a rerun that takes back what it will do anew
	retired     map[string]int // paths that a rerun has left, and the generation to go on with
	quarantined bool
	status      Status // set when final
	output      json.RawMessage
	label       Label
	failure     *Failure
}

// question is an open escalation and the node it is about; nil for the run's budget.
type question struct {
	Escalation
	node *node
}

// stop is why no new work may start.
type stop struct {
	status  Status // the final status it leads to
	failure *Failure
}

// Replay folds a journal. A broken read is an error, not a short journal.
func Replay(events iter.Seq2[Event, error]) (*Run, error) {
	r := new(Run)
	for e, err := range events {
		if err != nil {
			return nil, fmt.Errorf("replay after event %d: %w", r.seq, err)
		}
		if err := r.Apply(e); err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
	}
	if r.seq == 0 {
		return nil, fmt.Errorf("replay: the journal is empty")
	}
	return r, nil
}

// ID returns the run's id.
func (r *Run) ID() string { return r.task.Run }

// Task returns what was submitted.
func (r *Run) Task() Task { return r.task }

// Seq returns the number of the last event.
func (r *Run) Seq() int64 { return r.seq }

// At returns the time of the last event.
func (r *Run) At() time.Time { return r.at }

// Spent returns what the run has used so far.
func (r *Run) Spent() Spent { return r.spent }

// Finished returns how many steps are done.
func (r *Run) Finished() int { return r.finished }

// Failure returns why the run failed or stops; nil otherwise.
func (r *Run) Failure() *Failure {
	if r.failure == nil && r.stop != nil {
		return r.stop.failure
	}
	return r.failure
}

// Label returns where the run's output came from.
func (r *Run) Label() Label { return r.label }

// Output returns the output of the node at path, "" for the run's own. It is false while there is none.
func (r *Run) Output(path string) (json.RawMessage, bool) {
	if path == "" {
		return r.output, r.status == StatusDone
	}
	n, ok := r.nodes[path]
	if !ok || n.phase != settled {
		return nil, false
	}
	return n.output, n.fate == done
}

// Status says where the run stands.
func (r *Run) Status() Status {
	switch {
	case r.status != "":
		return r.status
	case r.quarantined:
		return StatusQuarantined
	case r.stop != nil && r.top.busy > 0:
		return StatusCancelling
	case r.stop != nil:
		return StatusUndoing
	case len(r.flying) > 0:
		return StatusActive
	}
	full, broke := len(r.open) >= r.limits.Escalations, r.budgetAsked()
	for n := range r.frontier {
		switch {
		case r.held(n), n.phase == backoff, n.delayed():
		case full && n.is(doubtful, failing, unsure), broke && n.is(fresh, ready):
		default:
			return StatusActive
		}
	}
	return StatusWaiting
}

// Open returns the open escalations, oldest first.
func (r *Run) Open() []Escalation {
	out := make([]Escalation, 0, len(r.open))
	for _, q := range r.open {
		out = append(out, q.Escalation)
	}
	slices.SortFunc(out, func(a, b Escalation) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// InFlight returns the started events that have no outcome yet, in the order they were started.
func (r *Run) InFlight() []Event {
	out := make([]Event, 0, len(r.flying))
	for n := range r.flying {
		out = append(out, *n.attempt)
	}
	slices.SortFunc(out, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// Started returns the attempt behind a started event of this run, for a runtime that has to find out what became of it.
func (r *Run) Started(path string) (Attempt, *Step, bool) {
	n, ok := r.nodes[path]
	if !ok || n.attempt == nil {
		return Attempt{}, nil, false
	}
	a := r.attempt(n, n.number)
	a.Deadline = n.attempt.Deadline
	if n.step == nil {
		return a, nil, true
	}
	return a, n.step.Step, true
}

// UseOf returns the worker of the node at path; "" when there is no such node.
func (r *Run) UseOf(path string) string {
	if n, ok := r.nodes[path]; ok {
		return n.use
	}
	return ""
}

// KnownSteps returns the ids of the steps that a plan answered by the node at path may name but not redefine.
func (r *Run) KnownSteps(path string) []string {
	n, ok := r.nodes[path]
	if !ok {
		return nil
	}
	return n.sub.doneIDs()
}

// StepState is a step, call, item or round as it stands, for people to look at.
type StepState struct {
	Path       string          `json:"path"`
	Use        string          `json:"use,omitempty"`
	State      string          `json:"state"` // waiting, ready, running, asked, working, done, skipped, failed, stopped
	Generation int             `json:"generation,omitempty"`
	Turn       int             `json:"turn,omitempty"`
	Attempts   int             `json:"attempts,omitempty"`
	Input      json.RawMessage `json:"input,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Label      Label           `json:"label,omitempty"`
	Confidence *Confidence     `json:"confidence,omitempty"`
	Failure    *Failure        `json:"failure,omitempty"`
	Reason     string          `json:"reason,omitempty"` // why it was skipped
	Note       string          `json:"note,omitempty"`
	Usage      Usage           `json:"usage,omitzero"`
	Begun      time.Time       `json:"begun,omitzero"`
	Ended      time.Time       `json:"ended,omitzero"`
	Due        time.Time       `json:"due,omitzero"`
	Escalation string          `json:"escalation,omitempty"`
}

// Steps returns every piece of work the run knows, in the order it came to know them.
func (r *Run) Steps() []StepState {
	nodes := make([]*node, 0, len(r.nodes))
	for _, n := range r.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.order, b.order) })
	out := make([]StepState, len(nodes))
	for i, n := range nodes {
		out[i] = n.state()
		if r.status != "" && n.phase != settled {
			out[i].State = "stopped"
		}
	}
	return out
}

func (n *node) state() StepState {
	s := StepState{
		Path: n.path, Use: n.use, State: n.word(), Generation: n.generation, Turn: n.turn, Attempts: n.number,
		Input: n.input, Output: n.output, Label: n.label, Confidence: n.confidence, Failure: n.failure,
		Reason: n.reason, Note: n.note, Usage: n.usage, Begun: n.begun, Ended: n.ended, Escalation: n.question,
	}
	if n.phase == backoff {
		s.Due = n.due
	}
	return s
}

func (n *node) word() string {
	if n.delayed() {
		return "waiting"
	}
	switch n.phase {
	case idle, backoff:
		return "waiting"
	case fresh, ready:
		return "ready"
	case inFlight:
		return "running"
	case doubtful, failing, unsure, asked:
		return "asked"
	case working, joinable:
		return "working"
	case dropped:
		return "stopped"
	}
	return [...]string{undecided: "waiting", done: "done", skipped: "skipped", dead: "failed"}[n.fate]
}

func (s *scope) doneIDs() []string {
	var ids []string
	for ; s != nil; s = s.prev {
		for _, n := range s.nodes {
			if n.fate == done {
				ids = append(ids, n.step.ID)
			}
		}
	}
	return ids
}

// outcomes tells the owner of a broken plan what is done and what failed.
func (s *scope) outcomes() []Outcome {
	var out []Outcome
	for _, n := range s.nodes {
		if n.fate == done || n.fate == dead {
			out = append(out, n.outcome())
		}
	}
	return out
}

func (n *node) outcome() Outcome {
	o := Outcome{Path: n.path, Use: n.use, Output: n.output, Label: n.label}
	if n.fate == dead {
		o.Error = n.failure.Message
	}
	return o
}

// SubmittedAt returns when the run began.
func (r *Run) SubmittedAt() time.Time { return r.submittedAt }

// Flying returns how many attempts have no outcome yet.
func (r *Run) Flying() int { return len(r.flying) }
