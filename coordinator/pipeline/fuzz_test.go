package pipeline_test

import (
	"errors"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// FuzzParse holds that no file makes Parse, Check or Marshal panic, that each mistake has a place, and that a file
// without mistakes survives being written and read.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seeds {
		archive, err := txtar.ParseFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := pipeline.Parse("a.yaml", data)
		placed(t, err)
		if file == nil {
			return
		}
		placed(t, file.Check(workers, coordinator.Limits{}))
		if err != nil {
			return
		}
		written, err := pipeline.Marshal(file.Plan)
		if err != nil {
			t.Fatalf("marshal: %v", err)
		}
		if len(written) > 1<<20 {
			return
		}
		if _, err := pipeline.Parse("a.yaml", written); err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
	})
}

func placed(t *testing.T, err error) {
	if err == nil {
		return
	}
	var e *pipeline.Error
	if !errors.As(err, &e) {
		t.Fatalf("error of type %T: %v", err, err)
	}
	if !utf8.ValidString(err.Error()) {
		t.Fatalf("not UTF-8: %q", err)
	}
	for _, m := range e.Mistakes {
		if m.Line < 1 || m.Column < 1 || m.Width < 1 || m.Message == "" {
			t.Fatalf("mistake without a place: %+v", m)
		}
	}
}
