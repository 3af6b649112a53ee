package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// plainView writes one line for each event that people care about: for logs, pipes and dumb terminals.
type plainView struct {
	s     *app
	began map[string]coordinator.Event // by path: the first start of the current generation
	first time.Time
	plan  string
}

func (v *plainView) tick() {}
func (v *plainView) end()  {}

func (v *plainView) event(e coordinator.Event, old bool) {
	switch e.Kind {
	case coordinator.Submitted:
		v.first, v.plan = e.At, e.Task.Plan.Name
	case coordinator.Started, coordinator.Expanded:
		if b, ok := v.began[e.Path]; !ok || b.Generation < e.Generation {
			v.began[e.Path] = e
		}
	}
	if word, rest := v.words(e); word != "" && !old {
		v.s.screen.println(pad(word, 8) + " " + rest)
	}
}

// words returns what to say about an event; nothing for most of them.
func (v *plainView) words(e coordinator.Event) (word, rest string) {
	switch e.Kind {
	case coordinator.Submitted:
		return "run", e.Task.Run + "  " + e.Task.Plan.Name
	case coordinator.Succeeded:
		if e.Verdict == coordinator.VerdictAccept {
			return "done", v.step(e, v.began[e.Path].Worker, v.time(e), sure(e.Confidence), spent(e.Usage), line(e.Note))
		}
	case coordinator.Joined:
		if e.Failure == nil {
			return "done", v.step(e, v.began[e.Path].Worker, v.time(e))
		}
	case coordinator.Called:
		return "calls", v.step(e, strings.Join(uses(e.Calls), ", "))
	case coordinator.Failed:
		return "failed", v.step(e, v.began[e.Path].Worker, line(e.Failure.Message))
	case coordinator.Refused:
		return "failed", v.step(e, line(e.Failure.Message))
	case coordinator.Interrupted:
		return "lost", v.step(e, "its process stopped before there was an outcome")
	case coordinator.Skipped:
		return "skipped", v.step(e, line(e.Note))
	case coordinator.Expanded:
		return "items", v.step(e, count(len(listOf(e.Items)), "item"))
	}
	return v.peopleWords(e)
}

func (v *plainView) peopleWords(e coordinator.Event) (word, rest string) {
	switch e.Kind {
	case coordinator.Asked:
		q := e.Escalation
		return "asked", v.step(e, who(q.By), friendly(line(q.Question)), said(q.Asked), "("+q.ID+")")
	case coordinator.Decided:
		d := e.Decision
		parts := []string{e.ID, string(d.Verb) + " by " + line(d.By), cut(line(plainText(d.Output)), quotedColumns), line(d.Comment + d.Guidance)}
		return "answer", strings.Join(present(parts...), "  ")
	case coordinator.Expired:
		return "late", e.ID + "  nobody answered in time"
	case coordinator.Cancelled:
		return "cancel", "asked for by " + line(e.By)
	case coordinator.Redone:
		return "again", v.step(e, "asked for by "+line(e.By), line(e.Guidance))
	case coordinator.Ended:
		return "ended", fmt.Sprintf("%s  %s after %s", v.plan, e.Status, took(e.At.Sub(v.first)))
	}
	return "", ""
}

// quotedColumns is how much of a question's or an answer's text stands on a line about it.
const quotedColumns = 60

func said(text string) string {
	if text == "" {
		return ""
	}
	return "“" + cut(line(text), quotedColumns) + "”"
}

func (v *plainView) time(e coordinator.Event) string {
	if b, ok := v.began[e.Path]; ok {
		return took(e.At.Sub(b.At))
	}
	return ""
}

// step words a line about a step: its path in a column of its own, then what there is to say.
func (v *plainView) step(e coordinator.Event, parts ...string) string {
	out := friendly(e.Path)
	if e.Path == "" {
		out = "run"
	}
	if columnsOf(out) < 28 {
		out = pad(out, 28)
	}
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out += "  " + p
		}
	}
	return strings.TrimRight(out, " ")
}

func uses(calls []coordinator.Call) []string {
	out := make([]string, len(calls))
	for i, c := range calls {
		out[i] = c.Use
	}
	return out
}

func who(by string) string {
	if by == "" {
		return "anyone"
	}
	return line(by)
}
