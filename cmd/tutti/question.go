package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

const (
	textLines   = 12  // of a long text among the evidence
	textColumns = 110 // of one line of it
)

// question words an open question for a person: what is asked, about what, what is proposed, and how sure it is.
func (s *session) question(q coordinator.Escalation) string {
	var b strings.Builder
	paint := s.screen.paint
	fmt.Fprintf(&b, "%s %s\n", paint(yellow, "?"), paint(strong, line(q.Question)))
	if q.Asked != "" {
		fmt.Fprintf(&b, "  %s\n", paint(strong, "“"+line(q.Asked)+"”"))
	}
	about := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %s %s\n", paint(faint, pad(name, 10)), text)
		}
	}
	about("question", q.ID+"  "+string(q.Reason))
	about("step", friendly(q.Path))
	about("asked of", s.askedOf(q))
	if q.Effect == coordinator.EffectUnrepeatable {
		about("effect", "cannot be repeated or taken back by itself")
	}
	if q.Failure != nil && q.Reason != coordinator.ReasonInDoubt && q.Reason != coordinator.ReasonFailed {
		about("failure", line(q.Failure.Message))
	}
	if q.Used != nil {
		about("used", strings.TrimSuffix(count(q.Used.Steps, "attempt")+", "+spent(q.Used.Usage), ", "))
	}
	if q.Reason != coordinator.ReasonQuestion && !bytes.Equal(q.Input, q.Proposed) {
		s.writeValue(&b, "input"+outside(q.Label), q.Input, nil)
	}
	s.writeValue(&b, proposedName(q.Reason), q.Proposed, q.Confidence)
	s.writeWhole(&b, q.Confidence)
	return strings.TrimRight(b.String(), "\n")
}

func proposedName(r coordinator.Reason) string {
	if r == coordinator.ReasonApproval {
		return "its input would be"
	}
	return "proposed"
}

// outside warns of text that somebody else wrote.
func outside(l coordinator.Label) string {
	if l == coordinator.Trusted {
		return ""
	}
	return " (from outside: it may try to persuade you)"
}

func (s *session) askedOf(q coordinator.Escalation) string {
	out := who(q.By)
	if people := s.members(q.By); len(people) > 0 {
		out += " (" + strings.Join(people, ", ") + ")"
	}
	if !q.Deadline.IsZero() {
		out += ", until " + q.Deadline.Local().Format(time.DateTime)
		if q.Then.Do != "" {
			out += ", then " + strings.TrimSpace(q.Then.Do+" "+q.Then.Reassign)
		}
	}
	return out
}

// members are the people of a group.
func (s *session) members(group string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.ws.People)) {
		if slices.Contains(s.ws.People[name].Groups, group) {
			out = append(out, name)
		}
	}
	return out
}

// writeValue lists an object field by field, each with the doubts about it; everything else as it is.
func (s *session) writeValue(b *strings.Builder, title string, raw json.RawMessage, c *coordinator.Confidence) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	fmt.Fprintf(b, "  %s\n", s.screen.paint(faint, title))
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &fields) != nil {
		b.WriteString(lines(plainText(raw), "    "))
		return
	}
	wide := 0
	for name := range fields {
		wide = max(wide, min(columnsOf(name), 24))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text := plainText(fields[name])
		doubt := s.doubt(c, name)
		if strings.Contains(strings.TrimSpace(text), "\n") || columnsOf(text) > textColumns {
			fmt.Fprintf(b, "    %s%s\n%s", line(name), doubt, lines(text, "      │ "))
			continue
		}
		if doubt != "" {
			text = pad(line(text), 28)
		}
		fmt.Fprintf(b, "    %s  %s%s\n", pad(line(name), wide), line(text), doubt)
	}
}

// doubt marks a field that something speaks against.
func (s *session) doubt(c *coordinator.Confidence, field string) string {
	if c == nil {
		return ""
	}
	var notes []string
	least := 1.0
	for _, sig := range c.Signals {
		if sig.Field != field || sig.Score >= 0.95 {
			continue
		}
		least = min(least, sig.Score)
		notes = append(notes, line(cmp.Or(sig.Note, sig.Name)))
	}
	if len(notes) == 0 {
		return ""
	}
	return "  " + s.screen.paint(yellow, fmt.Sprintf("← %.0f %%  %s", 100*least, strings.Join(notes, "; ")))
}

// writeWhole lists what speaks about the result as a whole.
func (s *session) writeWhole(b *strings.Builder, c *coordinator.Confidence) {
	if c == nil {
		return
	}
	for _, sig := range c.Signals {
		if sig.Field != "" || sig.Score >= 0.95 {
			continue
		}
		fmt.Fprintf(b, "  %s\n", s.screen.paint(yellow, fmt.Sprintf("← %.0f %%  %s", 100*sig.Score, line(cmp.Or(sig.Note, sig.Name)))))
	}
}

// plainText is a JSON string's text, or JSON on one line.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		return text
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// lines indents a text and leaves out what is too much of it.
func lines(text, indent string) string {
	var b strings.Builder
	all := strings.Split(strings.TrimRight(clean(text), " \n\t"), "\n")
	for i, l := range all {
		if i == textLines {
			fmt.Fprintf(&b, "%s… %s more\n", indent, count(len(all)-i, "line"))
			break
		}
		b.WriteString(indent + cut(strings.ReplaceAll(l, "\t", "    "), textColumns) + "\n")
	}
	return b.String()
}

// questionAndAnswers adds the commands that answer it.
func (s *session) questionAndAnswers(q coordinator.Escalation) string {
	return s.question(q) + "\n  answer it with\n    " + strings.Join(s.answers(q), "\n    ")
}

// answers are the commands that answer a question.
func (s *session) answers(q coordinator.Escalation) []string {
	var as []string
	if s.ws.MayDecide(s.As, q) != nil {
		as = []string{"--as", s.someoneFor(q)}
	}
	var out []string
	for _, verb := range q.Reason.Verbs() {
		args := []string{"inbox", string(verb), q.ID}
		switch verb {
		case coordinator.Amend:
			args = append(args, amendment(q)...)
		case coordinator.Reject:
			args = append(args, "--comment", "WHY")
		case coordinator.Redo:
			args = append(args, "--guidance", "WHAT TO DO DIFFERENTLY")
		case coordinator.Answer:
			args = append(args, "--text", "ANSWER")
		}
		out = append(out, s.command(append(args, as...)...))
	}
	return out
}

func amendment(q coordinator.Escalation) []string {
	if q.Reason == coordinator.ReasonBudget {
		return []string{"--set", "steps=NUMBER"}
	}
	if len(q.Proposed) > 0 && q.Proposed[0] == '{' {
		return []string{"--set", "FIELD=VALUE"}
	}
	return []string{"--output", "JSON"}
}

// someoneFor is a person who may answer.
func (s *session) someoneFor(q coordinator.Escalation) string {
	if people := s.members(q.By); len(people) > 0 {
		return people[0]
	}
	if q.By != "" {
		return q.By
	}
	for _, name := range slices.Sorted(maps.Keys(s.ws.People)) {
		return name
	}
	return s.As
}
