package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func (a *app) runsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "runs",
		Short:   "What ran and what runs: list, show, watch, cancel, redo, rerun",
		Example: "  tutti runs list --status waiting\n  tutti runs show RUN\n  tutti runs cancel RUN",
		Args:    knownCommands,
	}
	list := a.runsList()
	c.RunE = list.RunE // runs without a word is their list
	c.AddCommand(list, a.runsShow(), a.runsWatch(), a.runsCancel(), a.runsRedo(), a.runsRerun())
	return c
}

// page is a list with the cursor of the next page.
type page map[string]any

func (s *session) more(next string) {
	if next != "" {
		s.screen.println("there is more: --cursor " + quoted(next))
	}
}

var statuses = []string{
	string(coordinator.StatusActive), string(coordinator.StatusWaiting), string(coordinator.StatusCancelling), string(coordinator.StatusUndoing),
	string(coordinator.StatusDone), string(coordinator.StatusFailed), string(coordinator.StatusCancelled), string(coordinator.StatusQuarantined),
}

func (a *app) runsList() *cobra.Command {
	var f memory.RunFilter
	var status string
	c := &cobra.Command{
		Use:     "list",
		Short:   "List runs, newest first",
		Example: "  tutti runs list\n  tutti runs list --status waiting --pipeline invoice-intake -o json",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, _ []string) error {
			if err := knownStatus(status); err != nil {
				return err
			}
			f.Status = coordinator.Status(status)
			return a.looking(c.Context(), func(ctx context.Context, s *session) error {
				runs, next, err := s.store.Runs(ctx, f)
				if err != nil {
					return err
				}
				return s.listRuns(ctx, runs, next)
			})
		}),
	}
	c.Flags().StringVar(&status, "status", "", "only "+strings.Join(statuses, ", "))
	c.Flags().StringVar(&f.Pipeline, "pipeline", "", "only runs of this pipeline")
	c.Flags().StringVar(&f.Batch, "batch", "", "only runs of this batch")
	c.Flags().IntVar(&f.Limit, "limit", 50, "how many")
	c.Flags().StringVar(&f.Cursor, "cursor", "", "where the previous page ended")
	return c
}

// listedAtOnce is how many entries of a list are asked of the store at once.
const listedAtOnce = 500

// allRuns lists every run that a filter selects.
func (s *session) allRuns(ctx context.Context, f memory.RunFilter) ([]memory.Summary, error) {
	f.Limit = listedAtOnce
	var out []memory.Summary
	for {
		runs, next, err := s.store.Runs(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, runs...)
		if next == "" {
			return out, nil
		}
		f.Cursor = next
	}
}

func knownStatus(status string) error {
	if status == "" || slices.Contains(statuses, status) {
		return nil
	}
	return usage(fmt.Errorf("--status %s: no run can be that%s; there are %s", status, didYouMean(status, statuses), strings.Join(statuses, ", ")))
}

func (s *session) listRuns(ctx context.Context, runs []memory.Summary, next string) error {
	if s.wantsJSON() {
		if runs == nil {
			runs = []memory.Summary{}
		}
		return s.json(page{"runs": runs, "next": next})
	}
	if len(runs) == 0 {
		s.screen.println("no runs")
		return nil
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, r := range runs {
		var remarks []string
		if r.Open > 0 {
			remarks = append(remarks, count(r.Open, "question"))
		}
		if r.Error != "" {
			remarks = append(remarks, line(r.Error))
		}
		rows = append(rows, []string{r.Run, line(r.Pipeline), string(r.Status), took(now.Sub(r.Created)) + " ago", fmt.Sprint(r.Steps), strings.Join(remarks, "  ")})
	}
	s.table([]string{"RUN", "PIPELINE", "STATUS", "BEGAN", "DONE", ""}, rows)
	s.more(next)
	return nil
}

// shown is a run with everything there is to say about it.
type shown struct {
	memory.Summary
	Input  json.RawMessage          `json:"input,omitempty"`
	Output json.RawMessage          `json:"output,omitempty"`
	States []coordinator.StepState  `json:"states"`
	Asked  []coordinator.Escalation `json:"asked,omitempty"`
	Costs  *costs                   `json:"costs,omitempty"`
}

// showFlags are what runs show can be told.
type showFlags struct {
	turns turnFlags
	costs bool
}

func (a *app) runsShow() *cobra.Command {
	var f showFlags
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run: its steps, its questions, its output",
		Long: `Show a run: who asked for it, its input, every step with its worker, state and duration, the open questions, what it has
used, its output. With -o json: all of it, inputs and outputs of the steps too. As a picture: tutti graph --run RUN.

With --turns: what its agents said with their models, turn by turn: the exact prompt, the tools that were offered, the raw
reply. With --costs: tokens and money by step, each with all that was done for it, and by model.`,
		Example: `  tutti runs show r-mq2k7x1c-0011223344556677
  tutti runs show RUN -o json | jq .states
  tutti runs show RUN --turns --step invoice
  tutti runs show RUN --costs`,
		Args: arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			if !f.turns.on && (f.turns.step != "" || f.turns.full) {
				return usage(errors.New("--step and --full go with --turns"))
			}
			if f.turns.on && f.costs {
				return usage(errors.New("--turns or --costs, one at a time"))
			}
			return a.looking(c.Context(), func(ctx context.Context, s *session) error { return s.show(ctx, args[0], f) })
		}),
	}
	c.Flags().BoolVar(&f.turns.on, "turns", false, "what agents said with their models: prompts, tools, raw replies")
	c.Flags().StringVar(&f.turns.step, "step", "", "with --turns: only this step and what was done for it")
	c.Flags().BoolVar(&f.turns.full, "full", false, "with --turns: long texts, schemas and requests, too")
	c.Flags().BoolVar(&f.costs, "costs", false, "tokens and money, by step and by model")
	return c
}

func (s *session) show(ctx context.Context, id string, f showFlags) error {
	switch {
	case f.turns.on:
		return s.showTurns(ctx, id, f.turns)
	case f.costs:
		return s.showCosts(ctx, id)
	}
	return s.showRun(ctx, id)
}

func (s *session) showRun(ctx context.Context, id string) error {
	sum, err := s.store.Summary(ctx, id)
	if err != nil {
		return s.unknown("run", id, err)
	}
	run, err := s.rt.Load(ctx, id)
	if err != nil {
		return err
	}
	used, err := s.costsOf(ctx, id)
	if err != nil {
		return err
	}
	output, _ := run.Output("")
	if s.wantsJSON() {
		return s.json(shown{sum, run.Task().Input, output, run.Steps(), run.Open(), used})
	}
	fmt.Fprintf(s.out, "%s  %s  %s\n", run.ID(), line(sum.Pipeline), run.Status())
	fmt.Fprintf(s.out, "  by %s at %s, last event %d at %s\n", line(sum.By), clock(sum.Created), run.Seq(), clock(run.At()))
	if sum.Goal != "" {
		fmt.Fprintf(s.out, "  goal: %s\n", line(sum.Goal))
	}
	fmt.Fprintf(s.out, "  input: %s\n", short(run.Task().Input, textColumns))
	if used != nil {
		fmt.Fprintf(s.out, "  used: %s\n", strings.Join(present(spent(used.Total), used.byModel()), "; of it "))
	}
	fmt.Fprintln(s.out)
	s.table(stepTable(stepsOf(run), used))
	if f := run.Failure(); f != nil {
		fmt.Fprintf(s.out, "\n%s\n", clean(f.Message))
	}
	for _, q := range run.Open() {
		fmt.Fprintf(s.out, "\n%s\n  %s\n", s.question(q), s.command("inbox", "show", q.ID))
	}
	if len(output) > 0 {
		fmt.Fprintln(s.out, "\noutput")
		return s.result(output)
	}
	return nil
}

func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

// stepsOf returns a run's steps as people see them: once the run has ended, nothing waits or goes on in it any more.
func stepsOf(run *coordinator.Run) []coordinator.StepState {
	steps := run.Steps()
	if !run.Status().Final() {
		return steps
	}
	for i := range steps {
		switch st := &steps[i]; st.State {
		case "waiting", "ready", "stopped":
			if st.State = "stopped"; st.Begun.IsZero() && st.Attempts == 0 {
				st.State = "not reached"
			}
		case "running", "working", "asked":
			st.State = "stopped"
		}
	}
	return steps
}

// stepTable lists the steps, each below what it belongs to; with what they have used, if anything was.
func stepTable(steps []coordinator.StepState, used *costs) (header []string, rows [][]string) {
	header = []string{"STEP", "WORKER", "STATE", "TOOK", ""}
	if used != nil {
		header = []string{"STEP", "WORKER", "STATE", "TOOK", "USED", ""}
	}
	byPath := used.byPath()
	var list func(twigs []*twig)
	list = func(twigs []*twig) {
		for _, t := range twigs {
			row := stepRow(t.StepState)
			if used != nil {
				row = slices.Insert(row, len(row)-1, byPath[t.Path])
			}
			rows = append(rows, row)
			list(t.below)
		}
	}
	list(grow(steps))
	return header, rows
}

func stepRow(st coordinator.StepState) []string {
	time := ""
	if !st.Begun.IsZero() && !st.Ended.IsZero() {
		time = took(st.Ended.Sub(st.Begun))
	}
	remark := short(st.Output, 60)
	switch {
	case st.State == "failed" && st.Failure != nil:
		remark = line(st.Failure.Message)
	case st.State == "skipped":
		remark = line(st.Reason)
	case st.State == "asked":
		remark = st.Escalation
	}
	if c := sure(st.Confidence); c != "" {
		remark = c + "  " + remark
	}
	return []string{friendly(st.Path), st.Use, st.State, time, cut(remark, 80)}
}

func (a *app) runsWatch() *cobra.Command {
	return &cobra.Command{
		Use:     "watch RUN",
		Short:   "Follow a run until it has ended, whoever works on it",
		Long:    "Follow a run until it has ended, whoever works on it. With -o json every event is one line of JSON on stdout.",
		Example: "  tutti runs watch RUN\n  tutti runs watch RUN -o json | jq -r .kind",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.looking(c.Context(), func(ctx context.Context, s *session) error { return s.follow(ctx, args[0]) })
		}),
	}
}

// follow shows a run that others work on, from its beginning to its end.
func (s *session) follow(ctx context.Context, id string) error {
	if _, err := s.store.Summary(ctx, id); err != nil {
		return s.unknown("run", id, err)
	}
	v := s.newView()
	if s.wantsJSON() {
		v = jsonView{s.app}
	}
	w := s.watchWith(ctx, id, v)
	<-w.done
	w.stop()
	sum, err := s.store.Summary(context.WithoutCancel(ctx), id)
	switch {
	case ctx.Err() != nil:
		return &exit{exitInterrupted, nil}
	case err != nil:
		return err
	case sum.Status != coordinator.StatusDone:
		return &exit{exitFailed, nil}
	}
	return nil
}

// jsonView writes each event as a line of JSON.
type jsonView struct{ *app }

func (v jsonView) event(e coordinator.Event, _ bool) { _ = v.jsonLine(e) } // a reader that went away shows at exit
func (v jsonView) tick()                             {}
func (v jsonView) end()                              {}

// stepOf is the path of the step that a person means: the path itself, or the form that lists show.
func (s *session) stepOf(ctx context.Context, id, name string) (string, error) {
	run, err := s.rt.Load(ctx, id)
	if err != nil {
		return "", err
	}
	return pathOf(name, run.Steps())
}

func pathOf(name string, steps []coordinator.StepState) (string, error) {
	wanted := strings.Join(strings.Fields(strings.ReplaceAll(name, ">", "›")), " ")
	found := ""
	known := make([]string, len(steps))
	for i, st := range steps {
		if known[i] = friendly(st.Path); st.Path == name {
			return name, nil
		}
		if known[i] == wanted {
			found = st.Path // the newest of those that look the same
		}
	}
	if found == "" {
		return "", usage(fmt.Errorf("there is no step %q in this run%s", name, didYouMean(wanted, known)))
	}
	return found, nil
}

func (a *app) runsRedo() *cobra.Command {
	var guidance string
	c := &cobra.Command{
		Use:     "redo RUN STEP",
		Short:   "Do a finished step again, with guidance",
		Long:    "Do a finished step of an unfinished run again. It is refused once something that depends on the step has begun.",
		Example: `  tutti runs redo RUN invoice --guidance "read the second page too"`,
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], 0, func(ctx context.Context, s *session) error {
				path, err := s.stepOf(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				if err := s.rt.Redo(ctx, args[0], path, s.As, guidance); err != nil {
					return usage(err)
				}
				return s.finish(ctx, args[0])
			})
		}),
	}
	c.Flags().StringVar(&guidance, "guidance", "", "what should be different")
	return c
}
