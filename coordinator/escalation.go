package coordinator

import (
	"encoding/json"
	"strings"
	"time"
)

// Escalation is an open question to people.
type Escalation struct {
	ID         string          `json:"id"` // <run>.<count>: unique everywhere
	Run        string          `json:"run"`
	Path       string          `json:"path,omitempty"` // "" for the run itself (budget)
	Generation int             `json:"generation,omitempty"`
	Reason     Reason          `json:"reason"`
	Question   string          `json:"question"`         // written by the coordinator, never by a model
	Asked      string          `json:"asked,omitempty"`  // reason question: the worker's own words, quoted
	Worker     string          `json:"worker,omitempty"` // whose result or start it is about
	Effect     Effect          `json:"effect,omitempty"`
	Input      json.RawMessage `json:"input,omitempty"`    // what the worker got or would get
	Proposed   json.RawMessage `json:"proposed,omitempty"` // what would be accepted
	Schema     json.RawMessage `json:"schema,omitempty"`   // of an amendment or answer
	Confidence *Confidence     `json:"confidence,omitempty"`
	Failure    *Failure        `json:"failure,omitempty"`
	Label      Label           `json:"label,omitempty"`
	Used       *Spent          `json:"used,omitempty"`      // reason budget
	Budget     *Budget         `json:"budget,omitempty"`    // reason budget: the limits that stand
	By         string          `json:"by,omitempty"`        // a person or group; "": anyone
	Requester  string          `json:"requester,omitempty"` // who asked for the run
	FourEyes   bool            `json:"four_eyes,omitempty"` // the requester may not decide
	Claimed    string          `json:"claimed,omitempty"`   // who has taken it on: nobody else decides until they give it back
	Opened     time.Time       `json:"opened"`
	Deadline   time.Time       `json:"deadline,omitzero"`
	Within     time.Duration   `json:"within,omitempty"`
	Then       Then            `json:"then,omitzero"`
}

// Spent is what a run has used so far.
type Spent struct {
	Steps int   `json:"steps"`
	Usage Usage `json:"usage"`
}

// Reason is why a person is asked.
type Reason string

const (
	ReasonLowConfidence Reason = "low_confidence" // a result that is not sure enough
	ReasonApproval      Reason = "approval"       // a step that needs a yes before it starts
	ReasonFailed        Reason = "failed"         // a step that failed for good, with on_error: escalate
	ReasonInDoubt       Reason = "in_doubt"       // an effect that may or may not have happened
	ReasonBudget        Reason = "budget"         // the run is over its budget
	ReasonQuestion      Reason = "question"       // a worker or a pipeline asks
	ReasonPlan          Reason = "plan"           // a plan that is not sure enough
)

// Verb is what a person can answer.
type Verb string

const (
	Approve Verb = "approve" // accept what is proposed
	Amend   Verb = "amend"   // with Output: take this instead; in_doubt: it happened, with this output; budget: a new Budget
	Reject  Verb = "reject"  // the step fails; in_doubt: it did not happen, leave it
	Redo    Verb = "redo"    // do it again, with Guidance; in_doubt: it did not happen, do it
	Answer  Verb = "answer"  // with Output: the answer to a question
)

// Decision is a person's answer to an escalation.
type Decision struct {
	ID       string          `json:"id,omitempty"` // equal for repeated deliveries: they get the first one's answer
	Verb     Verb            `json:"verb"`
	By       string          `json:"by"`
	Output   json.RawMessage `json:"output,omitempty"`
	Comment  string          `json:"comment,omitempty"`
	Guidance string          `json:"guidance,omitempty"`
	Label    Label           `json:"label,omitempty"` // of Output; "" is the person's word: trusted
}

var verbs = map[Reason][]Verb{
	ReasonLowConfidence: {Approve, Amend, Reject, Redo},
	ReasonApproval:      {Approve, Amend, Reject},
	ReasonFailed:        {Amend, Reject, Redo},
	ReasonInDoubt:       {Amend, Reject, Redo},
	ReasonBudget:        {Amend, Reject},
	ReasonQuestion:      {Answer, Reject},
	ReasonPlan:          {Approve, Amend, Reject, Redo},
}

// Verbs returns what may be answered to a question of this kind.
func (r Reason) Verbs() []Verb { return verbs[r] }

// Bars returns why this person may not decide, whatever groups they are in: four eyes, or somebody else has taken the
// question on; "" when nothing stands in their way.
func (e Escalation) Bars(by string) string {
	switch {
	case e.FourEyes && by == e.Requester:
		return "who asked for the run may not decide this: it needs four eyes"
	case e.Claimed != "" && e.Claimed != by:
		return e.Claimed + " has taken this question on"
	}
	return ""
}

// RunOf returns the run that an escalation's id belongs to.
func RunOf(escalation string) string {
	if i := strings.LastIndexByte(escalation, '.'); i > 0 {
		return escalation[:i]
	}
	return ""
}
