package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/coordinator"
)

const (
	stopGrace  = 2 * time.Second // after stdin is closed, and once more after SIGTERM
	tailBytes  = 4 << 10         // of what a server says beside the protocol
	drainGrace = time.Second     // for stderr that a server's child still holds open
)

// process is a running server that is spoken to over stdin and stdout.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	said   tail
	exited chan struct{} // closed when it has ended and its group is gone
	err    error         // why, after exited
}

// startProcess starts a server. An error means that nothing runs.
func startProcess(dir string, s Server) (*process, error) {
	program, err := locate(dir, s.Command[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, s.Command[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = workingDir(dir, s.Dir), environment(s), drainGrace
	if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
		return nil, coordinator.Permanent(fmt.Errorf("dir: there is no folder %s", s.Dir))
	}
	ownGroup(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &p.said
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, coordinator.NotDone(err)
	}
	read, write, err := os.Pipe() // not StdoutPipe, which Wait would close while there is something to read
	if err != nil {
		return nil, coordinator.NotDone(errors.Join(err, p.stdin.Close()))
	}
	cmd.Stdout, p.stdout = write, read
	err = cmd.Start()
	write.Close()
	if err != nil {
		return nil, coordinator.NotDone(errors.Join(err, read.Close(), p.stdin.Close()))
	}
	go p.wait()
	return p, nil
}

// locate finds a program in our PATH, or, if it is named by a path, in the workspace.
func locate(dir, program string) (string, error) {
	if strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		program = filepath.Join(dir, program)
	}
	found, err := exec.LookPath(program)
	if err != nil {
		return "", coordinator.Permanent(fmt.Errorf("command: %w; install it, or correct the command", err))
	}
	return filepath.Abs(found)
}

func workingDir(dir, s string) string {
	if filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(dir, filepath.FromSlash(s))
}

// environment is what a server gets to see: never all of ours.
func environment(s Server) []string {
	env := []string{}
	for _, name := range s.Pass {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, name+"="+s.Env[name])
	}
	return env
}

func (p *process) wait() {
	p.err = p.cmd.Wait()
	endGroup(p.cmd)
	close(p.exited)
}

// stop ends the server as the protocol says: stdin is closed, then it is asked to stop, then it is killed. Nobody reads
// stdout any longer, so that is closed too: a server in the middle of a long answer would wait for a reader.
func (p *process) stop() {
	p.stdin.Close()
	p.stdout.Close()
	if !p.gone(stopGrace) {
		askGroup(p.cmd)
		if !p.gone(stopGrace) {
			endGroup(p.cmd)
			<-p.exited
		}
	}
}

func (p *process) gone(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-p.exited:
		return true
	case <-t.C:
		return false
	}
}

// transport carries messages of at most limit bytes.
func (p *process) transport(limit int) sdk.Transport {
	in := &messages{from: bufio.NewReader(p.stdout), closer: p.stdout, other: &p.said, limit: limit}
	return &sdk.IOTransport{Reader: in, Writer: p.stdin, MaxLineLength: limit + 1}
}

// messages reads the lines of stdout that can be messages. Servers print greetings and logs there, against the protocol;
// those go to other.
type messages struct {
	from   *bufio.Reader
	closer io.Closer
	other  io.Writer
	limit  int
	line   []byte // what is left of the current one
}

var errLongLine = errors.New("it sent a message that is larger than max_output allows")

func (m *messages) Read(into []byte) (int, error) {
	for len(m.line) == 0 {
		if err := m.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, m.line)
	m.line = m.line[n:]
	return n, nil
}

// next reads one line. A line that begins as a message does is one: if it is broken, the connection is.
func (m *messages) next() error {
	var text []byte
	for {
		part, err := m.from.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > m.limit {
			_, _ = m.other.Write([]byte(errLongLine.Error() + "\n"))
			return errLongLine
		}
		if err == nil || err != bufio.ErrBufferFull && len(text) > 0 { //nolint:errorlint // ReadSlice documents the value itself
			break
		}
		if err != bufio.ErrBufferFull { //nolint:errorlint // ReadSlice documents the value itself
			return err
		}
	}
	trimmed := bytes.TrimSpace(text)
	if bytes.HasPrefix(trimmed, []byte("{")) || bytes.HasPrefix(trimmed, []byte("[")) && json.Valid(trimmed) {
		m.line = append(trimmed, '\n')
	} else if len(trimmed) > 0 {
		_, _ = m.other.Write(text) // a tail takes everything
	}
	return nil
}

func (m *messages) Close() error { return m.closer.Close() }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	p = p[max(0, n-tailBytes):]
	t.data = append(t.data, p...)
	t.data = t.data[max(0, len(t.data)-tailBytes):]
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
