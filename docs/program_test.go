package docs_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// program builds a block of Go in this module, and runs it in the workspace.
func (p *page) program(b *block) {
	text := p.names.real(strings.Join(b.body, "\n")) + "\n"
	test := strings.Contains(text, "\nfunc Test")
	name := "main.go"
	if test {
		name = "page_test.go"
	}
	dir := p.TempDir()
	source, binary := filepath.Join(dir, name), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
	if tidy, err := format.Source([]byte(text)); err != nil || string(tidy) != text {
		p.Errorf("%s:%d: the program is not gofmt-ed: %v", p.name, b.line, err)
	}
	build := []string{"build", "-ldflags=-s -w", "-o", binary, source}
	if test {
		build = []string{"test", "-ldflags=-s -w", "-c", "-o", binary, source}
	}
	if out, err := exec.Command("go", build...).CombinedOutput(); err != nil {
		p.Fatalf("%s:%d: %v\n%s", p.name, b.line, err, out)
	}
	c := exec.Command(binary)
	c.Dir, c.Env = p.dir, p.environment()
	out, err := c.CombinedOutput()
	if err != nil {
		p.Fatalf("%s:%d: %v\n%s", p.name, b.line, err, out)
	}
	p.printed, p.waiting = string(out), !test
}

// fragment checks steps, or a part of a workspace file, as strictly as their whole would be.
func (p *page) fragment(b *block) {
	text := p.names.real(strings.Join(b.body, "\n")) + "\n"
	if strings.HasPrefix(text, "- ") {
		if _, err := pipeline.Parse(p.name, []byte("steps:\n"+text)); err != nil {
			p.Errorf("%s:%d: %v", p.name, b.line, err)
		}
		return
	}
	dir := p.TempDir()
	if err := os.WriteFile(filepath.Join(dir, pipeline.WorkspaceFile), []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
	c := exec.Command(command(p.T), "validate", "-C", dir)
	c.Dir, c.Env = p.dir, p.environment()
	if out, err := c.CombinedOutput(); err != nil {
		p.Errorf("%s:%d: %v\n%s", p.name, b.line, err, out)
	}
}
