//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Embedded opens a store on a private redis-server of one data directory, and starts that server when none runs there.
//
// Three locks in the directory, all flock, which the kernel lets go however a process ends:
//
//	gate    held while somebody starts or stops the server: both are decided one at a time
//	users   shared by every open Store; whoever can have it alone is the last one, and may stop the server
//	server  held by the server itself (it inherits the open file): as long as somebody holds it, no second server starts
//
// Close of the last user stops the server and waits for its end. A user that is killed leaves it running for the next one,
// and a server that is killed is started again by the users it had.
func Embedded(ctx context.Context, o EmbeddedOptions) (Store, error) {
	o = o.withDefaults()
	server, err := exec.LookPath(o.Server)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoRedisServer, err)
	}
	h, err := openHome(o.Dir, server)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	users, err := h.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", h.dir, err)
	}
	store, err := open(ctx, h.url(), o.Options, h.dial)
	if err != nil {
		return nil, errors.Join(err, h.leave(users, o.Wait))
	}
	return &embedded{redisStore: store, home: h, users: users, wait: o.Wait}, nil
}

type embedded struct {
	*redisStore
	home  *home
	users *os.File
	wait  time.Duration
	once  sync.Once
}

// Close stops the server when this was its last user.
func (e *embedded) Close() error {
	var err error
	e.once.Do(func() { err = errors.Join(e.redisStore.Close(), e.home.leave(e.users, e.wait)) })
	return err
}

// home is a data directory.
type home struct {
	dir, server, socket string
	left                atomic.Bool // a late dial must not start the server again
}

// homeLayout changes when the files of a data directory change meaning.
const homeLayout = "1"

// longestSocket is what every system takes as the path of a unix socket (macOS: 103 bytes).
const longestSocket = 100

func openHome(dir, server string) (*home, error) {
	if dir == "" {
		return nil, errors.New("data directory: EmbeddedOptions.Dir is empty")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return &home{dir: dir, server: server}, nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) url() string { return (&url.URL{Scheme: "unix", Path: h.socket}).String() }

// enter joins the users of the server, and starts it first when there is none.
func (h *home) enter(ctx context.Context) (users *os.File, err error) {
	gate, err := h.lock(ctx, "gate", syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	if err := h.checkLayout(); err != nil {
		return nil, err
	}
	if err := h.findSocket(); err != nil {
		return nil, err
	}
	if err := h.ensureServer(ctx); err != nil {
		return nil, err
	}
	return h.lock(ctx, "users", syscall.LOCK_SH)
}

// leave gives up a user's place, and stops the server when nobody else is there.
func (h *home) leave(users *os.File, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	defer users.Close()
	gate, err := h.lock(ctx, "gate", syscall.LOCK_EX)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", h.dir, err)
	}
	defer gate.Close()
	h.left.Store(true)
	if err := syscall.Flock(int(users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil // others work here
	}
	return h.stop(ctx)
}

func (h *home) checkLayout() error {
	found, err := os.ReadFile(h.path("layout"))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(found) == 0 { // empty: the disk was full when it was made
		return os.WriteFile(h.path("layout"), []byte(homeLayout+"\n"), 0o600)
	}
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(found)); got != homeLayout {
		return fmt.Errorf("layout %q is not known to this program, which knows %q: use the program that wrote it, or another directory", got, homeLayout)
	}
	return nil
}

// findSocket puts the socket beside the data, or where the path is too long for that into a short directory, whose name it notes.
func (h *home) findSocket() error {
	h.socket = h.path("redis.sock")
	if len(h.socket) <= longestSocket {
		return nil
	}
	if noted, err := os.ReadFile(h.path("socket")); err == nil {
		h.socket = strings.TrimSpace(string(noted))
		if info, err := os.Lstat(filepath.Dir(h.socket)); err == nil && filepath.IsAbs(h.socket) && private(info) {
			return nil
		}
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(parent, "tutti-")
		if err != nil {
			continue
		}
		if h.socket = filepath.Join(dir, "redis.sock"); len(h.socket) <= longestSocket {
			return os.WriteFile(h.path("socket"), []byte(h.socket+"\n"), 0o600)
		}
		_ = os.Remove(dir)
	}
	return fmt.Errorf("its path is too long for a unix socket, and no short temporary directory could be made")
}

// private reports whether a folder is ours alone: a cleaner may have removed the one we made, and anybody may make another there.
func private(info os.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return info.IsDir() && info.Mode().Perm()&0o077 == 0 && ok && int(owner.Uid) == os.Geteuid()
}

// ensureServer returns when a server answers. A server that holds its lock but does not answer is loading, ending or frozen:
// it is waited for, never doubled.
func (h *home) ensureServer(ctx context.Context) error {
	return poll(ctx, func() (bool, error) {
		if h.answers(ctx) {
			return true, nil
		}
		lock, err := h.tryLock("server", syscall.LOCK_EX)
		if err != nil || lock == nil {
			return false, err
		}
		defer lock.Close() // the server has its own handle by then
		return false, h.start(ctx, lock)
	}, "redis-server does not answer (see redis.log there)")
}

// dial connects a user, and starts the server again when it died under its users.
func (h *home) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err == nil {
		return conn, nil
	}
	gate, lockErr := h.lock(ctx, "gate", syscall.LOCK_EX)
	if lockErr != nil {
		return nil, errors.Join(err, lockErr)
	}
	defer gate.Close()
	if h.left.Load() {
		return nil, errors.Join(err, ErrClosed)
	}
	if err := h.ensureServer(ctx); err != nil {
		return nil, err
	}
	return d.DialContext(ctx, network, addr)
}

func (h *home) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Network: "unix", Addr: h.socket, MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: 1,
	})
}

func (h *home) answers(ctx context.Context) bool {
	if _, err := os.Stat(h.socket); err != nil {
		return false
	}
	client := h.client()
	defer client.Close()
	return client.Ping(ctx).Err() == nil
}

// start runs a server that outlives this process: in a session of its own, so that Ctrl-C in a terminal does not reach it.
func (h *home) start(ctx context.Context, lock *os.File) error {
	log, err := os.OpenFile(h.path("redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(h.server,
		"--port", "0", "--unixsocket", h.socket, "--unixsocketperm", "700", "--dir", h.dir, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.dir, log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("redis-server: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return poll(ctx, func() (bool, error) {
		select {
		case err := <-ended:
			return false, fmt.Errorf("redis-server ended at once, see %s: %w", h.path("redis.log"), err)
		default:
			return h.answers(ctx), nil
		}
	}, "redis-server does not answer (see redis.log there)")
}

// stop ends the server in order. It holds its lock until the last byte is written.
func (h *home) stop(ctx context.Context) error {
	client := h.client()
	defer client.Close()
	_ = client.Shutdown(ctx).Err() // the answer is the end of the connection
	err := poll(ctx, func() (bool, error) {
		lock, err := h.tryLock("server", syscall.LOCK_EX)
		if lock != nil {
			_ = lock.Close()
		}
		return lock != nil, err
	}, "redis-server does not stop (see redis.log there)")
	if err != nil {
		return fmt.Errorf("data directory %s: %w", h.dir, err)
	}
	h.forgetSocket()
	return nil
}

// forgetSocket removes the short directory of a socket.
func (h *home) forgetSocket() {
	if dir := filepath.Dir(h.socket); dir != h.dir {
		_ = os.Remove(h.socket)
		_ = os.Remove(dir)
		_ = os.Remove(h.path("socket"))
	}
}

// lock waits for a lock until ctx ends.
func (h *home) lock(ctx context.Context, name string, how int) (f *os.File, err error) {
	err = poll(ctx, func() (bool, error) {
		f, err = h.tryLock(name, how)
		return f != nil, err
	}, "another process holds "+h.path(name+".lock"))
	return f, err
}

// tryLock returns nil when somebody else holds the lock. Closing the file lets go of it.
func (h *home) tryLock(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(h.path(name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", h.path(name+".lock"), err)
}

// poll asks until it is done, it fails, or ctx ends: neither flock nor a starting server can be waited for with a context.
func poll(ctx context.Context, done func() (bool, error), otherwise string) error {
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", otherwise, context.Cause(ctx))
		}
	}
}
