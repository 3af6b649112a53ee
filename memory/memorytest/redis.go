package memorytest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis starts a private redis-server for one test and returns its URL (unix://…). It ends with the test.
// A machine without redis-server fails the test: a suite that skips what matters would look green.
func Redis(t testing.TB) string { return NewServer(t, ServerOptions{}).URL() }

// ServerOptions say how a Server runs. The zero value is what Tutti asks for: append-only file, appendfsync always.
type ServerOptions struct {
	Fsync  string   // appendfsync; "": always; "off": no append-only file
	Config []string // further arguments of redis-server, such as "--maxmemory-policy", "allkeys-lru"
}

// Server is a private redis-server on a unix socket, for tests that stop, kill, pause and start it.
// Its data directory stays the same for the whole test.
type Server struct {
	t    testing.TB
	o    ServerOptions
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// startTimeout is how long a server may take to start or to stop on a busy machine.
const startTimeout = 30 * time.Second

// NewServer starts a server.
func NewServer(t testing.TB, o ServerOptions) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs redis-server 7.0 or newer on PATH: install Redis (Debian: apt-get install redis-server): %v", err)
	}
	// Not t.TempDir: the path of a unix socket must stay under about 104 bytes, and test names are long.
	dir, err := os.MkdirTemp("", "tutti-redis-")
	if err != nil {
		t.Fatalf("directory of redis-server: %v", err)
	}
	s := &Server{t: t, o: o, dir: dir}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	s.Start()
	return s
}

// URL is what memory.Open takes.
func (s *Server) URL() string {
	return (&url.URL{Scheme: "unix", Path: s.socket()}).String()
}

// Client returns a plain client, to look at and to damage what a store wrote.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket(), MaxRetries: -1})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Dir is where the server keeps its data.
func (s *Server) Dir() string { return s.dir }

func (s *Server) socket() string { return filepath.Join(s.dir, "redis.sock") }

func (s *Server) args() []string {
	fsync, aof := s.o.Fsync, "yes"
	switch fsync {
	case "":
		fsync = "always"
	case "off":
		fsync, aof = "no", "no"
	}
	args := []string{
		"--port", "0", "--unixsocket", s.socket(), "--unixsocketperm", "700", "--dir", s.dir, "--save", "",
		"--appendonly", aof, "--appendfsync", fsync, "--logfile", filepath.Join(s.dir, "log"),
	}
	return append(args, s.o.Config...)
}

// Start starts the server again after Stop or Kill, with the data it has on disk.
func (s *Server) Start() {
	s.t.Helper()
	cmd := exec.Command("redis-server", s.args()...)
	cmd.SysProcAttr = diesWithTest()
	started, done := make(chan error), make(chan struct{})
	go run(cmd, started, done)
	if err := <-started; err != nil {
		s.t.Fatalf("redis-server: %v", err)
	}
	s.cmd, s.done = cmd, done
	s.awaitPing()
}

func (s *Server) awaitPing() {
	s.t.Helper()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket(), MaxRetries: -1})
	defer client.Close()
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	timeout := time.After(startTimeout)
	for client.Ping(context.Background()).Err() != nil {
		select {
		case <-ticks.C:
		case <-s.done:
			s.t.Fatalf("redis-server ended at once:\n%s", s.log())
		case <-timeout:
			s.t.Fatalf("redis-server does not answer:\n%s", s.log())
		}
	}
}

func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(text)
}

// Stop ends the server in order and waits for it.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill is kill -9: what the server had not written is lost.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(signal)
	select {
	case <-s.done:
	case <-time.After(startTimeout):
		s.t.Errorf("redis-server does not end:\n%s", s.log())
	}
	s.cmd = nil
}

// Wipe deletes the data of a stopped server, so that it starts empty.
func (s *Server) Wipe() {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		s.t.Fatalf("data of redis-server: %v", err)
	}
}
