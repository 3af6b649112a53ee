package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// selection chooses questions by what they say.
type selection struct {
	filter string
	batch  string
	most   int
}

const filterHelp = `

EXPR is a CEL expression over a question's fields: ` + "%s" + `.
score is null where nothing was measured, age counts in hours, proposed and input are the values themselves. A question that
lacks what the expression looks for is not chosen.`

func (f *selection) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.filter, "filter", "", `only questions that this CEL expression is true for, such as 'reason == "approval" && input.amount < 100'`)
	fl.StringVar(&f.batch, "batch", "", "only questions of this batch")
}

// narrows reports whether anything was said.
func (f *selection) narrows() bool { return f.filter != "" || f.batch != "" }

// questions yields the open questions that are chosen, page by page, nearest deadline first; more tells that there are
// others beyond most.
func (s *session) questions(ctx context.Context, from memory.InboxFilter, f selection) (chosen []coordinator.Escalation, more bool, err error) {
	rule, err := newFilter(f.filter, questionFields)
	if err != nil {
		return nil, false, err
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return nil, false, err
	}
	from.Limit = listedAtOnce
	runs := map[string]memory.Summary{}
	for {
		page, next, err := s.store.Inbox(ctx, from)
		if err != nil {
			return nil, false, err
		}
		for _, q := range page {
			ok, err := s.chosen(ctx, q, f, rule, runs, now)
			if err != nil {
				return nil, false, err
			}
			if ok && len(chosen) == f.most {
				return chosen, true, nil
			}
			if ok {
				chosen = append(chosen, q)
			}
		}
		if next == "" {
			s.explain(rule, "question", len(chosen))
			return chosen, false, nil
		}
		from.Cursor = next
	}
}

func (s *session) chosen(ctx context.Context, q coordinator.Escalation, f selection, rule *filter, runs map[string]memory.Summary, now time.Time) (bool, error) {
	if f.batch == "" && rule == nil {
		return true, nil
	}
	sum, known := runs[q.Run]
	if !known {
		var err error
		if sum, err = s.store.Summary(ctx, q.Run); err != nil {
			return false, err
		}
		runs[q.Run] = sum
	}
	if f.batch != "" && sum.Batch != f.batch {
		return false, nil
	}
	return rule.takes(fieldsOfQuestion(q, sum, now))
}
