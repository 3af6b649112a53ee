package coordinator

import (
	"encoding/json"
	"fmt"
)

// ask opens a question, unless as many as may be are open: then it waits its turn.
func (l *look) ask(n *node, why Reason) {
	r := l.run
	if len(r.open)+l.asks >= r.limits.Escalations {
		return
	}
	q := l.escalation(n, why)
	e := n.event(Asked)
	e.Escalation = &q
	l.asks++
	l.records = append(l.records, Ask{Event: e})
}

func (l *look) escalation(n *node, why Reason) Escalation {
	r, review := l.run, n.review()
	q := Escalation{
		ID: r.escalationID(r.asked + l.asks + 1), Run: r.task.Run, Path: n.path, Generation: n.generation,
		Reason: why, Worker: n.use, Input: n.input, Label: n.inLabel, Confidence: n.confidence, Failure: n.failure,
		By: review.By, Requester: r.task.By, FourEyes: review.FourEyes, Opened: l.now, Within: review.Within, Then: review.Then,
	}
	if n.attempt != nil {
		q.Effect = n.attempt.Effect
	}
	if review.Within > 0 {
		q.Deadline = l.now.Add(review.Within)
	}
	switch why {
	case ReasonInDoubt:
		q.Failure = n.doubt
	case ReasonLowConfidence:
		q.Proposed, q.Label = n.output, n.label
	case ReasonPlan:
		q.Proposed, _ = json.Marshal(n.plan)
	case ReasonApproval:
		q.Input, q.Label, _ = l.input(n)
		q.Proposed = q.Input
	case ReasonQuestion:
		q.Input, q.Label, _ = l.input(n)
		q.Asked, q.Schema = questionIn(q.Input)
	}
	q.Question = n.wording(why)
	return q
}

// wording words the question; no model ever does.
func (n *node) wording(why Reason) string {
	switch why {
	case ReasonLowConfidence:
		return n.doubtQuestion()
	case ReasonApproval:
		return fmt.Sprintf("%s wants to start %s with this input. May it?", n.path, n.use)
	case ReasonFailed:
		return fmt.Sprintf("%s failed: %s. What now?", n.use, n.failure.Message)
	case ReasonInDoubt:
		if n.role == compensation && n.undoes.unknown {
			return fmt.Sprintf("%s may or may not have happened (%s), and is to be undone. Did it happen?", n.undoes.node.use, n.doubt.Message)
		}
		return n.inDoubt()
	case ReasonPlan:
		return fmt.Sprintf("%s proposes this plan. Shall it be carried out?", n.use)
	}
	return n.path + " asks:"
}

func (n *node) inDoubt() string {
	q := fmt.Sprintf("%s may or may not have happened: %s. Did it? (amend: yes, with this output; redo: no, do it; reject: no, leave it)", n.use, n.doubt.Message)
	if n.interrupts > 0 {
		q += " A process that was frozen just before the call may still make it."
	}
	return q
}

func (n *node) doubtQuestion() string {
	c, need := n.confidence, n.accept().Threshold
	switch {
	case c == nil:
		return fmt.Sprintf("%s did not say how sure it is; %.0f %% is needed. Accept this result?", n.use, 100*need)
	case c.Veto != "":
		return fmt.Sprintf("The result of %s failed a check: %s. Accept it?", n.use, c.Veto)
	}
	return fmt.Sprintf("%s is %.0f %% sure of this result; %.0f %% is needed. Accept it?", n.use, 100*c.Score, 100*need)
}

// questionIn reads the input of the worker person: a question, and options or a schema for the answer.
func questionIn(in json.RawMessage) (question string, schema json.RawMessage) {
	var q struct {
		Question string          `json:"question"`
		Options  []any           `json:"options"`
		Schema   json.RawMessage `json:"schema"`
	}
	if json.Unmarshal(in, &q) != nil || q.Question == "" {
		return string(in), nil
	}
	if string(q.Schema) == "null" {
		q.Schema = nil
	}
	if len(q.Options) > 0 && len(q.Schema) == 0 {
		q.Schema, _ = json.Marshal(map[string]any{"enum": q.Options})
	}
	return q.Question, q.Schema
}

// askBudget asks, once, whether the run may use more than it was given.
func (l *look) askBudget() {
	r := l.run
	if l.over == "" || r.budgetAsked() || len(r.open)+l.asks >= r.limits.Escalations {
		return
	}
	spent, budget := r.spent, r.Budget()
	q := Escalation{
		ID: r.escalationID(r.asked + l.asks + 1), Run: r.task.Run, Reason: ReasonBudget,
		Question: "The run is over its budget: " + l.over + ". Give it more?",
		Used:     &spent, Budget: &budget, Requester: r.task.By, Opened: l.now, Label: Trusted,
	}
	l.asks++
	l.records = append(l.records, Ask{Event: Event{Kind: Asked, Escalation: &q}})
}
