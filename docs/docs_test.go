// Package docs_test carries out the pages of this folder. A page is a story: its blocks are taken from top to bottom in a
// workspace of its own, which is an empty folder at first.
//
//	```yaml tutti.yaml     any language and a file name: the file is written
//	```console             "$ command" lines, each with what it prints below it; … stands for anything, within a line
//	                       or for whole lines; a gap of spaces may be of another width. A command that fails says so:
//	                       "# exit 3" behind it
//	```go                  a whole program, which is run; what it prints is the ```text block that follows. A file with
//	                       tests is tested, and needs no such block
//	```yaml fragment       some steps, or a part of tutti.yaml: checked as such
//
// Anything else is a mistake, so no block goes untested. Run ids on a page are names: the first time one is printed it is
// bound to the real one, and from then on commands mean that. Addresses on a page are those of servers that the test
// starts (neighbours_test.go).
//
// "go test ./docs -update" writes what commands and programs really print into the pages.
package docs_test

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/memory/memorytest"
)

var update = flag.Bool("update", false, "write what commands print into the pages")

// elsewhere are pages without snippets: they are read, not carried out.
var elsewhere = []string{"decisions.md", "rough-edges.md"}

func TestEverySnippetRuns(t *testing.T) {
	for _, name := range pages(t) {
		t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
			t.Parallel()
			p := open(t, name)
			p.run()
			if name != "README.md" && p.done == 0 {
				t.Errorf("%s shows nothing that runs", name)
			}
			if p.done != len(p.blocks) {
				t.Errorf("%s has %d blocks and %d were carried out", name, len(p.blocks), p.done)
			}
			p.save()
		})
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, name := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil || len(all) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(elsewhere, name) })
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// page is one page while it is carried out.
type page struct {
	*testing.T
	name    string
	blocks  []*block
	lines   []string
	dir     string // the workspace
	env     []string
	names   *names
	printed string // what the last program printed, until a text block has told
	waiting bool   // for that text block
	done    int
	changed bool
}

func open(t *testing.T, name string) *page {
	t.Helper()
	lines := strings.Split(read(t, name), "\n")
	blocks, err := blocksOf(lines)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &page{T: t, name: name, lines: lines, blocks: blocks, dir: filepath.Join(t.TempDir(), "shop")}
	if err := os.Mkdir(p.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	p.names = namesFor(neighbours(t, p.dir, strings.Join(lines, "\n")))
	p.env = append(slices.DeleteFunc(os.Environ(), ours), "PATH="+filepath.Dir(command(t))+":"+os.Getenv("PATH"), "TUTTI_HOME="+t.TempDir(), "TUTTI_AS=me")
	if name != "memory.md" && len(blocks) > 0 { // which shows where runs are kept; for the others it is quicker to have a server at hand
		p.env = append(p.env, "TUTTI_REDIS="+memorytest.Redis(t))
	}
	return p
}

// ours reports whether a variable of the environment would change what commands print.
func ours(variable string) bool {
	return strings.HasPrefix(variable, "TUTTI_") || strings.HasPrefix(variable, "OPENAI_") || strings.HasPrefix(variable, "ANTHROPIC_") || strings.HasPrefix(variable, "PATH=")
}

func (p *page) run() {
	for _, b := range p.blocks {
		if p.waiting != (b.kind == "text" && b.file == "") {
			p.Fatalf("%s:%d: a ```text block stands right below a program, and below nothing else", p.name, b.line)
		}
		p.block(b)
		if p.Failed() && !*update {
			return // what follows would only confuse
		}
		p.done++
	}
	if p.waiting {
		p.Errorf("%s: what the last program prints is not said", p.name)
	}
}

func (p *page) block(b *block) {
	switch {
	case b.kind == "console":
		p.console(b)
	case b.kind == "go" && b.file == "":
		p.program(b)
	case b.kind == "text" && b.file == "":
		p.waiting = false
		p.compare(b, b.line+1, b.body, p.printed)
	case b.kind == "yaml" && b.file == "fragment":
		p.fragment(b)
	case b.file != "":
		p.write(b)
	default:
		p.Errorf("%s:%d: a block of %q that nobody tests; see docs_test.go", p.name, b.line, b.kind)
	}
}

// write makes the file that a block is.
func (p *page) write(b *block) {
	if !filepath.IsLocal(b.file) {
		p.Fatalf("%s:%d: %s is outside of the workspace", p.name, b.line, b.file)
	}
	name := filepath.Join(p.dir, b.file)
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		p.Fatal(err)
	}
	mode := os.FileMode(0o600)
	if strings.HasPrefix(strings.Join(b.body, "\n"), "#!") {
		mode = 0o700
	}
	if err := os.WriteFile(name, []byte(p.names.real(strings.Join(b.body, "\n"))+"\n"), mode); err != nil {
		p.Fatal(err)
	}
}

// save writes the page again, if it was updated.
func (p *page) save() {
	if !p.changed {
		return
	}
	at, out := 0, []string{}
	for _, b := range p.blocks {
		out = append(append(out, p.lines[at:b.line]...), b.body...)
		at = b.end
	}
	out = append(out, p.lines[at:]...)
	if err := os.WriteFile(p.name, []byte(strings.Join(out, "\n")), 0o600); err != nil {
		p.Fatal(err)
	}
}

// command builds tutti once for all pages, and returns where it is.
func command(t *testing.T) string {
	t.Helper()
	file, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var bin string // a folder for what is built, made and removed by TestMain

var build = sync.OnceValues(func() (string, error) {
	file := filepath.Join(bin, "tutti")
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", file, "../cmd/tutti").CombinedOutput()
	if err != nil {
		_, _ = os.Stderr.Write(out)
	}
	return file, err
})

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "tutti-docs-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(bin)
	os.Exit(code)
}

// environment returns the variables a page's commands see.
func (p *page) environment() []string {
	return slices.Concat(p.env, slices.Sorted(maps.Values(p.names.exported)))
}
