package tools_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

func ExampleNew() {
	type Sum struct {
		A int `json:"a" jsonschema_description:"the first number"`
		B int `json:"b" validate:"gte=0"`
	}
	add := tools.New("add", "Adds two whole numbers.",
		func(_ context.Context, in Sum) (int, error) { return in.A + in.B, nil },
		tools.Options{Effect: coordinator.EffectNone})

	result, err := add.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{"a": 2, "b": 3}`)})
	fmt.Println(string(result.Output), err)
	_, err = add.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{"a": "2", "b": -3}`)})
	fmt.Println(err)
	// Output:
	// 5 <nil>
	// add: input: a must be a whole number, not a string; b must be at least 0, not -3
}
