//go:build unix

package program_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/tools/program"
)

func TestWhatIsNotAllowedIsRefusedWhenTheWorkspaceIsLoaded(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	evil := write(t, 0o755, "#!/bin/sh\ntrue\n", outside, "evil")
	write(t, 0o755, "#!/bin/sh\ntrue\n", dir, "bin", "good")
	write(t, 0o644, "#!/bin/sh\ntrue\n", dir, "bin", "plain")
	must(os.Symlink(evil, filepath.Join(dir, "bin", "link")))
	must(os.Symlink(outside, filepath.Join(dir, "out")))
	good := []string{"bin/good"}
	for want, p := range map[string]program.Program{
		"run is missing":                        {},
		`a path must not hold ".."`:             {Run: []string{"../" + filepath.Base(outside) + "/evil"}},
		"a path must be relative":               {Run: []string{"/bin/sh"}},
		`"bin/link" leads out of the workspace`: {Run: []string{"bin/link"}},
		`"out/evil" leads out of the workspace`: {Run: []string{"out/evil"}},
		`run: "out/evil" leads out of the`:      {Run: []string{"sh", "out/evil"}},
		`there is no file "bin/none"`:           {Run: []string{"bin/none"}},
		`"bin" is not a regular file`:           {Run: []string{"./bin"}},
		`"bin/plain" is not executable`:         {Run: []string{"bin/plain"}},
		`there is no program "good" on PATH`:    {Run: []string{"good"}},
		`there is no program "" on PATH`:        {Run: []string{""}},
		"run holds a NUL byte":                  {Run: []string{"bin/good", "a\x00b"}},
		`"bin\\good": a path is written with`:   {Run: []string{`bin\good`}},
		`dir: "out" leads out of the workspace`: {Run: good, Dir: "out"},
		`dir: a path must not hold ".."`:        {Run: good, Dir: "bin/../.."},
		`dir: there is no folder "none"`:        {Run: good, Dir: "none"},
		"sha256 must be 64 hexadecimal digits":  {Run: good, SHA256: "abc"},
		`sha256: "bin/good" has changed`:        {Run: good, SHA256: strings.Repeat("0", 64)},
		"env: TUTTI_KEY: names that begin with": {Run: good, Env: map[string]string{"TUTTI_KEY": "mine"}},
		`env: "A=B" cannot be the name`:         {Run: good, Env: map[string]string{"A=B": "c"}},
		"env: A holds a NUL byte":               {Run: good, Env: map[string]string{"A": "b\x00LD_PRELOAD=x"}},
		`pass: "" cannot be the name`:           {Run: good, Pass: []string{""}},
		"args holds a NUL byte":                 {Run: good, Args: []string{"\x00"}},
		`a list needs an argument of its own`:   {Run: good, Args: []string{"--files={files...}"}},
		`args: input has no property "b"`:       {Run: good, Args: []string{"{b}"}, Input: json.RawMessage(`{"properties": {"a": {}}}`)},
		`authority: input has no property "b"`:  {Run: good, Authority: []string{"b"}, Input: json.RawMessage(`{"properties": {"a": {}}}`)},
		"input must have type: object":          {Run: good, Input: json.RawMessage(`{"type": "array"}`)},
		"input: schema: ":                       {Run: good, Input: json.RawMessage(`{"type": "objekt"}`)},
		"output: schema: ":                      {Run: good, Output: json.RawMessage(`{"type": "objekt"}`)},
		`effect "harmless": write none`:         {Run: good, Effect: "harmless"},
		`exit: "x" must be a status from 1`:     {Run: good, Exit: map[string]string{"x": "done"}},
		`exit: "0" must be a status from 1`:     {Run: good, Exit: map[string]string{"0": "permanent"}},
		`exit: 2: "fine" is none of done`:       {Run: good, Exit: map[string]string{"2": "fine"}},
		"timeout must not be negative":          {Run: good, Timeout: -1},
		"max_output must not be negative":       {Run: good, MaxOutput: -1},
	} {
		_, err := program.New(dir, program.Settings{Programs: map[string]program.Program{"it": p}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v\n got %v\nwant %s", p, err, want)
		}
	}
	for _, name := range []string{"run", "", "../x", "a b", "a.b", "/bin/sh"} {
		_, err := program.New(dir, program.Settings{Programs: map[string]program.Program{name: {Run: good}}})
		if err == nil || !strings.Contains(err.Error(), "this cannot be its name") {
			t.Errorf("name %q: error %v", name, err)
		}
	}
	if _, err := program.New(dir, program.Settings{}); err == nil || !strings.Contains(err.Error(), "no program is named") {
		t.Errorf("error %v", err)
	}
}

func TestInputThatCouldBeAnOptionIsRefused(t *testing.T) {
	p := play("arguments")
	p.Output = json.RawMessage(`{"type": "array"}`)
	p.Args = []string{"{a}{b}", "{files...}"}
	b := openOne(t, p)
	for input, want := range map[string]string{
		`{"a": "--exec=sh", "b": "", "files": []}`:     "input: a begins with a dash",
		`{"a": "", "b": "-c", "files": []}`:            "input: b begins with a dash",
		`{"a": "x", "b": -5, "files": ["ok", "-rf"]}`:  "input: files[1] begins with a dash",
		`{"a": "x", "b": "y", "files": ["a\u0000-b"]}`: "input: files[0] holds a NUL byte",
	} {
		if f := b.failure(input); !f.Permanent || !strings.Contains(f.Message, want) {
			t.Errorf("%s: %+v, want %s", input, f, want)
		}
	}
	p.AllowDashes = true
	if got, want := openOne(t, p).out(`{"a": "", "b": "-c", "files": [-7]}`), `["-c","-7"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestProgramIsPinnedWhenTheWorkspaceIsLoaded(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write(t, 0o755, "#!/bin/sh\necho first\n", first, "pinned")
	write(t, 0o755, "#!/bin/sh\necho second\n", second, "pinned")
	t.Setenv("PATH", first)
	b := openOne(t, program.Program{Run: []string{"pinned"}})
	t.Setenv("PATH", second)
	if got := b.out(`{"PATH": "` + second + `"}`); got != `{"text":"first"}` {
		t.Errorf("got %s", got)
	}
	t.Setenv("PATH", ".")
	t.Chdir(first)
	if _, err := program.New(t.TempDir(), program.Settings{Programs: map[string]program.Program{"it": {Run: []string{"pinned"}}}}); err == nil {
		t.Error("a program was taken from the current folder")
	}
}

func TestFilesThatMovedSinceAreNotRun(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	ran := filepath.Join(outside, "ran")
	evil := write(t, 0o755, "#!/bin/sh\necho evil > "+ran+"\n", outside, "evil")
	for _, c := range []struct {
		name, want string
		p          program.Program
		change     func()
	}{
		{"program", `"bin/a" leads out`, program.Program{Run: []string{"bin/a"}}, func() { relink(t, evil, filepath.Join(dir, "bin", "a")) }},
		{"script", `"bin/a" leads out`, program.Program{Run: []string{"sh", "bin/a"}}, func() { relink(t, evil, filepath.Join(dir, "bin", "a")) }},
		{"removed", `there is no file "bin/a"`, program.Program{Run: []string{"bin/a"}}, func() { must(os.Remove(filepath.Join(dir, "bin", "a"))) }},
		{"folder", `dir: "work" leads out`, program.Program{Run: []string{"bin/a"}, Dir: "work"}, func() { relink(t, outside, filepath.Join(dir, "work")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(os.RemoveAll(filepath.Join(dir, "bin")))
			write(t, 0o755, "#!/bin/sh\necho good\n", dir, "bin", "a")
			must(os.MkdirAll(filepath.Join(dir, "work"), 0o755))
			b := open(t, dir, program.Settings{Programs: map[string]program.Program{"it": c.p}})
			if got := b.out(""); got != `{"text":"good"}` {
				t.Fatalf("got %s", got)
			}
			c.change()
			if f := b.failure(""); !f.Permanent || !strings.Contains(f.Message, c.want) {
				t.Errorf("%+v, want %s", f, c.want)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("it was run")
			}
		})
	}
}

func relink(t *testing.T, to, link string) {
	t.Helper()
	must(os.RemoveAll(link))
	must(os.Symlink(to, link))
}

func TestPinnedFileThatChangedIsNotRun(t *testing.T) {
	for name, run := range map[string][]string{"program": {"bin/a"}, "script": {"sh", "./bin/a"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := "#!/bin/sh\necho good\n"
			write(t, 0o755, text, dir, "bin", "a")
			sum := strings.ToUpper(fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
			b := open(t, dir, program.Settings{Programs: map[string]program.Program{"it": {Run: run, SHA256: sum}}})
			if got := b.out(""); got != `{"text":"good"}` {
				t.Fatalf("got %s", got)
			}
			write(t, 0o755, "#!/bin/sh\necho evil\n", dir, "bin", "a")
			if f := b.failure(""); !f.Permanent || !strings.Contains(f.Message, `sha256: "bin/a" has changed`) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestProgramOnPathCanBePinnedToo(t *testing.T) {
	dir := t.TempDir()
	file := write(t, 0o755, "#!/bin/sh\necho good\n", dir, "onpath")
	t.Setenv("PATH", dir)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("#!/bin/sh\necho good\n")))
	b := openOne(t, program.Program{Run: []string{"onpath", "./x"}, SHA256: sum})
	if got := b.out(""); got != `{"text":"good"}` {
		t.Fatalf("got %s", got)
	}
	write(t, 0o755, "#!/bin/sh\necho evil\n", file)
	if f := b.failure(""); !f.Permanent || !strings.Contains(f.Message, "has changed") {
		t.Errorf("%+v", f)
	}
}
