//go:build unix

package mcp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/mcp"
)

func TestACrashInACallLeavesItInDoubtAndTheNextCallStartsAnew(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t, "PEER_TOKEN", "canary-7281")
	pinned(t, dir, s)
	workers := open(t, dir, s)
	_, err := do(t.Context(), workers["peer.crash"], `{}`)
	f := coordinator.FailureOf(err)
	if f == nil || f.NotDone || !strings.Contains(f.Message, "it has ended (exit status 3)") || !strings.Contains(f.Message, "out of cheese") || strings.Contains(f.Message, "canary") {
		t.Errorf("%+v", f)
	}
	if got, err := do(t.Context(), workers["peer.echo"], `{"message":"again"}`); err != nil || got != `{"text":"Echo: again"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestAServerThatKeepsDyingIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	s = with(s, func(s *mcp.Server) { s.Restarts = 2 })
	crash := open(t, dir, s)["peer.crash"]
	for range 2 {
		if _, err := do(t.Context(), crash, `{}`); coordinator.FailureOf(err).NotDone {
			t.Error(err)
		}
	}
	_, err := do(t.Context(), crash, `{}`)
	if f := coordinator.FailureOf(err); !f.NotDone || f.After <= 0 || f.After > time.Minute || !strings.Contains(f.Message, "started 2 times") {
		t.Errorf("%+v", f)
	}
}

func TestAServerThatCannotStartHasDoneNothing(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	for want, c := range map[string]struct {
		permanent bool
		change    func(*mcp.Server)
	}{
		"executable file not found":   {true, func(s *mcp.Server) { s.Command = []string{"no-such-program-at-all"} }},
		"dir: there is no folder":     {true, func(s *mcp.Server) { s.Dir = "nowhere" }},
		`it said "no licence for key`: {false, func(s *mcp.Server) { s.Env["PEER_DIES"], s.Env["PEER_TOKEN"] = "1", "canary-7281" }},
		"did not answer within 1s":    {false, func(s *mcp.Server) { s.Env["PEER_MUTE"], s.StartTimeout = "1", time.Second }},
	} {
		_, err := do(t.Context(), open(t, dir, with(s, c.change))["peer.echo"], `{"message":"x"}`)
		f := coordinator.FailureOf(err)
		if f == nil || !f.NotDone || f.Permanent != c.permanent || !strings.Contains(f.Message, want) || strings.Contains(f.Message, "canary") {
			t.Errorf("%s: %+v", want, f)
		}
	}
}

func TestACancelledCallTellsTheServer(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	workers := open(t, dir, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := do(ctx, workers["peer.hang"], `{}`)
		done <- err
	}()
	eventually(t, patience, func() bool { return read(t, dir, "calls") == "hanging\n" })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || coordinator.FailureOf(err).NotDone {
		t.Error(err)
	}
	eventually(t, patience, func() bool { return read(t, dir, "calls") == "hanging\ncancelled\n" })
	if _, err := do(t.Context(), workers["peer.echo"], `{"message":"x"}`); err != nil {
		t.Errorf("the connection did not last: %v", err)
	}
}

func TestACallThatHangsEndsAtItsTimeout(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	s = with(s, func(s *mcp.Server) { s.Timeout = 50 * time.Millisecond })
	pinned(t, dir, s)
	_, err := do(t.Context(), open(t, dir, s)["peer.hang"], `{}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "did not answer within 50ms") {
		t.Errorf("%+v", f)
	}
}

func TestGarbageOnStdoutIsNoMessage(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t, "PEER_BANNER", "Welcome!\n[INFO] peer is ready\n")
	pinned(t, dir, s)
	workers := open(t, dir, s)
	for _, noise := range []string{"loading…", "[1,", `\u001b[2J`} {
		if got, err := do(t.Context(), workers["peer.babble"], `{"text":"`+noise+`"}`); err != nil || got != `{"text":"babbled"}` {
			t.Errorf("%s: %s %v", noise, got, err)
		}
	}
	_, err := do(t.Context(), workers["peer.babble"], `{"text":"{half a message"}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Errorf("%+v", f)
	}
	if got, err := do(t.Context(), workers["peer.babble"], `{"text":"fine"}`); err != nil || got != `{"text":"babbled"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestClosingEndsTheServerItsChildrenAndItsCalls(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	before := read(t, dir, "starts")
	workers := open(t, dir, s)
	got, err := do(t.Context(), workers["peer.child"], `{}`)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.Trim(got, `{}"tex:`))
	if err != nil {
		t.Fatal(got, err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := do(t.Context(), workers["peer.hang"], `{}`)
		done <- err
	}()
	eventually(t, patience, func() bool { return read(t, dir, "calls") == "hanging\n" })
	if err := tools.Close(workers["peer.echo"]); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil || coordinator.FailureOf(err).NotDone || !strings.Contains(err.Error(), "closed during the call") {
		t.Error(err)
	}
	eventually(t, patience, func() bool { return gone(child) })
	if _, err := do(t.Context(), workers["peer.echo"], `{"message":"x"}`); err == nil || !coordinator.FailureOf(err).NotDone {
		t.Error(err)
	}
	if after := strings.TrimPrefix(read(t, dir, "starts"), before); after != "started\nended\n" && after != "started\n" {
		t.Errorf("%q", after)
	}
}

// gone reports whether a process has ended; one that nobody has waited for yet counts.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err == nil && strings.Contains(string(status), ") Z ")
}

func TestOneServerServesManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	before := read(t, dir, "starts")
	echo := open(t, dir, s)["peer.echo"]
	results := make(chan error, 20)
	for range cap(results) {
		go func() {
			_, err := do(t.Context(), echo, `{"message":"x"}`)
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if after := strings.TrimPrefix(read(t, dir, "starts"), before); after != "started\n" {
		t.Errorf("%q", after)
	}
}
