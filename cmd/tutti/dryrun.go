package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// dryFlags are what tutti run can be told about a run that does nothing.
type dryFlags struct {
	on        bool
	askModels bool
}

func (f *dryFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "dry-run", false, "carry nothing out: walk the plan and show what would be done, with which input")
	flags.BoolVar(&f.askModels, "ask-models", false, "with --dry-run: ask models that cost money, too")
}

// check refuses flags that make no sense together.
func (f dryFlags) check(others *pflag.FlagSet) error {
	switch {
	case f.askModels && !f.on:
		return errors.New("--ask-models goes with --dry-run only: a run asks its models anyway")
	case !f.on:
		return nil
	}
	for _, name := range []string{"resume", "detach", "key"} {
		if flag := others.Lookup(name); flag != nil && flag.Changed {
			return fmt.Errorf("--dry-run keeps nothing, so it does not go with --%s", name)
		}
	}
	return nil
}

// dryRun walks a plan without effect: the real coordinator over a store in memory, with workers that only say what they
// would do. Labels are put to another use here: untrusted is what depends on a made-up value, everything else is trusted. So
// the coordinator itself follows made-up values through every expression.
type dryRun struct {
	s         *session
	askModels bool

	mu       sync.Mutex
	made     map[string]string            // by path: why the answer was made up
	declared map[string]*coordinator.Step // by path without item and round, as the plans say it
	decided  map[string]coordinator.Decision
}

// dryPerson signs the answers that a dry run gives.
const dryPerson = "dry-run"

// dry walks a plan and prints what would be done. The result is an error where the run would fail.
func (s *session) dry(ctx context.Context, plan *coordinator.Plan, input json.RawMessage, f runFlags) error {
	d := &dryRun{
		s: s, askModels: f.dry.askModels,
		made: map[string]string{}, declared: map[string]*coordinator.Step{}, decided: map[string]coordinator.Decision{},
	}
	if err := d.start(); err != nil {
		return err
	}
	id, err := s.rt.Submit(ctx, local.Task{Goal: f.goal, Plan: d.unhurried("", plan), Input: input, By: s.As})
	if err != nil {
		return err
	}
	_, err = s.rt.Wait(ctx, id)
	var (
		ended   *local.RunError
		waiting *local.WaitingError
	)
	if err != nil && !errors.As(err, &ended) && !errors.As(err, &waiting) {
		return err
	}
	w, err := d.walk(ctx, id)
	if err != nil {
		return err
	}
	if s.wantsJSON() {
		err = s.json(w)
	} else {
		err = s.printWalk(w)
	}
	if w.Status != coordinator.StatusDone {
		return errors.Join(&exit{exitFailed, nil}, err)
	}
	return err
}

// start makes the runtime of a dry run. The workspace's own store is not even connected to.
func (d *dryRun) start() error {
	workers := make(map[string]coordinator.Worker, len(d.s.workers))
	for name, w := range d.s.workers {
		workers[name] = dryWorker{w, name, d}
	}
	d.s.store = memory.NewWith(memory.Options{Workspace: d.s.ws.Name})
	rt, err := local.New(local.Options{
		Workers: workers, Store: d.s.store, Workspace: d.s.ws.Name, Limits: d.s.ws.Limits,
		Passive: true, People: d.answer, Log: d.s.logger(),
	})
	d.s.rt = rt
	return err
}

// noWait is what every pause becomes: the least that is not none, for a step may consist of nothing else.
const noWait = time.Nanosecond

// unhurried is a plan that waits for nothing; what its steps really say is remembered under their paths.
func (d *dryRun) unhurried(prefix string, p *coordinator.Plan) *coordinator.Plan {
	if p == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out := *p
	out.Steps = slices.Clone(p.Steps)
	for i := range out.Steps {
		d.declared[prefix+p.Steps[i].ID] = &p.Steps[i]
		hurry(&out.Steps[i])
	}
	return &out
}

func hurry(st *coordinator.Step) {
	st.After = min(st.After, noWait)
	st.Retry.Backoff, st.Retry.Cap = noWait, noWait
	if st.Undo != nil {
		undo := *st.Undo
		hurry(&undo)
		st.Undo = &undo
	}
}

// dryWorker answers in a worker's place, or lets it answer where that changes nothing and costs nothing.
type dryWorker struct {
	coordinator.Worker
	name string
	d    *dryRun
}

// Card is the worker's own, but for the label of what it adds by itself: it is no made-up value.
func (w dryWorker) Card() coordinator.Card {
	c := w.Worker.Card()
	c.Trusted = true
	return c
}

func (w dryWorker) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	if why := w.d.spares(w.name); why != "" {
		return w.makeUp(a, why), nil
	}
	r, err := w.Worker.Do(ctx, wary(a))
	if err != nil {
		return w.failed(a, r, err)
	}
	r.Label = coordinator.Trusted
	if r.Plan != nil {
		r.Plan = w.d.unhurried(turnPrefix(a), r.Plan)
	}
	return r, nil
}

// wary is an attempt with the label that a model should see: the careful one, for the true ones are not known here.
func wary(a coordinator.Attempt) coordinator.Attempt {
	a.Label = coordinator.Untrusted
	a.Turns = slices.Clone(a.Turns)
	for i, t := range a.Turns {
		a.Turns[i].Outcomes = slices.Clone(t.Outcomes)
		for j := range t.Outcomes {
			a.Turns[i].Outcomes[j].Label = coordinator.Untrusted
		}
	}
	return a
}

// failed is the outcome of a worker that really was asked. What it cannot do with made-up values says nothing about the run.
func (w dryWorker) failed(a coordinator.Attempt, r coordinator.Result, err error) (coordinator.Result, error) {
	if a.Label != coordinator.Trusted {
		return w.makeUp(a, "it cannot do this with made-up values: "+err.Error()), nil
	}
	if f := coordinator.FailureOf(err); f.After > 0 {
		err = coordinator.Permanent(fmt.Errorf("%w (it wants to be tried again after %s)", err, took(f.After)))
	}
	return r, err
}

// makeUp answers with an example of what the worker would give.
func (w dryWorker) makeUp(a coordinator.Attempt, why string) coordinator.Result {
	card := w.Worker.Card()
	output, fits := madeUp(card.Output, "answer of "+w.name)
	if !fits {
		why += "; no example was found that fits its schema"
	}
	w.d.mu.Lock()
	w.d.made[a.Path] = why
	w.d.mu.Unlock()
	return coordinator.Result{Output: output, Confidence: coordinator.Certain(), Label: coordinator.Untrusted}
}

// Why a worker is not called.
const (
	sparedEffect = "it is not called in a dry run"
	sparedModel  = "its model costs money: --ask-models asks it"
)

// spares says why a worker must not be called; "" when it may.
func (d *dryRun) spares(name string) string {
	card, _ := d.s.card(name)
	_, isAgent := d.s.ws.Agents[name]
	switch {
	case card.Kind == "pipeline":
		return ""
	case isAgent && !d.askModels && !d.s.freeModel(name):
		return sparedModel
	case card.Effect.Changes():
		return sparedEffect
	}
	return ""
}

// freeModel reports whether asking this agent costs nothing: its model is rules in this program.
func (s *session) freeModel(agent string) bool {
	return s.ws.Models[cmp.Or(s.ws.Agents[agent].Model, "default")].Use == "offline"
}

// answer stands in for people: what is proposed is accepted, what is asked gets a made-up answer.
func (d *dryRun) answer(_ context.Context, q coordinator.Escalation) (coordinator.Decision, error) {
	decision, err := d.decide(q)
	if err == nil {
		d.mu.Lock()
		d.decided[q.ID] = decision
		d.mu.Unlock()
	}
	return decision, err
}

func (d *dryRun) decide(q coordinator.Escalation) (coordinator.Decision, error) {
	out := coordinator.Decision{By: dryPerson, Verb: coordinator.Approve}
	switch q.Reason {
	case coordinator.ReasonBudget:
		if d.askModels {
			out.Verb, out.Comment = coordinator.Reject, "a dry run does not spend more than the budget"
			return out, nil
		}
		out.Verb, out.Output = coordinator.Amend, more(q.Used)
		return out, nil
	case coordinator.ReasonQuestion:
		out.Verb = coordinator.Answer
	case coordinator.ReasonFailed, coordinator.ReasonInDoubt:
		out.Verb = coordinator.Amend
	default:
		return out, nil
	}
	value, fits := madeUp(q.Schema, "answer")
	if !fits {
		return out, errors.New("no example was found that fits the schema of the answer")
	}
	out.Output, out.Label = value, coordinator.Untrusted
	return out, nil
}

// more is a budget that a dry run goes on with.
func more(used *coordinator.Spent) json.RawMessage {
	b := coordinator.Budget{Steps: 1000, Tokens: 1_000_000, Cost: 1000, Wall: 24 * time.Hour}
	if used != nil {
		b.Steps += 2 * used.Steps
		b.Tokens += 2 * (used.Usage.Input + used.Usage.Output)
		b.Cost += 2 * used.Usage.Cost
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil
	}
	return raw
}

// turnPrefix is what the paths of the steps begin with that an attempt answers with.
func turnPrefix(a coordinator.Attempt) string {
	path := a.Path
	if a.Generation > 1 {
		path += fmt.Sprintf("@%d", a.Generation)
	}
	return fmt.Sprintf("%s#%d/", path, max(a.Turn, 1))
}

// declaration is what a plan says about the piece of work at a path; nil for a call.
func (d *dryRun) declaration(path string) *coordinator.Step {
	d.mu.Lock()
	defer d.mu.Unlock()
	if undone, ok := strings.CutSuffix(path, "!undo"); ok {
		if st := d.declared[stepPath(withoutGeneration(undone))]; st != nil {
			return st.Undo
		}
		return nil
	}
	return d.declared[stepPath(path)]
}

// tallyOf counts names: "mail.send ×2, sql.exec ×1".
func tallyOf(n map[string]int) string {
	parts := make([]string, 0, len(n))
	for _, name := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s ×%d", line(name), n[name]))
	}
	return strings.Join(parts, ", ")
}
