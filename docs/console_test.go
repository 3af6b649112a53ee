package docs_test

import (
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// entry is one command of a console block and what it prints.
type entry struct {
	line    int      // on the page
	typed   []string // as it stands there, continued lines too
	command string
	exit    int
	output  []string
}

var exitMark = regexp.MustCompile(`\s+# exit (\d+)$`)

// entriesOf reads a console block.
func entriesOf(b *block) []*entry {
	var out []*entry
	for i, line := range b.body {
		typed, begins := strings.CutPrefix(line, "$ ")
		switch {
		case begins:
			e := &entry{line: b.line + 1 + i, typed: []string{line}, command: typed}
			if m := exitMark.FindStringSubmatch(typed); m != nil {
				e.exit, _ = strconv.Atoi(m[1])
				e.command = strings.TrimSuffix(typed, m[0])
			}
			out = append(out, e)
		case len(out) == 0:
			return nil
		case strings.HasPrefix(line, "> ") && len(out[len(out)-1].output) == 0:
			e := out[len(out)-1]
			e.typed, e.command = append(e.typed, line), e.command+"\n"+line[2:]
		default:
			out[len(out)-1].output = append(out[len(out)-1].output, line)
		}
	}
	return out
}

var export = regexp.MustCompile(`^export ([A-Z_]+)=(\S*)$`)

// console carries out the commands of a block.
func (p *page) console(b *block) {
	entries := entriesOf(b)
	if len(entries) == 0 {
		p.Fatalf("%s:%d: a console block begins with \"$ command\"", p.name, b.line)
	}
	b.body = nil
	for _, e := range entries {
		if m := export.FindStringSubmatch(e.command); m != nil {
			p.names.exported[m[1]] = m[1] + "=" + p.names.real(m[2])
		}
		if *update {
			for i := range e.typed {
				e.typed[i] = p.names.known(e.typed[i])
			}
			e.command = p.names.known(e.command)
		}
		got := p.shell(e)
		expected := &block{kind: b.kind, body: e.output}
		p.compare(expected, e.line, e.output, got)
		b.body = append(append(b.body, e.typed...), expected.body...)
	}
}

// shell carries out one command, as a terminal would show it: standard output and error together.
func (p *page) shell(e *entry) string {
	c := exec.Command("bash", "-c", p.names.real(e.command))
	c.Dir, c.Env = p.dir, p.environment()
	out, err := c.CombinedOutput()
	code := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		p.Fatal(err)
	}
	if code != e.exit {
		p.Errorf("%s:%d: exit code %d, not %d: %s\n%s", p.name, e.line, code, e.exit, e.command, out)
	}
	return string(out)
}

// compare holds what is printed against what the page says, or updates the page.
func (p *page) compare(b *block, line int, want []string, got string) {
	if p.names.match(want, got) {
		return
	}
	if *update {
		b.body, p.changed = p.names.shown(got), true
		return
	}
	p.Errorf("%s:%d: it prints\n%s\nand the page says\n%s", p.name, line, strings.Join(p.names.shown(got), "\n"), strings.Join(want, "\n"))
}
