package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
)

// outcome is what a command that carries out a run prints with -o json.
type outcome struct {
	Run      string             `json:"run,omitempty"`
	Pipeline string             `json:"pipeline,omitempty"`
	Status   coordinator.Status `json:"status,omitempty"`
	Output   json.RawMessage    `json:"output,omitempty"`
	Error    string             `json:"error,omitempty"`
	Open     []asked            `json:"open,omitempty"`
	Needs    []string           `json:"needs,omitempty"` // workers
	Usage    *coordinator.Usage `json:"usage,omitempty"`
	Resume   string             `json:"resume,omitempty"` // the command that goes on with the run
}

// asked is an open question and the commands that answer it.
type asked struct {
	coordinator.Escalation
	Answer []string `json:"answer"`
}

// problem is what a command prints with -o json when it could not do what it was asked.
type problem struct {
	Error    string             `json:"error"`
	Mistakes []pipeline.Mistake `json:"mistakes,omitempty"`
}

// json prints one document on stdout.
func (a *app) json(v any) error {
	if a.Get != "" {
		return a.part(v)
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// jsonLine prints one of many documents, on a line of its own.
func (a *app) jsonLine(v any) error {
	if a.Get != "" {
		return a.part(v)
	}
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (a *app) wantsJSON() bool { return a.Output == "json" }

// result prints a run's output: text as it is, everything else as JSON.
func (a *app) result(output json.RawMessage) error {
	var text string
	if json.Unmarshal(output, &text) == nil && len(output) > 0 && output[0] == '"' {
		_, err := io.WriteString(a.out, strings.TrimSuffix(text, "\n")+"\n")
		return err
	}
	if len(output) == 0 {
		return nil
	}
	return a.json(output)
}

// report says what went wrong, unless it was said already, and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	code := codeOf(err)
	if err.Error() == "" {
		return code
	}
	mistakes, others := flatten(err)
	text := a.screen.mask(wording(mistakes, others))
	if a.wantsJSON() && a.Get == "" && a.json(problem{text, mistakes}) == nil {
		return code
	}
	a.screen.println(a.screen.paint(red, "tutti:") + " " + clean(text))
	return code
}

// isUsage reports whether the caller, not the house, has to mend the error.
func isUsage(err error) bool {
	var (
		file     *pipeline.Error
		plan     *coordinator.PlanError
		input    *local.InputError
		decision *local.DecisionError
		rights   *local.RightsError
	)
	if errors.As(err, &file) || errors.As(err, &plan) || errors.As(err, &input) || errors.As(err, &decision) || errors.As(err, &rights) {
		return true
	}
	for _, known := range []error{memory.ErrNotFound, memory.ErrNotOpen, memory.ErrEnded, memory.ErrKeyReused, memory.ErrClaimed, memory.ErrNotEnded, pipeline.ErrNoWorkspace} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// table prints rows under a header, columns as wide as they need to be.
func (a *app) table(header []string, rows [][]string) {
	widths := widthsOf(header, rows)
	for _, row := range append([][]string{header}, rows...) {
		var b strings.Builder
		for i, cell := range row {
			if i == len(row)-1 {
				b.WriteString(cell)
				break
			}
			b.WriteString(pad(cell, widths[i]) + "  ")
		}
		fmt.Fprintln(a.out, strings.TrimRight(b.String(), " "))
	}
}

// leastColumns is what the last column of a table keeps, however narrow the terminal is.
const leastColumns = 24

// tableWithin is a table of so many columns at most: the last one is cut.
func (a *app) tableWithin(columns int, header []string, rows [][]string) {
	last := len(header) - 1
	for _, wide := range widthsOf(header, rows)[:last] {
		columns -= wide + 2
	}
	for _, row := range rows {
		row[last] = cut(row[last], max(columns, leastColumns))
	}
	a.table(header, rows)
}

func widthsOf(header []string, rows [][]string) []int {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	return widths
}

// took words a duration for people.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// spent words what was used; "" for nothing.
func spent(u coordinator.Usage) string {
	var used, cost string
	if n := u.Input + u.Output; n > 0 {
		used = tokens(n)
	}
	if u.Cost > 0 {
		cost = dollars(u.Cost)
	}
	return strings.Join(present(used, cost), ", ")
}

// dollars shows small amounts with two digits that count.
func dollars(cost float64) string {
	digits := 4
	for least := 0.001; cost < least && digits < 12; least /= 10 {
		digits++
	}
	return fmt.Sprintf("$%.*f", digits, cost)
}

func tokens(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d tokens", n)
	}
	return fmt.Sprintf("%.1fk tokens", float64(n)/1000)
}

func sure(c *coordinator.Confidence) string {
	if c == nil || c.Score == 1 {
		return ""
	}
	return fmt.Sprintf("%.0f %% sure", 100*c.Score)
}

// short is a value on one line, for lists.
func short(raw json.RawMessage, columns int) string {
	return cut(line(string(raw)), columns)
}
