package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

var errNoDetach = errors.New("--detach needs a store that outlives this command: install redis-server, or name a Redis with --redis")

// detach leaves a run to a process of its own, which outlives this one, and prints the run's id.
func (s *session) detach(id string) error {
	if !s.store.Durability().Survives {
		return usage(errNoDetach)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	log, err := s.logFile(id)
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	defer log.Close()
	c := exec.Command(self, "run", "--resume", id, "-C", s.ws.Dir, "-o", "text")
	c.Args[0] = os.Args[0]
	c.Env = append(os.Environ(), "TUTTI_AS="+s.As, "TUTTI_HOME="+s.Home, "TUTTI_REDIS="+s.Redis)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return s.detached(id, log.Name(), c.Process.Pid)
}

func (s *session) logFile(id string) (*os.File, error) {
	dir := filepath.Join(s.Home, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (s *session) detached(id, log string, pid int) error {
	if s.wantsJSON() {
		return s.json(map[string]any{"run": id, "pid": pid, "log": log, "watch": s.command("runs", "watch", id)})
	}
	fmt.Fprintln(s.out, id)
	s.screen.println("in the background; follow it with: " + s.command("runs", "watch", id))
	return nil
}
