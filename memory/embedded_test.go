//go:build unix

package memory_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tuttirun/tutti/memory"
)

// A test that needs other processes starts this test binary again with a data directory in the environment.
const asUser = "TUTTI_TEST_EMBEDDED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asUser); dir != "" {
		beUser(dir)
		return
	}
	os.Exit(m.Run())
}

// beUser opens the data directory, prints which server it found and a run it made, and closes when its input ends.
func beUser(dir string) {
	store, err := memory.Embedded(context.Background(), memory.EmbeddedOptions{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	created, err := store.Create(context.Background(), newRun(""))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(serverID(dir), created.Run)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := store.Close(); err != nil {
		fmt.Println("error", err)
	}
}

// user is another process that uses a data directory.
type user struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.Closer
	out   *bufio.Reader
}

func startUser(t *testing.T, dir string) *user {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asUser+"="+dir)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	u := &user{t: t, cmd: cmd, input: input, out: bufio.NewReader(out)}
	t.Cleanup(u.kill)
	return u
}

// ready waits until the other process has the store open.
func (u *user) ready() (server, run string) {
	u.t.Helper()
	line, err := u.out.ReadString('\n')
	if err != nil {
		u.t.Fatalf("the other process ended: %v", err)
	}
	if _, err := fmt.Sscan(line, &server, &run); err != nil || server == "error" {
		u.t.Fatalf("the other process: %s", line)
	}
	return server, run
}

func (u *user) kill() {
	_ = u.cmd.Process.Kill()
	_ = u.cmd.Wait()
}

// leave lets the other process close its store.
func (u *user) leave() {
	u.t.Helper()
	_ = u.input.Close()
	rest, _ := io.ReadAll(u.out)
	if err := u.cmd.Wait(); err != nil || len(rest) > 0 {
		u.t.Errorf("the other process: %v %s", err, rest)
	}
}

func embedded(t *testing.T, dir string) memory.Store {
	t.Helper()
	store, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dir})
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func socketOf(dir string) string {
	if noted, err := os.ReadFile(filepath.Join(dir, "socket")); err == nil {
		return strings.TrimSpace(string(noted))
	}
	return filepath.Join(dir, "redis.sock")
}

func plain(dir string) *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: socketOf(dir), MaxRetries: -1})
}

// serverID tells one life of one server from every other.
func serverID(dir string) string {
	client := plain(dir)
	defer client.Close()
	return client.InfoMap(context.Background(), "server").Item("Server", "run_id")
}

func serverRuns(dir string) bool {
	c, err := net.Dial("unix", socketOf(dir))
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// dataDir is short enough for a socket.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tutti home ")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestEmbeddedServerKeepsRunsBetweenUses(t *testing.T) {
	dir := dataDir(t)
	store := embedded(t, dir)
	if d := store.Durability(); !d.Always {
		t.Errorf("durability: %s", d.Text)
	}
	l := submit(t, store, "")
	must(t, store.Close())
	must(t, store.Close())
	if serverRuns(dir) {
		t.Error("the server outlived its last user")
	}
	journalHas(t, embedded(t, dir), l.Run, 1)
}

func TestLastUserStopsTheEmbeddedServer(t *testing.T) {
	dir := dataDir(t)
	one, two := embedded(t, dir), embedded(t, dir)
	other := startUser(t, dir)
	server, run := other.ready()
	if server != serverID(dir) {
		t.Error("the other process uses another server")
	}
	must(t, one.Close())
	must(t, two.Close())
	if !serverRuns(dir) {
		t.Fatal("the server was stopped under a user")
	}
	three := embedded(t, dir)
	other.leave()
	journalHas(t, three, run, 1)
	must(t, three.Close())
	if serverRuns(dir) {
		t.Error("the server outlived its last user")
	}
}

func TestUsersThatStartAtOnceShareOneServer(t *testing.T) {
	dir := dataDir(t)
	users := make([]*user, 4)
	for i := range users {
		users[i] = startUser(t, dir)
	}
	for _, u := range users {
		if server, _ := u.ready(); server != serverID(dir) {
			t.Errorf("server %s, and %s", server, serverID(dir))
		}
	}
	for _, u := range users {
		u.leave()
	}
	if serverRuns(dir) {
		t.Error("the server outlived its last user")
	}
}

func TestUsersInOneProcessShareOneServer(t *testing.T) {
	dir := dataDir(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				store, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dir})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := store.Create(t.Context(), newRun("")); err != nil {
					t.Error(err)
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if serverRuns(dir) {
		t.Error("the server outlived its last user")
	}
}

func TestKill9OfAUserLeavesTheServerForTheNextOne(t *testing.T) {
	dir := dataDir(t)
	user := startUser(t, dir)
	server, run := user.ready()
	user.kill()
	store := embedded(t, dir)
	if got := serverID(dir); got != server {
		t.Errorf("server %s, want the one that was left: %s", got, server)
	}
	journalHas(t, store, run, 1)
	must(t, store.Close())
	if serverRuns(dir) {
		t.Error("the server outlived its last user")
	}
}

func TestKill9OfTheServerLosesNothingAndItsUsersStartItAgain(t *testing.T) {
	dir := dataDir(t)
	store := embedded(t, dir)
	l := submit(t, store, "")
	must(t, store.Append(t.Context(), batch(l, "1", skipped())))
	must(t, syscall.Kill(pidOf(t, dir), syscall.SIGKILL))
	b := batch(l, "2", skipped())
	b.Expect, b.Events[0].Seq = 2, 3
	for errors.Is(store.Append(t.Context(), b), memory.ErrUnavailable) { // the connections that died with it
	}
	journalHas(t, store, l.Run, 3)
	journalHas(t, embedded(t, dir), l.Run, 3)
}

func pidOf(t *testing.T, dir string) int {
	t.Helper()
	client := plain(dir)
	defer client.Close()
	var pid int
	_, err := fmt.Sscan(client.InfoMap(t.Context(), "server").Item("Server", "process_id"), &pid)
	must(t, err)
	return pid
}

func TestFrozenServerIsWaitedForNeverDoubled(t *testing.T) {
	dir := dataDir(t)
	store := embedded(t, dir)
	server, pid := serverID(dir), pidOf(t, dir)
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	_, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dir, Wait: 100 * time.Millisecond})
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	wants(t, err, context.DeadlineExceeded)
	if got := serverID(dir); got != server {
		t.Errorf("server %s took the place of %s", got, server)
	}
	submit(t, store, "")
}

func TestLongDirectoryGetsAShortSocket(t *testing.T) {
	dir := filepath.Join(dataDir(t), strings.Repeat("long", 30))
	one := embedded(t, dir)
	two := embedded(t, dir)
	l := submit(t, one, "")
	journalHas(t, two, l.Run, 1)
	socket := socketOf(dir)
	must(t, one.Close())
	must(t, two.Close())
	if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's directory is left: %v", err)
	}
	journalHas(t, embedded(t, dir), l.Run, 1)
}

func TestSocketFolderOfSomebodyElseIsNotUsed(t *testing.T) {
	dir := filepath.Join(dataDir(t), strings.Repeat("long", 30))
	must(t, os.MkdirAll(dir, 0o700))
	open := filepath.Join(dataDir(t), "open")
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o777)) //nolint:gosec // that is the point
	must(t, os.WriteFile(filepath.Join(dir, "socket"), []byte(filepath.Join(open, "redis.sock")+"\n"), 0o600))
	embedded(t, dir)
	if socket := socketOf(dir); filepath.Dir(socket) == open {
		t.Errorf("the socket is %s", socket)
	}
}

func TestDataDirectoryOfAFullDiskCanBeUsedLater(t *testing.T) {
	dir := filepath.Join(dataDir(t), strings.Repeat("long", 30))
	must(t, os.MkdirAll(dir, 0o700))
	for _, name := range []string{"layout", "socket"} { // made, but without room for what they say
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	submit(t, embedded(t, dir), "")
}

func TestUnknownDataDirectoryIsRefused(t *testing.T) {
	dir := dataDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "layout"), []byte("7\n"), 0o600))
	_, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), `layout "7"`) {
		t.Errorf("error %v", err)
	}
	if serverRuns(dir) {
		t.Error("a server was started")
	}
}

func TestMachineWithoutRedisIsToldSo(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dataDir(t)})
	wants(t, err, memory.ErrNoRedisServer)
}

func TestServerThatCannotStartSaysWhereToLook(t *testing.T) {
	dir := dataDir(t)
	_, err := memory.Embedded(t.Context(), memory.EmbeddedOptions{Dir: dir, Server: "false"})
	if err == nil || !strings.Contains(err.Error(), "redis.log") {
		t.Errorf("error %v", err)
	}
}
