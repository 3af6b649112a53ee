package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE|NAME …]",
		Short: "Check pipelines, or the whole workspace",
		Long: `Check pipelines, or the whole workspace: every mistake at once, each with its line and what to write instead.
Nothing is carried out, no store and no model is needed. Exit code 2 if there is a mistake.`,
		Example: "  tutti validate\n  tutti validate invoice-intake drafts/new.yaml",
		RunE: action(func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.validateWorkspace()
			}
			return a.validateFiles(args)
		}),
	}
}

// checked is what validate prints with -o json.
type checked struct {
	Valid     bool               `json:"valid"`
	Checked   []string           `json:"checked"`
	Mistakes  []pipeline.Mistake `json:"mistakes"`
	Otherwise []string           `json:"otherwise,omitempty"` // what is wrong, and in no file
}

func (a *app) validateWorkspace() error {
	ws, err := a.find("")
	if err != nil {
		return a.verdict(nil, err)
	}
	if _, err := os.Stat(ws.File); errors.Is(err, fs.ErrNotExist) {
		return a.verdict(nil, fmt.Errorf("no workspace here: there is no %s in %s or in a folder above it; for a single pipeline: tutti validate FILE", pipeline.WorkspaceFile, ws.Dir))
	}
	s := a.wire(ws)
	names := []string{ws.File}
	for _, f := range ws.Pipelines {
		names = append(names, f.Path)
	}
	err = errors.Join(s.broken, s.withoutGuesses(ws.Check(s.card, s.names()...)))
	return a.verdict(names, err, s.close())
}

func (a *app) validateFiles(targets []string) error {
	var wrong []error
	for _, target := range targets {
		wrong = append(wrong, a.validateFile(target))
	}
	return a.verdict(targets, wrong...)
}

func (a *app) validateFile(target string) error {
	ws, err := a.find(target)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	_, err = s.pipeline(target)
	return errors.Join(err, s.close())
}

// verdict prints all mistakes.
func (a *app) verdict(names []string, wrong ...error) error {
	mistakes, others := flatten(errors.Join(wrong...))
	valid := len(mistakes)+len(others) == 0
	if a.wantsJSON() {
		if mistakes == nil {
			mistakes = []pipeline.Mistake{}
		}
		if err := a.json(checked{valid, names, mistakes, others}); err != nil {
			return err
		}
	}
	if valid {
		if !a.wantsJSON() {
			fmt.Fprintf(a.out, "%s %s\n", count(len(names), "file"), "without mistakes")
		}
		return nil
	}
	if a.wantsJSON() {
		return &exit{exitUsage, nil}
	}
	return usage(errors.New(wording(mistakes, others)))
}
