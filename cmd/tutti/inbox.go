package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func (a *app) inboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "inbox",
		Short: "Open questions: read and answer them",
		Long: `Open questions: what waits for people, nearest deadline first.

An answer is checked before it counts: who may give it (people in tutti.yaml), whether it fits the question, and
whether an amended value fits its schema. Then the run goes on in this very command, with the exit codes of tutti run.`,
		Example: `  tutti inbox list --for finance
  tutti inbox show ID
  tutti inbox approve ID
  tutti inbox amend ID --set total=1734.30 --comment "phoned them"
  tutti inbox approve --filter 'reason == "low_confidence" && score > 0.9'`,
		Args: knownCommands,
	}
	list := a.inboxList()
	c.RunE = list.RunE // the inbox without a word is its list
	c.AddCommand(list, a.inboxShow(), a.inboxClaim(), a.inboxRelease())
	for _, d := range []decideCommand{
		{coordinator.Approve, "accept what is proposed", `  tutti inbox approve ID --comment "checked against the order"`},
		{coordinator.Amend, "take another value instead", "  tutti inbox amend ID --set total=1734.30 --set tax=324.30\n  tutti inbox amend ID --output @corrected.json"},
		{coordinator.Reject, "refuse; the step fails", `  tutti inbox reject ID --comment "not our order"`},
		{coordinator.Redo, "have it done again", `  tutti inbox redo ID --guidance "the total is on the second page"`},
		{coordinator.Answer, "answer what a worker asked", "  tutti inbox answer ID --text \"the blue one\"\n  tutti inbox answer ID --output '{\"choice\": 2}'"},
	} {
		c.AddCommand(a.decideCommand(d))
	}
	return c
}

const inboxListHelp = `List open questions, nearest deadline first: why they are asked, of whom, until when, and of which step.

Who may answer what stands in tutti.yaml, under people, and in the pipelines, under review.`

func (a *app) inboxList() *cobra.Command {
	var f memory.InboxFilter
	var chosen selection
	c := &cobra.Command{
		Use:     "list",
		Short:   "List open questions, nearest deadline first",
		Long:    inboxListHelp + fmt.Sprintf(filterHelp, strings.Join(questionFields, ", ")),
		Example: "  tutti inbox list\n  tutti inbox list --for finance -o json\n  tutti inbox list --batch september --filter 'step == \"pay\" && age > 24'",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, _ []string) error {
			return a.looking(c.Context(), func(ctx context.Context, s *session) error {
				if chosen.narrows() {
					return s.listChosen(ctx, f, chosen)
				}
				open, next, err := s.store.Inbox(ctx, f)
				if err != nil {
					return err
				}
				return s.listQuestions(open, next)
			})
		}),
	}
	c.Flags().StringArrayVar(&f.By, "for", nil, "only what is asked of this person or group, or of anyone; repeat it")
	c.Flags().StringVar(&f.Run, "run", "", "only questions of this run")
	c.Flags().IntVar(&f.Limit, "limit", 50, "how many")
	c.Flags().StringVar(&f.Cursor, "cursor", "", "where the previous page ended")
	chosen.register(c.Flags())
	return c
}

func (s *session) listChosen(ctx context.Context, f memory.InboxFilter, chosen selection) error {
	chosen.most = max(f.Limit, 1)
	open, more, err := s.questions(ctx, f, chosen)
	if err != nil {
		return err
	}
	if err := s.listQuestions(open, ""); err != nil {
		return err
	}
	if more {
		s.screen.println("there is more: --limit")
	}
	return nil
}

func (s *session) listQuestions(open []coordinator.Escalation, next string) error {
	if s.wantsJSON() {
		all := make([]asked, len(open))
		for i, q := range open {
			all[i] = asked{q, s.answers(q)}
		}
		return s.json(page{"questions": all, "next": next})
	}
	if len(open) == 0 {
		s.screen.println("nothing is asked")
		return nil
	}
	s.questionTable(open)
	s.more(next)
	return nil
}

func (s *session) questionTable(open []coordinator.Escalation) {
	var rows [][]string
	for _, q := range open {
		of := who(q.By)
		if who := taken(q); who != "" {
			of += ", " + who
		}
		rows = append(rows, []string{q.ID, string(q.Reason), of, deadline(q), friendly(q.Path), strings.TrimSpace(friendly(line(q.Question)) + " " + line(q.Asked))})
	}
	s.table([]string{"QUESTION", "WHY", "OF", "UNTIL", "STEP", ""}, rows)
}

func deadline(q coordinator.Escalation) string {
	if q.Deadline.IsZero() {
		return "-"
	}
	return q.Deadline.Local().Format("Jan 2 15:04")
}

func (a *app) inboxShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a question: what is proposed, what speaks for and against it, how to answer",
		Example: "  tutti inbox show r-mq2k7x1c-0011223344556677.1",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.looking(c.Context(), func(ctx context.Context, s *session) error {
				q, err := s.store.Escalation(ctx, coordinator.RunOf(args[0]), args[0])
				if err != nil {
					return s.unknown("question", args[0], err)
				}
				if s.wantsJSON() {
					return s.json(asked{q, s.answers(q)})
				}
				fmt.Fprintln(s.out, s.questionAndAnswers(q))
				return nil
			})
		}),
	}
}

// decideCommand is one verb of the inbox.
type decideCommand struct {
	verb    coordinator.Verb
	short   string
	example string
}

// decideFlags are what an answer can carry; each verb has some of them.
type decideFlags struct {
	comment, guidance, text, output string
	set                             []string
	detach                          bool
}

func (a *app) decideCommand(d decideCommand) *cobra.Command {
	var f decideFlags
	var m manyFlags
	c := &cobra.Command{
		Use:     string(d.verb) + " ID",
		Short:   "Answer a question: " + d.short,
		Example: d.example,
		Args:    func(_ *cobra.Command, args []string) error { return questionID(d.verb, args) },
		RunE: action(func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.decideMany(c.Context(), d.verb, f, m)
			}
			return a.decide(c.Context(), d.verb, args[0], f)
		}),
	}
	fl := c.Flags()
	fl.StringVar(&f.comment, "comment", "", "why, for whoever reads the journal")
	fl.BoolVar(&f.detach, "detach", false, "let the run go on in the background")
	m.canDecideMany(c, d.verb)
	switch d.verb {
	case coordinator.Amend:
		a.formatFlag(fl)
		fl.StringVar(&f.output, "output", "", "the whole value as JSON; @file or @- reads it")
		fl.StringArrayVarP(&f.set, "set", "s", nil, "change one field of what is proposed: field=value; repeat it")
	case coordinator.Redo:
		fl.StringVar(&f.guidance, "guidance", "", "what should be different")
	case coordinator.Answer:
		a.formatFlag(fl)
		fl.StringVar(&f.text, "text", "", "the answer in words")
		fl.StringVar(&f.output, "output", "", "the answer as JSON; @file or @- reads it")
	}
	return c
}

// formatFlag stands in for the global --output where that is the value a person gives; -o means the same everywhere.
func (a *app) formatFlag(fl *pflag.FlagSet) {
	fl.StringVarP(&a.Output, formatFlagName, "o", "text", "text or json: json gives one document on stdout")
}

// decide answers a question and carries the run on.
func (a *app) decide(ctx context.Context, verb coordinator.Verb, id string, f decideFlags) error {
	run := coordinator.RunOf(id)
	if run == "" {
		return usage(fmt.Errorf("%q is no question: its id is the run's, a dot and a number; tutti inbox list shows them", id))
	}
	return a.onRun(ctx, run, 0, func(ctx context.Context, s *session) error {
		d, err := s.decision(ctx, verb, id, f)
		if err != nil {
			return err
		}
		if err := s.rt.Decide(ctx, id, d); err != nil {
			return err
		}
		if f.detach {
			return s.detach(run)
		}
		return s.finish(ctx, run)
	})
}

func (s *session) decision(ctx context.Context, verb coordinator.Verb, id string, f decideFlags) (coordinator.Decision, error) {
	d := coordinator.Decision{Verb: verb, By: s.As, Comment: f.comment, Guidance: f.guidance}
	var err error
	switch {
	case f.output != "" && (len(f.set) > 0 || f.text != ""):
		return d, usage(errors.New("--output is the whole value: leave the other flags out"))
	case f.text != "", len(f.set) > 0:
		q, lookErr := s.store.Escalation(ctx, coordinator.RunOf(id), id)
		if lookErr != nil {
			return d, nil // Decide says in full why it cannot be answered
		}
		if f.text != "" {
			d.Output, err = inWords(f.text, q.Schema)
		} else {
			d.Output, err = amend(q, f.set)
		}
	case f.output == "" && verb == coordinator.Amend:
		err = errors.New("amend needs a value: --set FIELD=VALUE for single fields, or --output JSON for the whole")
	case f.output == "" && verb == coordinator.Answer:
		err = errors.New("answer needs an answer: --text WORDS, or --output JSON")
	default:
		d.Output, err = document("--output", f.output, s.in)
	}
	if err != nil {
		return d, usage(err)
	}
	return d, nil
}
