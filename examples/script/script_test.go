// Package script_test runs the example as its README says.
package script_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// run carries out run.sh with a PATH and a folder for what it makes.
func run(t *testing.T, path, tmp string) (stdout, stderr string, code int) {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), sh, "run.sh")
	c.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TUTTI") }), "PATH="+path, "TMPDIR="+tmp)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// pathWithoutTutti leaves out what somebody has installed, so that the script builds the command of this source.
func pathWithoutTutti() string {
	dirs := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "tutti"))
		return err == nil
	})
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// listing names the files below a folder, with their sizes and times.
func listing(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files = append(files, fmt.Sprint(path, info.Size(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheScriptSaysWhatTheReadmeSays(t *testing.T) {
	tmp, before := t.TempDir(), listing(t, ".")
	stdout, stderr, code := run(t, pathWithoutTutti(), tmp)
	want, err := os.ReadFile("expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	if code != 0 || stdout != string(want) {
		t.Errorf("exit code %d\n%s\nwant\n%s\nstderr\n%s", code, stdout, want, stderr)
	}
	if left := listing(t, tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if after := listing(t, "."); !slices.Equal(before, after) {
		t.Errorf("the sources changed:\n%v\n%v", before, after)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lines {
		if line, err := os.ReadFile(name); err == nil && bytes.Contains(line, []byte(tmp)) {
			t.Errorf("still running: %s", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
}

func TestWithoutAStoreTheScriptSaysWhatToInstall(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"dirname", "mktemp", "rm"} {
		target, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(target, filepath.Join(bin, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stdout, stderr, code := run(t, bin, t.TempDir())
	if code != 2 || stdout != "" || !strings.Contains(stderr, "install redis-server") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}
