package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// costs is what a run has used: in all, by step and by model.
type costs struct {
	Total  coordinator.Usage            `json:"total"`
	Steps  []stepCosts                  `json:"steps"`            // those that used something, in the order of the run
	Models map[string]coordinator.Usage `json:"models,omitempty"` // what is known by model
}

// stepCosts is what one step has used, over all its turns and attempts, failed ones included.
type stepCosts struct {
	Path string            `json:"path"`
	Use  string            `json:"use,omitempty"`
	Own  coordinator.Usage `json:"own,omitzero"` // without what was done for it
	All  coordinator.Usage `json:"all"`          // with its calls, items, rounds and steps
}

// costsOf adds up a journal; nil when nothing was used.
func (s *session) costsOf(ctx context.Context, id string) (*costs, error) {
	var c costs
	at := map[string]int{}
	step := func(path string) *stepCosts {
		i, known := at[path]
		if !known {
			i = len(c.Steps)
			at[path] = i
			c.Steps = append(c.Steps, stepCosts{Path: path})
		}
		return &c.Steps[i]
	}
	for e, err := range s.store.Read(ctx, id, 0) {
		if err != nil {
			return nil, err
		}
		if e.Path == "" {
			continue
		}
		if st := step(e.Path); e.Kind == coordinator.Started {
			st.Use = e.Worker
		}
		if e.Usage == (coordinator.Usage{}) {
			continue
		}
		c.Total = c.Total.Add(e.Usage)
		step(e.Path).Own = step(e.Path).Own.Add(e.Usage)
		for path := e.Path; path != ""; path = parentOf(path) {
			st := step(path)
			st.All = st.All.Add(e.Usage)
		}
		for name, u := range e.Models {
			if c.Models == nil {
				c.Models = map[string]coordinator.Usage{}
			}
			c.Models[name] = c.Models[name].Add(u)
		}
	}
	if c.Total == (coordinator.Usage{}) {
		return nil, nil
	}
	c.Steps = slices.DeleteFunc(c.Steps, func(st stepCosts) bool { return st.All == (coordinator.Usage{}) })
	return &c, nil
}

// byPath words what each step has used.
func (c *costs) byPath() map[string]string {
	out := map[string]string{}
	if c == nil {
		return out
	}
	for _, st := range c.Steps {
		out[st.Path] = spent(st.All)
	}
	return out
}

// byModel words what each model has used, the dearest first.
func (c *costs) byModel() string {
	var parts []string
	for _, name := range c.models() {
		parts = append(parts, line(name)+" "+cmp.Or(spent(c.Models[name]), "nothing"))
	}
	return strings.Join(parts, "; ")
}

func (c *costs) models() []string {
	return slices.SortedFunc(maps.Keys(c.Models), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Models[b].Cost, c.Models[a].Cost), cmp.Compare(a, b))
	})
}

// showCosts prints what a run has used, as a table.
func (s *session) showCosts(ctx context.Context, id string) error {
	sum, err := s.store.Summary(ctx, id)
	if err != nil {
		return s.unknown("run", id, err)
	}
	c, err := s.costsOf(ctx, id)
	if err != nil {
		return err
	}
	if s.wantsJSON() {
		return s.json(struct {
			Run      string `json:"run"`
			Pipeline string `json:"pipeline,omitempty"`
			Costs    *costs `json:"costs"`
		}{id, sum.Pipeline, c})
	}
	if c == nil {
		s.screen.println("nothing was spent")
		return nil
	}
	var rows [][]string
	for _, st := range c.sorted() {
		rows = append(rows, costRow(strings.Repeat("  ", depthOf(st.Path))+shortName(st.Path), st.Use, st.All))
	}
	s.table(costHeader("STEP", "WORKER"), append(rows, costRow("in all", "", c.Total)))
	if len(c.Models) == 0 {
		return nil
	}
	rows = nil
	for _, name := range c.models() {
		rows = append(rows, costRow(line(name), "", c.Models[name]))
	}
	fmt.Fprintln(s.out)
	s.table(costHeader("MODEL", ""), rows)
	return nil
}

// sorted are the steps, each before what was done for it.
func (c *costs) sorted() []stepCosts {
	byPath, states := map[string]stepCosts{}, make([]coordinator.StepState, len(c.Steps))
	for i, st := range c.Steps {
		byPath[st.Path] = st
		states[i] = coordinator.StepState{Path: st.Path}
	}
	var out []stepCosts
	var list func(twigs []*twig)
	list = func(twigs []*twig) {
		for _, t := range twigs {
			out = append(out, byPath[t.Path])
			list(t.below)
		}
	}
	list(grow(states))
	return out
}

func costHeader(what, second string) []string {
	return []string{what, second, "TOKENS IN", "OUT", "CACHED", "COST"}
}

func costRow(name, use string, u coordinator.Usage) []string {
	cost := ""
	if u.Cost > 0 {
		cost = dollars(u.Cost)
	}
	return []string{name, use, amountOf(u.Input), amountOf(u.Output), amountOf(u.Cached), cost}
}

// amountOf is a count for a table; "" for none.
func amountOf(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
