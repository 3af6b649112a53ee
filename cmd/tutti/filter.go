package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

const (
	maxFilter  = 8 << 10 // bytes of an expression
	filterCost = 100_000 // of looking at one entry
)

// filter selects entries of a list by a CEL expression over their fields. A nil filter selects all.
type filter struct {
	source  string
	program cel.Program
	lacking int    // entries that lack what the expression looks for
	lack    string // what the last of them lacks
}

// newFilter compiles an expression that may name these fields; "" selects all.
func newFilter(source string, fields []string) (*filter, error) {
	if strings.TrimSpace(source) == "" {
		return nil, nil
	}
	options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true), cel.ParserExpressionSizeLimit(maxFilter), ext.Strings(), ext.Lists()}
	for _, name := range fields {
		options = append(options, cel.Variable(name, cel.DynType))
	}
	e, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	tree, issues := e.Compile(source)
	if issues.Err() != nil {
		return nil, usage(fmt.Errorf("--filter %s: %s; an entry has %s", source, reason(issues), strings.Join(fields, ", ")))
	}
	if t := tree.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, usage(fmt.Errorf("--filter %s: it gives a %s, where true or false is needed", source, t))
	}
	p, err := e.Program(tree, cel.CostLimit(filterCost))
	if err != nil {
		return nil, usage(fmt.Errorf("--filter %s: %w", source, err))
	}
	return &filter{source: source, program: p}, nil
}

// reason is the first mistake, on one line.
func reason(issues *cel.Issues) string {
	first := issues.Errors()[0]
	text, _, _ := strings.Cut(first.Message, " (in container")
	if name, unknown := strings.CutPrefix(text, "undeclared reference to "); unknown {
		text = "unknown name " + name
	}
	return fmt.Sprintf("%s (column %d)", line(text), first.Location.Column()+1)
}

// takes reports whether an entry is selected. One that lacks what the expression looks for is not; any other failure is an
// error, so that nothing is left out because of a slip.
func (f *filter) takes(fields map[string]any) (bool, error) {
	if f == nil {
		return true, nil
	}
	out, _, err := f.program.Eval(fields)
	switch {
	case err != nil && lacks(err):
		f.lacking++
		f.lack = err.Error()
		return false, nil
	case err != nil:
		return false, usage(fmt.Errorf("--filter %s: %w", f.source, err))
	}
	yes, ok := out.(types.Bool)
	if !ok {
		return false, usage(fmt.Errorf("--filter %s: it gives a %s, where true or false is needed", f.source, out.Type().TypeName()))
	}
	return bool(yes), nil
}

// remark explains an empty choice that may be a slip; "" when there is nothing to explain.
func (f *filter) remark(of string) string {
	if f == nil || f.lacking == 0 {
		return ""
	}
	verb := "lack"
	if f.lacking == 1 {
		verb = "lacks"
	}
	return count(f.lacking, of) + " " + verb + " what the filter looks for: " + line(f.lack)
}

// explain says why a filter has chosen nothing, if it may be a slip.
func (s *session) explain(rule *filter, of string, chosen int) {
	if text := rule.remark(of); chosen == 0 && text != "" {
		s.screen.println(text)
	}
}

// lacks reports whether a field is missing, or null where something else was looked for.
func lacks(err error) bool {
	text := err.Error()
	return slices.ContainsFunc([]string{"no such key", "no such attribute", "no such overload", "index out of bounds"}, func(s string) bool { return strings.Contains(text, s) })
}

// questionFields are what a filter of the inbox knows of a question.
var questionFields = []string{"id", "run", "pipeline", "batch", "requester", "path", "step", "reason", "worker", "effect", "by", "claimed",
	"question", "asked", "score", "proposed", "input", "failure", "age", "four_eyes"}

// fieldsOfQuestion are a question's values for a filter. Score is null where nothing was measured; age is in hours.
func fieldsOfQuestion(q coordinator.Escalation, sum memory.Summary, now time.Time) map[string]any {
	var score any
	if q.Confidence != nil {
		score = q.Confidence.Score
	}
	failure := ""
	if q.Failure != nil {
		failure = q.Failure.Message
	}
	return map[string]any{
		"id": q.ID, "run": q.Run, "pipeline": sum.Pipeline, "batch": sum.Batch, "requester": q.Requester,
		"path": q.Path, "step": stepID(q.Path), "reason": string(q.Reason), "worker": q.Worker, "effect": string(q.Effect),
		"by": q.By, "claimed": q.Claimed, "question": q.Question, "asked": q.Asked, "score": score,
		"proposed": decoded(q.Proposed), "input": decoded(q.Input), "failure": failure,
		"age": now.Sub(q.Opened).Hours(), "four_eyes": q.FourEyes,
	}
}

// decoded is a JSON value as expressions see it; null for none.
func decoded(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	v, err := coordinator.Decode(raw)
	if err != nil {
		return nil
	}
	return v
}

// runFields are what a filter of runs knows of a run.
var runFields = []string{"run", "pipeline", "batch", "goal", "by", "status", "error", "steps", "open", "age", "cost", "tokens"}

func fieldsOfRun(sum memory.Summary, now time.Time) map[string]any {
	return map[string]any{
		"run": sum.Run, "pipeline": sum.Pipeline, "batch": sum.Batch, "goal": sum.Goal, "by": sum.By, "status": string(sum.Status),
		"error": sum.Error, "steps": int64(sum.Steps), "open": int64(sum.Open), "age": now.Sub(sum.Created).Hours(),
		"cost": sum.Usage.Cost, "tokens": sum.Usage.Input + sum.Usage.Output,
	}
}
