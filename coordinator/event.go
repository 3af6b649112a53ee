package coordinator

import (
	"encoding/json"
	"fmt"
	"time"
)

// Version is the newest set of rules in Next that this code knows; it is stored with each run.
const Version = 1

// Kind names what happened.
type Kind string

const (
	Submitted   Kind = "submitted"   // always seq 1: Task
	Started     Kind = "started"     // intent: an attempt is about to be made
	Succeeded   Kind = "succeeded"   // an attempt's output, with the verdict
	Called      Kind = "called"      // an attempt answered with calls
	Planned     Kind = "planned"     // an attempt answered with a plan, with the verdict
	Failed      Kind = "failed"      // an attempt's error
	Interrupted Kind = "interrupted" // the attempt's process died or lost its lease
	Skipped     Kind = "skipped"     // a step that is not needed
	Refused     Kind = "refused"     // a step whose input could not be made (an expression failed, a limit)
	Expanded    Kind = "expanded"    // the items of a for_each
	Looped      Kind = "looped"      // one more round of an until
	Waited      Kind = "waited"      // an after has passed
	Joined      Kind = "joined"      // a fan-out, loop or plan is complete: Output or Failure
	Asked       Kind = "asked"       // Escalation opened
	Decided     Kind = "decided"     // a person's Decision on Escalation ID; foreign
	Expired     Kind = "expired"     // an escalation's deadline passed
	Cancelled   Kind = "cancelled"   // somebody asked to stop; foreign
	Redone      Kind = "redone"      // somebody asked to do a done step again; foreign
	Quarantined Kind = "quarantined" // claimed again and again without progress; foreign
	Released    Kind = "released"    // a person lets a quarantined run go on; foreign
	Claimed     Kind = "claimed"     // a person takes the question ID on: By; foreign
	Unclaimed   Kind = "unclaimed"   // and gives it back; foreign
	Denied      Kind = "denied"      // By tried what they have no right to: Note; foreign, changes nothing
	Rerun       Kind = "rerun"       // an ended run goes on, with Plan or its own: what failed, and From, is done again
	Ended       Kind = "ended"       // Status, Output or Failure: nothing but a rerun, and what came too late, follows
)

// Foreign reports whether other processes and people may append the event at the journal's tail.
func (k Kind) Foreign() bool {
	switch k {
	case Decided, Cancelled, Redone, Quarantined, Released, Claimed, Unclaimed, Denied:
		return true
	}
	return false
}

// Event is one line of a journal. Which fields are set depends on Kind.
type Event struct {
	Seq  int64     `json:"seq"` // from 1, without gaps
	At   time.Time `json:"at"`  // the store's time, UTC
	Kind Kind      `json:"kind"`

	Path       string `json:"path,omitempty"` // the node it is about; "" is the run
	Generation int    `json:"gen,omitempty"`
	Turn       int    `json:"turn,omitempty"`
	Number     int    `json:"number,omitempty"`

	Task       *Task            `json:"task,omitempty"`       // submitted
	Worker     string           `json:"worker,omitempty"`     // started
	Key        string           `json:"key,omitempty"`        // started
	Effect     Effect           `json:"effect,omitempty"`     // started
	Epoch      int64            `json:"epoch,omitempty"`      // started: the owner's epoch
	Deadline   time.Time        `json:"deadline,omitzero"`    // started: when the attempt is given up; expired: the new deadline
	Input      json.RawMessage  `json:"input,omitempty"`      // started: frozen, canonical
	Output     json.RawMessage  `json:"output,omitempty"`     // succeeded, joined, ended
	Calls      []Call           `json:"calls,omitempty"`      // called
	Plan       *Plan            `json:"plan,omitempty"`       // planned, rerun
	State      json.RawMessage  `json:"state,omitempty"`      // called, planned
	Replans    bool             `json:"replans,omitempty"`    // planned: the worker is asked again if a step fails
	Confidence *Confidence      `json:"confidence,omitempty"` // succeeded, planned
	Verdict    Verdict          `json:"verdict,omitempty"`    // succeeded, planned; "" is accept
	Failure    *Failure         `json:"failure,omitempty"`    // failed, refused, joined, ended
	Usage      Usage            `json:"usage,omitzero"`       // succeeded, called, planned, failed
	Models     map[string]Usage `json:"models,omitempty"`     // of Usage, by model
	Exchange   json.RawMessage  `json:"exchange,omitempty"`   // what a model was asked and answered, for people only
	Label      Label            `json:"label,omitempty"`      // of Input, Output or Items
	Items      json.RawMessage  `json:"items,omitempty"`      // expanded: a list
	Note       string           `json:"note,omitempty"`       // for people; skipped: why
	Escalation *Escalation      `json:"escalation,omitempty"` // asked
	ID         string           `json:"id,omitempty"`         // decided, expired, claimed, unclaimed, denied: the escalation
	Decision   *Decision        `json:"decision,omitempty"`   // decided
	By         string           `json:"by,omitempty"`         // cancelled, redone, claimed, unclaimed, denied, rerun: who
	Plans      map[string]*Plan `json:"plans,omitempty"`      // rerun: corrected plans of steps that answered with one, by path
	From       []string         `json:"from,omitempty"`       // rerun: steps to do again although they are done
	Guidance   string           `json:"guidance,omitempty"`   // redone
	Status     Status           `json:"status,omitempty"`     // ended
}

// Task is what somebody wants done.
type Task struct {
	Run       string          `json:"run"`                 // id of the run
	Version   int             `json:"version"`             // rules of Next this run lives by
	Workspace string          `json:"workspace,omitempty"` // part of every key
	Goal      string          `json:"goal,omitempty"`      // in words
	Plan      *Plan           `json:"plan"`                // what to carry out
	Input     json.RawMessage `json:"input,omitempty"`
	By        string          `json:"by,omitempty"`    // who asked for it
	Batch     string          `json:"batch,omitempty"` // the batch it belongs to
	Label     Label           `json:"label,omitempty"` // of Input
	Limits    Limits          `json:"limits,omitzero"` // as they stood at submission
}

// Verdict is what the gate said of a result when it was journaled. Replay never judges again.
type Verdict string

const (
	VerdictAccept Verdict = "accept"
	VerdictAsk    Verdict = "ask"  // not sure enough
	VerdictVeto   Verdict = "veto" // a hard check failed
)

// Judge is the plain gate: it compares a result's confidence with what the step accepts.
func Judge(a Accept, c *Confidence) Verdict {
	switch {
	case c != nil && c.Veto != "":
		return VerdictVeto
	case a.Threshold == 0:
		return VerdictAccept
	case c == nil || !(c.Score >= a.Threshold): // not a number is not sure
		return VerdictAsk
	}
	return VerdictAccept
}

// Status is where a run stands.
type Status string

const (
	StatusActive      Status = "active"     // something is or can be in progress
	StatusWaiting     Status = "waiting"    // only people or timers can move it
	StatusCancelling  Status = "cancelling" // no new work; what is in flight is awaited
	StatusUndoing     Status = "undoing"
	StatusDone        Status = "done"
	StatusFailed      Status = "failed"
	StatusCancelled   Status = "cancelled"
	StatusQuarantined Status = "quarantined"
)

// Final reports whether a run with this status can never move again.
func (s Status) Final() bool {
	return s == StatusDone || s == StatusFailed || s == StatusCancelled
}

// EventError reports an event that the run's state does not allow. The run is unchanged.
type EventError struct {
	Event  Event
	Reason string
}

func (e *EventError) Error() string {
	where := "run"
	if e.Event.Path != "" {
		where = "step " + e.Event.Path
	}
	return fmt.Sprintf("event %d %s: %s: %s", e.Event.Seq, e.Event.Kind, where, e.Reason)
}
