//go:build unix

package program_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/program"
)

// host is called by programs that want it known that they live. A connection ends when its program does.
type host struct {
	t        *testing.T
	listener net.Listener
}

func newHost(t *testing.T) *host {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil { // for a program that never calls
		t.Fatal(err)
	}
	return &host{t, l}
}

func (h *host) play(act string) program.Program {
	p := play(act)
	p.Env["TEST_ADDRESS"] = h.listener.Addr().String()
	p.Grace = 50 * time.Millisecond
	return p
}

// arrived waits until a program calls.
func (h *host) arrived() caller {
	h.t.Helper()
	conn, err := h.listener.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return caller{h.t, conn}
}

type caller struct {
	t    *testing.T
	conn net.Conn
}

// gone waits until the program lives no more.
func (c caller) gone() {
	c.t.Helper()
	if _, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("connection: %v", err)
	}
}

// hangUp tells the program that it may go.
func (c caller) hangUp() { c.conn.Close() }

func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

func (h *host) start(b *bench, worker, input string) (<-chan error, context.CancelFunc) {
	ctx, cancel := contextThatEnds(h.t)
	done := make(chan error, 1)
	go func() {
		_, err := b.do(ctx, worker, input)
		done <- err
	}()
	return done, cancel
}

func TestProgramThatTakesTooLongIsStopped(t *testing.T) {
	for _, act := range []string{"hang", "stubborn"} {
		h := newHost(t)
		p := h.play(act)
		p.Timeout = 300 * time.Millisecond
		f := openOne(t, p).failure("")
		if f.NotDone || f.Message != "exec.it: it took longer than 300ms, and was stopped" {
			t.Errorf("%s: %+v", act, f)
		}
	}
}

func TestProgramIsStoppedBeforeTheAttemptEnds(t *testing.T) {
	h := newHost(t)
	p := h.play("hang")
	p.Grace = time.Second
	b := openOne(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := b.do(ctx, "exec.it", "")
	if err == nil || !strings.Contains(err.Error(), "it took longer than ") || coordinator.FailureOf(err).NotDone {
		t.Errorf("error %v", err)
	}
}

func TestCancelEndsTheProgramAndItsChildren(t *testing.T) {
	h := newHost(t)
	done, cancel := h.start(openOne(t, h.play("family")), "exec.it", "")
	first, second := h.arrived(), h.arrived()
	cancel()
	err := <-done
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "context canceled, and was stopped") {
		t.Errorf("%+v", f)
	}
	first.gone()
	second.gone()
}

// answer is what an attempt in another goroutine gave.
type answer struct {
	coordinator.Result
	err error
}

// leaves runs a program that leaves a child behind, and returns the child.
func (h *host) leaves(act string) caller {
	p := h.play(act)
	p.Grace = 500 * time.Millisecond
	b := openOne(h.t, p)
	done := make(chan answer, 1)
	go func() {
		r, err := b.do(h.t.Context(), "exec.it", "")
		done <- answer{r, err}
	}()
	parent, child := h.arrived(), h.arrived()
	parent.hangUp()
	a := <-done
	if a.err != nil || string(a.Output) != `{"text":"gone"}` || !strings.Contains(a.Note, "left a process behind") {
		h.t.Errorf("%s: %s, %q, %v", act, a.Output, a.Note, a.err)
	}
	return child
}

func TestChildLeftBehindEndsWithItsProgram(t *testing.T) {
	child := newHost(t).leaves("leave")
	child.gone()
}

func TestChildThatEscapedIsNotWaitedFor(t *testing.T) {
	child := newHost(t).leaves("escape")
	child.hangUp() // it is out of our reach; this ends it
}

func TestProgramThatIsToldToStopMaySayThatNothingHappened(t *testing.T) {
	for status, want := range map[string]coordinator.Failure{
		"75": {NotDone: true, Message: "exec.it: exit status 75: in time"},
		"0":  {Message: "exec.it: context canceled, and was stopped: in time"},
		"1":  {Message: "exec.it: context canceled, and was stopped: in time"},
	} {
		h := newHost(t)
		p := h.play("polite")
		p.Args = []string{status, "in time"}
		p.Grace = time.Minute
		done, cancel := h.start(openOne(t, p), "exec.it", "")
		h.arrived()
		cancel()
		if f := coordinator.FailureOf(<-done); f == nil || *f != want {
			t.Errorf("status %s: %+v", status, f)
		}
	}
}

func TestProgramThatPrintsTooMuchIsStopped(t *testing.T) {
	for _, effect := range []coordinator.Effect{coordinator.EffectNone, coordinator.EffectIdempotent} {
		p := play("flood")
		p.MaxOutput, p.Effect, p.Grace = 10_000, effect, 50*time.Millisecond
		f := openOne(t, p).failure("")
		if f.Permanent != (effect == coordinator.EffectNone) || f.Message != "exec.it: it printed more than 10000 bytes, which is the limit (max_output), and was stopped" {
			t.Errorf("%s: %+v", effect, f)
		}
	}
	p := program.Program{Run: []string{"sh", "-c", "printf 0123456789"}, MaxOutput: 10}
	if got := openOne(t, p).out(""); got != `{"text":"0123456789"}` {
		t.Errorf("got %s", got)
	}
}

func TestNothingIsStartedWhenTheAttemptIsOver(t *testing.T) {
	ctx, cancel := contextThatEnds(t)
	cancel()
	ran := write(t, 0o644, "", t.TempDir(), "ran")
	_, err := openOne(t, program.Program{Run: []string{"sh", "-c", "echo yes > " + ran}}).do(ctx, "exec.it", "")
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone {
		t.Errorf("%+v", f)
	}
	if text, err := os.ReadFile(ran); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
}
