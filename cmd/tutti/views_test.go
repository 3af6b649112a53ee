package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/diagram"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func quietApp(env map[string]string) *app {
	a := &app{out: &bytes.Buffer{}, env: func(name string) string { return env[name] }}
	a.screen = &screen{w: &bytes.Buffer{}, size: func() (int, int) { return 80, 24 }}
	return a
}

func TestEveryCommandHasAManualPage(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for what, text := range map[string]string{"short": c.Short, "long": c.Long, "example": c.Example} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s text", c.CommandPath(), what)
			}
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: the example %q is not indented", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(quietApp(nil).root())
}

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
	} {
		a := quietApp(c.env)
		var out bytes.Buffer
		a.out = &out
		if c.terminal {
			a.out = cleaner{&out}
		}
		paint := a.statePaint()
		if got := paint != nil; got != c.want {
			t.Errorf("terminal %v, %v: colours %v", c.terminal, c.env, got)
		}
		if paint != nil && !strings.Contains(paint("done", "x"), "\x1b[32m") {
			t.Error("done is not green")
		}
	}
}

func TestAnExampleStepIsValid(t *testing.T) {
	a := quietApp(map[string]string{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tutti.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		ws, err = bare(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := a.wire(ws)
	defer s.close()
	for _, c := range s.cards("") {
		text := "input: {}\nsteps:\n" + stepExample(c)
		f, err := pipeline.Parse("example.yaml", []byte(text))
		if err == nil {
			err = f.Check(s.card, coordinator.Limits{})
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", c.Name, err, text)
		}
	}
}

func TestAStepOfARunShowsHowFarItIs(t *testing.T) {
	begun := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	at := &twig{StepState: coordinator.StepState{Path: "a", State: "working"}}
	for _, state := range []string{"done", "done", "asked", "running"} {
		at.below = append(at.below, &twig{StepState: coordinator.StepState{Path: "a[0]", State: state}})
	}
	b := diagram.Box{ID: "a"}
	showState(&b, at)
	if b.Status != "working, 2 of 4 done, 1 asked" {
		t.Errorf("status %q", b.Status)
	}
	b = diagram.Box{ID: "b", Undo: &diagram.Undo{}}
	showState(&b, &twig{
		StepState: coordinator.StepState{Path: "b", State: "done", Begun: begun, Ended: begun.Add(1200 * time.Millisecond)},
		below:     []*twig{{StepState: coordinator.StepState{Path: "b!undo", State: "failed"}}},
	})
	if b.Status != "done in 1.2s" || b.Undo.State != "failed" {
		t.Errorf("status %q, undo %q", b.Status, b.Undo.State)
	}
}

func TestSpansReadAsInFiles(t *testing.T) {
	for want, d := range map[string]time.Duration{"2d": 48 * time.Hour, "4h": 4 * time.Hour, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second} {
		if got := span(d); got != want {
			t.Errorf("%v is %s, not %s", d, got, want)
		}
	}
}

func TestEveryManualPageIsShown(t *testing.T) {
	root := (&app{}).root()
	for path, page := range manual {
		c, left, err := root.Find(strings.Fields(path)[1:])
		if err != nil || len(left) > 0 || c.CommandPath() != path {
			t.Errorf("%s is no command", path)
			continue
		}
		if !strings.Contains(c.Long, page.long) || !strings.Contains(c.Example, page.example) {
			t.Errorf("%s shows something else than its page of the manual", path)
		}
	}
}
