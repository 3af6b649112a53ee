package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
)

func newFolder(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

func (f *Folder) put(name, content string, overwrite bool) (changed bool, err error) {
	err = f.Within(name, func(root *os.Root, local string) (err error) {
		changed, err = Write(root, local, content, overwrite)
		return err
	})
	return changed, err
}

func TestPathsThatLeadOutAreRefused(t *testing.T) {
	f, dir := newFolder(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "a/../../x", "/etc/passwd", "link/x", filepath.Join(outside, "x")} {
		_, err := f.put(name, "x", true)
		if !errors.Is(err, ErrOutside) || !coordinator.FailureOf(err).Permanent || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside lies %v, %v", left, err)
	}
}

func TestOfManyWritersWithoutOverwriteOneWins(t *testing.T) {
	f, dir := newFolder(t)
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			changed, err := f.put("new/a.txt", fmt.Sprint("writer ", i), false)
			if changed && err == nil {
				won.Add(1)
			}
			if err != nil && !strings.Contains(err.Error(), "other content") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers won", won.Load())
	}
	left, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v: temporary files stayed", left, err)
	}
}

func TestOnlyRegularFilesOfALimitedSizeAreRead(t *testing.T) {
	f, dir := newFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("123456"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "limit of 5 bytes", ".": "it is a folder", "none": "no such file", "": "not a path"} {
		err := f.Within(name, func(root *os.Root, local string) error {
			_, err := Load(root, local, 5)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%q: error %v, want %q", name, err, want)
		}
	}
}

// An agent that may write files must not give itself a program by the settings, nor accept a tool by the lock file.
func TestTheSetUpOfAWorkspaceIsNotChanged(t *testing.T) {
	f, dir := newFolder(t)
	for _, name := range []string{"tutti.yaml", "mcp.lock.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("set up"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".", filepath.Join(dir, "round")); err != nil {
		t.Fatal(err)
	}
	write := func(root *os.Root, local string) error {
		_, err := Write(root, local, "changed", true)
		return err
	}
	for _, name := range []string{
		"tutti.yaml", "./a/../tutti.yaml", "TUTTI.yaml", "round/tutti.yaml", filepath.Join(dir, "tutti.yaml"), "mcp.lock.json", ".tutti/moves", ".Tutti", "pipelines/new.yaml", "Pipelines/old.yaml", "pay.pipeline.yaml", "round/.tutti/moves", "round/mcp.lock.json",
	} {
		if err := f.Change(name, write); err == nil || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"tutti.yaml", "mcp.lock.json"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != "set up" {
			t.Errorf("%s is %q, %v", name, got, err)
		}
		if err := f.Within(name, func(root *os.Root, local string) error { _, err := Load(root, local, 100); return err }); err != nil {
			t.Errorf("reading %s: %v", name, err)
		}
	}
	if err := f.Within(".tutti/token", func(*os.Root, string) error { return nil }); err == nil {
		t.Error("a tool may read where secrets are kept")
	}
	for _, name := range []string{"notes/tutti.yaml", ".tuttifrutti"} {
		if err := f.Change(name, write); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
