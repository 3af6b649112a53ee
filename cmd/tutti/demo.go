package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/examples/invoices"
)

// What the demo runs.
const (
	demoPipeline = "intake-folder"
	demoFolder   = "inbox"
	demoMonth    = "2026-09"
)

func (a *app) demoCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Read a folder of invoices, book them, tell finance, draw the month",
		Long: `Read a folder of invoices, book them, tell finance, and draw the month. It needs no key and no network: the workspace is
copied into a folder of its own, the model is rules, mails are files, the ledger is sqlite.

Three questions need a person. On a terminal that is you; anywhere else the people of answers.yaml are played, and the
questions and answers are printed.`,
		Example: "  tutti demo\n  tutti demo --dir /tmp/invoices < /dev/null",
		Args:    arguments,
		RunE:    action(func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), dir) }),
	}
	c.Flags().StringVar(&dir, "dir", "", "where to put the workspace (default: .tutti/demo-<time> in the current folder)")
	return c
}

func (a *app) demo(ctx context.Context, dir string) error {
	if dir == "" {
		dir = filepath.Join(".tutti", "demo-"+time.Now().Format("20060102-150405"))
	}
	if err := copyDemo(dir); err != nil {
		return usage(err)
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, 0, func(ctx context.Context) error { return s.playDemo(ctx) })
}

// copyDemo makes the workspace; a folder that holds something already is refused.
func copyDemo(dir string) error {
	if held, err := os.ReadDir(dir); err == nil && len(held) > 0 {
		return fmt.Errorf("%s is not empty: name another folder with --dir", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(invoices.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := invoices.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}

func (s *session) playDemo(ctx context.Context) error {
	file, err := s.pipeline(demoPipeline)
	if err != nil {
		return err
	}
	if finance := (coordinator.Escalation{By: "finance"}); s.ws.MayDecide(s.As, finance) != nil {
		s.standIn = s.someoneFor(finance)
	}
	people := s.playedPeople
	if s.asks {
		people = s.askingAs(ctx, s.someoneFor) // whoever sits there stands in for everybody
	}
	if err := s.start(ctx, people); err != nil {
		return err
	}
	s.screen.println(demoWelcome(s))
	s.sayDurability()
	id, err := s.rt.Submit(ctx, local.Task{
		Goal: "Take in the invoices of September.", Plan: file.Plan, By: s.As,
		Input: map[string]string{"folder": demoFolder, "month": demoMonth},
	})
	if err != nil {
		return err
	}
	v := s.watch(ctx, id)
	run, err := s.drive(ctx, id)
	v.stop()
	if err != nil {
		return s.conclude(ctx, id, run, err)
	}
	output, _ := run.Output("")
	if s.wantsJSON() {
		err = s.json(ofRun(run, output))
	} else {
		err = s.demoSummary(ctx, run)
	}
	return errors.Join(err, demoVerdict(output))
}

func demoWelcome(s *session) string {
	text := "The workspace is in " + s.ws.Dir + ".\nThirteen invoices are in its inbox: PDFs, mails and texts, in four languages. "
	if s.asks {
		return text + "You will be asked about three of them.\n"
	}
	return text + "Nobody sits at this terminal, so the people of answers.yaml are played.\n"
}

// demoVerdict is an error unless every document came through.
func demoVerdict(output json.RawMessage) error {
	var o struct {
		Booked int `json:"booked"`
		Failed int `json:"failed"`
	}
	if err := json.Unmarshal(output, &o); err != nil {
		return fmt.Errorf("demo: output: %w", err)
	}
	if o.Failed > 0 || o.Booked == 0 {
		return fmt.Errorf("demo: %s, and %d booked", count(o.Failed, "document")+" failed", o.Booked)
	}
	return nil
}
