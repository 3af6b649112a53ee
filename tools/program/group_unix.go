//go:build unix

package program

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup gives the program a session of its own: signals reach everything it starts, and ours don't reach it by way of the
// terminal, which it cannot read either. Told to stop, it gets SIGTERM; os/exec kills it when the grace time is over.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
			return os.ErrProcessDone
		}
		return nil
	}
}

// endGroup ends what the program left behind. A system gives a process group's number to nobody else while somebody is in
// it, and right after the last one has gone it has not come round to that number yet.
func endGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
