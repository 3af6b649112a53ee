package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func (a *app) runsCancel() *cobra.Command {
	var batch string
	var parallel int
	var yes bool
	c := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run, or a batch of them, and undo what it did",
		Long: `Stop a run: nothing new is started, what is in flight is awaited, then what was done is undone, newest first,
as far as its steps say how. The undoing happens in this command, unless another process works on the run.

With --batch all runs of the batch are stopped that have not ended. It says how many and asks first; scripts say --yes.`,
		Example: "  tutti runs cancel RUN\n  tutti runs cancel --batch september --yes",
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == (batch != "") {
				return errors.New("which run? tutti runs cancel RUN, or --batch NAME")
			}
			return nil
		},
		RunE: action(func(c *cobra.Command, args []string) error {
			if batch != "" {
				return a.cancelBatch(c.Context(), batch, parallel, yes)
			}
			return a.onRun(c.Context(), args[0], 0, func(ctx context.Context, s *session) error {
				if err := s.rt.Cancel(ctx, args[0], s.As); err != nil {
					return err
				}
				return s.finishCancelled(ctx, args[0])
			})
		}),
	}
	c.Flags().StringVar(&batch, "batch", "", "every run of this batch that has not ended")
	c.Flags().IntVar(&parallel, "parallel", defaultParallel, "with --batch: how many runs at once")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "with --batch: do not ask first")
	return c
}

func (a *app) cancelBatch(ctx context.Context, batch string, parallel int, yes bool) error {
	return a.onRuns(ctx, func(ctx context.Context, s *session) error {
		all, err := s.allRuns(ctx, memory.RunFilter{Batch: batch}, 0)
		if err != nil {
			return err
		}
		var jobs []job
		for _, r := range all {
			if r.Status.Final() {
				continue
			}
			jobs = append(jobs, job{run: r.Run, begin: func(ctx context.Context) (string, error) {
				return r.Run, s.rt.Cancel(ctx, r.Run, s.As)
			}})
		}
		if len(jobs) == 0 {
			return usage(fmt.Errorf("batch %s: of its %s none is left to cancel", batch, count(len(all), "run")))
		}
		if err := s.confirm(ctx, fmt.Sprintf("Cancel %s of batch %s, and undo what they did?", count(len(jobs), "run"), batch), yes); err != nil {
			return err
		}
		m := &many{s: s, title: "batch " + batch, parallel: max(parallel, 1), wants: coordinator.StatusCancelled}
		err = m.work(ctx, jobs)
		sum := summary{Batch: batch}
		if err != nil {
			sum.Error, sum.Resume = why(err), s.command("runs", "cancel", "--batch", batch, "--yes")
		}
		if printing := m.report(sum, words{}); printing != nil {
			return printing
		}
		return ending(ctx, m, err)
	})
}

// onRuns opens the workspace and its store for a command about many runs: nobody is asked on the spot.
func (a *app) onRuns(ctx context.Context, work func(context.Context, *session) error) error {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, 0, func(ctx context.Context) error {
		s.warnOfBroken()
		if err := s.start(ctx, nil); err != nil {
			return err
		}
		return work(ctx, s)
	})
}

// listedAtOnce is how many entries of a list are asked of the store at once.
const listedAtOnce = 500

// allRuns lists every run that a filter selects, up to most; 0 for all.
func (s *session) allRuns(ctx context.Context, f memory.RunFilter, most int) ([]memory.Summary, error) {
	f.Limit = listedAtOnce
	var out []memory.Summary
	for {
		runs, next, err := s.store.Runs(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, runs...)
		if most > 0 && len(out) >= most {
			return out[:most], nil
		}
		if next == "" {
			return out, nil
		}
		f.Cursor = next
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
