package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

const (
	textLines   = 40  // of a long text among the evidence
	textColumns = 100 // of one line
)

// question words an open question for a person: what is asked, about what, what is proposed, and how sure it is.
func (s *session) question(q coordinator.Escalation) string {
	var b strings.Builder
	paint := s.screen.paint
	fmt.Fprintf(&b, "%s %s\n", paint(yellow, "?"), paint(strong, friendly(line(q.Question))))
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
	if q.FourEyes && q.Requester != "" {
		about("four eyes", "not "+line(q.Requester)+", who asked for the run")
	}
	about("taken by", line(q.Claimed))
	if q.Reason == coordinator.ReasonQuestion {
		about("answer", wanted(q.Schema))
	}
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
		s.writeValue(&b, "input"+outside(q.Label), q.Input, nil, textLines)
	}
	s.writeValue(&b, proposedName(q.Reason), q.Proposed, q.Confidence, 0)
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
		switch {
		case q.Then.Reassign != "":
			out += ", then of " + q.Then.Reassign
		case q.Then.Do != "":
			out += ", then: " + q.Then.Do
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

// writeValue lists an object field by field, those of objects inside it too, each with the doubts about it. Long text is
// cut after so many lines; 0 shows everything, for a person answers for all of it.
func (s *session) writeValue(b *strings.Builder, title string, raw json.RawMessage, c *coordinator.Confidence, most int) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	fmt.Fprintf(b, "  %s\n", s.screen.paint(faint, title))
	fields := fieldsOf("", raw)
	if fields == nil {
		b.WriteString(lines(plainText(raw), "    ", most))
		return
	}
	wide := 0
	for _, f := range fields {
		wide = max(wide, min(columnsOf(f.name), 24))
	}
	for _, f := range fields {
		doubt := s.doubt(c, f.name)
		if strings.Contains(strings.TrimSpace(f.text), "\n") || columnsOf(f.text) > textColumns {
			fmt.Fprintf(b, "    %s%s\n%s", line(f.name), doubt, lines(f.text, "      │ ", most))
			continue
		}
		text := line(f.text)
		if doubt != "" && columnsOf(text) < 24 {
			text = pad(text, 24)
		}
		fmt.Fprintf(b, "    %s  %s%s\n", padded(line(f.name), wide), text, doubt)
	}
}

// entry is one value inside an object: args.total.
type entry struct{ name, text string }

// fieldsOf lists the values of an object, sorted, with those of objects inside it; nil if it is none.
func fieldsOf(prefix string, raw json.RawMessage) []entry {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	var out []entry
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if below := fieldsOf(prefix+name+".", fields[name]); len(below) > 0 {
			out = append(out, below...)
		} else {
			out = append(out, entry{prefix + name, plainText(fields[name])})
		}
	}
	return out
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
	return "  " + s.screen.paint(yellow, fmt.Sprintf("← %.0f %%  %s", 100*least, cut(strings.Join(notes, "; "), 60)))
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

// lines indents a text, closes the gaps in it, and wraps long lines; what goes beyond most lines is left out, unless most is 0.
func lines(text, indent string, most int) string {
	var kept []string
	for _, l := range strings.Split(clean(text), "\n") {
		if l = gap.ReplaceAllString(strings.TrimRight(l, " \t"), "   "); strings.TrimSpace(l) != "" {
			kept = append(kept, wrapped(l, textColumns)...)
		}
	}
	var b strings.Builder
	for i, l := range kept {
		if most > 0 && i == most {
			fmt.Fprintf(&b, "%s… %s left out\n", indent, count(len(kept)-i, "line"))
			break
		}
		b.WriteString(indent + l + "\n")
	}
	return b.String()
}

var gap = regexp.MustCompile(`\t|   +`)

// questionAndAnswers adds the commands that answer it.
func (s *session) questionAndAnswers(q coordinator.Escalation) string {
	return s.question(q) + "\n  answer it with\n    " + strings.Join(s.answers(q), "\n    ")
}

// answers are the commands that answer a question.
func (s *session) answers(q coordinator.Escalation) []string {
	as := s.signature()
	if s.ws.MayDecide(s.As, q) != nil {
		as = s.someoneFor(q)
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
			for _, reply := range replies(q.Schema) {
				out = append(out, s.commandAs(as, append(slices.Clone(args), reply...)...))
			}
			continue
		}
		out = append(out, s.commandAs(as, args...))
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
	if q.Claimed != "" {
		return q.Claimed
	}
	if people := s.members(q.By); len(people) > 0 {
		for _, name := range people {
			if s.ws.MayDecide(name, q) == nil {
				return name
			}
		}
		return people[0]
	}
	if q.By != "" {
		return q.By
	}
	for _, name := range slices.Sorted(maps.Keys(s.ws.People)) {
		if s.ws.MayDecide(name, q) == nil {
			return name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.ws.People)) {
		return name
	}
	return s.As
}
