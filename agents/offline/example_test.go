package offline_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/coordinator"
)

func Example() {
	reader, err := agents.New(agents.Config{
		Name:  "reader",
		Model: offline.New(offline.Options{}),
		Output: json.RawMessage(`{"type": "object", "required": ["number", "total"], "properties": {
			"number": {"type": ["string", "null"]}, "total": {"type": ["number", "null"]}}}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	input, _ := json.Marshal("Rechnungsnummer: RE-2040\n\nNettobetrag  100,00 €\nMwSt. 19 %    19,00 €\nGesamtbetrag 119,00 €\n")
	result, err := reader.Do(context.Background(), coordinator.Attempt{Input: input})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(result.Output), result.Confidence.Score)
	for _, s := range result.Confidence.Signals {
		if s.Field != "" {
			fmt.Println(s.Field, s.Score, s.Note)
		}
	}
	// Output:
	// {"number":"RE-2040","total":119.00} 0.97
	// number 0.98 after "Rechnungsnummer" in line 1
	// total 0.97 after "Gesamtbetrag" in line 5, and net 100.00 and tax 19.00 add up to it
}
