package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func TestCheckingAPipelineChecksThoseItUses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tutti.yaml":            "name: used\n",
		"pipelines/outer.yaml":  "name: outer\nsteps:\n  - {id: a, use: middle}\n  - {id: b, use: outer}\n",
		"pipelines/middle.yaml": "name: middle\nsteps:\n  - {id: a, use: inner}\n",
		"pipelines/inner.yaml":  "name: inner\nsteps:\n  - {id: a, use: nobody}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	outer, err := w.Pipeline("outer")
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) (coordinator.Card, bool) { return coordinator.Card{Name: name}, name != "nobody" }
	err = w.CheckFile(outer, known)
	if err == nil || strings.Count(err.Error(), `unknown worker "nobody"`) != 1 || !strings.Contains(err.Error(), "inner.yaml:3") {
		t.Fatalf("the mistake in what the used pipeline uses: %v", err)
	}
}
