package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
)

func (a *app) workersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "workers",
		Short: "Who can do a step: list them, show what one wants and gives",
		Long: `Who can do a step of a pipeline: the workspace's agents, tools and pipelines, by the names that use: takes, and person,
which asks people.

The effect says what a worker may do to the world, and so what happens when nobody knows whether an attempt came through:
none and read are simply repeated, idempotent is repeated under the same key, unrepeatable is asked about.`,
		Example: "  tutti workers\n  tutti workers --kind tool\n  tutti workers show mail.send",
		Args:    knownCommands,
	}
	list := a.workersList()
	c.RunE = list.RunE
	c.Flags().AddFlagSet(list.Flags())
	c.AddCommand(list, a.workersShow(), a.workersAccept())
	return c
}

// personCard describes the core's own worker.
func personCard() coordinator.Card {
	return coordinator.Card{
		Name: coordinator.Person, Kind: "person", Effect: coordinator.EffectNone,
		Description: "Asks people, and waits for their answer. They see everything else in the input beside the question.",
		Input: json.RawMessage(`{"type":"object","properties":{` +
			`"question":{"type":"string","description":"what is asked"},` +
			`"options":{"type":"array","items":{},"description":"the answers to choose from; without, any text"},` +
			`"schema":{"type":"object","description":"JSON Schema of the answer, in place of options"}},"required":["question"]}`),
	}
}

// cards are all workers, grouped by kind, each group by name.
func (s *session) cards(kind string) []coordinator.Card {
	cards := []coordinator.Card{personCard()}
	for _, name := range s.names() {
		c, _ := s.card(name)
		cards = append(cards, c)
	}
	if kind != "" {
		cards = slices.DeleteFunc(cards, func(c coordinator.Card) bool { return c.Kind != kind })
	}
	slices.SortStableFunc(cards, func(a, b coordinator.Card) int {
		return cmp.Or(cmp.Compare(slices.Index(workerKinds, a.Kind), slices.Index(workerKinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	return cards
}

var workerKinds = []string{"person", "agent", "pipeline", "tool"}

// atWorkers wires the workspace for a command that only looks at its workers. What is broken is said, and the rest shown.
func (a *app) atWorkers(look func(*session) error) error {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := a.wire(ws)
	if s.broken != nil && !s.wantsJSON() {
		s.screen.println(s.screen.paint(yellow, "not all of them: ") + clean(joined(s.broken)))
	}
	return errors.Join(look(s), s.close())
}

func (a *app) workersList() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the workers, by kind",
		Long:    "List the workers of the workspace by kind: people, agents, pipelines, tools.",
		Example: "  tutti workers list\n  tutti workers list --kind agent -o json | jq '.workers[].name'",
		Args:    arguments,
		RunE: action(func(*cobra.Command, []string) error {
			if kind != "" && !slices.Contains(workerKinds, kind) {
				return usage(fmt.Errorf("--kind %s: there are %s", kind, strings.Join(workerKinds, ", ")))
			}
			return a.atWorkers(func(s *session) error { return s.listWorkers(s.cards(kind)) })
		}),
	}
	c.Flags().StringVar(&kind, "kind", "", "only "+strings.Join(workerKinds, ", "))
	return c
}

func (s *session) listWorkers(cards []coordinator.Card) error {
	if s.wantsJSON() {
		return s.json(page{"workers": cards})
	}
	if len(cards) == 0 {
		s.screen.println("no workers")
		return nil
	}
	var rows [][]string
	for _, c := range cards {
		rows = append(rows, []string{c.Name, c.Kind, string(effectOf(c)), firstSentence(c.Description)})
	}
	s.tableWithin(max(s.columns(), textColumns), []string{"WORKER", "KIND", "EFFECT", ""}, rows)
	return nil
}

// firstSentence is the beginning of a description, for lists.
func firstSentence(text string) string {
	text = line(text)
	if i := strings.Index(text, ". "); i > 0 {
		return text[:i+1]
	}
	return text
}

func (a *app) workersShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a worker: what it does, what it wants, what it gives",
		Long: `Show a worker: what it does, its effect, the properties of its input and output, those that carry authority (a recipient,
a path, an amount), whom it may call, and a step that uses it, ready to be copied. With -o json: its card.`,
		Example: "  tutti workers show mail.send\n  tutti workers show invoice-reader -o json | jq .output",
		Args:    arguments,
		RunE: action(func(_ *cobra.Command, args []string) error {
			return a.atWorkers(func(s *session) error { return s.showWorker(args[0]) })
		}),
	}
}

func (s *session) showWorker(name string) error {
	cards := s.cards("")
	i := slices.IndexFunc(cards, func(c coordinator.Card) bool { return c.Name == name })
	if i < 0 {
		known := make([]string, len(cards))
		for i, c := range cards {
			known[i] = c.Name
		}
		return usage(fmt.Errorf("no worker %q%s; tutti workers lists them", name, didYouMean(name, known)))
	}
	c := cards[i]
	if s.wantsJSON() {
		return s.json(c)
	}
	fmt.Fprintf(s.out, "%s  %s\n", c.Name, c.Kind)
	if c.Description != "" {
		for _, l := range filled(clean(c.Description), textColumns) {
			fmt.Fprintf(s.out, "  %s\n", l)
		}
	}
	fmt.Fprintf(s.out, "\neffect  %s\n", effectLine(c))
	if c.Timeout > 0 {
		fmt.Fprintf(s.out, "timeout  %s for one attempt, unless the step says otherwise\n", span(c.Timeout))
	}
	if len(c.Calls) > 0 {
		fmt.Fprintf(s.out, "calls  %s\n", line(strings.Join(c.Calls, ", ")))
	}
	s.showSchema("input", c.Input, c.Authority)
	s.showSchema("output", c.Output, nil)
	fmt.Fprintf(s.out, "\nin a pipeline\n%s", stepExample(c))
	return nil
}

func effectLine(c coordinator.Card) string {
	if c.Kind == "pipeline" {
		return "that of its steps"
	}
	return string(effectOf(c)) + ": " + effectWords(c.Effect)
}

// effectWords says what an effect means for those who use the worker.
func effectWords(e coordinator.Effect) string {
	switch e {
	case coordinator.EffectNone:
		return "it only computes"
	case coordinator.EffectRead:
		return "it looks at the world and changes nothing"
	case coordinator.EffectIdempotent:
		return "it changes the world, and repeating an attempt does not do it twice"
	}
	return "it changes the world, and repeating it does it again: where nobody knows whether it happened, a person is asked"
}

// showSchema prints the properties of a schema as a table.
func (s *session) showSchema(what string, schema json.RawMessage, authority []string) {
	rows := propertyRows(schema, authority)
	switch {
	case len(rows) > 0:
		fmt.Fprintln(s.out)
		s.table([]string{strings.ToUpper(what), "TYPE", "", "MEANING"}, rows)
	case len(schema) > 0 && what == "output":
		fmt.Fprintf(s.out, "\n%s  %s\n", what, cmp.Or(typeOf(readProperty(schema)), "anything"))
	default:
		fmt.Fprintf(s.out, "\n%s  anything\n", what)
	}
}

// property is what is read of a JSON Schema, to show it.
type property struct {
	Type        any                 `json:"type"`
	Format      string              `json:"format"`
	Description string              `json:"description"`
	Enum        []any               `json:"enum"`
	Const       any                 `json:"const"`
	Default     any                 `json:"default"`
	Examples    []any               `json:"examples"`
	Items       json.RawMessage     `json:"items"`
	Required    []string            `json:"required"`
	Properties  map[string]property `json:"properties"`
	AnyOf       []property          `json:"anyOf"`
	OneOf       []property          `json:"oneOf"`
}

// UnmarshalJSON takes the schemas true and false as well.
func (p *property) UnmarshalJSON(raw []byte) error {
	type plain property
	if raw[0] != '{' {
		return nil
	}
	return json.Unmarshal(raw, (*plain)(p))
}

func readProperty(schema json.RawMessage) property {
	var p property
	if len(schema) > 0 {
		_ = json.Unmarshal(schema, &p) // what cannot be read is shown as anything
	}
	return p
}

// maxPropertyDepth is how deep a table shows the inside of objects.
const maxPropertyDepth = 3

func propertyRows(schema json.RawMessage, authority []string) [][]string {
	return rowsOf(readProperty(schema), "", authority, 0)
}

func rowsOf(p property, prefix string, authority []string, depth int) [][]string {
	var rows [][]string
	for _, name := range namesOf(p) {
		of := p.Properties[name]
		var remarks []string
		if slices.Contains(p.Required, name) {
			remarks = append(remarks, "required")
		}
		if depth == 0 && slices.Contains(authority, name) {
			remarks = append(remarks, "authority")
		}
		rows = append(rows, []string{prefix + line(name), typeOf(of), strings.Join(remarks, ", "), meaningOf(of)})
		inside, mark := of, "."
		if typeWord(of) == "array" {
			inside, mark = readProperty(of.Items), "[]."
		}
		if depth+1 < maxPropertyDepth {
			rows = append(rows, rowsOf(inside, prefix+line(name)+mark, nil, depth+1)...)
		}
	}
	return rows
}

// namesOf are the properties of a schema, those that are required first, in their order.
func namesOf(p property) []string {
	var out []string
	for _, name := range p.Required {
		if _, there := p.Properties[name]; there {
			out = append(out, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Properties)) {
		if !slices.Contains(p.Required, name) {
			out = append(out, name)
		}
	}
	return out
}

// typeWord is the first type of a schema that is not null.
func typeWord(p property) string { return firstType(typesIn(p.Type)) }

// typeOf words a type for people: text, list of numbers, text or null.
func typeOf(p property) string {
	var words []string
	for _, t := range typesIn(p.Type) {
		words = append(words, wordFor(t, p))
	}
	for _, one := range append(slices.Clone(p.AnyOf), p.OneOf...) {
		if w := typeOf(one); w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "anything"
	}
	return strings.Join(words, " or ")
}

func wordFor(kind string, p property) string {
	switch kind {
	case "string":
		switch p.Format {
		case "", "path":
			return cmp.Or(p.Format, "text")
		}
		return "text, " + p.Format
	case "integer":
		return "whole number"
	case "boolean":
		return "true or false"
	case "array":
		if of := typeOf(readProperty(p.Items)); of != "anything" {
			return "list of " + of
		}
		return "list"
	}
	return kind
}

func meaningOf(p property) string {
	parts := []string{line(p.Description)}
	if len(p.Enum) > 0 {
		var options []string
		for _, o := range p.Enum {
			options = append(options, fmt.Sprint(o))
		}
		parts = append(parts, "one of: "+line(strings.Join(options, ", ")))
	}
	if p.Default != nil {
		parts = append(parts, "default: "+line(fmt.Sprint(p.Default)))
	}
	return strings.Trim(strings.Join(parts, "; "), "; ")
}

// filled breaks text between words into lines of so many columns.
func filled(text string, columns int) []string {
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && columnsOf(line)+1+columnsOf(word) > columns {
				out = append(out, line)
				line = ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		out = append(out, line)
	}
	return out
}
