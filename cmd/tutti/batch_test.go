package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// TestAStoppedBatchGoesOnAndDoesNothingTwice interrupts a batch while requests are in flight; the same command again does the
// rest, and every step of every run has called the server once.
func TestAStoppedBatchGoesOnAndDoesNothingTwice(t *testing.T) {
	const runs = 40
	var once sync.Once
	some := make(chan struct{})
	h := newHouse(t, func(r *http.Request) {
		if r.URL.Path == "/b" {
			once.Do(func() { close(some) })
		}
	})
	h.pipeline("book", "/a", "/b", "/c")
	args := []string{"run", "book", "--each", h.list(runs), "--batch", "first", "--parallel", "4"}
	c := h.command(args...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-some
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // its exit code is looked at
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), said.String())
	}
	if !strings.Contains(said.String(), "--batch first") || !regexp.MustCompile(`\d+ left of 40 runs`).MatchString(out.String()) {
		t.Errorf("it does not say what is left and how to go on:\n%s%s", out.String(), said.String())
	}
	if n := h.hit("/c"); n == runs {
		t.Fatal("nothing was left when it was stopped")
	}
	var sum summary
	if err := json.Unmarshal([]byte(h.exits(exitDone, append(args, "-o", "json")...)), &sum); err != nil {
		t.Fatal(err)
	}
	if sum.Done != runs {
		t.Errorf("the summary says %+v", sum.tallied)
	}
	h.wantHits(map[string]int{"/a": runs, "/b": runs, "/c": runs})
}

// TestTwoRunnersShareOneRedis leaves a batch to two runners that make one attempt at a time: the server answers nobody before
// it has seen both at once, and each step is done once.
func TestTwoRunnersShareOneRedis(t *testing.T) {
	const runs = 60
	both := make(chan struct{})
	var mu sync.Mutex
	inside := 0
	h := newHouse(t, func(*http.Request) {
		mu.Lock()
		if inside++; inside == 2 {
			close(both)
		}
		mu.Unlock()
		<-both
	})
	h.pipeline("book", "/a", "/b")
	h.exits(exitDone, "run", "book", "--each", h.list(runs), "--batch", "shared", "--detach")
	h.wantHits(map[string]int{"/a": 0})

	var outs [2]bytes.Buffer
	var runners [2]*exec.Cmd
	for i := range runners {
		runners[i] = h.command("runner", "--once", "--concurrency", "1", "--runs", "4", "-o", "json")
		runners[i].Stdout = &outs[i]
		if err := runners[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for i, c := range runners {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		mine := 0
		for d := json.NewDecoder(&outs[i]); d.More(); {
			var p parting
			if err := d.Decode(&p); err != nil {
				t.Fatal(err)
			}
			if p.Status == coordinator.StatusDone {
				seen[p.Run]++
				mine++
			}
		}
		if mine == 0 {
			t.Errorf("runner %d did nothing", i)
		}
	}
	if len(seen) != runs {
		t.Errorf("%d runs were told of, not %d", len(seen), runs)
	}
	h.wantHits(map[string]int{"/a": runs, "/b": runs})
}

// TestARunnerDrainsWhenToldToStop sends SIGTERM while a request is in flight: it is awaited and journaled, and another runner
// does only the rest.
func TestARunnerDrainsWhenToldToStop(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h := newHouse(t, func(r *http.Request) {
		if r.URL.Path == "/a" {
			once.Do(func() { close(arrived) })
			<-answer
		}
	})
	h.pipeline("book", "/a", "/b")
	h.exits(exitDone, "run", "book", "--each", h.list(1), "--detach")
	c := h.command("runner")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said := readUntil(t, stderr, "Stopping")
	close(answer)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	h.wantHits(map[string]int{"/a": 1, "/b": 0})
	h.exits(exitDone, "runner", "--once")
	h.wantHits(map[string]int{"/a": 1, "/b": 1})
}

// readUntil reads up to a text.
func readUntil(t *testing.T, r interface{ Read([]byte) (int, error) }, text string) string {
	t.Helper()
	var all []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(all), text) {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			t.Fatalf("no %q in %q: %v", text, all, err)
		}
	}
	return string(all)
}

func TestPatternsFindFilesInFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pdf", "b.txt", ".c.pdf", "in/d.pdf", "in/deep/e.pdf", "in/.git/f.pdf", "out/g.pdf"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ pattern, want string }{
		{"*.pdf", "a.pdf"},
		{"./*.pdf", "a.pdf"},
		{"b.txt", "b.txt"},
		{"nothing/*.pdf", ""},
		{"*/*.pdf", "in/d.pdf out/g.pdf"},
		{"**/*.pdf", "a.pdf in/d.pdf in/deep/e.pdf out/g.pdf"},
		{"in/**", "in/d.pdf in/deep/e.pdf"},
		{"in/**/e.pdf", "in/deep/e.pdf"},
		{".*.pdf", ".c.pdf"},
		{"in/.git/*", "in/.git/f.pdf"},
		{"in", ""},
	} {
		got, err := globbed(dir, tt.pattern, 10)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, %v; want %s", tt.pattern, got, err, tt.want)
		}
	}
	if _, err := globbed(dir, "**/*.pdf", 3); !errors.Is(err, errTooMany) {
		t.Errorf("a limit of 3: %v", err)
	}
}

func TestTheBarOfManyRunsSaysHowFastItGoes(t *testing.T) {
	m := &many{s: &session{app: &app{screen: &screen{}}}, title: "book, batch b", parallel: 4, counts: tallied{Runs: 100, Done: 40, Failed: 6, Waiting: 4, Left: 50}}
	got := strings.Join(m.lines(10*time.Second), "\n")
	for _, want := range []string{"book, batch b · 10.0s · 4 at once", "████████████░░░░░░░░░░░░ 50 of 100", "40 done  6 failed  4 waiting  50 left", "5.0/s, about 10.0s to go"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	m.first = 49
	if got := strings.Join(m.lines(10*time.Second), "\n"); strings.Contains(got, "to go") {
		t.Errorf("one run says nothing about the rest:\n%s", got)
	}
}

func TestAFilterThatCostsTooMuchIsAnErrorAndChoosesNothing(t *testing.T) {
	list := make([]string, 1000)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	f, err := newFilter("input.all(a, !input.exists(b, a == b + \"x\"))", []string{"input"})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := f.takes(map[string]any{"input": list}); ok || err == nil {
		t.Errorf("taken: %v, %v", ok, err)
	}
}

func TestFiltersSeeAllFieldsOfAQuestionAndOfARun(t *testing.T) {
	var q coordinator.Escalation
	for name, got := range map[string][]string{
		"question": slices.Sorted(maps.Keys(fieldsOfQuestion(q, memory.Summary{}, time.Time{}))),
		"run":      slices.Sorted(maps.Keys(fieldsOfRun(memory.Summary{}, time.Time{}))),
	} {
		want := map[string][]string{"question": questionFields, "run": runFields}[name]
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, the help says %v", name, got, want)
		}
	}
}
