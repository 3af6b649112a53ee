package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// completeWithin bounds how long a shell waits for what only the store knows.
const completeWithin = 1500 * time.Millisecond

// maxCompletions is how many runs or questions a shell offers.
const maxCompletions = 50

// completer gives the words that may stand somewhere, each perhaps with a tab and a description.
type completer func(s *session, c *cobra.Command) []string

// words are what arguments may be, by the placeholder in a command's Use.
var argumentCompleters = map[string]completer{
	"RUN":       func(s *session, c *cobra.Command) []string { return s.runIDs(c.Context()) },
	"ID":        func(s *session, c *cobra.Command) []string { return s.questionIDs(c.Context()) },
	"FILE|NAME": func(s *session, _ *cobra.Command) []string { return s.pipelineNames() },
	"NAME":      func(s *session, _ *cobra.Command) []string { return s.workerNames() },
}

var flagCompleters = map[string]completer{
	"as":       func(s *session, _ *cobra.Command) []string { return slices.Sorted(maps.Keys(s.ws.People)) },
	"for":      func(s *session, _ *cobra.Command) []string { return s.peopleAndGroups() },
	"run":      func(s *session, c *cobra.Command) []string { return s.runIDs(c.Context()) },
	"resume":   func(s *session, c *cobra.Command) []string { return s.runIDs(c.Context()) },
	"pipeline": func(s *session, _ *cobra.Command) []string { return s.pipelineNames() },
}

var fixedFlags = map[string][]string{
	"status": statuses, "output": {"text", "json"}, "format": {"text", "json"}, "template": starterNames(), "kind": workerKinds,
}

// completeAll lets shells complete the arguments and flags of every command.
func (a *app) completeAll(c *cobra.Command) {
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 {
		a.completeArguments(c)
	}
	for name, words := range fixedFlags {
		if c.LocalFlags().Lookup(name) != nil && !(name == "output" && c.HasParent()) {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // twice is no harm
		}
	}
	for name, words := range flagCompleters {
		if c.LocalNonPersistentFlags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, a.completion(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for _, sub := range c.Commands() {
		a.completeAll(sub)
	}
}

// completeArguments goes by the placeholders in a command's Use: "redo RUN STEP".
func (a *app) completeArguments(c *cobra.Command) {
	var places []string
	for _, word := range strings.Fields(c.Use)[1:] {
		places = append(places, strings.Trim(word, "[]"))
	}
	known := func(place string) bool { return argumentCompleters[place] != nil }
	if !slices.ContainsFunc(places, known) {
		return
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		place := places[len(places)-1]
		if len(args) < len(places) {
			place = places[len(args)]
		} else if place != "…" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if place == "…" {
			place = places[0]
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if strings.Contains(place, "FILE") {
			directive = cobra.ShellCompDirectiveDefault
		}
		if !known(place) {
			return nil, directive
		}
		return a.completion(argumentCompleters[place], directive)(c, args, begun)
	}
}

// completion opens the workspace for a completer. What goes wrong completes nothing: a shell must not be disturbed.
func (a *app) completion(words completer, directive cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		if a.fromEnvironment(c.Flags(), a.env) != nil {
			return nil, directive
		}
		ws, err := a.find("")
		if err != nil {
			return nil, directive
		}
		s := a.wire(ws)
		defer func() { _ = s.close() }() // the shell is waiting
		var out []string
		for _, word := range words(s, c) {
			if strings.HasPrefix(word, begun) {
				out = append(out, clean(word))
			}
		}
		return out, directive
	}
}

func (s *session) pipelineNames() []string {
	var out []string
	for _, f := range s.ws.Pipelines {
		out = append(out, described(f.Name, f.Plan.Description))
	}
	return out
}

func (s *session) workerNames() []string {
	var out []string
	for _, c := range s.cards("") {
		out = append(out, described(c.Name, firstSentence(c.Description)))
	}
	return out
}

func described(word, text string) string {
	if text = line(text); text == "" {
		return word
	}
	return word + "\t" + text
}

func (s *session) peopleAndGroups() []string {
	out := slices.Sorted(maps.Keys(s.ws.People))
	return append(out, slices.Sorted(maps.Keys(s.ws.Groups))...)
}

// atStore asks the store, for so long as a person at a shell has patience.
func (s *session) atStore(ctx context.Context, ask func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(orBackground(ctx)), completeWithin)
	defer cancel()
	if s.connect(ctx) == nil {
		ask(ctx)
	}
}

// orBackground is there because cobra has no context while it completes.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

func (s *session) runIDs(ctx context.Context) (out []string) {
	s.atStore(ctx, func(ctx context.Context) {
		runs, _, err := s.store.Runs(ctx, memory.RunFilter{Limit: maxCompletions})
		if err != nil {
			return
		}
		for _, r := range runs {
			out = append(out, described(r.Run, r.Pipeline+" "+string(r.Status)))
		}
	})
	return out
}

func (s *session) questionIDs(ctx context.Context) (out []string) {
	s.atStore(ctx, func(ctx context.Context) {
		open, _, err := s.store.Inbox(ctx, memory.InboxFilter{Limit: maxCompletions})
		if err != nil {
			return
		}
		for _, q := range open {
			out = append(out, described(q.ID, questionLine(q)))
		}
	})
	return out
}

func questionLine(q coordinator.Escalation) string {
	return who(q.By) + ": " + cut(friendly(line(q.Question)), quotedColumns)
}
