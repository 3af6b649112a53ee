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
			switch {
			case len(args) > 1:
				return fmt.Errorf("one run at a time, or --batch NAME; %q is too much", args[1])
			case (len(args) == 1) == (batch != ""):
				return errors.New("which run? tutti runs cancel RUN, or --batch NAME")
			case parallel < 1:
				return errors.New("--parallel is at least 1")
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
		all, err := s.allRuns(ctx, memory.RunFilter{Batch: batch})
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
		m := &many{s: s, title: "batch " + batch, parallel: parallel, wants: coordinator.StatusCancelled}
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
