package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/memory/memorytest"
)

// house is a workspace in a folder of its own whose steps call a real HTTP server, which counts.
type house struct {
	t      *testing.T
	dir    string
	env    []string
	server *httptest.Server

	mu   sync.Mutex
	hits map[string]int // by path
}

// newHouse serves /a, /b and /c; everything else is not found. Before, if any, sees each request first.
func newHouse(t *testing.T, before func(*http.Request)) *house {
	h := &house{t: t, dir: t.TempDir(), hits: map[string]int{}}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil {
			before(r)
		}
		h.mu.Lock()
		h.hits[r.URL.Path]++
		h.mu.Unlock()
		if !strings.Contains("/a /b /c", r.URL.Path) {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(h.server.Close)
	h.env = append(os.Environ(), "TUTTI_REDIS="+memorytest.Redis(t), "TUTTI_LEASE=5s", "TUTTI_HOME="+t.TempDir(), "TUTTI_AS=me")
	h.write("tutti.yaml", "name: house\ntools: {http: {private: [127.0.0.1]}}\n")
	return h
}

func (h *house) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// pipeline writes a pipeline whose steps post to these paths, one after the other.
func (h *house) pipeline(name string, paths ...string) {
	text := "input: {type: object, properties: {n: {type: integer}}, required: [n]}\nsteps:\n"
	for i, p := range paths {
		text += fmt.Sprintf("  - {id: s%d, use: http.request, with: {method: POST, url: %q, json: \"${{ input.n }}\"}", i, h.server.URL+p)
		if i > 0 {
			text += fmt.Sprintf(", needs: [s%d]", i-1)
		}
		text += "}\n"
	}
	h.write("pipelines/"+name+".yaml", text)
}

// list writes n lines of input.
func (h *house) list(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"n\": %d}\n", i)
	}
	h.write("list.jsonl", b.String())
	return "@" + filepath.Join(h.dir, "list.jsonl")
}

func (h *house) command(args ...string) *exec.Cmd {
	c := exec.Command("tutti", append([]string{"-C", h.dir}, args...)...)
	c.Env = h.env
	return c
}

// exits runs a command and returns its stdout; it fails the test unless the exit code is this one.
func (h *house) exits(code int, args ...string) string {
	h.t.Helper()
	c := h.command(args...)
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	_ = c.Run() // its exit code is looked at
	if got := c.ProcessState.ExitCode(); got != code {
		h.t.Fatalf("tutti %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, out.String(), err.String())
	}
	return out.String()
}

func (h *house) hit(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hits[path]
}

func (h *house) wantHits(want map[string]int) {
	h.t.Helper()
	for path, n := range want {
		if got := h.hit(path); got != n {
			h.t.Errorf("%s was called %d times, want %d", path, got, n)
		}
	}
}

// TestOnlyWhatFailedRunsAgainAfterThePipelineIsMended lets 300 runs fail at their second step because of a mistake in the file,
// mends the file and goes on with all of them: the first step is not done again, the others once for each run.
func TestOnlyWhatFailedRunsAgainAfterThePipelineIsMended(t *testing.T) {
	const runs = 300
	h := newHouse(t, nil)
	h.pipeline("book", "/a", "/bb", "/c")
	h.exits(exitFailed, "run", "book", "--each", h.list(runs), "--batch", "first", "-q")
	h.wantHits(map[string]int{"/a": runs, "/bb": runs, "/b": 0, "/c": 0})

	h.pipeline("book", "/a", "/b", "/c")
	h.exits(exitUsage, "runs", "rerun", "--status", "failed") // nobody said yes
	h.wantHits(map[string]int{"/a": runs, "/b": 0})
	var done summary
	if err := json.Unmarshal([]byte(h.exits(exitDone, "runs", "rerun", "--status", "failed", "--yes", "-o", "json")), &done); err != nil {
		t.Fatal(err)
	}
	if done.Done != runs || done.Failed+done.Waiting+done.Left > 0 {
		t.Errorf("the summary says %+v", done.tallied)
	}
	h.wantHits(map[string]int{"/a": runs, "/bb": runs, "/b": runs, "/c": runs})

	if out := h.exits(exitDone, "runs", "rerun", "--status", "failed", "--yes", "-o", "json"); !strings.Contains(out, `"runs": 0`) {
		t.Errorf("something is left that failed: %s", out)
	}
	h.wantHits(map[string]int{"/a": runs, "/b": runs, "/c": runs})
}
