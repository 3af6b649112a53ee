package main

import (
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
)

func TestWhatWasLikelyMeantIsNamed(t *testing.T) {
	known := []string{"list", "show", "watch", "cancel", "redo"}
	for written, want := range map[string]string{
		"shwo":      `; did you mean "show"?`,
		"Cancell":   `; did you mean "cancel"?`,
		"frobnicat": "",
	} {
		if got := didYouMean(written, known); got != want {
			t.Errorf("%s: %q, not %q", written, got, want)
		}
	}
}

func TestAStepIsNamedAsItIsShown(t *testing.T) {
	steps := []coordinator.StepState{{Path: "r"}, {Path: "r[0]"}, {Path: "r[0]#1/order"}, {Path: "r[0]@2#1/order"}}
	for _, c := range []struct{ name, want string }{
		{"r[0]", "r[0]"},
		{"r[0]#1/order", "r[0]#1/order"},
		{"r[0] › order", "r[0]@2#1/order"}, // the newest
		{"r[0] > order", "r[0]@2#1/order"},
	} {
		if got, err := pathOf(c.name, steps); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; not %q", c.name, got, err, c.want)
		}
	}
	if _, err := pathOf("order", steps); codeOf(err) != exitUsage || !strings.Contains(err.Error(), `did you mean "r[0] › order"`) {
		t.Errorf("%v", err)
	}
}
