package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// dryWalk is what a dry run found out, in the order of the plan.
type dryWalk struct {
	Pipeline string             `json:"pipeline,omitempty"`
	DryRun   bool               `json:"dry_run"`
	Status   coordinator.Status `json:"status"` // done: the walk came to the end
	Error    string             `json:"error,omitempty"`
	Steps    []walked           `json:"steps"`
	Output   json.RawMessage    `json:"output,omitempty"`
	MadeUp   bool               `json:"output_from_made_up,omitempty"`
	Would    would              `json:"would"`
	Usage    *coordinator.Usage `json:"usage,omitempty"` // what the dry run itself has used

	doubtful bool // the error may come from a made-up value
}

// walked is one piece of work of a dry run.
type walked struct {
	Path       string                     `json:"path"`
	Use        string                     `json:"use,omitempty"`
	Kind       string                     `json:"kind,omitempty"` // agent, tool, pipeline, person
	State      string                     `json:"state"`
	Effect     coordinator.Effect         `json:"effect,omitempty"`
	Called     bool                       `json:"called"` // the worker was really asked
	Would      string                     `json:"would,omitempty"`
	Input      json.RawMessage            `json:"input,omitempty"`
	FromMadeUp bool                       `json:"from_made_up,omitempty"` // the input depends on made-up values
	Authority  map[string]json.RawMessage `json:"authority,omitempty"`    // properties of the input that carry authority
	Approval   bool                       `json:"approval,omitempty"`
	Accept     float64                    `json:"accept,omitempty"`
	Review     *reviewed                  `json:"review,omitempty"`
	After      string                     `json:"after,omitempty"`
	Output     json.RawMessage            `json:"output,omitempty"`
	MadeUp     string                     `json:"made_up,omitempty"` // why the output is made up
	Tainted    bool                       `json:"output_from_made_up,omitempty"`
	Confidence *coordinator.Confidence    `json:"confidence,omitempty"`
	Asks       []asking                   `json:"asks,omitempty"`
	Error      string                     `json:"error,omitempty"`
	Reason     string                     `json:"reason,omitempty"` // why it was skipped
	Note       string                     `json:"note,omitempty"`

	after time.Duration
	begun bool
}

// reviewed is who is asked about a step, and what happens when nobody answers.
type reviewed struct {
	By       string `json:"by,omitempty"`
	Within   string `json:"within,omitempty"`
	Then     string `json:"then,omitempty"`
	FourEyes bool   `json:"four_eyes,omitempty"`
}

// asking is a question that people would get, and what the dry run answered in their place.
type asking struct {
	Reason   coordinator.Reason `json:"reason"`
	Question string             `json:"question"`
	Asked    string             `json:"asked,omitempty"`
	reviewed
	Answer coordinator.Verb `json:"answer,omitempty"` // "": none was found that fits
	Output json.RawMessage  `json:"output,omitempty"`
	MadeUp bool             `json:"made_up,omitempty"`
}

// would is the sum of it.
type would struct {
	Changes    int            `json:"changes"` // calls that change the world
	Effects    map[string]int `json:"effects,omitempty"`
	Undone     int            `json:"undone,omitempty"` // of them, those that take others back
	Asks       int            `json:"asks"`
	MayAsk     int            `json:"may_ask,omitempty"` // made-up results that stand for ones that may not be sure enough
	Models     map[string]int `json:"models,omitempty"`  // agents that were not asked because their models cost money
	Wait       string         `json:"wait,omitempty"`    // the longest pauses, one after the other
	StandsOpen int            `json:"stands_open,omitempty"`

	wait time.Duration
}

// walk reads what became of the dry run.
func (d *dryRun) walk(ctx context.Context, id string) (*dryWalk, error) {
	run, err := d.s.rt.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	w := &dryWalk{Pipeline: run.Task().Plan.Name, DryRun: true, Status: run.Status(), MadeUp: run.Label() == coordinator.Untrusted}
	w.Output, _ = run.Output("")
	if f := run.Failure(); f != nil {
		w.Error = f.Message
	}
	if used := run.Spent().Usage; used != (coordinator.Usage{}) {
		w.Usage = &used
	}
	starts, asks := map[string]coordinator.Event{}, map[string][]asking{}
	for e, err := range d.s.store.Read(ctx, id, 0) {
		switch {
		case err != nil:
			return nil, err
		case e.Kind == coordinator.Started:
			starts[e.Path] = e
		case e.Kind == coordinator.Asked:
			asks[e.Path] = append(asks[e.Path], d.asking(e.Escalation))
			if e.Escalation.Reason == coordinator.ReasonQuestion {
				starts[e.Path] = coordinator.Event{Input: e.Escalation.Input, Label: e.Escalation.Label}
			}
		}
	}
	for _, a := range asks[""] {
		w.Would.count(a)
	}
	for _, st := range stepsOf(run) {
		step := d.walked(st, starts[st.Path], asks[st.Path])
		w.Would.add(step)
		w.Steps = append(w.Steps, step)
	}
	w.Would.Wait = worded(w.Would.wait)
	nodes, err := coordinator.Outline(run.Task().Plan, d.s.ws.Limits)
	if err != nil {
		return nil, err
	}
	w.doubtful = mayBeMadeUp(w.Steps, nodes)
	return w, nil
}

// mayBeMadeUp reports whether something failed that depends on a made-up value: through its input, or, where its input
// could not even be made, through a step that it waits for.
func mayBeMadeUp(steps []walked, nodes []coordinator.Node) bool {
	invented := map[string]bool{} // by step of the run's own plan
	for _, st := range steps {
		if st.MadeUp != "" || st.Tainted || slices.ContainsFunc(st.Asks, func(a asking) bool { return a.MadeUp }) {
			invented[stepID(st.Path)] = true
		}
	}
	for _, st := range steps {
		if st.State != "failed" {
			continue
		}
		id := stepID(st.Path)
		waitsFor := []string{id} // of a step inside another plan: whatever was made up there
		if i := slices.IndexFunc(nodes, func(n coordinator.Node) bool { return n.ID == id }); st.Path == id && i >= 0 {
			waitsFor = nodes[i].After
		}
		if st.FromMadeUp || !st.begun && slices.ContainsFunc(waitsFor, func(id string) bool { return invented[id] }) {
			return true
		}
	}
	return false
}

func (d *dryRun) asking(q *coordinator.Escalation) asking {
	decision := d.decided[q.ID]
	return asking{
		Reason: q.Reason, Question: friendly(q.Question), Asked: q.Asked,
		reviewed: reviewed{q.By, worded(q.Within), thenWords(q.Then), q.FourEyes},
		Answer:   decision.Verb, Output: decision.Output, MadeUp: decision.Label == coordinator.Untrusted,
	}
}

func thenWords(t coordinator.Then) string {
	if t.Reassign != "" {
		return "ask " + t.Reassign
	}
	return t.Do
}

// worded is a duration for people; "" for none.
func worded(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return span(d)
}

func (d *dryRun) walked(st coordinator.StepState, start coordinator.Event, asks []asking) walked {
	card, _ := d.s.card(st.Use)
	out := walked{
		Path: st.Path, Use: st.Use, Kind: card.Kind, State: st.State, Input: st.Input, Output: st.Output,
		Confidence: st.Confidence, Reason: st.Reason, Note: st.Note, Asks: asks, MadeUp: d.made[st.Path],
	}
	if st.Use == coordinator.Person {
		out.Kind, out.Effect = "person", coordinator.EffectNone
	} else if card.Kind == "tool" {
		out.Effect = effectOf(card)
	}
	if out.MadeUp != "" {
		out.Confidence = nil // of the example, which is no result
	}
	if st.Failure != nil {
		out.Error = st.Failure.Message
	}
	begun := start.Kind == coordinator.Started
	out.begun = begun
	if begun || len(start.Input) > 0 {
		out.Input, out.FromMadeUp = start.Input, start.Label == coordinator.Untrusted
		out.Authority = authorityIn(start.Input, card.Authority)
	}
	if why := d.spares(st.Use); begun && why == "" {
		out.Called = out.MadeUp == ""
	} else if begun {
		out.Would = map[string]string{sparedEffect: "call", sparedModel: "ask"}[why]
	}
	out.Tainted = len(st.Output) > 0 && st.Label == coordinator.Untrusted && out.MadeUp == ""
	out.declare(d.declaration(st.Path))
	return out
}

func effectOf(c coordinator.Card) coordinator.Effect {
	if c.Effect == "" {
		return coordinator.EffectUnrepeatable
	}
	return c.Effect
}

// declare adds what the plan says about a step.
func (w *walked) declare(st *coordinator.Step) {
	if st == nil {
		return
	}
	w.Approval, w.Accept, w.after = st.Approval, st.Accept.Threshold, st.After
	w.After = worded(st.After)
	if st.Review != (coordinator.Review{}) {
		w.Review = &reviewed{st.Review.By, worded(st.Review.Within), thenWords(st.Review.Then), st.Review.FourEyes}
	}
}

// authorityIn are the properties of an input that carry authority.
func authorityIn(input json.RawMessage, names []string) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if len(names) == 0 || json.Unmarshal(input, &fields) != nil {
		return nil
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return !slices.Contains(names, name) })
	return fields
}

// add counts one step.
func (w *would) add(s walked) {
	for _, a := range s.Asks {
		w.count(a)
	}
	switch s.Would {
	case "call":
		w.Changes++
		if w.Effects == nil {
			w.Effects = map[string]int{}
		}
		w.Effects[s.Use]++
		if isUndo(s.Path) {
			w.Undone++
		}
	case "ask":
		if w.Models == nil {
			w.Models = map[string]int{}
		}
		w.Models[s.Use]++
		if s.Accept > 0 {
			w.MayAsk++
		}
	}
	if s.State != "skipped" && s.State != "not reached" && !isPart(s.Path) {
		w.wait += s.after
	}
}

func (w *would) count(a asking) {
	w.Asks++
	if a.Answer == "" {
		w.StandsOpen++
	}
}
