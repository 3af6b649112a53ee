package data

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// workbench is a workspace with its workers.
type workbench struct {
	t       *testing.T
	dir     string
	workers map[string]coordinator.Worker
}

func newWorkbench(t *testing.T, s Settings, contents map[string]string) *workbench {
	t.Helper()
	dir := tooltest.Folder(t, contents)
	return &workbench{t, dir, tooltest.Open(t, New, dir, s)}
}

func (b *workbench) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// try gives a worker its input as JSON and returns its output as JSON.
func (b *workbench) try(worker, input string) (string, error) {
	b.t.Helper()
	result, err := tooltest.Do(b.t.Context(), b.workers[worker], "", input)
	return string(result.Output), err
}

func (b *workbench) do(worker, input string) string {
	b.t.Helper()
	out, err := b.try(worker, input)
	if err != nil {
		b.t.Fatalf("%s %s: %v", worker, input, err)
	}
	return out
}

// refused expects a permanent error that says all of want.
func (b *workbench) refused(worker, input string, want ...string) {
	b.t.Helper()
	_, err := b.try(worker, input)
	if err == nil || !coordinator.FailureOf(err).Permanent {
		b.t.Errorf("%s %s: error %v", worker, input, err)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			b.t.Errorf("%s %s: error %v, want %q", worker, input, err, w)
		}
	}
}

// changed reports what a write says about the file.
func (b *workbench) changed(worker, input string) bool {
	b.t.Helper()
	var out Written
	if err := json.Unmarshal([]byte(b.do(worker, input)), &out); err != nil {
		b.t.Fatal(err)
	}
	return out.Changed
}

func TestPathsOutsideOfTheWorkspaceAreRefused(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	if err := os.Symlink(t.TempDir(), filepath.Join(b.dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../x", "/etc/passwd", "link/x"} {
		for worker, rest := range map[string]string{
			"csv.read": ``, "json.read": ``, "xlsx.read": ``, "csv.write": `,"rows":[{"a":1}],"overwrite":true`,
			"json.write": `,"value":1,"overwrite":true`, "xlsx.write": `,"sheets":[{"name":"A","rows":[]}],"overwrite":true`,
		} {
			b.refused(worker, `{"path":"`+path+`"`+rest+`}`, "outside of the workspace")
		}
	}
}

func TestFilesWithOtherContentAreOnlyReplacedWithOverwrite(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": "mine", "a.json": "mine", "a.xlsx": "mine"})
	for worker, rest := range map[string]string{
		"csv.write": `"path":"a.csv","rows":[{"a":1}]`, "json.write": `"path":"a.json","value":1`, "xlsx.write": `"path":"a.xlsx","sheets":[{"name":"A","rows":[{"a":1}]}]`,
	} {
		b.refused(worker, `{`+rest+`}`, "overwrite")
		if !b.changed(worker, `{`+rest+`,"overwrite":true}`) {
			t.Errorf("%s: not changed", worker)
		}
		if b.changed(worker, `{`+rest+`}`) {
			t.Errorf("%s: the same content again is a change", worker)
		}
	}
}

func TestFilesHaveALimit(t *testing.T) {
	b := newWorkbench(t, Settings{MaxBytes: 10}, map[string]string{"a": "12345678901"})
	for _, worker := range []string{"csv.read", "json.read", "xlsx.read"} {
		b.refused(worker, `{"path":"a"}`, "limit of 10 bytes")
	}
	b.refused("json.write", `{"path":"b","value":"123456789012"}`, "max_bytes")
	b.refused("csv.write", `{"path":"b","rows":[{"a":"123456789012"}]}`, "max_bytes")
	b.refused("xlsx.write", `{"path":"b","sheets":[{"name":"A","rows":[]}]}`, "max_bytes")
}
