// Hello embeds Tutti in a Go program: one tool, one plan, no server, no Redis.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/tools"
)

type person struct {
	Name string `json:"name" validate:"required"`
}

func main() {
	ctx := context.Background()
	greet := tools.New("greet", "Greets somebody.", func(_ context.Context, p person) (string, error) {
		return "Hello, " + p.Name + "!", nil
	}, tools.Options{Effect: coordinator.EffectNone})
	rt := must(local.New(local.Options{Workers: must(tools.Map(greet))}))
	defer rt.Close(ctx)
	run := must(rt.Run(ctx, local.Task{
		Plan: &coordinator.Plan{Steps: []coordinator.Step{
			{ID: "hi", Use: "greet", With: map[string]any{"name": "${{ input.name }}"}},
		}},
		Input: map[string]any{"name": "Ada"},
	}))
	fmt.Println(must(coordinator.Output[string](run, "hi")))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
