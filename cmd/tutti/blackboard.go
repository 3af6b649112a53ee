package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// boardFlags say whose blackboard is meant.
type boardFlags struct {
	run          string
	conversation string
}

func (f *boardFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.run, "run", "", "the blackboard of this run")
	c.Flags().StringVar(&f.conversation, "conversation", "", "the blackboard of this conversation")
	c.MarkFlagsMutuallyExclusive("run", "conversation")
}

// scope is the workspace's, unless a run or a conversation is named.
func (f boardFlags) scope(ctx context.Context, s *session) (memory.Scope, error) {
	switch {
	case f.conversation != "":
		return memory.Scope{Kind: "conversation", ID: f.conversation}, nil
	case f.run == "":
		return memory.Scope{Kind: "workspace"}, nil
	}
	if _, err := s.store.Summary(ctx, f.run); err != nil {
		return memory.Scope{}, s.unknown("run", f.run, err)
	}
	return memory.Scope{Kind: "run", ID: f.run}, nil
}

func (a *app) blackboardCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "blackboard",
		Short: "Values that runs and agents share: get, set, list, watch",
		Long: `Values that the steps and agents of a run, of a conversation or of the whole workspace share. Pipelines read and write them
with the workers blackboard.get, blackboard.set and blackboard.list.

Each value has a version, which goes up by one with each change, and a label: what was made from text from outside is
untrusted, and stays so for whoever reads it.`,
		Example: `  tutti blackboard set rates '{"EUR": 1.1}' --ttl 24h
  tutti blackboard get rates
  tutti blackboard list --run r-mq2k7x1c-0011223344556677
  tutti blackboard watch -o json | jq -r .key`,
		Args: knownCommands,
	}
	list := a.boardList()
	c.RunE = list.RunE // the blackboard without a word is its list
	c.AddCommand(a.boardGet(), a.boardSet(), list, a.boardWatch())
	return c
}

// atBoard opens the store and finds the scope for a command about shared values.
func (a *app) atBoard(ctx context.Context, f boardFlags, work func(context.Context, *session, memory.Scope) error) error {
	return a.looking(ctx, func(ctx context.Context, s *session) error {
		scope, err := f.scope(ctx, s)
		if err != nil {
			return err
		}
		return work(ctx, s, scope)
	})
}

func (a *app) boardGet() *cobra.Command {
	var f boardFlags
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Print a value",
		Long: `Print a value on stdout: text as it is, everything else as JSON. Its version, label and age go to stderr; with -o json all
of it is one document. A key that is not there is refused with exit code 2.`,
		Example: "  tutti blackboard get rates\n  tutti blackboard get rates -o json | jq .version",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.atBoard(c.Context(), f, func(ctx context.Context, s *session, scope memory.Scope) error {
				v, err := s.store.Get(ctx, scope, args[0])
				if errors.Is(err, memory.ErrNotFound) {
					return s.noValue(ctx, scope, args[0])
				}
				if err != nil {
					return err
				}
				if s.wantsJSON() {
					return s.json(v)
				}
				if !s.Quiet {
					s.screen.println(s.screen.paint(faint, strings.Join(present(fmt.Sprintf("version %d", v.Version), labelWord(v), "by "+who(v.By), clock(v.At), until(v)), ", ")))
				}
				return s.result(v.Value)
			})
		}),
	}
	f.register(c)
	return c
}

// noValue says that a key is not there, and which ones like it are.
func (s *session) noValue(ctx context.Context, scope memory.Scope, key string) error {
	all, err := s.store.List(ctx, scope)
	if err != nil {
		return err
	}
	keys := make([]string, len(all))
	for i, v := range all {
		keys[i] = v.Key
	}
	return usage(fmt.Errorf("there is no %q on the blackboard of %s%s", key, s.boardName(scope), didYouMean(key, keys)))
}

func (s *session) boardName(scope memory.Scope) string {
	if scope.ID == "" {
		return "workspace " + s.ws.Name
	}
	return scope.String()
}

func labelWord(v memory.Value) string { return string(coordinator.Trusted.Join(v.Label)) }

func until(v memory.Value) string {
	if v.Expires.IsZero() {
		return ""
	}
	return "until " + clock(v.Expires)
}

// setFlags are what blackboard set can be told.
type setFlags struct {
	boardFlags
	ttl       time.Duration
	expect    int64
	untrusted bool
}

func (a *app) boardSet() *cobra.Command {
	var f setFlags
	c := &cobra.Command{
		Use:   "set KEY VALUE|@FILE|-",
		Short: "Write a value",
		Long: `Write a value: JSON where it can be read as that, else text. @FILE takes it from a file, - from stdin.

With --expect it is written only if the value has this version still (0: only if there is none); else nothing happens and
the exit code is 1. A value that you pass on from outside deserves --untrusted.`,
		Example: `  tutti blackboard set rates '{"EUR": 1.1}' --ttl 24h
  tutti blackboard set greeting "Good morning"
  tutti blackboard set rates @rates.json --expect 3
  curl -s https://example.com/news | tutti blackboard set news - --untrusted`,
		Args: arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			v, expect, err := a.valueToSet(c, args, f)
			if err != nil {
				return usage(err)
			}
			return a.atBoard(c.Context(), f.boardFlags, func(ctx context.Context, s *session, scope memory.Scope) error {
				return s.setValue(ctx, scope, v, expect, f.ttl)
			})
		}),
	}
	f.register(c)
	c.Flags().DurationVar(&f.ttl, "ttl", 0, "how long it is kept (default: for ever)")
	c.Flags().Int64Var(&f.expect, "expect", 0, "write only if it has this version; 0: only if there is none")
	c.Flags().BoolVar(&f.untrusted, "untrusted", false, "it comes from outside")
	return c
}

func (a *app) valueToSet(c *cobra.Command, args []string, f setFlags) (memory.Value, *int64, error) {
	v := memory.Value{Key: args[0], By: a.As, Label: coordinator.Trusted}
	if f.untrusted {
		v.Label = coordinator.Untrusted
	}
	var expect *int64
	if c.Flags().Changed("expect") {
		expect = &f.expect
	}
	switch {
	case f.ttl < 0:
		return v, nil, fmt.Errorf("--ttl %s is not more than nothing", f.ttl)
	case f.expect < 0:
		return v, nil, fmt.Errorf("--expect %d: versions begin at 1, and 0 is none", f.expect)
	case v.Key == "":
		return v, nil, errors.New("a value needs a key")
	}
	var err error
	v.Value, err = a.boardValue(args[1])
	return v, expect, err
}

// boardValue reads a value as it was written on the command line.
func (a *app) boardValue(text string) (json.RawMessage, error) {
	name, named := strings.CutPrefix(text, "@")
	if text == "-" {
		name, named = "-", true
	}
	if named {
		data, err := readNamed(name, a.in)
		if err != nil {
			return nil, err
		}
		if len(data) > maxDocument {
			return nil, fmt.Errorf("%s: more than %d MiB", text, maxDocument>>20)
		}
		text = string(data)
	}
	if canonical, err := coordinator.Canonical(json.RawMessage(text)); err == nil && strings.TrimSpace(text) != "" {
		return canonical, nil
	}
	return json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
}

func (s *session) setValue(ctx context.Context, scope memory.Scope, v memory.Value, expect *int64, ttl time.Duration) error {
	version, err := s.store.Set(ctx, scope, v, expect, ttl)
	if errors.Is(err, memory.ErrConflict) {
		return fmt.Errorf("%w; nothing was written", err)
	}
	if err != nil {
		return err
	}
	if s.wantsJSON() {
		return s.json(map[string]any{"key": v.Key, "version": version})
	}
	s.screen.printf("%s is at version %d.", line(v.Key), version)
	return nil
}

func (a *app) boardList() *cobra.Command {
	var f boardFlags
	c := &cobra.Command{
		Use:   "list",
		Short: "List the values",
		Long: `List the values of the workspace, or with --run or --conversation of one of these: key, version, who wrote it and when,
until when it stands, and where it came from.`,
		Example: "  tutti blackboard list\n  tutti blackboard list --run RUN -o json | jq '.values[].key'",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, _ []string) error {
			return a.atBoard(c.Context(), f, func(ctx context.Context, s *session, scope memory.Scope) error {
				all, err := s.store.List(ctx, scope)
				if err != nil {
					return err
				}
				return s.listValues(scope, all)
			})
		}),
	}
	f.register(c)
	return c
}

func (s *session) listValues(scope memory.Scope, all []memory.Value) error {
	if s.wantsJSON() {
		if all == nil {
			all = []memory.Value{}
		}
		return s.json(page{"scope": scope, "values": all})
	}
	if len(all) == 0 {
		s.screen.println("nothing on the blackboard of " + s.boardName(scope))
		return nil
	}
	rows := make([][]string, len(all))
	for i, v := range all {
		expires := "-"
		if !v.Expires.IsZero() {
			expires = clock(v.Expires)
		}
		rows[i] = []string{cut(line(v.Key), 30), fmt.Sprint(v.Version), labelWord(v), cut(who(v.By), 24), clock(v.At), expires, short(v.Value, textColumns)}
	}
	s.tableWithin(s.columns(), []string{"KEY", "VERSION", "LABEL", "BY", "AT", "UNTIL", "VALUE"}, rows)
	return nil
}
