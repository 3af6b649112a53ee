package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"path"
	"strconv"
	"strings"
	text "text/template"

	"github.com/tuttirun/tutti/tools/schema"
)

// Limits of templates.
const (
	MaxTemplate = 1 << 20 // bytes of a file
	MaxOutput   = 8 << 20 // bytes of a page
)

// Template is a parsed template of the workspace.
type Template struct {
	name     string
	source   string
	markdown bool
	extra    Funcs
}

// Funcs are functions that templates may call besides those of this package. Each has two forms of one signature: what it
// writes into HTML, as template.HTML, and into text.
type Funcs struct{ HTML, Text map[string]any }

// Open reads a template: Markdown by the name's ending .md, HTML by .html.
func Open(root *os.Root, name string, extra Funcs) (*Template, error) {
	if err := schema.CheckPath(name); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	defer f.Close()
	source, err := io.ReadAll(io.LimitReader(f, MaxTemplate+1))
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	if len(source) > MaxTemplate {
		return nil, fmt.Errorf("template %s: it has more than %d bytes", name, MaxTemplate)
	}
	return Parse(name, string(source), extra)
}

// Parse is Open with the source at hand.
func Parse(name, source string, extra Funcs) (*Template, error) {
	t := &Template{name: name, source: source, extra: extra}
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".markdown":
		t.markdown = true
	case ".html", ".htm":
	default:
		return nil, fmt.Errorf("template %s: its name must end in .md or .html", name)
	}
	if strings.Contains(source, tokenMark) {
		return nil, fmt.Errorf("template %s: it must not contain %s", name, tokenMark)
	}
	_, err := t.parse(context.Background(), &values{}) // mistakes show now, not when there is data
	return t, err
}

// Markdown reports whether the template is Markdown, so that it has a text form too.
func (t *Template) Markdown() bool { return t.markdown }

// HTML renders the template: a Markdown one to a fragment, an HTML one to whatever it is.
func (t *Template) HTML(ctx context.Context, data json.RawMessage) (string, error) {
	v, err := decode(data)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	if !t.markdown {
		return t.executeHTML(ctx, v)
	}
	found := &values{}
	parsed, err := t.parse(ctx, found)
	if err != nil {
		return "", err
	}
	source, err := t.execute(ctx, parsed.(*text.Template), v)
	if err != nil {
		return "", err
	}
	return found.toHTML(source)
}

// Text renders a Markdown template for readers of plain text.
func (t *Template) Text(ctx context.Context, data json.RawMessage) (string, error) {
	if !t.markdown {
		return "", fmt.Errorf("template %s: only Markdown has a text form", t.name)
	}
	v, err := decode(data)
	if err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	parsed, err := text.New(t.name).Option("missingkey=error").Funcs(t.textFuncs()).Funcs(bounds(ctx)).Parse(t.source)
	if err != nil {
		return "", parseError(err)
	}
	for _, one := range parsed.Templates() {
		showValues(one.Tree)
	}
	return t.execute(ctx, parsed, v)
}

type executor interface {
	Execute(w io.Writer, data any) error
}

// parse prepares the HTML form. Values of a Markdown template are collected in found, and leave tokens in the text.
func (t *Template) parse(ctx context.Context, found *values) (executor, error) {
	funcs := t.htmlFuncs()
	maps.Copy(funcs, bounds(ctx))
	if !t.markdown {
		funcs["show"] = showInHTML
		parsed, err := template.New(t.name).Option("missingkey=error").Funcs(funcs).Parse(t.source)
		if err != nil {
			return nil, parseError(err)
		}
		for _, one := range parsed.Templates() {
			showValues(one.Tree)
		}
		return parsed, nil
	}
	funcs["show"] = found.token
	parsed, err := text.New(t.name).Option("missingkey=error").Funcs(text.FuncMap(funcs)).Parse(t.source)
	if err != nil {
		return nil, parseError(err)
	}
	for _, one := range parsed.Templates() {
		showValues(one.Tree)
	}
	return parsed, nil
}

// showInHTML leaves to html/template what it knows how to write in every context, scripts included.
func showInHTML(v any) (any, error) {
	switch v := v.(type) {
	case template.HTML, string, bool, int, int64:
		return v, nil
	case float64:
		return plainFloat(v), nil
	}
	return display(v)
}

// plainFloat is written without an exponent, and stays a number in a script.
type plainFloat float64

func (f plainFloat) String() string { return strconv.FormatFloat(float64(f), 'f', -1, 64) }

func (f plainFloat) MarshalJSON() ([]byte, error) { return []byte(f.String()), nil }

func (t *Template) executeHTML(ctx context.Context, v any) (string, error) {
	parsed, err := t.parse(ctx, nil)
	if err != nil {
		return "", err
	}
	return t.execute(ctx, parsed, v)
}

func (t *Template) execute(ctx context.Context, e executor, v any) (string, error) {
	w := &limited{ctx: ctx}
	if err := e.Execute(w, v); err != nil {
		return "", executeError(err)
	}
	return w.b.String(), nil
}

func (t *Template) htmlFuncs() template.FuncMap {
	funcs := template.FuncMap{"table": tableHTML, "markdown": markdownHTML}
	maps.Copy(funcs, shared)
	maps.Copy(funcs, t.extra.HTML)
	return funcs
}

func (t *Template) textFuncs() text.FuncMap {
	funcs := text.FuncMap{"table": tableText, "markdown": display, "show": display}
	maps.Copy(funcs, shared)
	maps.Copy(funcs, t.extra.Text)
	return funcs
}

// parseError drops the word template, which the name follows anyway: "template: mail/booked.md:3: …".
func parseError(err error) error {
	return errors.New("template " + strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/"), "template: "))
}

func executeError(err error) error {
	for _, cause := range []error{errTooLong, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return cause
		}
	}
	message := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/"), "template: ")
	if _, key, ok := strings.Cut(message, `map has no entry for key "`); ok {
		where, _, _ := strings.Cut(message, ": executing")
		return fmt.Errorf("template %s: the data has no field %q", where, strings.TrimSuffix(key, `"`))
	}
	return errors.New("template " + message)
}

var errTooLong = fmt.Errorf("the page has more than %d bytes", MaxOutput)

// limited is where a template writes to: a loop must end, and so must its output.
type limited struct {
	ctx context.Context
	b   bytes.Buffer
}

func (l *limited) Write(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.b.Len()+len(p) > MaxOutput {
		return 0, errTooLong
	}
	return l.b.Write(p)
}
