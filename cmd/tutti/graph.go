package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/diagram"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// graphFlags are what tutti graph can be told.
type graphFlags struct {
	run string
	svg string
	all bool
}

func (a *app) graphCommand() *cobra.Command {
	var f graphFlags
	c := &cobra.Command{
		Use:   "graph [FILE|NAME]",
		Short: "Draw a pipeline: what waits for what, and how far a run is",
		Long: `Draw a pipeline, in the terminal or as SVG: its steps from above to below, each under all that it waits for. An edge is
there because of needs, or because an expression names the step. Those that follow from other edges are left out; --all
draws them too.

  ◆ agent   ■ tool   ▤ pipeline   ● person   ◷ wait   ? no worker of that name

A double frame is a step that is done for each item of a list. What takes a step's effect back is marked ╌ undo.

With --run the plan of that run is drawn, or the pipeline that is named, with the state of each step, how long it took
and how many of its items are done. With --svg the picture is written to a file ("-": to stdout); it follows the light
or dark theme of its reader, and tells more in tooltips.`,
		Example: `  tutti graph invoice-intake
  tutti graph drafts/new.yaml --svg new.svg
  tutti graph --run r-mq2k7x1c-0011223344556677
  tutti graph invoice-intake -o json | jq '.steps[] | {id, after}'`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && f.run == "":
				return errors.New("which pipeline? tutti graph FILE|NAME, or --run RUN")
			case len(args) > 1:
				return fmt.Errorf("one pipeline at a time; %q is too much", args[1])
			}
			return nil
		},
		RunE: action(func(c *cobra.Command, args []string) error {
			target := strings.Join(args, "")
			if f.run == "" {
				return a.graphPlan(target, f)
			}
			return a.graphRun(c.Context(), target, f)
		}),
	}
	c.Flags().StringVar(&f.run, "run", "", "draw the states of this run's steps on it")
	c.Flags().StringVar(&f.svg, "svg", "", "write SVG to this file; - is stdout")
	c.Flags().BoolVar(&f.all, "all", false, "draw the edges, too, that follow from others")
	return c
}

// graphPlan draws a pipeline. No store is needed.
func (a *app) graphPlan(target string, f graphFlags) error {
	ws, err := a.find(target)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	file, err := s.drawable(target)
	if err == nil {
		err = s.graph(file.Plan, nil, f)
	}
	return errors.Join(err, s.close())
}

// drawable reads a pipeline. Workers that are not there are drawn as such, all other mistakes are errors.
func (s *session) drawable(target string) (*pipeline.File, error) {
	file, err := s.ws.Pipeline(target)
	if err != nil {
		return nil, usage(err)
	}
	if err := file.Check(nil, s.ws.Limits); err != nil {
		return nil, usage(err)
	}
	return file, nil
}

// graphRun draws a run, on its own plan or on the pipeline that is named.
func (a *app) graphRun(ctx context.Context, target string, f graphFlags) error {
	ws, err := a.find(target)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, 0, func(ctx context.Context) error {
		if err := s.start(ctx, nil); err != nil {
			return err
		}
		if _, err := s.store.Summary(ctx, f.run); err != nil {
			return s.unknown("run", f.run, err)
		}
		run, err := s.rt.Load(ctx, f.run)
		if err != nil {
			return err
		}
		plan := run.Task().Plan
		if target != "" {
			file, err := s.drawable(target)
			if err != nil {
				return err
			}
			plan = file.Plan
		}
		return s.graph(plan, run, f)
	})
}

// drawn is what graph prints with -o json.
type drawn struct {
	Name   string      `json:"name"`
	Run    string      `json:"run,omitempty"`
	Status string      `json:"status,omitempty"` // of the run
	Steps  []drawnStep `json:"steps"`
	SVG    string      `json:"svg,omitempty"` // the file that was written
}

type drawnStep struct {
	ID     string   `json:"id"`
	Use    string   `json:"use,omitempty"`
	Kind   string   `json:"kind"`
	After  []string `json:"after"` // all, also those that follow from others
	Marks  []string `json:"marks,omitempty"`
	Undo   string   `json:"undo,omitempty"`
	State  string   `json:"state,omitempty"`
	Status string   `json:"status,omitempty"`
}

func (s *session) graph(plan *coordinator.Plan, run *coordinator.Run, f graphFlags) error {
	nodes, err := coordinator.Outline(plan, s.ws.Limits)
	if err != nil {
		return usage(err)
	}
	whole := s.picture(plan, nodes, run)
	shown, left := whole.Reduced()
	if f.all {
		shown, left = whole, 0
	}
	if f.svg != "" {
		return s.writeSVG(shown, whole, run, f.svg)
	}
	if s.wantsJSON() {
		return s.json(drawnOf(plan, whole, run, ""))
	}
	text, err := diagram.Text(shown, diagram.TextOptions{Columns: s.columns(), Width: columnsOf, Paint: s.statePaint()})
	if err != nil {
		return usage(fmt.Errorf("%w; -o json lists its steps", err))
	}
	fmt.Fprintf(s.out, "%s\n", strings.TrimSpace(line(shown.Title)+"  "+line(shown.Subtitle)))
	if _, err := io.WriteString(s.drawing(), "\n"+text); err != nil {
		return err
	}
	if left > 0 && !s.Quiet {
		s.screen.println(s.screen.paint(faint, count(left, "edge")+" that follow from others left out: --all draws them"))
	}
	return nil
}

func (s *session) writeSVG(shown, whole diagram.Picture, run *coordinator.Run, name string) error {
	svg, err := diagram.SVG(shown)
	if err != nil {
		return usage(err)
	}
	if name == "-" {
		_, err := io.WriteString(s.out, svg)
		return err
	}
	if err := os.WriteFile(name, []byte(svg), 0o644); err != nil {
		return err
	}
	if s.wantsJSON() {
		abs, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		return s.json(drawnOf(&coordinator.Plan{Name: whole.Title}, whole, run, abs))
	}
	s.screen.println("written to " + name)
	return nil
}

func drawnOf(plan *coordinator.Plan, p diagram.Picture, run *coordinator.Run, svg string) drawn {
	out := drawn{Name: plan.Name, SVG: svg}
	if run != nil {
		out.Run, out.Status = run.ID(), string(run.Status())
	}
	for _, b := range p.Boxes {
		step := drawnStep{ID: b.ID, Use: b.Worker, Kind: string(b.Kind), After: []string{}, Marks: b.Marks, State: string(b.State), Status: b.Status}
		for _, i := range b.After {
			step.After = append(step.After, p.Boxes[i].ID)
		}
		if b.Undo != nil {
			step.Undo = b.Undo.Worker
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// columns is how wide a text picture may be.
func (a *app) columns() int {
	columns, _ := a.screen.size()
	return max(columns, 60)
}

// colours reports whether stdout is a terminal that shows them.
func (a *app) colours() bool {
	_, terminal := a.out.(cleaner)
	return terminal && a.env("TERM") != "dumb" && a.env("NO_COLOR") == ""
}

// drawing is stdout for a text with colours of our own, whose other parts went through clean already.
func (a *app) drawing() io.Writer {
	if c, ok := a.out.(cleaner); ok && a.colours() {
		return c.w
	}
	return a.out
}

// statePaint colours boxes by their states; nil without colours.
func (a *app) statePaint() func(diagram.State, string) string {
	if !a.colours() {
		return nil
	}
	styles := map[diagram.State]string{
		"done": green, "failed": red, "asked": yellow, "running": cyan, "working": cyan,
		"skipped": faint, "stopped": faint, "not reached": faint,
	}
	return func(s diagram.State, text string) string {
		if styles[s] == "" {
			return text
		}
		return styles[s] + text + "\x1b[0m"
	}
}
