// Package tooltest is what the tests of the tool families share: a folder as the workspace, the family's workers by name,
// and one attempt with one of them. Only tests import it.
//
//	dir := tooltest.Folder(t, map[string]string{"letters/due.md": "Dear {{.name}}"})
//	workers := tooltest.Open(t, template.New, dir, template.Settings{})
//	result, err := tooltest.Do(t.Context(), workers["template.render"], "k", `{"template": "letters/due.md"}`)
package tooltest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// Open opens a family by its New and returns the workers by name. They are closed at the end of the test, which fails if
// one cannot be.
func Open[Settings any](t testing.TB, family func(string, Settings) ([]coordinator.Worker, error), dir string, s Settings) map[string]coordinator.Worker {
	t.Helper()
	workers, err := family(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tools.Close(workers...); err != nil {
			t.Error(err)
		}
	})
	byName, err := tools.Map(workers...)
	if err != nil {
		t.Fatal(err)
	}
	return byName
}

// Do makes one attempt with JSON as it is. The key may be "": a worker that needs one then refuses.
func Do(ctx context.Context, w coordinator.Worker, key, input string) (coordinator.Result, error) {
	return w.Do(ctx, coordinator.Attempt{Key: key, Input: json.RawMessage(input)})
}

// Call makes one attempt with a Go value, and decodes what comes of it into output, a pointer; nil: it is not looked at.
// An input that JSON cannot hold is the test's own mistake, which must not look like the worker's failure: it panics.
func Call(ctx context.Context, w coordinator.Worker, key string, input, output any) error {
	raw, err := json.Marshal(input)
	if err != nil {
		panic(fmt.Sprintf("tooltest: input %T: %v", input, err))
	}
	r, err := Do(ctx, w, key, string(raw))
	if err != nil || output == nil {
		return err
	}
	return json.Unmarshal(r.Output, output)
}

// Permanent reports whether err is a failure that another attempt would repeat.
func Permanent(err error) bool { return err != nil && coordinator.FailureOf(err).Permanent }

// Folder makes a workspace of the files named, for the time of the test.
func Folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		Write(t, dir, name, text)
	}
	return dir
}

// Write puts a file below dir, with the folders on the way to it.
func Write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
