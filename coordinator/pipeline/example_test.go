package pipeline_test

import (
	"fmt"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func ExampleMarshal() {
	data, err := pipeline.Marshal(&coordinator.Plan{
		Name: "intake",
		Steps: []coordinator.Step{
			{ID: "text", Use: "files.text", With: map[string]any{"path": "${{ input.document }}"}, Retry: coordinator.Retry{Attempts: 5}},
			{ID: "invoice", Use: "reader", With: map[string]any{"document": "${{ steps.text.content }}", "rules": "Totals first.\nThen lines.\n"},
				Accept: coordinator.Accept{Threshold: 0.9},
				Review: coordinator.Review{By: "finance", Within: 4 * time.Hour, Then: coordinator.Then{Do: "reassign", Reassign: "cfo"}}},
			{ID: "book", Use: "sql.exec", If: `steps.invoice.total > 0`, Undo: &coordinator.Step{Use: "sql.exec", With: map[string]any{"statement": "delete_invoice"}}},
		},
		Output: "${{ steps.invoice }}",
	})
	fmt.Printf("%s%v\n", data, err)
	// Output:
	// name: intake
	// steps:
	//   - id: text
	//     use: files.text
	//     with: {path: "${{ input.document }}"}
	//     retry: 5
	//   - id: invoice
	//     use: reader
	//     with:
	//       document: "${{ steps.text.content }}"
	//       rules: |
	//         Totals first.
	//         Then lines.
	//     accept: 0.9
	//     review: {by: finance, within: 4h, then: {reassign: cfo}}
	//   - id: book
	//     use: sql.exec
	//     if: "steps.invoice.total > 0"
	//     undo: {use: sql.exec, with: {statement: delete_invoice}}
	// output: "${{ steps.invoice }}"
	// <nil>
}

func ExampleFile_Check() {
	f, err := pipeline.Parse("intake.yaml", []byte(`
steps:
  - id: text
    use: files.text
    timout: 30
`))
	if f != nil { // the YAML could be read: look at the plan as well
		err = f.Check(nil, coordinator.Limits{})
	}
	fmt.Println(err)
	// Output:
	// intake.yaml:5:5: unknown key "timout"
	//    5 |     timout: 30
	//      |     ^^^^^^ did you mean "timeout"?
	// intake.yaml:5:13: timeout must be a duration, not 30
	//    5 |     timout: 30
	//      |             ^^ add a unit: 30s, 30m, 30h or 30d
	// 2 mistakes
}
