package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// defaultDecided is how many questions one command decides.
const defaultDecided = 1000

// manyFlags are for one decision on many questions.
type manyFlags struct {
	selection
	yes      bool
	parallel int
}

// decidesMany are the verbs that mean the same for every question.
var decidesMany = []coordinator.Verb{coordinator.Approve, coordinator.Reject, coordinator.Redo}

// canDecideMany lets a verb be used with --filter or --batch in place of an id.
func (f *manyFlags) canDecideMany(c *cobra.Command, verb coordinator.Verb) {
	if !slices.Contains(decidesMany, verb) {
		return
	}
	f.register(c.Flags())
	c.Flags().IntVar(&f.most, "limit", defaultDecided, "with --filter or --batch: how many questions at most")
	c.Flags().BoolVarP(&f.yes, "yes", "y", false, "with --filter or --batch: do not ask first")
	c.Flags().IntVar(&f.parallel, "parallel", defaultParallel, "with --filter or --batch: how many runs go on at once")
	c.Use = string(verb) + " ID | --filter EXPR | --batch NAME"
	c.Long = manual["tutti inbox "+string(verb)].long + `

With --filter or --batch every question that is chosen gets this answer. They are listed first, and nothing happens before you
said yes; scripts say --yes. Then their runs go on in this command. The exit code is 1 if a question could not be decided, else 0: what
becomes of the runs does not change it.` +
		fmt.Sprintf(filterHelp, strings.Join(questionFields, ", "))
	c.Example += fmt.Sprintf(`
  tutti inbox %[1]s --batch september --filter 'reason == "low_confidence" && score > 0.8'
  tutti inbox %[1]s --filter 'step == "pay" && input.amount < 100.0' --limit 20 --yes`, verb)
	c.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case f.narrows() && len(args) > 0:
			return errors.New("an id, or --filter and --batch: not both")
		case len(args) == 0 && !f.narrows():
			return errors.New("which question? its id, or --filter EXPR, or --batch NAME")
		case f.most < 1, f.parallel < 1:
			return errors.New("--limit and --parallel are at least 1")
		case f.narrows():
			return nil
		}
		return questionID(verb, args)
	}
}

// verdict is what became of one decision among many.
type verdict struct {
	ID    string           `json:"id"`
	Run   string           `json:"run"`
	Step  string           `json:"step,omitempty"`
	Verb  coordinator.Verb `json:"verb"`
	Error string           `json:"error,omitempty"`
}

// decideMany gives many questions the same answer and carries their runs on.
func (a *app) decideMany(ctx context.Context, verb coordinator.Verb, f decideFlags, m manyFlags) error {
	return a.onRuns(ctx, func(ctx context.Context, s *session) error {
		all, more, err := s.questions(ctx, memory.InboxFilter{}, m.selection)
		if err != nil {
			return err
		}
		fitting := slices.DeleteFunc(slices.Clone(all), func(q coordinator.Escalation) bool { return !slices.Contains(q.Reason.Verbs(), verb) })
		if len(fitting) == 0 {
			return s.nothingToDecide(verb, all)
		}
		s.preview(verb, fitting, len(all)-len(fitting), more)
		if err := s.confirm(ctx, fmt.Sprintf("%s %s as %s?", capital(string(verb)), count(len(fitting), "question"), line(s.As)), m.yes); err != nil {
			return err
		}
		verdicts := s.decideAll(ctx, verb, fitting, f)
		return s.goOnWith(ctx, verdicts, f.detach, m.parallel)
	})
}

// nothingToDecide is an error when questions were chosen and none of them takes the verb.
func (s *session) nothingToDecide(verb coordinator.Verb, chosen []coordinator.Escalation) error {
	if len(chosen) > 0 {
		var verbs []string
		for _, q := range chosen {
			for _, v := range q.Reason.Verbs() {
				if !slices.Contains(verbs, string(v)) {
					verbs = append(verbs, string(v))
				}
			}
		}
		return fmt.Errorf("none of the %s that were chosen can be answered with %s, but with %s; tutti inbox show ID tells more",
			count(len(chosen), "question"), verb, strings.Join(verbs, ", "))
	}
	if s.wantsJSON() {
		return s.json(decisions{Questions: []verdict{}})
	}
	s.screen.println("no question is chosen")
	return nil
}

// preview lists what is about to be decided.
func (s *session) preview(verb coordinator.Verb, chosen []coordinator.Escalation, others int, more bool) {
	if s.wantsJSON() {
		return
	}
	s.questionTable(chosen[:min(len(chosen), listedInSummary)])
	if hidden := len(chosen) - listedInSummary; hidden > 0 {
		fmt.Fprintf(s.out, "… and %d more\n", hidden)
	}
	if others > 0 {
		s.screen.printf("%s more cannot be answered with %s and are left out", count(others, "question"), verb)
	}
	if more {
		s.screen.println("there are more beyond --limit")
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// decideAll decides one after the other and says what became of each.
func (s *session) decideAll(ctx context.Context, verb coordinator.Verb, chosen []coordinator.Escalation, f decideFlags) []verdict {
	var out []verdict
	for _, q := range chosen {
		if ctx.Err() != nil {
			break
		}
		v := verdict{ID: q.ID, Run: q.Run, Step: friendly(q.Path), Verb: verb}
		d := coordinator.Decision{Verb: verb, By: s.As, Comment: f.comment, Guidance: f.guidance}
		if err := s.rt.Decide(ctx, q.ID, d); err != nil {
			v.Error = reasonOf(err)
		}
		out = append(out, v)
		if s.Quiet || s.wantsJSON() {
			continue
		}
		if v.Error != "" {
			s.screen.println(s.screen.paint(red, pad("refused", 8)) + " " + v.ID + "  " + v.Step + "  " + line(v.Error))
			continue
		}
		s.screen.println(s.screen.paint(green, pad(string(verb), 8)) + " " + v.ID + "  " + v.Step)
	}
	return out
}

// reasonOf is why a decision was refused, without the id that stands beside it.
func reasonOf(err error) string {
	if bad := (*local.DecisionError)(nil); errors.As(err, &bad) {
		return bad.Err.Error()
	}
	return err.Error()
}

// decisions are what deciding many questions prints with -o json.
type decisions struct {
	Decided   int       `json:"decided"`
	Refused   int       `json:"refused"`
	Questions []verdict `json:"questions"`
	Runs      []result  `json:"runs,omitempty"`
}

// goOnWith carries on the runs whose questions were decided.
func (s *session) goOnWith(ctx context.Context, verdicts []verdict, detach bool, parallel int) error {
	d := decisions{Questions: verdicts}
	var jobs []job
	seen := map[string]bool{}
	for _, v := range verdicts {
		if v.Error != "" {
			d.Refused++
			continue
		}
		d.Decided++
		if !seen[v.Run] {
			seen[v.Run] = true
			jobs = append(jobs, job{run: v.Run, begin: func(context.Context) (string, error) { return v.Run, nil }})
		}
	}
	m := &many{s: s, title: fmt.Sprintf("%s decided", count(d.Decided, "question")), parallel: parallel}
	var err error
	if !detach && len(jobs) > 0 {
		err = m.work(ctx, jobs)
		d.Runs = m.results
	}
	switch {
	case s.wantsJSON():
		if err := s.json(d); err != nil {
			return err
		}
	case len(d.Runs) > 0:
		if err := m.report(summary{}, words{}); err != nil {
			return err
		}
	case detach:
		s.screen.printf("%s decided; a runner goes on with the runs: %s", count(d.Decided, "question"), s.command("runner"))
	}
	switch {
	case ctx.Err() != nil:
		return &exit{exitInterrupted, nil}
	case err != nil:
		return err
	case d.Refused > 0:
		return &exit{exitFailed, nil}
	}
	return nil
}
