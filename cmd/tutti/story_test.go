package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tuttirun/tutti/agents/modeltest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tutti": main})
}

// TestStories runs the command as people and scripts do: real processes, a real redis-server in each story's own folder.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			model := modeltest.Func(t, slowAtFirst())
			e.Values["model"] = model
			e.Setenv("TUTTI_HOME", filepath.Join(e.WorkDir, ".home"))
			e.Setenv("TUTTI_LEASE", "1s")
			e.Setenv("MODEL_URL", model.URL())
			path, err := exec.LookPath("tutti") // for stories that take PATH away
			e.Setenv("TUTTI", path)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "keep": keep, "expand": expand, "alone": alone, "server": server, "release": release,
		},
	})
}

// slowAtFirst is a model that hangs on the first request that names a word "hang-…", and answers all others.
func slowAtFirst() func(modeltest.Request) modeltest.Reply {
	var mu sync.Mutex
	seen := map[string]bool{}
	named := regexp.MustCompile(`hang-\w+`)
	return func(r modeltest.Request) modeltest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if word := named.FindString(r.Last().Content); word != "" && !seen[word] {
			seen[word] = true
			return modeltest.Hang()
		}
		return modeltest.Text("The answer is 42.")
	}
}

// release lets the requests that hang fail.
func release(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Value("model").(*modeltest.Server).Release()
}

// exits CODE COMMAND… runs a command and checks its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed := (*exec.ExitError)(nil)
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

const patience = 20 * time.Second

// await PATTERN COMMAND… runs a command again and again until its output matches.
func await(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for end := time.Now().Add(patience); ; {
		_ = ts.Exec(args[1], args[2:]...) // it may fail until then
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		if pattern.MatchString(out) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no %q in\n%s", args[0], out)
		}
	}
}

// keep VARIABLE PATTERN sets a variable to what the last command printed: the pattern's group, or all it matches.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	m := regexp.MustCompile(args[1]).FindStringSubmatch(out)
	if m == nil {
		ts.Fatalf("no %q in\n%s", args[1], out)
	}
	ts.Setenv(args[0], m[len(m)-1])
}

// expand FILE replaces $VARIABLES in a file.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

// alone waits until no process of this story is left, but for its server.
func alone(ts *testscript.TestScript, _ bool, _ []string) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		left := processes(ts.Getenv("WORK"), ts.MkAbs("redis.sock"))
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("left behind: %v", left)
		}
	}
}

// processes lists those whose command line holds a text, and not another one.
func processes(text, not string) []string {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range lines {
		line, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(line), text) && !strings.Contains(string(line), not) {
			out = append(out, filepath.Base(filepath.Dir(name))+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}

// server start|kill runs a redis-server of the story on the socket $WORK/redis.sock.
func server(ts *testscript.TestScript, _ bool, args []string) {
	socket := ts.MkAbs("redis.sock")
	if args[0] == "kill" {
		stop, ok := servers.LoadAndDelete(socket)
		if !ok {
			ts.Fatalf("no server was started")
		}
		stop.(func())()
		return
	}
	_ = os.Remove(socket) // of one that was killed
	c := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", ts.MkAbs("."),
		"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	ts.Check(c.Start())
	stop := sync.OnceFunc(func() {
		_ = c.Process.Kill() // it may be gone
		_ = c.Wait()
	})
	servers.Store(socket, stop)
	ts.Defer(stop)
	await(ts, false, []string{"PONG", "redis-cli", "-s", socket, "ping"})
}

var servers sync.Map // socket to a func that kills its server
