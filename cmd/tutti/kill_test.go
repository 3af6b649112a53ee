package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/memory/memorytest"
)

// TestTenKillsOfARunOfTwoHundredSteps kills tutti with -9 at ten random moments of a run of 200 steps, each of which appends
// a line to a file of its own, and resumes it each time: it completes, and every step has written.
func TestTenKillsOfARunOfTwoHundredSteps(t *testing.T) {
	tutti := filepath.Join(t.TempDir(), "tutti")
	if out, err := exec.Command("go", "build", "-o", tutti, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w := killed{t: t, tutti: tutti, dir: t.TempDir(), env: append(os.Environ(),
		"TUTTI_REDIS="+memorytest.Redis(t), "TUTTI_LEASE=400ms", "TUTTI_OUTPUT=json", "TUTTI_HOME="+t.TempDir())}
	w.write()
	seed := rand.Uint64()
	t.Logf("moments drawn with seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kills := 0
	for round := 0; kills < 10; round++ {
		if round == 20 {
			t.Fatalf("only %d kills in %d runs: they are over too soon", kills, round)
		}
		kills += w.oneRun(round, 10-kills, random)
	}
}

type killed struct {
	t     *testing.T
	tutti string
	dir   string
	env   []string
}

const steps = 200

// write makes a workspace whose pipeline has 200 steps in a row.
func (w killed) write() {
	var b strings.Builder
	b.WriteString("name: long\ninput: {type: object, properties: {to: {type: string}}, required: [to]}\nsteps:\n")
	for i := range steps {
		fmt.Fprintf(&b, "  - {id: s%d, use: files.write, with: {path: \"${{ input.to }}/%d.txt\", content: \"once\"}", i, i)
		if i > 0 {
			fmt.Fprintf(&b, ", needs: [s%d]", i-1)
		}
		b.WriteString("}\n")
	}
	for name, text := range map[string]string{"tutti.yaml": "name: killed\n", "long.yaml": b.String()} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// oneRun starts a run, kills it at most so often, and lets it finish; it returns the number of kills that hit it alive.
func (w killed) oneRun(round, most int, random *rand.Rand) int {
	to := fmt.Sprintf("out%d", round)
	args := []string{"run", "long.yaml", "--set", "to=" + to, "--key", to}
	kills := 0
	for kills < most {
		if !w.kill(time.Duration(100+random.IntN(500))*time.Millisecond, args) {
			break
		}
		kills++
		if run := w.unfinished(); run != "" {
			args = []string{"run", "--resume", run}
		}
	}
	out := w.finish(args)
	if !strings.Contains(out, `"done"`) {
		w.t.Fatalf("run %d did not complete: %s", round, out)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, to, "*.txt"))
	if err != nil || len(files) != steps {
		w.t.Fatalf("run %d wrote %d of %d files after %d kills", round, len(files), steps, kills)
	}
	return kills
}

// kill starts tutti and kills it after a while; false when it was through before.
func (w killed) kill(after time.Duration, args []string) bool {
	cmd := w.command(args)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	select {
	case <-over:
		return false
	case <-time.After(after):
	}
	if err := cmd.Process.Kill(); err != nil {
		return false
	}
	<-over
	return true
}

func (w killed) command(args []string) *exec.Cmd {
	cmd := exec.Command(w.tutti, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

func (w killed) finish(args []string) string {
	cmd := w.command(args)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("tutti %v: %v\n%s%s", args, err, out, stderr.String())
	}
	return string(out)
}

// unfinished finds the run that is not over; "" when the process was killed before it submitted anything.
func (w killed) unfinished() string {
	out := w.finish([]string{"runs", "list", "-o", "json"})
	var list struct {
		Runs []struct{ Run, Status string } `json:"runs"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		w.t.Fatalf("runs list: %v\n%s", err, out)
	}
	for _, r := range list.Runs {
		if r.Status != "done" {
			return r.Run
		}
	}
	return ""
}
