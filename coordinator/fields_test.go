package coordinator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
)

const closedSchema = `{"type": "object", "properties": {"rows": {"type": "array"}, "count": {"type": "integer"}}, "additionalProperties": false}`

func TestAFieldThatCannotBeThereIsAMistake(t *testing.T) {
	workers := func(name string) (coordinator.Card, bool) {
		card := coordinator.Card{Name: name}
		if name == "closed" {
			card.Output = json.RawMessage(closedSchema)
		}
		return card, true
	}
	for expression, want := range map[string]string{
		"steps.a.row":        `steps.a has no field "row"`,
		"steps.a.rows.first": "",
		"has(steps.a.row)":   "",
		"steps.each.row":     "", // a list
		"steps.open.row":     "",
		"input.fle":          `the input has no field "fle"`,
		"input.file":         "",
		"has(input.fle)":     "",
		"[dyn({})].map(input, has(input.fle) ? input.fle : 1)": "", // a macro's own variable
	} {
		p := &coordinator.Plan{
			Input: json.RawMessage(`{"type": "object", "properties": {"file": {"type": "string"}}, "additionalProperties": false}`),
			Steps: []coordinator.Step{
				{ID: "a", Use: "closed"}, {ID: "open", Use: "open"}, {ID: "each", Use: "closed", ForEach: "[1]"},
				{ID: "b", Use: "open", With: map[string]any{"x": "${{ " + expression + " }}"}},
			},
		}
		err := coordinator.Check(p, workers, coordinator.Limits{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", expression, err, want)
		}
	}
}
