package coordinator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tuttirun/tutti/coordinator"
)

// TestEveryMistakeIsReportedAtOnce checks the plans in testdata/check.txtar. Each has the text for people and the fields for
// programs; -update rewrites both.
func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	const file = "testdata/check.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cards map[string]coordinator.Card
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		switch {
		case f.Name == "workers.json":
			if err := json.Unmarshal(f.Data, &cards); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			out.Files = append(out.Files, f)
		case bytes.HasPrefix([]byte(f.Name), []byte("plan: ")):
			text, fields := mistakes(t, f, cards)
			out.Files = append(out.Files, f,
				txtar.File{Name: "says", Data: text}, txtar.File{Name: "fields", Data: fields})
		}
	}
	got := txtar.Format(out)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := txtar.Format(archive); !*update && !bytes.Equal(got, want) {
		t.Errorf("%s differs; run go test ./coordinator -run EveryMistake -update and review the change\ngot:\n%s", file, got)
	}
}

func mistakes(t *testing.T, f txtar.File, cards map[string]coordinator.Card) (text, fields []byte) {
	t.Helper()
	var plan coordinator.Plan
	if err := json.Unmarshal(f.Data, &plan); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	workers := func(name string) (coordinator.Card, bool) { c, ok := cards[name]; return c, ok }
	err := coordinator.Check(&plan, workers, coordinator.Limits{})
	if err == nil {
		return []byte("nothing is wrong\n"), nil
	}
	wrong := (*coordinator.PlanError)(nil)
	if !errors.As(err, &wrong) {
		t.Fatalf("%s: %v is not a *PlanError", f.Name, err)
	}
	for _, m := range wrong.Mistakes {
		fields = append(append(fields, m.Field...), '\n')
	}
	return []byte(err.Error() + "\n"), fields
}
