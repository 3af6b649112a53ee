package coordinator_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
)

func TestOutlineKnowsWhatExpressionsName(t *testing.T) {
	p := &coordinator.Plan{Steps: []coordinator.Step{
		{ID: "a", Use: "w"},
		{ID: "b", Use: "w", With: map[string]any{"x": "${{ steps.a.y }}"}},
		{ID: "c", Use: "w", Needs: []string{"a"}, If: "steps.b == 1", Undo: &coordinator.Step{Use: "w", With: "${{ steps.c }}"}},
		{ID: "d", Use: "w", ForEach: "steps.c", With: "${{ steps['a'] }}"},
	}}
	nodes, err := coordinator.Outline(p, coordinator.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{nil, {"a"}, {"a", "b"}, {"a", "c"}} {
		if nodes[i].ID != p.Steps[i].ID || !slices.Equal(nodes[i].After, want) {
			t.Errorf("%s waits for %v, not %v", nodes[i].ID, nodes[i].After, want)
		}
	}
}

func TestOutlineOfABrokenPlanNamesItsMistakes(t *testing.T) {
	_, err := coordinator.Outline(&coordinator.Plan{Steps: []coordinator.Step{{ID: "a", Use: "w", Needs: []string{"z"}}}}, coordinator.Limits{})
	if plan := (*coordinator.PlanError)(nil); !errors.As(err, &plan) || len(plan.Mistakes) != 1 {
		t.Fatalf("error %v", err)
	}
}
