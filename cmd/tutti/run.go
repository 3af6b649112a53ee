package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// runFlags are what tutti run can be told.
type runFlags struct {
	input   inputFlags
	batch   batchFlags
	goal    string
	key     string
	resume  string
	detach  bool
	timeout time.Duration
	dry     dryFlags
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE|NAME",
		Short: "Carry out a pipeline",
		Long: `Carry out a pipeline: one of the workspace by its name, or one in a file.

The result goes to stdout, everything else to stderr. On a terminal, questions are put to you at once. Anywhere else
the run is parked, the question and the command that answers it are printed, and the exit code is 3.

With --dry-run nothing is carried out. Tools that change nothing and the offline model are really asked, everything
else answers with an example made from its schema; what would be done is shown, with its input. Nothing is written.

Ctrl-C stops after what is in flight (10 s at most); the run can be gone on with. A second Ctrl-C stops at once.

Exit codes: 0 done, 1 failed, 2 refused (nothing was done), 3 waiting for a person; of a batch 1 goes before 3.` + batchHelp,
		Example: `  tutti run hello.yaml --set name=Ada
  tutti run invoice-intake --input '{"document": "inbox/one.pdf"}' -o json
  tutti run month-summary --input @september.json --key summary-2026-09
  tutti run month-summary --input @september.json --dry-run
  tutti run --resume r-mq2k7x1c-0011223344556677` + batchExample,
		Args: func(c *cobra.Command, args []string) error {
			if err := f.dry.check(c.Flags()); err != nil {
				return err
			}
			switch {
			case f.resume != "" && len(args) > 0:
				return errors.New("--resume takes no pipeline: the run knows its own")
			case f.resume == "" && len(args) == 0:
				return errors.New("which pipeline? tutti run FILE|NAME, or --resume RUN")
			case len(args) > 1 && len(f.batch.each) > 0:
				return fmt.Errorf("%q is too much; quote the pattern, so that the shell leaves it alone: --each 'inbox/*.pdf'", args[1])
			}
			return f.batch.check(c.Flags(), &f)
		},
		RunE: action(func(c *cobra.Command, args []string) error {
			if f.resume != "" {
				return a.resume(c.Context(), f)
			}
			if len(args) > 1 {
				return usage(a.tooMany(args[0], args[1]))
			}
			if len(f.batch.each) > 0 {
				return a.runBatch(c.Context(), args[0], f)
			}
			return a.run(c.Context(), args[0], f)
		}),
	}
	fl := c.Flags()
	f.input.register(fl)
	f.batch.register(fl)
	f.dry.register(fl)
	fl.StringVar(&f.goal, "goal", "", "what this run is for, in words")
	fl.StringVar(&f.key, "key", "", "idempotency key: the same task with the same key is one run")
	fl.StringVar(&f.resume, "resume", "", "go on with this run")
	fl.BoolVar(&f.detach, "detach", false, "print the run's id and carry it out in the background; with --each: leave the batch to tutti runner")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop after this long; the run can be gone on with (default: never)")
	return c
}

// tooMany explains where what stands behind a pipeline belongs: a file is a value of its input.
func (a *app) tooMany(target, more string) error {
	info, err := os.Stat(more)
	if err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("one pipeline at a time; %q is too much; values of its input go with --set FIELD=VALUE", more)
	}
	return fmt.Errorf("one pipeline at a time; %q is too much; a file goes into the input: --set %s=%s", more, a.fieldForFile(target), quoted(more))
}

// fieldForFile is the property of a pipeline's input that a file is meant for; FIELD when that cannot be told.
func (a *app) fieldForFile(target string) string {
	const unknown = "FIELD"
	ws, err := a.find(target)
	if err != nil {
		return unknown
	}
	file, err := ws.Pipeline(target)
	if errors.Join(err, ws.Close()) != nil {
		return unknown
	}
	if name, ok := fileProperty(readProperty(file.Plan.Input)); ok {
		return name
	}
	return unknown
}

// run carries out a pipeline: read it, check it, make the workers, submit, follow.
func (a *app) run(ctx context.Context, target string, f runFlags) error {
	ws, err := a.find(target)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, f.timeout, func(ctx context.Context) error {
		file, err := s.pipeline(target)
		if err != nil {
			return usage(err)
		}
		input, err := f.input.read(a.in, file.Plan)
		if err != nil {
			return usage(err)
		}
		if f.dry.on {
			return s.dry(ctx, file.Plan, input, f)
		}
		if err := s.start(ctx, s.people(ctx)); err != nil {
			return err
		}
		s.sayDurability()
		now, err := s.store.Now(ctx)
		if err != nil {
			return err
		}
		id, err := s.rt.Submit(ctx, local.Task{
			Goal: f.goal, Plan: file.Plan, Input: input, Key: f.key, By: a.As, Detached: f.detach,
		})
		if err != nil {
			return err
		}
		if f.detach {
			return s.detach(id)
		}
		if sum, err := s.store.Summary(ctx, id); err == nil && sum.Created.Before(now) { // the key is known: an earlier run
			s.began = sum.Seq
		}
		return s.finish(ctx, id)
	})
}

// pipeline reads a pipeline of the workspace, or of a file, and reports its mistakes and those of the settings that its
// workers come from, all at once.
func (s *session) pipeline(target string) (*pipeline.File, error) {
	file, err := s.ws.Pipeline(target)
	if file == nil {
		return nil, errors.Join(s.broken, err)
	}
	err = s.ws.CheckFile(file, s.card, s.names()...)
	if err == nil && !s.needsBroken(file) {
		s.warnOfBroken()
		return file, nil
	}
	return file, errors.Join(s.broken, s.withoutGuesses(err))
}

// needsBroken reports whether an agent that the pipeline uses may call what could not be opened: nobody checks that for it.
func (s *session) needsBroken(file *pipeline.File) bool {
	if s.broken == nil {
		return false
	}
	for _, step := range file.Plan.Steps {
		card, _ := s.card(step.Use)
		if card.Kind == "pipeline" { // its steps were checked; their agents were not
			return true
		}
		for _, call := range card.Calls {
			if _, known := s.card(call); !known && call != coordinator.Person {
				return true
			}
		}
	}
	return false
}

// withoutGuesses leaves out that a worker is unknown where the reason may be that its tools could not be opened.
func (s *session) withoutGuesses(err error) error {
	found := (*pipeline.Error)(nil)
	if s.broken == nil || !errors.As(err, &found) {
		return err
	}
	var left []pipeline.Mistake
	for _, m := range found.Mistakes {
		if !strings.HasPrefix(m.Message, "unknown worker ") {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return &pipeline.Error{Mistakes: left, Left: found.Left}
}

// resume goes on with a run that was interrupted, or whose questions were answered elsewhere.
func (a *app) resume(ctx context.Context, f runFlags) error {
	return a.onRun(ctx, f.resume, f.timeout, func(ctx context.Context, s *session) error {
		if f.detach {
			return s.detach(f.resume)
		}
		return s.finish(ctx, f.resume)
	})
}
