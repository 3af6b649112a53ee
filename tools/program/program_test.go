//go:build unix

package program_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools/program"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// TestMain makes this very binary the program that is run: it stands on PATH as "player" and does what ACT says.
func TestMain(m *testing.M) {
	if act, ok := acts[os.Getenv("ACT")]; ok {
		act()
		os.Exit(0)
	}
	os.Exit(withPlayer(m))
}

func withPlayer(m *testing.M) int {
	self, err := os.Executable()
	must(err)
	dir, err := os.MkdirTemp("", "player")
	must(err)
	defer os.RemoveAll(dir)
	must(os.Symlink(self, filepath.Join(dir, "player")))
	must(os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")))
	return m.Run()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// bench is a workspace with programs.
type bench struct {
	t       *testing.T
	dir     string
	workers map[string]coordinator.Worker
}

func play(act string) program.Program {
	return program.Program{Run: []string{"player"}, Env: map[string]string{"ACT": act, "GORACE": "atexit_sleep_ms=0"}}
}

func open(t *testing.T, dir string, s program.Settings) *bench {
	t.Helper()
	return &bench{t, dir, tooltest.Open(t, program.New, dir, s)}
}

func openOne(t *testing.T, p program.Program) *bench {
	t.Helper()
	return open(t, t.TempDir(), program.Settings{Programs: map[string]program.Program{"it": p}})
}

func (b *bench) do(ctx context.Context, worker, input string) (coordinator.Result, error) {
	return b.workers[worker].Do(ctx, coordinator.Attempt{Run: "r1", Path: "steps/a", Key: "ws/r1/a/1", Input: json.RawMessage(input)})
}

// out is what the one program answers.
func (b *bench) out(input string) string {
	b.t.Helper()
	r, err := b.do(b.t.Context(), "exec.it", input)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(r.Output)
}

// failure is how the one program fails.
func (b *bench) failure(input string) *coordinator.Failure {
	b.t.Helper()
	r, err := b.do(b.t.Context(), "exec.it", input)
	if err == nil {
		b.t.Fatalf("it answered %s", r.Output)
	}
	return coordinator.FailureOf(err)
}

func write(t *testing.T, mode os.FileMode, text string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestProgramGetsItsInputAsJSONAndAnswersJSON(t *testing.T) {
	p := play("echo")
	p.Output = json.RawMessage(`{"type": "object", "required": ["b"]}`)
	if got, want := openOne(t, p).out(`{"b": "<ö>", "a": 1.50}`), `{"a":1.5,"b":"<ö>"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestProgramWithoutOutputSchemaAnswersText(t *testing.T) {
	b := openOne(t, program.Program{Run: []string{"sh", "-c", `printf 'one\n  two\n\n'; printf 'a note\nof two lines\n' >&2`}})
	r, err := b.do(t.Context(), "exec.it", "")
	if err != nil || string(r.Output) != `{"text":"one\n  two"}` {
		t.Errorf("%s, %v", r.Output, err)
	}
	if r.Note != "stderr: of two lines" {
		t.Errorf("note %q", r.Note)
	}
	b = openOne(t, program.Program{Run: []string{"sh", "-c", `printf 'M\374ller'`}})
	r, err = b.do(t.Context(), "exec.it", "")
	if err != nil || string(r.Output) != `{"text":"M�ller"}` || !strings.Contains(r.Note, "not UTF-8") {
		t.Errorf("%s, %q, %v", r.Output, r.Note, err)
	}
}

func TestProgramSeesOnlyTheEnvironmentItIsGiven(t *testing.T) {
	t.Setenv("TUTTI_TEST_OURS", "not for it")
	t.Setenv("LET_THROUGH", "passed")
	p := play("environment")
	p.Env["SET"] = "by the settings"
	p.Pass = []string{"LET_THROUGH", "NOT_THERE_AT_ALL"}
	p.Output = json.RawMessage(`{}`)
	var got []string
	if err := json.Unmarshal([]byte(openOne(t, p).out(`{"SET": "by the input", "PATH": "/tmp", "env": {"X": "1"}}`)), &got); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"ACT=environment", "GORACE=atexit_sleep_ms=0", "LET_THROUGH=passed", "SET=by the settings", "TUTTI_KEY=ws/r1/a/1", "TUTTI_PATH=steps/a", "TUTTI_RUN=r1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestProgramRunsInItsFolderAndScriptsAreFoundFromAnywhere(t *testing.T) {
	dir := t.TempDir()
	write(t, 0o644, "pwd; cat data.txt; echo $1", dir, "scripts", "show.sh")
	write(t, 0o644, "42\n", dir, "work", "data.txt")
	b := open(t, dir, program.Settings{Programs: map[string]program.Program{
		"it": {Run: []string{"sh", "scripts/show.sh", "scripts/none.sh"}, Dir: "work", Pass: []string{"PATH"}},
	}})
	real, err := filepath.EvalSymlinks(dir)
	must(err)
	if got, want := b.out(`{}`), fmt.Sprintf(`{"text":%q}`, filepath.Join(real, "work")+"\n42\nscripts/none.sh"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInputBecomesWholeArguments(t *testing.T) {
	p := play("arguments")
	p.Run = append(p.Run, "{id}", "-v")
	p.Output = json.RawMessage(`{"type": "array"}`)
	p.Args = []string{"--id", "{id}", "--size={w}x{h}", "--opt={opt?}", "{yes}", "{a:.b}", "--", "{files...}", "{last?}"}
	b := openOne(t, p)
	for _, c := range []struct{ input, want string }{
		{
			`{"id": "a b; rm -rf $HOME '\"\n*", "w": 1e3, "h": -2, "yes": true, "files": []}`,
			`["{id}","-v","--id","a b; rm -rf $HOME '\"\n*","--size=1e3x-2","true","{a:.b}","--"]`,
		},
		{
			`{"id": "", "w": 10000000000000001, "h": "$(id)", "yes": "{id}", "opt": "-x", "files": ["-r", 7, "../x"], "last": "--exec=sh"}`,
			`["{id}","-v","--id","","--size=10000000000000001x$(id)","--opt=-x","{id}","{a:.b}","--","-r","7","../x","--exec=sh"]`,
		},
	} {
		if got := b.out(c.input); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.input, got, c.want)
		}
	}
}

func TestSchemaOfTheInputFollowsTheArguments(t *testing.T) {
	p := play("arguments")
	p.Args = []string{"{id}", "{size?}", "{files...}"}
	b := openOne(t, p)
	for input, want := range map[string]string{
		`{}`:                           "exec.it: input: files is missing; id is missing",
		`{"id": {}, "files": [[1]]}`:   "exec.it: input: files[0] must be",
		`{"id": "a", "files": "b"}`:    "exec.it: input: files must be a list, not a string",
		`{"id": "a", "files": [null]}`: "exec.it: input: files[0] must be",
		`[]`:                           "exec.it: input: it must be an object, not a list",
	} {
		if f := b.failure(input); !f.Permanent || !strings.HasPrefix(f.Message, want) {
			t.Errorf("%s: %+v, want %s", input, f, want)
		}
	}
}

func TestRunTakesNamedProgramsOnlyAndIsAsDangerousAsTheWorst(t *testing.T) {
	look, charge := play("echo"), play("exit")
	look.Effect, look.Description, look.Output = coordinator.EffectRead, "Looks.", json.RawMessage(`{}`)
	look.Input = json.RawMessage(`{"type": "object", "required": ["what"]}`)
	charge.Authority = []string{"amount"}
	b := open(t, t.TempDir(), program.Settings{Programs: map[string]program.Program{"look": look, "charge": charge}})
	card := b.workers["exec.run"].Card()
	if card.Effect != coordinator.EffectUnrepeatable || !slices.Equal(card.Authority, []string{"program", "input"}) {
		t.Errorf("%+v", card)
	}
	if !strings.Contains(card.Description, "\nlook (read): Looks.") {
		t.Errorf("description %q", card.Description)
	}
	r, err := b.do(t.Context(), "exec.run", `{"program": "look", "input": {"what": 1}}`)
	if err != nil || string(r.Output) != `{"what":1}` {
		t.Errorf("%s, %v", r.Output, err)
	}
	for _, input := range []string{
		`{"program": "sh"}`, `{"program": "../x"}`, `{"program": "/bin/sh"}`, `{"program": "player"}`, `{"program": "run"}`, `{"program": "look\u0000"}`,
		`{"program": ""}`, `{}`, `{"program": "look", "args": ["-c"]}`, `{"program": "look", "env": {"ACT": "exit"}}`, `{"program": "look", "input": {}}`,
		`{"program": "look", "input": [1]}`,
	} {
		if _, err := b.do(t.Context(), "exec.run", input); err == nil || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%s: error %v", input, err)
		}
	}
}

func TestRunKnowsThatAHarmlessProgramChangedNothing(t *testing.T) {
	look, charge := play("exit"), play("exit")
	look.Effect, look.Args, charge.Args = coordinator.EffectRead, []string{"{status}"}, []string{"{status}"}
	b := open(t, t.TempDir(), program.Settings{Programs: map[string]program.Program{"look": look, "charge": charge}})
	for name, want := range map[string]bool{"look": true, "charge": false} {
		_, err := b.do(t.Context(), "exec.run", `{"program": "`+name+`", "input": {"status": 3}}`)
		if f := coordinator.FailureOf(err); f == nil || f.NotDone != want || f.Permanent || !strings.HasPrefix(f.Message, "exec.run: "+name+": exit status 3") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestSettingsComeFromAWorkspaceFile(t *testing.T) {
	t.Setenv("IMAGES_TOKEN", "canary-4711")
	dir := t.TempDir()
	write(t, 0o755, "#!/bin/sh\necho \"token $API_TOKEN refused\" >&2\nexit 7\n", dir, "bin", "resize")
	write(t, 0o644, `name: test
secrets:
  images: {env: IMAGES_TOKEN}
tools:
  exec:
    concurrent: 2
    programs:
      resize:
        run: bin/resize
        description: Makes a picture smaller.
        effect: idempotent
        input: {type: object, properties: {path: {type: string, format: path}, width: {type: integer}}, required: [path]}
        output: {type: object}
        args: ["--width={width?}", "--", "{path}"]
        authority: [path]
        env: {API_TOKEN: {secret: images}}
        pass: [PATH, HOME]
        timeout: 90s
        grace: 500ms
        exit: {7: not_done}
`, dir, "tutti.yaml")
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	var s program.Settings
	if err := ws.DecodeTool("exec", &s); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir, s)
	_, err = b.do(t.Context(), "exec.resize", `{"path": "in/a.png"}`)
	f := coordinator.FailureOf(err)
	if f == nil || !f.NotDone || f.Permanent || f.Message != "exec.resize: exit status 7: token [secret API_TOKEN] refused" {
		t.Errorf("%+v", f)
	}
	if c := b.workers["exec.resize"].Card(); c.Timeout.String() != "2m30.5s" || c.Effect != coordinator.EffectIdempotent || c.Description != "Makes a picture smaller." {
		t.Errorf("%+v", c)
	}
	if _, err := b.do(t.Context(), "exec.resize", `{"path": "../a.png"}`); err == nil || !coordinator.FailureOf(err).Permanent {
		t.Errorf("error %v", err)
	}
}
