package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
)

// turnsShown is what runs show --turns prints with -o json.
type turnsShown struct {
	Run   string      `json:"run"`
	Turns []turnShown `json:"turns"`
}

// turnShown is one attempt at one turn of an agent: what its models were asked and answered.
type turnShown struct {
	Path       string                       `json:"path"`
	Worker     string                       `json:"worker,omitempty"`
	Generation int                          `json:"generation,omitempty"`
	Turn       int                          `json:"turn,omitempty"`
	Number     int                          `json:"number,omitempty"`
	Seq        int64                        `json:"seq"`
	At         time.Time                    `json:"at"`
	Outcome    coordinator.Kind             `json:"outcome"` // succeeded, called, planned or failed
	Calls      []coordinator.Call           `json:"calls,omitempty"`
	Usage      coordinator.Usage            `json:"usage,omitzero"`
	Models     map[string]coordinator.Usage `json:"models,omitempty"`
	Error      string                       `json:"error,omitempty"`
	Note       string                       `json:"note,omitempty"`
	Kept       bool                         `json:"kept"` // whether the exchange is in the journal
	Exchange   *agents.Exchange             `json:"exchange,omitempty"`
}

// turnFlags are what runs show --turns can be told.
type turnFlags struct {
	on   bool
	step string
	full bool
}

// showTurns prints what the agents of a run said with their models.
func (s *session) showTurns(ctx context.Context, id string, f turnFlags) error {
	if _, err := s.store.Summary(ctx, id); err != nil {
		return s.unknown("run", id, err)
	}
	only := ""
	if f.step != "" {
		var err error
		if only, err = s.stepOf(ctx, id, f.step); err != nil {
			return err
		}
	}
	turns, err := s.turnsOf(ctx, id, only)
	if err != nil {
		return err
	}
	if s.wantsJSON() {
		return s.json(turnsShown{id, turns})
	}
	if len(turns) == 0 {
		s.screen.println("no agent was asked" + map[bool]string{true: " here", false: " in this run"}[only != ""])
		return nil
	}
	p := &turnPage{sheet: sheet{s: s}, full: f.full, said: map[string][]agents.Message{}}
	for i, t := range turns {
		if i > 0 {
			p.linef("")
		}
		p.turn(t)
	}
	return p.print()
}

// turnsOf reads the turns of a run, or those at and below one step.
func (s *session) turnsOf(ctx context.Context, id, only string) ([]turnShown, error) {
	started, turns := map[string]string{}, []turnShown{}
	for e, err := range s.store.Read(ctx, id, 0) {
		if err != nil {
			return nil, err
		}
		if e.Kind == coordinator.Started {
			started[e.Path] = e.Worker
		}
		if !askedModel(e) || !isWithin(e.Path, only) {
			continue
		}
		t := turnShown{
			Path: e.Path, Worker: started[e.Path], Generation: e.Generation, Turn: e.Turn, Number: e.Number, Seq: e.Seq, At: e.At,
			Outcome: e.Kind, Calls: e.Calls, Usage: e.Usage, Models: e.Models, Note: e.Note,
		}
		if e.Failure != nil {
			t.Error = e.Failure.Message
		}
		if x := new(agents.Exchange); len(e.Exchange) > 0 && json.Unmarshal(e.Exchange, x) == nil {
			t.Kept, t.Exchange = true, x
		}
		turns = append(turns, t)
	}
	return turns, nil
}

// askedModel reports whether an event is the outcome of an agent's turn.
func askedModel(e coordinator.Event) bool {
	switch e.Kind {
	case coordinator.Succeeded, coordinator.Called, coordinator.Planned, coordinator.Failed:
		return len(e.Exchange) > 0 || len(e.Models) > 0 || e.Kind == coordinator.Called || e.Usage.Input+e.Usage.Output > 0
	}
	return false
}

// turnPage is the text of turns as it grows.
type turnPage struct {
	sheet
	full bool
	said map[string][]agents.Message // by path: what was shown already
}

// foldedLines is how much of a long text is shown without --full.
const foldedLines = 16

func (p *turnPage) most() int {
	if p.full {
		return 0
	}
	return foldedLines
}

func (p *turnPage) turn(t turnShown) {
	head := []string{p.tint(strong, friendly(t.Path)), line(t.Worker), fmt.Sprintf("turn %d", max(t.Turn, 1))}
	if t.Number > 1 {
		head = append(head, fmt.Sprintf("attempt %d", t.Number))
	}
	if t.Generation > 1 {
		head = append(head, fmt.Sprintf("done again %d×", t.Generation-1))
	}
	style := map[coordinator.Kind]string{coordinator.Failed: red, coordinator.Called: cyan}[t.Outcome]
	if style == "" {
		style = green
	}
	p.linef("%s", strings.Join(append(present(head...), p.tint(style, string(t.Outcome)), spent(t.Usage)), "  "))
	if t.Error != "" {
		p.text(t.Error, "  ", p.most())
	}
	if t.Note != "" {
		p.text(t.Note, "  ", p.most())
	}
	if t.Exchange == nil {
		p.linef("  %s", p.tint(faint, "what was said with the model was not kept"))
		return
	}
	p.offered(t.Exchange)
	p.messages(t.Path, t.Exchange.Messages)
	for i, r := range t.Exchange.Requests {
		p.request(i+1, r)
	}
	if t.Exchange.Omitted != "" {
		p.linef("  %s", p.tint(yellow, line(t.Exchange.Omitted)))
	}
}

// offered lists what the model could choose from.
func (p *turnPage) offered(x *agents.Exchange) {
	if len(x.Tools) > 0 {
		names := make([]string, len(x.Tools))
		for i, t := range x.Tools {
			names[i] = t.Name
		}
		p.linef("  %s %s", p.tint(faint, "tools offered "), line(strings.Join(names, ", ")))
	}
	if p.full {
		for _, t := range x.Tools {
			p.linef("    %s", p.tint(strong, line(t.Name)))
			p.text(t.Description, "      ", 0)
			p.text(indented(t.Parameters), "      ", 0)
		}
	}
	if len(x.Answer) > 0 {
		p.linef("  %s %s", p.tint(faint, "answer wanted "), wanted(x.Answer))
		if p.full {
			p.text(indented(x.Answer), "    ", 0)
		}
	}
	var options []string
	if x.Options.MaxTokens > 0 {
		options = append(options, fmt.Sprintf("at most %d tokens", x.Options.MaxTokens))
	}
	if x.Options.Temperature != nil {
		options = append(options, fmt.Sprintf("temperature %g", *x.Options.Temperature))
	}
	if len(options) > 0 {
		p.linef("  %s %s", p.tint(faint, "options       "), strings.Join(options, ", "))
	}
}

// messages shows a conversation; what an earlier turn of the same step showed is not said again.
func (p *turnPage) messages(path string, all []agents.Message) {
	known := 0
	if before := p.said[path]; !p.full {
		for known < min(len(before), len(all)) && sameMessage(before[known], all[known]) {
			known++
		}
	}
	p.said[path] = all
	if known > 0 {
		p.linef("  %s", p.tint(faint, "… "+count(known, "message")+" as above"))
	}
	for _, m := range all[known:] {
		p.message(m)
	}
}

// dataMark is what an agent puts around data; each turn has marks of its own.
var dataMark = regexp.MustCompile(`</?data [0-9a-f]+>`)

func sameMessage(a, b agents.Message) bool {
	return a.Role == b.Role && a.ID == b.ID && slices.Equal(a.Calls, b.Calls) &&
		dataMark.ReplaceAllString(a.Text, "") == dataMark.ReplaceAllString(b.Text, "")
}

var roleStyles = map[string]string{"system": yellow, "user": cyan, "assistant": green, "tool": strong}

func (p *turnPage) message(m agents.Message) {
	p.linef("  %s", strings.Join(present(p.tint(roleStyles[m.Role], line(m.Role)), line(m.Name), p.tint(faint, line(m.ID))), " "))
	if m.Text != "" {
		p.text(readable(m.Text), "    ", p.most())
	}
	for _, c := range m.Calls {
		p.linef("    %s %s", p.tint(cyan, "calls "+line(c.Name)), p.tint(faint, line(c.ID)))
		p.text(readable(c.Arguments), "      ", p.most())
	}
}

// readable indents a text that is a JSON object or list, and leaves every other one as it is.
func readable(text string) string {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		return indented(json.RawMessage(trimmed))
	}
	return text
}

func (p *turnPage) request(n int, r agents.AskedRequest) {
	words := []string{fmt.Sprintf("request %d", n), line(r.Model), count(r.Messages, "message"), spent(r.Usage)}
	if r.Tries > 1 {
		words = append(words, fmt.Sprintf("%d tries", r.Tries))
	}
	p.linef("  %s", p.tint(faint, strings.Join(present(words...), "  ")))
	if r.Error != "" {
		p.text(r.Error, "    "+p.tint(red, "✗ "), p.most())
	}
	if p.full && len(r.Body) > 0 {
		p.linef("    %s", p.tint(faint, "sent"))
		p.text(pretty(r.Body), "      ", 0)
	}
	if len(r.Reply) > 0 {
		p.linef("    %s", p.tint(faint, "raw reply"))
		p.text(pretty(r.Reply), "      ", p.most())
	}
}
