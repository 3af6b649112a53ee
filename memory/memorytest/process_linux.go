package memorytest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// diesWithTest has the kernel kill the server when the test's process ends without cleaning up (a panic, a timeout).
func diesWithTest() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// run starts cmd and waits for it on one thread: the kernel means the parent's thread, not its process.
func run(cmd *exec.Cmd, started chan<- error, done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(done)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait()
	}
}
