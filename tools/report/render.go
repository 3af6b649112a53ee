package report

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/page"
	"github.com/tuttirun/tutti/tools/schema"
)

// Settings of report.render; the zero value is fine.
type Settings struct {
	Folder string `json:"folder,omitempty"` // reports are written below this folder of the workspace; "": anywhere in it
}

// New returns report.render for a workspace.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	if s.Folder != "" {
		if err := schema.CheckPath(s.Folder); err != nil {
			return nil, fmt.Errorf("report: folder: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("report: workspace: %w", err)
	}
	r := &renderer{root: root, folder: s.Folder}
	text := "Writes a page for people from a Markdown or HTML template of the workspace, with tables and charts. " +
		`Example: {"template": "report/month.md", "path": "reports/2026-09.html", "title": "September", "data": {"rows": [{"seller": "A", "total": 12.5}]}} ` +
		`gives {"path": "reports/2026-09.html", "bytes": 5120}.`
	return []coordinator.Worker{tools.New("report.render", text, r.render, tools.Options{
		Effect: coordinator.EffectIdempotent, Authority: []string{"template", "path"}, Trusted: true, Close: root.Close,
	})}, nil
}

type input struct {
	Template string          `json:"template" validate:"required" jsonschema:"format=path" jsonschema_description:"path of a Markdown or HTML template in the workspace"`
	Path     string          `json:"path" validate:"required" jsonschema:"format=path" jsonschema_description:"where to write the page: ends in .html, or in .md to keep Markdown as text"`
	Title    string          `json:"title,omitempty" validate:"max=200" jsonschema_description:"of the page; the file's name if there is none"`
	Data     json.RawMessage `json:"data,omitempty" jsonschema_description:"what the template shows"`
}

// Output is what report.render returns.
type Output struct {
	Path  string `json:"path"`
	Bytes int    `json:"bytes"`
}

type renderer struct {
	root   *os.Root
	folder string
}

func (r *renderer) render(ctx context.Context, in input) (Output, error) {
	if err := r.checkPath(in); err != nil {
		return Output{}, coordinator.Permanent(err)
	}
	t, err := page.Open(r.root, in.Template, charts)
	if err != nil {
		return Output{}, coordinator.Permanent(err)
	}
	content, err := compose(ctx, t, in)
	if err != nil {
		if ctx.Err() != nil {
			return Output{}, coordinator.NotDone(err)
		}
		return Output{}, coordinator.Permanent(err)
	}
	if err := r.write(ctx, in.Path, content); err != nil {
		return Output{}, coordinator.NotDone(fmt.Errorf("report: %w", err))
	}
	return Output{in.Path, len(content)}, nil
}

// checkPath keeps reports from replacing what is no report, such as a template or the workspace file.
func (r *renderer) checkPath(in input) error {
	clean := path.Clean(in.Path)
	switch ext := strings.ToLower(path.Ext(clean)); {
	case ext != ".html" && ext != ".htm" && ext != ".md":
		return fmt.Errorf("path: %s: a report's name ends in .html or .md", in.Path)
	case r.folder != "" && !strings.HasPrefix(clean, path.Clean(r.folder)+"/"):
		return fmt.Errorf("path: %s: reports go below %s, see folder in the settings", in.Path, r.folder)
	case strings.EqualFold(clean, path.Clean(in.Template)):
		return errors.New("path: the report would replace its template")
	}
	return nil
}

func compose(ctx context.Context, t *page.Template, in input) ([]byte, error) {
	if strings.EqualFold(path.Ext(in.Path), ".md") {
		text, err := t.Text(ctx, in.Data)
		return []byte(text), err
	}
	body, err := t.HTML(ctx, in.Data)
	if err != nil || !t.Markdown() {
		return []byte(body), err
	}
	title := in.Title
	if title == "" {
		title = strings.TrimSuffix(path.Base(in.Path), path.Ext(in.Path))
	}
	var b bytes.Buffer
	err = frame.Execute(&b, struct {
		Title string
		Style template.CSS
		Body  template.HTML
	}{title, template.CSS(style), template.HTML(body)})
	return b.Bytes(), err
}

//go:embed page.css
var style string

var frame = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{.Title}}</title>
<style>
{{.Style}}</style>
</head>
<body>
<main>
{{.Body}}</main>
</body>
</html>
`))

// write puts the whole page in place at once. A page that is there already, byte for byte, is left alone.
func (r *renderer) write(ctx context.Context, name string, content []byte) error {
	if old, err := r.root.ReadFile(name); err == nil && bytes.Equal(old, content) {
		tools.Note(ctx, "%s was there already, with the same content", name)
		return nil
	}
	if err := r.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, part, err := r.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = r.root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, r.root.Remove(part))
	}
	return nil
}

// create makes a file that is nobody else's, beside the one that it will replace.
func (r *renderer) create(name string) (*os.File, string, error) {
	for i := range 100 {
		part := fmt.Sprintf("%s/.%s.part%d", path.Dir(name), path.Base(name), i)
		f, err := r.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, os.ErrExist) {
			return f, part, err
		}
	}
	return nil, "", fmt.Errorf("%s: a hundred unfinished copies stand beside it; remove the .part files", name)
}
