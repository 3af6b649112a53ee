// Package template fills templates with data: template.render.
//
// A step calls
//
//	{template: letters/reminder.md, data: {name: Ada, due: "2026-09-30"}}
//
// and gets {text: "Dear Ada, …"}. It may give the template itself as text instead of a file. See package page for what a
// template may say; there is no clock in it, and the same template and data give the same text.
//
// A Markdown template gives the filled Markdown, or with as: html a piece of HTML in which no value becomes markup. An HTML
// template gives HTML. Nothing is written: files.write does that, and it is idempotent because this is deterministic.
package template

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/page"
)

// Settings of template.render; the zero value is fine.
type Settings struct {
	MaxBytes int `json:"max_bytes,omitempty" validate:"gte=0"` // of the text that comes out; 0: 1 MiB
}

// DefaultMaxBytes is how long a rendered text may be.
const DefaultMaxBytes = 1 << 20

// New returns template.render for a workspace.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	if s.MaxBytes <= 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("template: workspace: %w", err)
	}
	r := &renderer{root, s.MaxBytes}
	text := "Fills a Markdown or HTML template with data and returns the text. " +
		`Example: {"template": "letters/reminder.md", "data": {"name": "Ada"}} or {"text": "Dear {{.name}}", "data": {"name": "Ada"}} gives {"text": "Dear Ada"}.`
	return []coordinator.Worker{tools.New("template.render", text, r.render, tools.Options{
		Effect: coordinator.EffectRead, Authority: []string{"template"}, Trusted: true, Close: root.Close,
	})}, nil
}

// Input names a template and what to fill it with.
type Input struct {
	Template string          `json:"template,omitempty" jsonschema_description:"path of a Markdown (.md) or HTML (.html) template in the workspace"`
	Text     string          `json:"text,omitempty" jsonschema_description:"the template itself, as Markdown, in place of a file"`
	Data     json.RawMessage `json:"data,omitempty" jsonschema_description:"what the template shows"`
	As       string          `json:"as,omitempty" validate:"omitempty,oneof=text html" jsonschema_description:"text, or html; by the template's name if left out"`
}

// Output is what template.render returns.
type Output struct {
	Text string `json:"text"`
}

type renderer struct {
	root *os.Root
	most int
}

func (r *renderer) render(ctx context.Context, in Input) (Output, error) {
	text, err := r.fill(ctx, in)
	switch {
	case ctx.Err() != nil:
		return Output{}, coordinator.NotDone(ctx.Err())
	case err != nil:
		return Output{}, coordinator.Permanent(err)
	case len(text) > r.most:
		return Output{}, coordinator.Permanent(fmt.Errorf("%d bytes of text, at most %d are allowed (max_bytes)", len(text), r.most))
	}
	return Output{text}, nil
}

func (r *renderer) fill(ctx context.Context, in Input) (string, error) {
	t, err := r.open(in)
	switch {
	case err != nil:
		return "", err
	case in.As == "html" || in.As == "" && !t.Markdown():
		return t.HTML(ctx, in.Data)
	}
	return t.Text(ctx, in.Data)
}

func (r *renderer) open(in Input) (*page.Template, error) {
	switch {
	case in.Template != "" && in.Text != "":
		return nil, errors.New("template and text: one of them is enough")
	case in.Template == "" && in.Text == "":
		return nil, errors.New("template is missing: the path of one, or give it as text")
	case in.Template != "":
		return page.Open(r.root, in.Template, page.Funcs{})
	case len(in.Text) > page.MaxTemplate:
		return nil, fmt.Errorf("text: it has more than %d bytes", page.MaxTemplate)
	}
	return page.Parse("text.md", in.Text, page.Funcs{})
}
