package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
)

// rerunFlags are what tutti runs rerun can be told.
type rerunFlags struct {
	from     []string
	plan     string
	samePlan bool
	status   string
	pipeline string
	batch    string
	filter   string
	most     int
	parallel int
	yes      bool
	dry      bool
	detach   bool
}

// defaultReruns is how many runs one command does again.
const defaultReruns = 1000

func (a *app) runsRerun() *cobra.Command {
	var f rerunFlags
	c := &cobra.Command{
		Use:   "rerun RUN | --status failed",
		Short: "Go on with runs that have ended, with the pipeline as it is now",
		Long: `Go on with runs that have ended. What is done and unchanged is kept. What failed or was stopped goes on where it stands. What
the corrected pipeline changes, what --from names, and what depends on such a step is done anew, after what it did was taken
back where its step says how. The pipeline is that of the workspace as it is now, unless --plan names another or --same-plan
keeps the run's own.

It is shown first what each step would do, with a warning where an effect would happen twice because nothing takes it back.
Many runs are chosen by what lists know of them, and need a yes: at the terminal, or by --yes. A run goes on as with tutti run,
many as a batch does, with the same exit codes.

--filter is a CEL expression over a run's ` + strings.Join(runFields, ", ") + `; age counts in hours since it began.`,
		Example: `  tutti runs rerun r-mq2k7x1c-0011223344556677
  tutti runs rerun RUN --from invoice
  tutti runs rerun RUN --plan corrected.yaml --dry-run
  tutti runs rerun --status failed --pipeline invoice-intake --yes
  tutti runs rerun --batch september --filter 'error.contains("no such file") && age < 24'`,
		Args: func(c *cobra.Command, args []string) error { return f.check(c, args) },
		RunE: action(func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.rerunOne(c.Context(), args[0], f)
			}
			return a.rerunMany(c.Context(), f)
		}),
	}
	f.register(c)
	return c
}

func (f *rerunFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringArrayVar(&f.from, "from", nil, "do this step, and all that depends on it, again although it is done; repeat it")
	fl.StringVar(&f.plan, "plan", "", "the corrected pipeline: a file, or a name of the workspace (default: the one of the run's name)")
	fl.BoolVar(&f.samePlan, "same-plan", false, "keep the run's own pipeline, though the file has changed")
	fl.StringVar(&f.status, "status", "", "every run that is failed, cancelled or done")
	fl.StringVar(&f.pipeline, "pipeline", "", "every run of this pipeline, failed ones unless --status says else")
	fl.StringVar(&f.batch, "batch", "", "every run of this batch, failed ones unless --status says else")
	fl.StringVar(&f.filter, "filter", "", "every run that this CEL expression is true for, failed ones unless --status says else")
	fl.IntVar(&f.most, "limit", defaultReruns, "how many runs at most, newest first")
	fl.IntVar(&f.parallel, "parallel", defaultParallel, "how many runs at once")
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask first")
	fl.BoolVar(&f.dry, "dry-run", false, "only show what would be done")
	fl.BoolVar(&f.detach, "detach", false, "leave it to others: one run to the background, many to tutti runner")
}

func (f *rerunFlags) check(c *cobra.Command, args []string) error {
	many := f.status != "" || f.pipeline != "" || f.batch != "" || f.filter != ""
	switch {
	case f.plan != "" && f.samePlan:
		return errors.New("--plan and --same-plan: not both")
	case len(args) > 1:
		return fmt.Errorf("one run, or those that --status, --pipeline, --batch and --filter choose; %q is too much", args[1])
	case len(args) == 1 && many:
		return errors.New("a run, or --status, --pipeline, --batch and --filter: not both")
	case len(args) == 0 && !many:
		return errors.New("which run? tutti runs rerun RUN, or for example --status failed")
	case f.most < 1, f.parallel < 1:
		return errors.New("--limit and --parallel are at least 1")
	case f.status != "" && !coordinator.Status(f.status).Final():
		return fmt.Errorf("--status %s: only runs that have ended go on this way: failed, cancelled, done", f.status)
	}
	return nil
}

// redoing is what a rerun would do with one run.
type redoing struct {
	Run      string             `json:"run"`
	Pipeline string             `json:"pipeline"`
	Status   coordinator.Status `json:"status"`
	Changed  bool               `json:"changed"` // another plan than the run's own is taken
	Steps    []redone           `json:"steps,omitempty"`
	Error    string             `json:"error,omitempty"` // why it cannot be done

	seq  int64
	plan *coordinator.Plan // nil: the run's own
}

// redone is what a rerun would do with one step.
type redone struct {
	Step    string             `json:"step"`
	Use     string             `json:"use,omitempty"`
	Choice  coordinator.Choice `json:"choice"`
	First   bool               `json:"first,omitempty"`   // it was never begun
	Warning string             `json:"warning,omitempty"` // an effect that would happen twice
}

func (a *app) rerunOne(ctx context.Context, id string, f rerunFlags) error {
	return a.onRun(ctx, id, 0, func(ctx context.Context, s *session) error {
		r := &rerunner{session: s, flags: f}
		re, err := r.plan(ctx, id)
		if err != nil {
			return err
		}
		if err := r.show(re); err != nil || f.dry {
			return err
		}
		if re.warns() && s.asks {
			if err := s.confirm(ctx, "Go on with "+id+" nevertheless?", f.yes); err != nil {
				return err
			}
		}
		if err := s.rt.Rerun(ctx, id, r.order(re)); err != nil {
			return err
		}
		if f.detach {
			return s.detach(id)
		}
		return s.finish(ctx, id)
	})
}

// rerunner plans reruns.
type rerunner struct {
	*session
	flags rerunFlags
	files map[string]*pipeline.File // corrected plans, by the name of the pipeline; nil where there is none
}

func (r *rerunner) order(re redoing) local.Rerun {
	return local.Rerun{Plan: re.plan, From: r.flags.from, By: r.As, Detached: r.flags.detach}
}

// plan says what would be done with a run. It changes nothing.
func (r *rerunner) plan(ctx context.Context, id string) (redoing, error) {
	run, err := r.rt.Load(ctx, id)
	if err != nil {
		return redoing{}, r.unknown("run", id, err)
	}
	was := run.Task().Plan
	re := redoing{Run: id, Pipeline: was.Name, Status: run.Status(), seq: run.Seq()}
	file, err := r.corrected(was.Name)
	if err != nil {
		return re, err
	}
	now := was
	if file != nil && !samePlan(was, file.Plan) {
		re.plan, re.Changed, now = file.Plan, true, file.Plan
	}
	if err := r.knowsSteps(now); err != nil {
		return re, err
	}
	choices, _, err := r.rt.PlanRerun(ctx, id, r.order(re))
	if err != nil {
		if !isUsage(err) && !errors.Is(err, memory.ErrUnavailable) {
			err = usage(err) // nothing was done
		}
		return re, err
	}
	re.Steps = r.steps(run, now, choices)
	return re, nil
}

// corrected is the pipeline to go on with; nil: the run's own.
func (r *rerunner) corrected(name string) (*pipeline.File, error) {
	if r.flags.samePlan {
		return nil, nil
	}
	target := name
	if r.flags.plan != "" {
		target = r.flags.plan
	}
	if file, known := r.files[target]; known {
		return file, nil
	}
	file, err := r.pipeline(target)
	if err != nil && file == nil && r.flags.plan == "" && len(mistakesOf(err)) == 0 { // it ran from a file somewhere else
		r.screen.printf("This workspace has no pipeline %s: the run's own is kept; --plan FILE names a corrected one.", line(name))
		err = nil
	}
	if err != nil {
		return nil, usage(err)
	}
	if r.files == nil {
		r.files = map[string]*pipeline.File{}
	}
	r.files[target] = file
	return file, nil
}

func mistakesOf(err error) []pipeline.Mistake {
	mistakes, _ := flatten(err)
	return mistakes
}

// knowsSteps refuses a --from that the plan does not have.
func (r *rerunner) knowsSteps(p *coordinator.Plan) error {
	known := make([]string, len(p.Steps))
	for i, st := range p.Steps {
		known[i] = st.ID
	}
	for _, from := range r.flags.from {
		if !slices.Contains(known, from) {
			return usage(fmt.Errorf("--from %s: pipeline %s has no such step%s", from, p.Name, didYouMean(from, known)))
		}
	}
	return nil
}

func samePlan(a, b *coordinator.Plan) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		return false
	}
	x, errX = coordinator.Canonical(x)
	y, errY = coordinator.Canonical(y)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// steps words the choices, in the order of the plan.
func (r *rerunner) steps(run *coordinator.Run, now *coordinator.Plan, choices map[string]coordinator.Choice) []redone {
	states := run.Steps()
	begun := map[string]bool{}
	for _, st := range states {
		if !st.Begun.IsZero() {
			begun[stepID(st.Path)] = true
		}
	}
	var out []redone
	for _, st := range now.Steps {
		one := redone{Step: st.ID, Use: st.Use, Choice: choices[st.ID], First: !begun[st.ID]}
		if one.Choice == coordinator.ChoiceAnew && !one.First {
			one.Warning = r.twice(run, st.ID, states)
		}
		out = append(out, one)
	}
	return out
}

// twice names what a step, or one that it called, did to the world and nothing takes back.
func (r *rerunner) twice(run *coordinator.Run, step string, states []coordinator.StepState) string {
	undone := map[string]bool{}
	for _, st := range states {
		if before, ok := strings.CutSuffix(st.Path, "!undo"); ok && st.State == "done" {
			undone[stepID(before)] = true
		}
	}
	if undone[step] {
		return ""
	}
	if _, st, ok := run.Started(step); ok && st != nil && st.Undo != nil {
		return ""
	}
	var uses []string
	for _, st := range states {
		if stepID(st.Path) != step || st.State != "done" || isUndo(st.Path) {
			continue
		}
		card, known := r.card(st.Use)
		if !known || card.Kind != "tool" || !card.Effect.Changes() || slices.Contains(uses, st.Use) {
			continue
		}
		if _, own, ok := run.Started(st.Path); ok && own != nil && own.Undo != nil {
			continue
		}
		uses = append(uses, st.Use)
	}
	if len(uses) == 0 {
		return ""
	}
	return "the effect of " + strings.Join(uses, ", ") + " stands and nothing takes it back: it would happen again"
}

func (re redoing) warns() bool {
	return slices.ContainsFunc(re.Steps, func(s redone) bool { return s.Warning != "" })
}

// show prints what would be done with one run.
func (r *rerunner) show(re redoing) error {
	if r.wantsJSON() {
		if r.flags.dry {
			return r.json(re)
		}
		return nil
	}
	if r.Quiet && !re.warns() && !r.flags.dry {
		return nil
	}
	r.screen.println(re.Run + "  " + line(re.Pipeline) + "  " + string(re.Status) + planChanged(re.Changed))
	for _, st := range re.Steps {
		r.screen.println("  " + padded(st.Step, 24) + "  " + padded(st.Use, 18) + "  " + st.words())
		if st.Warning != "" {
			r.screen.println("    " + r.screen.paint(yellow, "warning: "+st.Warning))
		}
	}
	return nil
}

func planChanged(yes bool) string {
	if yes {
		return "; the pipeline has changed since: it is taken as it is now"
	}
	return ""
}

func (st redone) words() string {
	switch {
	case st.Choice == coordinator.ChoiceKeep:
		return "kept"
	case st.Choice == coordinator.ChoiceMend:
		return "goes on where it stands"
	case st.First:
		return "done for the first time"
	}
	return "done anew"
}
