package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// line writes one line: a word in a column of its own, then what there is to say.
func (o *office) line(word, text string) {
	fmt.Fprintf(o.out, "  %-8s %s\n", word, text)
}

// show writes what people care about of an event.
func (o *office) show(e coordinator.Event) {
	step := friendly(e.Path)
	switch e.Kind {
	case coordinator.Succeeded:
		if e.Verdict == coordinator.VerdictAccept {
			note, _, _ := strings.Cut(e.Note, ";")
			o.line("done", about(step, note))
		}
	case coordinator.Failed, coordinator.Refused:
		o.line("failed", about(step, e.Failure.Message))
	case coordinator.Asked:
		o.line("asked", about(step, e.Escalation.By+": "+question(*e.Escalation)))
	case coordinator.Denied:
		o.line("denied", about(step, "the journal keeps that "+e.By+" tried"))
	case coordinator.Ended:
		o.ended(e)
	}
}

// question is what people are asked, with the doubts.
func question(q coordinator.Escalation) string {
	if q.Asked != "" {
		return "“" + q.Asked + "”"
	}
	text := friendly(q.Question)
	var request struct{ JSON json.RawMessage }
	if json.Unmarshal(q.Proposed, &request) == nil && request.JSON != nil {
		text += below(string(request.JSON))
	}
	if q.Confidence == nil {
		return text
	}
	for _, s := range q.Confidence.Signals {
		if s.Field != "" && s.Score < 0.9 {
			text += below("← " + s.Field + ": " + s.Note)
		}
	}
	return text
}

func below(text string) string { return fmt.Sprintf("\n%11s%s", "", text) }

func (o *office) ended(e coordinator.Event) {
	var out struct{ Outcome, Number, Reason string }
	switch {
	case e.Failure != nil:
		o.line("ended", string(e.Status)+": "+e.Failure.Message)
	case json.Unmarshal(e.Output, &out) == nil && out.Outcome != "":
		o.line("ended", strings.TrimSpace(out.Outcome+" "+out.Number)+": "+out.Reason)
	default:
		o.line("ended", string(e.Status))
	}
}

func about(step, more string) string {
	if more == "" {
		return step
	}
	return fmt.Sprintf("%-26s %s", step, more)
}

var turn = regexp.MustCompile(`(~\d+)?(@\d+)?#\d+/`)

// friendly is a path for people: documents › files for documents~0#1/files, and record (undo) for record!undo.
func friendly(path string) string {
	return strings.Replace(turn.ReplaceAllString(path, " › "), "!undo", " (undo)", 1)
}
