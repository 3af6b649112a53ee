package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

var (
	errLater   = errors.New("left for later") // the question stays in the inbox
	errDecided = errors.New("decided")
)

// asker puts questions to the person at the terminal, one at a time.
type asker struct {
	s     *session
	stop  context.Context                     // ends with Ctrl-C
	as    func(coordinator.Escalation) string // who the person is
	one   sync.Mutex
	lines func() <-chan string // what the person types
}

// people returns who answers on the spot; nil when nobody sits there.
func (s *session) people(stop context.Context) func(context.Context, coordinator.Escalation) (coordinator.Decision, error) {
	return s.askingAs(stop, func(coordinator.Escalation) string { return s.As })
}

func (s *session) askingAs(stop context.Context, as func(coordinator.Escalation) string) func(context.Context, coordinator.Escalation) (coordinator.Decision, error) {
	if !s.asks {
		return nil
	}
	a := &asker{s: s, stop: stop, as: as, lines: sync.OnceValue(func() <-chan string { return readLines(s.in) })}
	return a.ask
}

func readLines(r io.Reader) <-chan string {
	out := make(chan string)
	go func() { // blocked in a read until the program ends
		defer close(out)
		for in := bufio.NewScanner(r); in.Scan(); {
			out <- in.Text()
		}
	}()
	return out
}

// ask shows a question and takes answers until one fits. It decides by itself, so that nobody else is asked before a
// wrong answer is mended; the error tells the runtime that there is nothing left to decide.
func (a *asker) ask(ctx context.Context, q coordinator.Escalation) (coordinator.Decision, error) {
	a.one.Lock()
	defer a.one.Unlock()
	if a.stop.Err() != nil {
		return coordinator.Decision{}, errLater
	}
	a.s.screen.pause()
	defer a.s.screen.resume()
	as := a.as(q)
	if err := a.s.ws.MayDecide(as, q); err != nil { // the question itself is shown, with its commands, when the run is parked
		a.s.screen.printf("%s %s %s. %s", a.s.screen.paint(yellow, "?"), q.ID, line(err.Error()), a.s.leftOpen())
		return coordinator.Decision{}, errLater
	}
	a.s.screen.println("\n" + a.s.question(q))
	for {
		d, err := a.answer(q)
		if err == nil {
			d.By = as
			err = a.s.rt.Decide(ctx, q.ID, d)
		}
		wrong := (*local.DecisionError)(nil)
		switch {
		case err == nil:
			a.s.screen.println("  " + a.s.screen.paint(green, "→ "+string(d.Verb)+" by "+line(as)))
			return d, errDecided
		case errors.Is(err, errLater), a.stop.Err() != nil:
			return d, errLater
		case errors.Is(err, memory.ErrNotOpen):
			a.s.screen.println("  Too late: it was answered by somebody else, or the run moved on.")
			return d, errLater
		case errors.As(err, &wrong):
			err = wrong.Err
		}
		a.s.screen.println("  " + a.s.screen.paint(red, line(err.Error())))
	}
}

// leftOpen says what becomes of a question that is not for whoever sits here.
func (s *session) leftOpen() string {
	if !s.kept() {
		return "Say who you are with --as."
	}
	return "It stays in the inbox; say who you are with --as."
}

// choice is a verb as it is offered.
type choice struct {
	key, label string
	verb       coordinator.Verb
}

func choices(r coordinator.Reason) []choice {
	words := map[coordinator.Verb]choice{
		coordinator.Approve: {"a", "(a)pprove", coordinator.Approve},
		coordinator.Amend:   {"e", "(e)dit", coordinator.Amend},
		coordinator.Reject:  {"r", "(r)eject", coordinator.Reject},
		coordinator.Redo:    {"d", "(d)o again", coordinator.Redo},
		coordinator.Answer:  {"a", "(a)nswer", coordinator.Answer},
	}
	if r == coordinator.ReasonInDoubt {
		words[coordinator.Amend] = choice{"e", "it happened: (e)nter what came of it", coordinator.Amend}
		words[coordinator.Redo] = choice{"d", "it did not: (d)o it", coordinator.Redo}
		words[coordinator.Reject] = choice{"r", "it did not: leave it, (r)eject", coordinator.Reject}
	}
	if r == coordinator.ReasonBudget {
		words[coordinator.Amend] = choice{"e", "(e)nter new limits", coordinator.Amend}
	}
	var out []choice
	for _, v := range r.Verbs() {
		out = append(out, words[v])
	}
	return out
}

// answer offers the choices once.
func (a *asker) answer(q coordinator.Escalation) (coordinator.Decision, error) {
	offered := choices(q.Reason)
	labels := make([]string, 0, len(offered)+1)
	for _, c := range offered {
		if c.verb == coordinator.Answer && len(optionsOf(q.Schema)) > 0 {
			c.label += ", or type an option"
		}
		labels = append(labels, c.label)
	}
	text, err := a.prompt("  " + a.s.screen.paint(strong, strings.Join(append(labels, "(l)ater"), "  ")) + " > ")
	if err != nil {
		return coordinator.Decision{}, err
	}
	word := strings.ToLower(text)
	if word == "l" || word == "later" {
		return coordinator.Decision{}, errLater
	}
	for _, c := range offered {
		if word == c.key || word == string(c.verb) {
			return a.complete(q, c.verb)
		}
	}
	if o, ok := optionNamed(text, optionsOf(q.Schema)); ok && q.Reason == coordinator.ReasonQuestion {
		return coordinator.Decision{Verb: coordinator.Answer, Output: o}, nil
	}
	return coordinator.Decision{}, fmt.Errorf("%q is none of the choices", text)
}

// complete asks for what a verb needs besides itself.
func (a *asker) complete(q coordinator.Escalation, verb coordinator.Verb) (d coordinator.Decision, err error) {
	d.Verb = verb
	switch verb {
	case coordinator.Reject:
		d.Comment, err = a.prompt("  why? > ")
	case coordinator.Redo:
		d.Guidance, err = a.prompt("  what should be different? > ")
	case coordinator.Amend:
		d.Output, err = a.edit(q)
	case coordinator.Answer:
		d.Output, err = a.reply(q)
	}
	return d, err
}

// edit takes changes of single fields, or a whole JSON document.
func (a *asker) edit(q coordinator.Escalation) (json.RawMessage, error) {
	a.s.screen.println("  field=value, one a line, or a whole JSON document; an empty line ends")
	var changes []string
	for {
		text, err := a.prompt("  > ")
		if err != nil {
			return nil, err
		}
		if text == "" {
			return amend(q, changes)
		}
		if strings.ContainsRune(`{["`, rune(text[0])) {
			if !json.Valid([]byte(text)) {
				return nil, errors.New("that is no JSON")
			}
			return json.RawMessage(text), nil
		}
		changes = append(changes, text)
	}
}

// amend applies changes of single fields to what is proposed.
func amend(q coordinator.Escalation, changes []string) (json.RawMessage, error) {
	base := q.Proposed
	if q.Budget != nil {
		base, _ = json.Marshal(q.Budget) // plain numbers: cannot fail
	}
	values := map[string]any{}
	if len(base) > 0 {
		d := json.NewDecoder(strings.NewReader(string(base)))
		d.UseNumber()
		if err := d.Decode(&values); err != nil {
			return nil, errors.New("what is proposed has no fields; give the whole value as JSON")
		}
	}
	if len(changes) == 0 {
		return nil, errors.New("no change was made")
	}
	for _, change := range changes {
		if err := assign(values, change, q.Schema); err != nil {
			return nil, fmt.Errorf("%s: %w", change, err)
		}
	}
	return json.Marshal(values)
}

// reply takes the answer to a worker's question: one of the options, or text.
func (a *asker) reply(q coordinator.Escalation) (json.RawMessage, error) {
	options := optionsOf(q.Schema)
	for i, o := range options {
		a.s.screen.printf("  %d  %s", i+1, line(plainText(o)))
	}
	text, err := a.prompt("  answer > ")
	if err != nil {
		return nil, err
	}
	if o, ok := optionNamed(text, options); ok {
		return o, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(options) {
		return options[n-1], nil
	}
	return json.Marshal(valueOf(text, kindsAt(q.Schema, nil)))
}

func optionsOf(schema json.RawMessage) []json.RawMessage {
	var s struct {
		Enum []json.RawMessage `json:"enum"`
	}
	if len(schema) > 0 {
		_ = json.Unmarshal(schema, &s) // no options then
	}
	return s.Enum
}

func (a *asker) prompt(text string) (string, error) {
	a.s.screen.print(text)
	select {
	case got, open := <-a.lines():
		if !open {
			a.s.screen.println("")
			return "", errLater
		}
		return strings.TrimSpace(got), nil
	case <-a.stop.Done():
		return "", errLater
	}
}

// confirm asks whoever sits at the terminal; elsewhere --yes has to be said.
func (s *session) confirm(ctx context.Context, question string, yes bool) error {
	switch {
	case yes:
		return nil
	case !s.asks:
		return usage(errors.New(question + " Say --yes; nothing was done"))
	}
	a := &asker{s: s, stop: ctx, lines: func() <-chan string { return readLines(s.in) }}
	text, err := a.prompt(question + " (y/N) > ")
	if err == nil && (text == "y" || text == "Y" || text == "yes") {
		return nil
	}
	return &exit{exitUsage, errors.New("nothing was done")}
}
