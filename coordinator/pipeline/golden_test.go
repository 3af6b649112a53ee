package pipeline_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata")

// cards are the workers that the files in testdata can use.
var cards = map[string]coordinator.Card{
	"files.text":     {Name: "files.text", Kind: "tool", Effect: coordinator.EffectRead},
	"invoice-reader": {Name: "invoice-reader", Kind: "agent", Effect: coordinator.EffectNone},
	"rules.decide":   {Name: "rules.decide", Kind: "tool", Effect: coordinator.EffectNone},
	"sql.exec":       {Name: "sql.exec", Kind: "tool", Effect: coordinator.EffectUnrepeatable},
	"mail.send":      {Name: "mail.send", Kind: "tool", Effect: coordinator.EffectUnrepeatable},
}

func workers(name string) (coordinator.Card, bool) {
	c, ok := cards[name]
	return c, ok
}

func names() []string {
	var out []string
	for name := range cards {
		out = append(out, name)
	}
	return out
}

// TestMistakesReadWell holds what people see, word for word. An archive holds a pipeline or a whole workspace, and the
// text of the error under "mistakes".
func TestMistakesReadWell(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			golden, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			got := mistakes(t, archive) + "\n"
			last := len(archive.Files) - 1
			if last < 0 || archive.Files[last].Name != "mistakes" {
				archive.Files = append(archive.Files, txtar.File{Name: "mistakes"})
				last++
			}
			if *update {
				archive.Files[last].Data = []byte(got)
				if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(archive.Files[last].Data); got != want {
				t.Errorf("mistakes:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// mistakes unpacks an archive where the test then stands, and returns what is said about it.
func mistakes(t *testing.T, archive *txtar.Archive) string {
	t.Chdir(t.TempDir())
	isWorkspace := false
	for _, f := range archive.Files {
		if f.Name == "mistakes" {
			continue
		}
		write(t, f.Name, string(f.Data))
		isWorkspace = isWorkspace || f.Name == pipeline.WorkspaceFile
	}
	err := error(nil)
	if isWorkspace {
		err = checkWorkspace(t)
	} else {
		err = checkFile(archive.Files[0].Name, archive.Files[0].Data)
	}
	if err == nil {
		return "none"
	}
	return err.Error()
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func checkWorkspace(t *testing.T) error {
	w, err := pipeline.OpenWorkspace("")
	if err != nil {
		return err
	}
	t.Cleanup(func() { w.Close() })
	return w.Check(workers, names()...)
}

func checkFile(name string, data []byte) error {
	f, err := pipeline.Parse(name, data)
	if f == nil {
		return err
	}
	return f.Check(workers, coordinator.Limits{}, names()...)
}
