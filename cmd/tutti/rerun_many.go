package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// rerunMany goes on with all runs that are chosen.
func (a *app) rerunMany(ctx context.Context, f rerunFlags) error {
	return a.onRuns(ctx, func(ctx context.Context, s *session) error {
		r := &rerunner{session: s, flags: f}
		chosen, more, err := r.choose(ctx)
		if err != nil {
			return err
		}
		if len(chosen) == 0 {
			return r.nothingChosen()
		}
		plans, err := r.plans(ctx, chosen)
		if err != nil {
			return err
		}
		if f.dry && s.wantsJSON() {
			return s.json(map[string]any{"runs": plans, "more": more})
		}
		r.showMany(plans, more)
		if f.dry {
			return nil
		}
		able := slices.DeleteFunc(slices.Clone(plans), func(re redoing) bool { return re.Error != "" })
		if len(able) == 0 {
			return &exit{exitFailed, errors.New("none of them can be done again")}
		}
		if err := s.confirm(ctx, fmt.Sprintf("Go on with %s?", count(len(able), "run")), f.yes || len(plans) == 1 && !s.asks); err != nil {
			return err
		}
		return r.carryOut(ctx, plans)
	})
}

// choose lists the runs that are meant, newest first.
func (r *rerunner) choose(ctx context.Context) (chosen []memory.Summary, more bool, err error) {
	rule, err := newFilter(r.flags.filter, runFields)
	if err != nil {
		return nil, false, err
	}
	status := coordinator.StatusFailed
	if r.flags.status != "" {
		status = coordinator.Status(r.flags.status)
	}
	all, err := r.allRuns(ctx, memory.RunFilter{Status: status, Pipeline: r.flags.pipeline, Batch: r.flags.batch})
	if err != nil {
		return nil, false, err
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, sum := range all {
		ok, err := rule.takes(fieldsOfRun(sum, now))
		if err != nil {
			return nil, false, err
		}
		if ok && len(chosen) == r.flags.most {
			return chosen, true, nil
		}
		if ok {
			chosen = append(chosen, sum)
		}
	}
	r.explain(rule, "run", len(chosen))
	return chosen, false, nil
}

func (r *rerunner) nothingChosen() error {
	if r.wantsJSON() {
		return r.json(summary{Items: []result{}})
	}
	r.screen.println("no run is chosen")
	return nil
}

// plans says of every run what would be done with it. A run that cannot go on is told with its reason; a mistake in the
// command, or in the corrected pipeline, is an error.
func (r *rerunner) plans(ctx context.Context, chosen []memory.Summary) ([]redoing, error) {
	if err := r.sameName(chosen); err != nil {
		return nil, err
	}
	out := make([]redoing, len(chosen))
	for i, sum := range chosen {
		if _, err := r.corrected(sum.Pipeline); err != nil {
			return nil, err
		}
		re, err := r.plan(ctx, sum.Run)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, memory.ErrUnavailable) {
				return nil, err
			}
			re.Run, re.Pipeline, re.Status, re.Error = sum.Run, sum.Pipeline, sum.Status, err.Error()
		}
		out[i] = re
	}
	return out, nil
}

// sameName refuses to put one plan in the place of different pipelines.
func (r *rerunner) sameName(chosen []memory.Summary) error {
	if r.flags.plan == "" {
		return nil
	}
	file, err := r.corrected("")
	if err != nil {
		return err
	}
	for _, sum := range chosen {
		if sum.Pipeline != file.Name {
			return usage(fmt.Errorf("--plan %s is pipeline %s, but %s is a run of %s: narrow the choice with --pipeline %s", r.flags.plan, file.Name, sum.Run, sum.Pipeline, file.Name))
		}
	}
	return nil
}

// tallyOfStep counts what becomes of one step in many runs.
type tallyOfStep struct {
	step, use              string
	kept, goOn, anew, once int
	warned                 int
	warning                string
}

// showMany prints, for each pipeline, how many runs would do what with each step.
func (r *rerunner) showMany(plans []redoing, more bool) {
	if r.wantsJSON() {
		return
	}
	var names []string
	byName := map[string][]redoing{}
	for _, re := range plans {
		if byName[re.Pipeline] == nil {
			names = append(names, re.Pipeline)
		}
		byName[re.Pipeline] = append(byName[re.Pipeline], re)
	}
	slices.Sort(names)
	for _, name := range names {
		r.showPipeline(name, byName[name])
	}
	if more {
		r.screen.println("there are more runs beyond --limit")
	}
}

func (r *rerunner) showPipeline(name string, plans []redoing) {
	isChanged := slices.ContainsFunc(plans, func(re redoing) bool { return re.Changed })
	r.screen.println(count(len(plans), "run") + " of " + line(name) + planChanged(isChanged))
	tallies := tallySteps(plans)
	r.screen.println("  " + padded("STEP", 24) + "  " + padded("WORKER", 18) + "    KEPT  GOES ON    ANEW   FIRST TIME")
	for _, t := range tallies {
		r.screen.println("  " + padded(t.step, 24) + "  " + padded(t.use, 18) + fmt.Sprintf("  %6s  %7s  %6s  %11s", some(t.kept), some(t.goOn), some(t.anew), some(t.once)))
		if t.warned > 0 {
			r.screen.println("    " + r.screen.paint(yellow, fmt.Sprintf("warning: in %s %s", count(t.warned, "run"), t.warning)))
		}
	}
	refused := 0
	for _, re := range plans {
		if re.Error == "" {
			continue
		}
		if refused++; refused <= listedInSummary {
			r.screen.println("  " + r.screen.paint(red, "cannot") + " " + re.Run + "  " + line(re.Error))
		}
	}
	if hidden := refused - listedInSummary; hidden > 0 {
		r.screen.printf("  … and %d more that cannot", hidden)
	}
}

func some(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func tallySteps(plans []redoing) []*tallyOfStep {
	var out []*tallyOfStep
	byStep := map[string]*tallyOfStep{}
	for _, re := range plans {
		for _, st := range re.Steps {
			t := byStep[st.Step]
			if t == nil {
				t = &tallyOfStep{step: st.Step, use: st.Use}
				byStep[st.Step], out = t, append(out, t)
			}
			switch {
			case st.Choice == coordinator.ChoiceKeep:
				t.kept++
			case st.Choice == coordinator.ChoiceMend:
				t.goOn++
			case st.First:
				t.once++
			default:
				t.anew++
			}
			if st.Warning != "" {
				t.warned++
				t.warning = st.Warning
			}
		}
	}
	return out
}

func (r *rerunner) carryOut(ctx context.Context, plans []redoing) error {
	m := &many{s: r.session, title: "rerun", parallel: r.flags.parallel, outputs: r.wantsJSON()}
	jobs := make([]job, len(plans))
	for i, re := range plans {
		jobs[i] = job{run: re.Run, begin: func(ctx context.Context) (string, error) {
			if re.Error != "" {
				return re.Run, errors.New(re.Error)
			}
			return re.Run, r.rt.Rerun(ctx, re.Run, r.order(re))
		}}
	}
	work := m.work
	if r.flags.detach {
		if !r.store.Durability().Survives {
			return usage(errNoDetach)
		}
		m.title, m.wants, work = "rerun, left to "+r.command("runner"), coordinator.StatusActive, m.submit
	}
	err := work(ctx, jobs)
	sum := summary{Batch: r.flags.batch, Pipeline: r.flags.pipeline}
	if err != nil {
		sum.Error = why(err)
		sum.Resume = r.command("runner", "--once") + "\n  " + r.command(r.again()...)
	}
	w := words{waiting: []string{r.command("inbox", "list")}}
	if printing := m.report(sum, w); printing != nil {
		return printing
	}
	return ending(ctx, m, err)
}

// again are the words of the command that goes on with the runs that are not begun.
func (r *rerunner) again() []string {
	f := r.flags
	out := []string{"runs", "rerun"}
	for _, o := range [][2]string{{"status", f.status}, {"pipeline", f.pipeline}, {"batch", f.batch}, {"filter", f.filter}, {"plan", f.plan}} {
		if o[1] != "" {
			out = append(out, "--"+o[0], o[1])
		}
	}
	for _, step := range f.from {
		out = append(out, "--from", step)
	}
	if f.samePlan {
		out = append(out, "--same-plan")
	}
	return append(out, "--yes")
}
