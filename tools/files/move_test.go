package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// move makes one attempt under a key.
func (b *workbench) move(key string, in MoveInput) (MoveOutput, error) {
	b.t.Helper()
	var out MoveOutput
	err := tooltest.Call(b.t.Context(), b.workers["files.move"], key, in, &out)
	return out, err
}

// holds checks what is at a path; "" is nothing.
func (b *workbench) holds(path, want string) {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, path))
	if got := string(data); got != want || (want == "") != os.IsNotExist(err) {
		b.t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

func (b *workbench) put(path, content string) {
	b.t.Helper()
	tooltest.Write(b.t, b.dir, path, content)
}

func TestMovedFileIsAtItsNewPathOnly(t *testing.T) {
	for _, key := range []string{"", "ws/r1/a/1"} {
		b := newWorkbench(t, Settings{}, map[string]string{"in/a.txt": "hello"})
		out, err := b.move(key, MoveInput{From: "in/a.txt", To: "done/2026/./b.txt"})
		if want := (MoveOutput{From: "in/a.txt", To: "done/2026/b.txt", Bytes: 5}); err != nil || out != want {
			t.Errorf("%+v, %v", out, err)
		}
		b.holds("in/a.txt", "")
		b.holds("done/2026/b.txt", "hello")
	}
}

func TestMoveReplacesAFileOnlyWithOverwrite(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a": "new", "b": "old"})
	if _, err := b.move("k1", MoveInput{From: "a", To: "b"}); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "set overwrite") {
		t.Errorf("error %v", err)
	}
	b.holds("a", "new")
	b.holds("b", "old")
	if _, err := b.move("k2", MoveInput{From: "a", To: "b", Overwrite: true}); err != nil {
		t.Error(err)
	}
	b.holds("a", "")
	b.holds("b", "new")
}

func TestRepeatedMoveAnswersTheSame(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
		in := MoveInput{From: "a", To: "b", Overwrite: overwrite}
		first, err := b.move("k", in)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.move("k", in)
		if err != nil || again != first {
			t.Errorf("%+v, %v", again, err)
		}
		b.put("a", "the next one")
		if again, err = b.move("k", in); err != nil || again != first {
			t.Errorf("%+v, %v", again, err)
		}
		b.holds("a", "the next one")
		b.holds("b", "hello")
	}
}

func TestInterruptedMoveIsFinished(t *testing.T) {
	for _, c := range []struct {
		at   string
		back func(from, to string) error // to where a crash would have left it
	}{
		{"before the move", func(from, to string) error { return os.Rename(to, from) }},
		{"between the names", func(from, to string) error { return os.Link(to, from) }},
	} {
		t.Run(c.at, func(t *testing.T) {
			b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
			in := MoveInput{From: "a", To: "deep/b"}
			first, err := b.move("k", in)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.back(filepath.Join(b.dir, "a"), filepath.Join(b.dir, "deep/b")); err != nil {
				t.Fatal(err)
			}
			if again, err := b.move("k", in); err != nil || again != first {
				t.Errorf("%+v, %v", again, err)
			}
			b.holds("a", "")
			b.holds("deep/b", "hello")
			if left, _ := filepath.Glob(filepath.Join(b.dir, ".tutti-*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestMoveDoesNotTakeAnothersWorkForItsOwn(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
	in := MoveInput{From: "a", To: "b"}
	if _, err := b.move("k1", in); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k2", ""} {
		if _, err := b.move(key, in); !tooltest.Permanent(err) || !strings.Contains(err.Error(), `there is no file "a"`) {
			t.Errorf("key %q: error %v", key, err)
		}
	}
	b.put("b", "somebody wrote here since")
	_, err := b.move("k1", in)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "here is something else") {
		t.Errorf("%+v", f)
	}
}

func TestMoveStaysInTheWorkspace(t *testing.T) {
	outside := t.TempDir()
	b := newWorkbench(t, Settings{}, map[string]string{"a": "hello", "dir/x": "x"})
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{"../x", "/etc/hostname", outside + "/secret", "a/../../x", "x\x00y", "dir", "."}
	if runtime.GOOS != "windows" {
		for link, to := range map[string]string{"out": outside, "link": filepath.Join(outside, "secret")} {
			if err := os.Symlink(to, filepath.Join(b.dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		paths = append(paths, "out/secret", "link")
	}
	for _, path := range paths {
		if _, err := b.move("k", MoveInput{From: path, To: "stolen", Overwrite: true}); !tooltest.Permanent(err) {
			t.Errorf("from %q: error %v", path, err)
		}
		if _, err := b.move("k", MoveInput{From: "a", To: path, Overwrite: true}); !tooltest.Permanent(err) {
			t.Errorf("to %q: error %v", path, err)
		}
	}
	b.holds("a", "hello")
	b.holds("stolen", "")
	if data, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(data) != "secret" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestMovesOfOneFileAtTheSameTimeLoseNothing(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
		const most = 8
		var moves sync.WaitGroup
		var errs [most]error
		for i := range most {
			moves.Go(func() {
				_, errs[i] = b.move("k"+strconv.Itoa(i), MoveInput{From: "a", To: "to" + strconv.Itoa(i), Overwrite: overwrite})
			})
		}
		moves.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				b.holds("to"+strconv.Itoa(i), "hello")
			} else if f := coordinator.FailureOf(err); !f.NotDone || !strings.Contains(f.Message, `"a"`) {
				t.Errorf("%d: %+v", i, f)
			} else {
				b.holds("to"+strconv.Itoa(i), "")
			}
		}
		if won == 0 || overwrite && won > 1 {
			t.Errorf("overwrite %v: %d moves of one file succeeded", overwrite, won)
		}
		b.holds("a", "")
	}
}

func TestAttemptsOfOneMoveAtTheSameTimeLoseNothing(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
	var moves sync.WaitGroup
	for range 8 {
		moves.Go(func() { _, _ = b.move("k", MoveInput{From: "a", To: "b"}) })
	}
	moves.Wait()
	if out, err := b.move("k", MoveInput{From: "a", To: "b"}); err != nil || out.Bytes != 5 {
		t.Errorf("%+v, %v", out, err)
	}
	b.holds("a", "")
	b.holds("b", "hello")
}

func TestTwoNamesOfOneFileBecomeOne(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a": "hello"})
	if err := os.Link(filepath.Join(b.dir, "a"), filepath.Join(b.dir, "A2")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.move("k", MoveInput{From: "a", To: "A2"}); err != nil {
		t.Error(err)
	}
	b.holds("a", "")
	b.holds("A2", "hello")
	if out, err := b.move("k2", MoveInput{From: "A2", To: "./A2"}); err != nil || out.Bytes != 5 {
		t.Errorf("%+v, %v", out, err)
	}
	b.holds("A2", "hello")
}

func TestOldIntentsAreForgotten(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a": "1", ".tutti/moves/old.json": "{}", ".tutti/moves/young.json": "{}"})
	past := time.Now().Add(-intentsKept - time.Hour)
	if err := os.Chtimes(filepath.Join(b.dir, ".tutti/moves/old.json"), past, past); err != nil {
		t.Fatal(err)
	}
	if _, err := b.move("k", MoveInput{From: "a", To: "b"}); err != nil {
		t.Fatal(err)
	}
	b.holds(".tutti/moves/old.json", "")
	b.holds(".tutti/moves/young.json", "{}")
}

// A folder that a file may not be removed from, as another user's inbox is. Root may remove anything, so the test asks the one
// function that meets the refusal.
func TestMoveThatCannotRemoveTheOldNameTakesTheNewOneBack(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"out/a.txt": "x"})
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	m := &move{root: root, from: "in/a.txt", to: "out/a.txt"}
	failure := coordinator.FailureOf(m.takeBack(fs.ErrPermission))
	if !failure.NotDone || failure.Permanent {
		t.Errorf("%+v; want it to say that nothing happened", failure)
	}
	b.holds("out/a.txt", "")

	if err := os.MkdirAll(filepath.Join(b.dir, "out/a.txt/kept"), 0o755); err != nil { // now it cannot be removed
		t.Fatal(err)
	}
	err = m.takeBack(fs.ErrPermission)
	if failure := coordinator.FailureOf(err); failure.NotDone || errors.Is(err, fs.ErrPermission) {
		t.Errorf("%+v; want it to leave open what happened", failure)
	}
}
