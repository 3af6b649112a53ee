package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// do runs the program once. Until it is started, nothing has happened.
func (p *program) do(ctx context.Context, a coordinator.Attempt) (json.RawMessage, error) {
	argv, err := p.argv(a.Input)
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, coordinator.NotDone(fmt.Errorf("its turn did not come, %d programs run at a time: %w", cap(p.slots), context.Cause(ctx)))
	}
	if err := p.verify(); err != nil {
		return nil, permanent("it was not started: %w", err)
	}
	ended, err := p.start(ctx, argv, a)
	if err != nil {
		return nil, err
	}
	return p.judge(ctx, ended)
}

// ended is a program that was started and is no more.
type ended struct {
	state   *os.ProcessState
	stdout  []byte
	tooMuch bool   // it printed more than it may, and was stopped
	stderr  string // the end of it, fit to be shown
	stopped error  // why it was told to stop; nil: it was not
	left    bool   // it left somebody behind who held its output open
}

// errTooMuch stops a program that prints too much.
var errTooMuch = errors.New("too much output")

func (p *program) start(ctx context.Context, argv []string, a coordinator.Attempt) (ended, error) {
	ctx, cancel := p.within(ctx)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stdout := &bounded{limit: p.MaxOutput, full: func() { stop(errTooMuch) }}
	stderr := &tail{limit: p.MaxStderr + p.longest}
	cmd := exec.CommandContext(ctx, p.words[0].text, argv...)
	cmd.Dir = filepath.Join(p.workspace, filepath.FromSlash(p.Dir))
	cmd.Env = p.environ(a)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(a.Input), stdout, stderr
	cmd.WaitDelay = p.Grace
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return ended{}, p.notStarted(err)
	}
	err := cmd.Wait()
	endGroup(cmd)
	out := ended{
		state: cmd.ProcessState, stdout: stdout.data.Bytes(), tooMuch: stdout.over,
		stderr: p.readable(stderr), left: errors.Is(err, exec.ErrWaitDelay),
	}
	if err != nil && ctx.Err() != nil {
		out.stopped = context.Cause(ctx)
	}
	return out, nil
}

// within is the time that a program has: its own, and so much less than the attempt's that it can be told to stop.
func (p *program) within(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := p.Timeout
	if d, ok := ctx.Deadline(); ok {
		left := time.Until(d)
		limit = min(limit, left-min(p.Grace, left/4))
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than %s", limit.Round(time.Millisecond)))
}

// notStarted words the error of a program that never ran. What its file or arguments are to blame for would fail again.
func (p *program) notStarted(err error) error {
	err = fmt.Errorf("it could not be started: %w", err)
	for _, hopeless := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOEXEC, syscall.E2BIG, syscall.EINVAL} {
		if errors.Is(err, hopeless) {
			return coordinator.Permanent(err)
		}
	}
	return coordinator.NotDone(err)
}
