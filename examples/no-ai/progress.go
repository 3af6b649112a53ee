package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// progress prints a line for what people care about: what changes something, what fails, what is asked. It sees the events
// of a run in the order of its journal.
func progress(out io.Writer, workers map[string]coordinator.Worker) func(run string, e coordinator.Event) {
	uses := map[string]string{} // by path: who was started last
	changes := func(path string) bool {
		w, ok := workers[uses[path]]
		return ok && w.Card().Effect.Changes()
	}
	return func(_ string, e coordinator.Event) {
		switch e.Kind {
		case coordinator.Submitted:
			clear(uses)
		case coordinator.Started:
			uses[e.Path] = e.Worker
		}
		word, text := words(e)
		if word == "" || word == "done" && !changes(e.Path) {
			return
		}
		line := fmt.Sprintf("%-8s %-28s %-14s %s", word, friendly(e.Path), uses[e.Path], text)
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}

// words returns what to say about an event; nothing for most of them.
func words(e coordinator.Event) (word, text string) {
	switch e.Kind {
	case coordinator.Succeeded:
		return "done", ""
	case coordinator.Failed:
		return "failed", e.Failure.Message
	case coordinator.Asked:
		return "asked", e.Escalation.By + ": " + friendly(e.Escalation.Question)
	case coordinator.Decided:
		return "answer", string(e.Decision.Verb) + " by " + e.Decision.By + ": " + e.Decision.Comment
	case coordinator.Ended:
		return "ended", string(e.Status)
	}
	return "", ""
}

var turn = regexp.MustCompile(`(@\d+)?#\d+/`)

// friendly is a path for people: moved[3] › book for moved[3]#1/book.
func friendly(path string) string {
	return strings.ReplaceAll(turn.ReplaceAllString(path, " › "), "!undo", " (undo)")
}
