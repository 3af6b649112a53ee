package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/diagram"
)

// picture says what is drawn of a plan, and of a run that carries it out; nil for none.
func (s *session) picture(plan *coordinator.Plan, nodes []coordinator.Node, run *coordinator.Run) diagram.Picture {
	p := diagram.Picture{Title: plan.Name, Subtitle: line(plan.Description)}
	states := map[string]*twig{}
	if run != nil {
		p.Subtitle = runLine(run)
		for _, t := range grow(stepsOf(run)) {
			states[t.Path] = t
		}
	}
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		index[n.ID] = i
	}
	for _, n := range nodes {
		b := diagram.Box{ID: n.ID, Worker: n.Use, Kind: s.kindOf(n.Step), Marks: marksOf(n.Step), Many: n.ForEach != ""}
		for _, id := range n.After {
			b.After = append(b.After, index[id])
		}
		if n.Undo != nil {
			b.Undo = &diagram.Undo{Worker: n.Undo.Use, Title: "takes " + n.ID + " back: " + n.Undo.Use + "\n" + valueText(n.Undo.With)}
		}
		b.Title = s.tooltip(n)
		if t := states[n.ID]; t != nil {
			showState(&b, t)
		}
		p.Boxes = append(p.Boxes, b)
	}
	return p
}

func runLine(run *coordinator.Run) string {
	return strings.Join(present(run.ID(), string(run.Status()), took(run.At().Sub(run.SubmittedAt())), spent(run.Spent().Usage)), " · ")
}

func (s *session) kindOf(step *coordinator.Step) diagram.Kind {
	switch step.Use {
	case "":
		return diagram.Wait
	case coordinator.Person:
		return diagram.Person
	}
	if c, known := s.card(step.Use); known {
		return diagram.Kind(c.Kind)
	}
	return diagram.Unknown
}

// marksOf words what a step's plan says beside its worker, one mark a line.
func marksOf(st *coordinator.Step) []string {
	var out []string
	add := func(there bool, format string, args ...any) {
		if there {
			out = append(out, line(fmt.Sprintf(format, args...)))
		}
	}
	add(st.After > 0, "waits %s", took(st.After))
	add(st.If != "", "if %s", st.If)
	add(st.ForEach != "", "each of %s%s", st.ForEach, positive(", %d at once", st.Parallel))
	add(st.Until != "", "until %s%s", st.Until, positive(", at most %d times", st.Max))
	add(st.Approval, "approval first")
	add(st.Accept.Threshold > 0, "accept from %s %%", percent(st.Accept.Threshold))
	add(st.Accept.Risk > 0, "accept at a risk of %s %%", percent(st.Accept.Risk))
	add(st.Review != (coordinator.Review{}), "asks %s", reviewWords(st.Review))
	add(st.OnError != "" && st.OnError != coordinator.OnErrorFail, "on error: %s", st.OnError)
	return out
}

func positive(format string, n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

func percent(share float64) string {
	return strconv.FormatFloat(float64(int(share*10000+0.5))/100, 'f', -1, 64)
}

func reviewWords(r coordinator.Review) string {
	out := who(r.By)
	if r.Within > 0 {
		out += " within " + span(r.Within)
	}
	switch {
	case r.Then.Reassign != "":
		out += ", then " + r.Then.Reassign
	case r.Then.Do != "":
		out += ", then " + r.Then.Do
	}
	return out
}

// span is a duration as files say it: 4h, 2d.
func span(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	text := d.String()
	text = strings.TrimSuffix(text, "m0s")
	if text != d.String() {
		text = strings.TrimSuffix(text+"m", "h0m")
		if !strings.HasSuffix(text, "m") {
			text += "h"
		}
	}
	return text
}

// showState adds how far a step is.
func showState(b *diagram.Box, t *twig) {
	b.State = diagram.State(t.State)
	state := t.State
	if !t.Begun.IsZero() && !t.Ended.IsZero() {
		state += " in " + took(t.Ended.Sub(t.Begun))
	}
	below := cmp.Or(tally(t.below), stepTally(t.below))
	b.Status = strings.Join(present(state, below, sure(t.Confidence), spent(t.Usage)), ", ")
	switch {
	case t.Failure != nil:
		b.Title += "\n\n" + line(t.Failure.Message)
	case t.State == "skipped":
		b.Title += "\n\n" + line(t.Reason)
	case len(t.Output) > 0:
		b.Title += "\n\noutput: " + short(t.Output, 400)
	}
	for _, child := range t.below {
		if isUndo(child.Path) && b.Undo != nil {
			b.Undo.State = diagram.State(child.State)
		}
	}
}

// stepTally counts the steps of a step that is a plan or makes calls.
func stepTally(below []*twig) string {
	steps, done := 0, 0
	for _, t := range below {
		if isUndo(t.Path) {
			continue
		}
		if steps++; settled(t.State) {
			done++
		}
	}
	if steps == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s done", done, count(steps, "step"))
}

// tooltip is all there is to say about a step, for those who point at it.
func (s *session) tooltip(n coordinator.Node) string {
	lines := []string{n.ID}
	if c, ok := s.card(n.Use); ok {
		lines[0] += " · " + n.Use
		if c.Description != "" {
			lines = append(lines, line(c.Description))
		}
		if c.Kind != "pipeline" { // its steps have effects of their own
			lines = append(lines, "effect: "+effectWords(c.Effect))
		}
	} else if n.Use != "" && n.Use != coordinator.Person {
		lines[0] += " · there is no worker " + n.Use
	}
	lines = append(lines, marksOf(n.Step)...)
	if text := valueText(n.With); text != "" {
		lines = append(lines, "with: "+text)
	}
	return strings.Join(lines, "\n")
}

// valueText is a value of a file on a few lines, for tooltips.
func valueText(v any) string {
	if v == nil {
		return ""
	}
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v)
	}
	return cut(strings.ReplaceAll(clean(string(raw)), "\\u0026", "&"), 1200)
}
