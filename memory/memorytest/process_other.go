//go:build !linux

package memorytest

import (
	"os/exec"
	"syscall"
)

func diesWithTest() *syscall.SysProcAttr { return nil }

func run(cmd *exec.Cmd, started chan<- error, done chan<- struct{}) {
	defer close(done)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
	}
}
