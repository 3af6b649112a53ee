package coordinator

import (
	"encoding/json"
	"time"
)

// Plan is a graph of steps for one task. It is plain data: it is journaled with the run that carries it out.
//
// Strings inside With and Output may hold "${{ … }}", a CEL expression over input, steps, item, index and last. If, ForEach and Until are whole expressions without the braces.
type Plan struct {
	Name        string          `json:"name,omitempty" validate:"omitempty,max=200"`
	Description string          `json:"description,omitempty" validate:"omitempty,max=4000"`
	Input       json.RawMessage `json:"input,omitempty"` // JSON Schema of the task's input; empty accepts anything
	Steps       []Step          `json:"steps" validate:"required,min=1,dive"`
	Output      any             `json:"output,omitempty"` // template of the run's output; nil: the outputs of the steps nothing depends on, by id
	Budget      Budget          `json:"budget,omitzero"`
}

// Step is one piece of work for one worker. A step with After and without Use is a pure wait.
type Step struct {
	ID       string        `json:"id"`
	Use      string        `json:"use,omitempty"`      // the worker's name; "person" asks people
	With     any           `json:"with,omitempty"`     // its input: a template
	Needs    []string      `json:"needs,omitempty"`    // steps to finish first; those its expressions mention are added by themselves
	If       string        `json:"if,omitempty"`       // run only when true
	ForEach  string        `json:"for_each,omitempty"` // a list: one child per item, outputs in the order of the items
	Parallel int           `json:"parallel,omitempty" validate:"gte=0"`
	Until    string        `json:"until,omitempty"` // repeat until true; sees last, the latest output, and index, the round from 0
	Max      int           `json:"max,omitempty" validate:"gte=0"`
	After    time.Duration `json:"after,omitempty" validate:"gte=0"` // wait this long once the needs are done, before anything else
	Retry    Retry         `json:"retry,omitzero"`
	Timeout  time.Duration `json:"timeout,omitempty" validate:"gte=0"` // per attempt; children and people don't count. 0: the worker's own, else DefaultTimeout
	Approval bool          `json:"approval,omitempty"`                 // a person approves the input before the worker starts
	Accept   Accept        `json:"accept,omitzero"`
	Review   Review        `json:"review,omitzero"`
	Undo     *Step         `json:"undo,omitempty"`
	OnError  OnError       `json:"on_error,omitempty" validate:"omitempty,oneof=fail continue escalate"`
}

// DefaultTimeout bounds one attempt of a step that states no timeout.
const DefaultTimeout = 5 * time.Minute

// Retry says how often a step that failed without effect is tried, and how long to wait in between:
// Backoff·2^(n-1), at most Cap, less up to a fifth, derived from the attempt's key so that replay agrees.
type Retry struct {
	Attempts int           `json:"attempts,omitempty" validate:"gte=0,lte=1000"` // in all; 0: DefaultAttempts, 1: never retry
	Backoff  time.Duration `json:"backoff,omitempty" validate:"gte=0"`           // 0: one second
	Cap      time.Duration `json:"cap,omitempty" validate:"gte=0"`               // 0: one minute
}

// maxRetryAfter bounds how long a worker may put its next attempt off.
const maxRetryAfter = 24 * time.Hour

// maxInterrupts is how often an attempt may lose its process before its step fails: it may well be what kills them.
const maxInterrupts = 8

// DefaultAttempts is how often a step is tried in all when its plan says nothing.
const DefaultAttempts = 3

// DefaultRounds is how often a step with until is repeated at most when it states no max.
const DefaultRounds = 10

// Accept says when a result needs no person. The zero value accepts every result that is valid.
// A Risk (a promise about the error rate) needs the calibrated gate, which is not built yet: Compile refuses it.
type Accept struct {
	Threshold float64 `json:"threshold,omitempty" validate:"gte=0,lte=1"`
	Risk      float64 `json:"risk,omitempty" validate:"gte=0,lt=1"`
}

// Review says who is asked about a step, within what time, and what happens when nobody answers.
type Review struct {
	By       string        `json:"by,omitempty"` // a person or group; "": anyone
	Within   time.Duration `json:"within,omitempty" validate:"gte=0"`
	Then     Then          `json:"then,omitzero"`       // the zero value waits for ever
	FourEyes bool          `json:"four_eyes,omitempty"` // whoever asked for the run may not decide
}

// Then is what happens at a deadline: approve, reject, fail, or reassign, which asks somebody else and then waits.
// An effect in doubt is never decided by a deadline: reject and fail leave it in doubt, approve leaves the question open.
type Then struct {
	Do       string `json:"do,omitempty" validate:"omitempty,oneof=approve reject fail reassign"`
	Reassign string `json:"reassign,omitempty"` // to whom, when Do is "reassign"
}

// OnError is what a step's final failure does to the run.
type OnError string

const (
	OnErrorFail     OnError = "fail"     // the default: the run stops, undoes, and fails
	OnErrorContinue OnError = "continue" // the output is null and dependants go on
	OnErrorEscalate OnError = "escalate" // a person decides
)

// Budget bounds what one run may use. A zero field is unlimited, except Steps (Limits.Steps).
// Over budget, people are asked; results in hand are journaled first.
type Budget struct {
	Steps  int           `json:"steps,omitempty" validate:"gte=0"`  // attempts started
	Tokens int64         `json:"tokens,omitempty" validate:"gte=0"` // input and output together
	Cost   float64       `json:"cost,omitempty" validate:"gte=0"`   // US dollars
	Wall   time.Duration `json:"wall,omitempty" validate:"gte=0"`   // since the run was submitted
}

// Limits bound what a plan or a run may ask of the house. A zero field takes its default.
type Limits struct {
	Steps       int   `json:"steps,omitempty" yaml:"steps"`             // steps of one run, all scopes and attempts: 10 000
	Depth       int   `json:"depth,omitempty" yaml:"depth"`             // nesting of plans and calls: 8
	Turns       int   `json:"turns,omitempty" yaml:"turns"`             // of one agent step: 25
	FanOut      int   `json:"fan_out,omitempty" yaml:"fan_out"`         // items of one for_each, rounds of one until: 1 000
	Payload     int   `json:"payload,omitempty" yaml:"payload"`         // bytes of one value: 8 MiB
	Events      int   `json:"events,omitempty" yaml:"events"`           // of one journal: 50 000
	Cost        int64 `json:"expression,omitempty" yaml:"expression"`   // CEL cost of one expression: 100 000
	Escalations int   `json:"escalations,omitempty" yaml:"escalations"` // open questions of one run: 100
}

// WithDefaults returns l with every zero field set to its default.
func (l Limits) WithDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.Steps, 10_000}, {&l.Depth, 8}, {&l.Turns, 25}, {&l.FanOut, 1_000},
		{&l.Payload, 8 << 20}, {&l.Events, 50_000}, {&l.Escalations, 100},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if l.Cost <= 0 {
		l.Cost = 100_000
	}
	return l
}
