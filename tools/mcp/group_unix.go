//go:build unix

package mcp

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a server a session of its own: signals reach everything that it starts, and a Ctrl-C at our terminal
// doesn't reach it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func askGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// endGroup ends a server and what it left behind.
func endGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
