//go:build unix

package memorytest

import "syscall"

// Pause freezes the server: connections stay, answers do not come. Resume lets it go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause. What was sent meanwhile is carried out.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("redis-server: %v", err)
	}
}
