package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// watchFlags are what blackboard watch can be told.
type watchFlags struct {
	boardFlags
	count   int
	timeout time.Duration
}

func (a *app) boardWatch() *cobra.Command {
	var f watchFlags
	c := &cobra.Command{
		Use:   "watch",
		Short: "Print values as they change",
		Long: `Print the values that are there, and from then on each one that is written, until Ctrl-C. Who reads slowly gets the newest
value of a key, not each one in between; that a value expires is not told. With -o json every value is one line of JSON.`,
		Example: "  tutti blackboard watch\n  tutti blackboard watch --run RUN -o json | jq -r .key\n  tutti blackboard watch --count 1 --timeout 1m",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, _ []string) error {
			return a.watchBoard(c.Context(), f)
		}),
	}
	f.register(c)
	c.Flags().IntVar(&f.count, "count", 0, "end after so many values (default: never)")
	c.Flags().DurationVar(&f.timeout, "timeout", 0, "end after this long (default: never)")
	return c
}

func (a *app) watchBoard(ctx context.Context, f watchFlags) error {
	return a.atBoard(ctx, f.boardFlags, func(ctx context.Context, s *session, scope memory.Scope) error {
		if f.timeout > 0 { // of the watching, however long the store took to start
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, errTimeout)
			defer cancel()
		}
		err := s.followBoard(ctx, scope, f.count)
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errTimeout):
			return nil
		case cause != nil:
			return &exit{exitInterrupted, nil}
		}
		return err
	})
}

// followBoard prints values until there were so many, or the context ends. It watches before it lists, so that nothing falls
// between the two, and prints no version twice.
func (s *session) followBoard(ctx context.Context, scope memory.Scope, most int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed, err := s.store.Watch(ctx, scope)
	if err != nil {
		return err
	}
	there, err := s.store.List(ctx, scope)
	if err != nil {
		return err
	}
	shown := 0
	listed := map[string]time.Time{}
	show := func(v memory.Value) (enough bool, err error) {
		shown++
		return shown == most, s.showChange(v)
	}
	for _, v := range there {
		listed[v.Key] = v.At
		if enough, err := show(v); enough || err != nil {
			return err
		}
	}
	for v := range changed {
		if at, known := listed[v.Key]; known && !v.At.After(at) {
			continue
		}
		delete(listed, v.Key)
		if enough, err := show(v); enough || err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("the connection to the store is lost; what changed since is not told")
}

func (s *session) showChange(v memory.Value) error {
	if s.wantsJSON() {
		return s.jsonLine(v)
	}
	label := ""
	if labelWord(v) != string(coordinator.Trusted) {
		label = s.tint(yellow, "  untrusted")
	}
	p := &sheet{s: s}
	p.linef("%s  %s %s  %s%s  %s", s.tint(faint, v.At.Local().Format(time.TimeOnly)), s.tint(strong, padded(line(v.Key), 20)), s.tint(faint, fmt.Sprintf("v%d", v.Version)),
		s.tint(faint, cut(who(v.By), 24)), label, line(plainText(v.Value)))
	return p.print()
}
