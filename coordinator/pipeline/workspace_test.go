package pipeline_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

const invoices = `
-- tutti.yaml --
name: invoices
redis: redis://localhost:6379/0
models:
  default: offline
  fast: {use: openai/gpt-4o-mini, timeout: 60s, price: {input: 0.15}}
agents:
  reader:
    description: Reads invoices.
    instructions_file: prompts/reader.md
    calls: files.text
    output_file: schemas/invoice.json
    temperature: 0
  writer: {model: fast, instructions: Write., output_file: schemas/letter.yaml, max_repairs: -1}
tools:
  sql: {databases: {ledger: {url: "sqlite:ledger.db", timeout: 5s}}}
people:
  ada: {name: Ada L., groups: [finance]}
  eve: {groups: finance}
  max: {}
groups:
  board: {description: The last word}
limits: {steps: 200, expression: 5000}
-- prompts/reader.md --
Read the invoice.
-- schemas/invoice.json --
{"type": "object"}
-- schemas/letter.yaml --
type: string
-- pipelines/intake.yaml --
steps:
  - {id: a, use: reader, review: {by: finance, within: 4h, then: {reassign: max}}}
-- report.pipeline.yaml --
name: monthly-report
steps:
  - {id: a, use: intake}
-- elsewhere/extra.yaml --
steps: [{id: a, use: writer}]
`

// unpack writes an archive to a new folder, and returns it.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	return dir
}

func open(t *testing.T, path string) *pipeline.Workspace {
	t.Helper()
	w, err := pipeline.OpenWorkspace(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestAWorkspaceIsWhatItsFileSays(t *testing.T) {
	dir := unpack(t, invoices)
	w := open(t, dir)
	zero := 0.0
	wantAgents := map[string]pipeline.Agent{
		"reader": {
			Description: "Reads invoices.", Model: "default", Instructions: "Read the invoice.\n", InstructionsFile: "prompts/reader.md",
			Calls: []string{"files.text"}, Output: json.RawMessage("{\"type\": \"object\"}\n"), OutputFile: "schemas/invoice.json", Temperature: &zero,
		},
		"writer": {Model: "fast", Instructions: "Write.", Output: json.RawMessage(`{"type":"string"}`), OutputFile: "schemas/letter.yaml", MaxRepairs: -1},
	}
	wantGroups := map[string]pipeline.Group{"board": {Description: "The last word"}, "finance": {}}
	switch {
	case w.Name != "invoices" || w.Redis != "redis://localhost:6379/0" || w.Dir != dir:
		t.Errorf("workspace %q, %q in %s", w.Name, w.Redis, w.Dir)
	case w.Models["default"].Use != "offline" || w.Models["default"].Settings != nil || w.Models["fast"].Use != "openai/gpt-4o-mini":
		t.Errorf("models: %+v", w.Models)
	case !reflect.DeepEqual(w.Agents, wantAgents):
		t.Errorf("agents: %+v\nwant: %+v", w.Agents, wantAgents)
	case !reflect.DeepEqual(w.Groups, wantGroups):
		t.Errorf("groups: %+v", w.Groups)
	case w.Limits != coordinator.Limits{Steps: 200, Cost: 5000}:
		t.Errorf("limits: %+v", w.Limits)
	case len(w.Pipelines) != 2 || w.Pipelines[0].Name != "intake" || w.Pipelines[1].Name != "monthly-report":
		t.Errorf("pipelines: %+v", w.Pipelines)
	}
	known := func(name string) (coordinator.Card, bool) {
		return coordinator.Card{Name: name}, name == "reader" || name == "intake" || name == "files.text"
	}
	if err := w.Check(known); err != nil {
		t.Error(err)
	}
}

func TestAWorkspaceIsFoundFromBelow(t *testing.T) {
	dir := unpack(t, invoices)
	t.Chdir(filepath.Join(dir, "pipelines"))
	for _, from := range []string{"", ".", "..", "../schemas", "../tutti.yaml", dir} {
		if w := open(t, from); w.Dir != dir || w.File != filepath.Join("..", "tutti.yaml") || w.Pipelines[0].Path != "intake.yaml" {
			t.Errorf("from %q: %s, called %s, %s", from, w.Dir, w.File, w.Pipelines[0].Path)
		}
	}
}

func TestNoWorkspaceSaysHowToMakeOne(t *testing.T) {
	dir := t.TempDir()
	_, err := pipeline.OpenWorkspace(dir)
	if !errors.Is(err, pipeline.ErrNoWorkspace) || !strings.Contains(err.Error(), "tutti init") {
		t.Errorf("error: %v", err)
	}
	if _, err := pipeline.OpenWorkspace(filepath.Join(dir, "gone")); !errors.Is(err, pipeline.ErrNoWorkspace) {
		t.Errorf("error: %v", err)
	}
}

func TestAWorkspaceWithoutNameIsCalledLikeItsFolder(t *testing.T) {
	for folder, want := range map[string]string{"Rechnungen 2026!": "rechnungen-2026", "{..}": "workspace", "a_b.c": "a_b.c", strings.Repeat("x", 80): strings.Repeat("x", 63)} {
		dir := filepath.Join(t.TempDir(), folder)
		write(t, filepath.Join(dir, "tutti.yaml"), "models: {}\n")
		if w := open(t, dir); w.Name != want {
			t.Errorf("%q is called %q, want %q", folder, w.Name, want)
		}
	}
}

func TestToolSettingsAreReadStrictly(t *testing.T) {
	t.Chdir(unpack(t, invoices))
	w := open(t, "")
	type sql struct {
		Databases map[string]struct {
			URL     string        `json:"url"`
			Timeout time.Duration `json:"timeout"`
			Limit   *int          `json:"limit"`
		} `json:"databases"`
	}
	var got sql
	if err := w.DecodeTool("sql", &got); err != nil || got.Databases["ledger"].URL != "sqlite:ledger.db" || got.Databases["ledger"].Timeout != 5*time.Second {
		t.Errorf("settings: %+v, %v", got, err)
	}
	if err := w.DecodeTool("mail", &got); err != nil || got.Databases == nil {
		t.Errorf("settings that are not there: %+v, %v", got, err)
	}
	var other struct {
		Databases map[string]struct {
			Uri     string `json:"uri"`
			Timeout int    `json:"timeout"`
		} `json:"databases"`
	}
	err := w.DecodeTool("sql", &other)
	const want = `tutti.yaml:15:30: unknown key "url"
  15 |   sql: {databases: {ledger: {url: "sqlite:ledger.db", timeout: 5s}}}
     |                              ^^^ did you mean "uri"?
tutti.yaml:15:64: timeout must be a whole number, not "5s"
  15 |   sql: {databases: {ledger: {url: "sqlite:ledger.db", timeout: 5s}}}
     |                                                                ^^
2 mistakes`
	if err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	err = w.Mistake("tools.sql.databases.ledger.url", "ledger.db does not exist", "")
	if err == nil || !strings.HasPrefix(err.Error(), "tutti.yaml:15:35: ledger.db does not exist\n") {
		t.Errorf("error: %v", err)
	}
}

func TestModelSettingsComeWithoutUse(t *testing.T) {
	w := open(t, unpack(t, invoices))
	var got struct {
		Timeout time.Duration      `json:"timeout"`
		Price   map[string]float64 `json:"price"`
	}
	if err := w.DecodeModel("fast", &got); err != nil || got.Timeout != time.Minute || got.Price["input"] != 0.15 {
		t.Errorf("settings: %+v, %v", got, err)
	}
	if err := w.DecodeModel("default", &got); err != nil || got.Timeout != time.Minute {
		t.Errorf("settings that are not there: %+v, %v", got, err)
	}
}

func TestSettingsOfAWorkspaceMadeByHandAreJSON(t *testing.T) {
	w := &pipeline.Workspace{Tools: map[string]json.RawMessage{"mail": json.RawMessage(`{"from": "a@example.com"}`)}}
	var mail struct {
		From string `json:"from"`
	}
	if err := w.DecodeTool("mail", &mail); err != nil || mail.From != "a@example.com" {
		t.Errorf("settings: %+v, %v", mail, err)
	}
	if err := w.DecodeTool("mail", &struct{}{}); err == nil || !strings.Contains(err.Error(), "tools.mail") {
		t.Errorf("error: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestPipelinesAreFoundByNameAndByPath(t *testing.T) {
	dir := unpack(t, invoices)
	t.Chdir(t.TempDir())
	w := open(t, dir)
	for given, want := range map[string]string{"intake": "intake", "monthly-report": "monthly-report", "elsewhere/extra.yaml": "extra", filepath.Join(dir, "pipelines/intake.yaml"): "intake"} {
		if f, err := w.Pipeline(given); err != nil || f.Name != want {
			t.Errorf("Pipeline(%q) = %+v, %v", given, f, err)
		}
	}
	for given, want := range map[string]string{
		"intaek":       `no pipeline "intaek"; did you mean "intake"?`,
		"somewhere":    `no pipeline "somewhere"; known: intake, monthly-report`,
		"gone/x.yaml":  `no pipeline "gone/x.yaml"; known: intake, monthly-report`,
		"prompts/none": `no pipeline "prompts/none"; known: intake, monthly-report`,
	} {
		if _, err := w.Pipeline(given); err == nil || err.Error() != want {
			t.Errorf("Pipeline(%q): %v, want %s", given, err, want)
		}
	}
}

func TestABrokenPipelineDoesNotStandInTheWayOfOthers(t *testing.T) {
	dir := unpack(t, invoices)
	write(t, filepath.Join(dir, "pipelines", "broken.yaml"), "steps: [{idd: a}]\n")
	w := open(t, dir)
	if _, err := w.Pipeline("intake"); err != nil {
		t.Error(err)
	}
	var mistakes *pipeline.Error
	if _, err := w.Pipeline("broken"); !errors.As(err, &mistakes) {
		t.Errorf("error: %v", err)
	}
	if err := w.Check(nil); !errors.As(err, &mistakes) || !strings.Contains(err.Error(), `unknown key "idd"`) {
		t.Errorf("error: %v", err)
	}
}

func TestFilesOutsideTheWorkspaceAreNotRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret.md")
	write(t, outside, "secret")
	dir := unpack(t, "-- tutti.yaml --\nagents: {a: {instructions_file: link.md}, b: {instructions_file: ../secret.md}}\n")
	if err := os.Symlink(outside, filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	_, err := pipeline.OpenWorkspace(dir)
	var mistakes *pipeline.Error
	if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 2 {
		t.Fatalf("error: %v", err)
	}
}

func TestAFileNamedByTheWorkspaceMayNotBeHuge(t *testing.T) {
	dir := unpack(t, "-- tutti.yaml --\nagents: {a: {instructions_file: a.md}}\n")
	write(t, filepath.Join(dir, "a.md"), strings.Repeat("x", 1<<20+1))
	_, err := pipeline.OpenWorkspace(dir)
	if err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("error: %v", err)
	}
}

func TestOnlyThoseWhoAreAskedMayDecide(t *testing.T) {
	w := open(t, unpack(t, invoices))
	for _, tt := range []struct{ by, asked, want string }{
		{"ada", "", ""},
		{"bob", "", `"bob" may not decide this; ada, eve and max may`},
		{"", "", "a decision needs somebody's name"},
		{"ada", "ada", ""},
		{"ada", "finance", ""},
		{"eve", "finance", ""},
		{"max", "finance", `"max" may not decide this; ada and eve of finance may`},
		{"max", "ada", `"max" may not decide this; ada may`},
		{"finance", "finance", `"finance" may not decide this; ada and eve of finance may`},
		{"ada", "board", `"ada" may not decide this; the group board has no members: add some under people in tutti.yaml`},
		{"ada", "auditors", `"ada" may not decide this; "auditors" may, and is not listed under people in tutti.yaml`},
		{"auditors", "auditors", ""},
	} {
		err := w.MayDecide(tt.by, coordinator.Escalation{By: tt.asked})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%q asked %q: %v, want %q", tt.by, tt.asked, err, tt.want)
		}
	}
	if err := (&pipeline.Workspace{}).MayDecide("anyone", coordinator.Escalation{}); err != nil {
		t.Errorf("a workspace without people: %v", err)
	}
}
