package models_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

func TestMostSpecificPriceWins(t *testing.T) {
	prices := models.Prices{
		"*/*": {Input: 1}, "anthropic/*": {Input: 2}, "anthropic/claude-sonnet-*": {Input: 3},
		"anthropic/claude-sonnet-4-5": {Input: 4}, "anthropic/*-sonnet-*": {Input: 5},
	}
	for model, want := range map[string]float64{
		"anthropic/claude-sonnet-4-5": 4, "anthropic/claude-sonnet-4": 3, "anthropic/claude-haiku": 2, "openai/gpt": 1,
	} {
		if got, ok := prices.Of(model); !ok || got.Input != want {
			t.Errorf("%s costs %v, want %v", model, got.Input, want)
		}
	}
	if price, ok := prices.Of("offline"); ok {
		t.Errorf("offline costs %+v", price)
	}
}

func TestOwnPricesWinOverBuiltInOnes(t *testing.T) {
	prices := models.DefaultPrices().With(models.Prices{"anthropic/claude-sonnet-4-*": {Input: 7}, "openai/gpt-5*": {Input: 8}, "openai/own": {Input: 9}})
	for model, want := range map[string]float64{
		"anthropic/claude-sonnet-4-5": 7, "openai/gpt-5": 8, "openai/gpt-5-mini": 8, "openai/own": 9, "openai/gpt-4o": 2.5,
	} {
		if got, ok := prices.Of(model); !ok || got.Input != want {
			t.Errorf("%s costs %v, want %v", model, got.Input, want)
		}
	}
	if got, _ := models.DefaultPrices().Of("openai/gpt-5"); got.Input == 8 {
		t.Error("the built-in table was changed")
	}
}

func TestBuiltInPricesAreDatedAndSane(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, models.PricesChecked()); err != nil {
		t.Error(err)
	}
	prices := models.DefaultPrices()
	if err := prices.Check(); err != nil {
		t.Error(err)
	}
	for name, p := range prices {
		if free := name == "offline"; free != (p == agents.Price{}) || !free && (p.Output <= p.Input || p.Cached <= 0 || p.Cached >= p.Input || p.Written != 0 && p.Written <= p.Input) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestMistypedPricesAreRefused(t *testing.T) {
	for _, prices := range []models.Prices{{"": {}}, {"a[": {}}, {"a": {Output: -1}}} {
		if err := prices.Check(); err == nil || !strings.HasPrefix(err.Error(), "prices: ") {
			t.Errorf("%v: %v", prices, err)
		}
	}
}

func TestCostOfWhatIsWrittenToACacheIsCounted(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x").Using(modeltest.Usage{Input: 1000, Output: 10, Cached: 600, Written: 300}))
	m, err := models.Open("anthropic/claude-sonnet-4-5", models.Settings{BaseURL: p.URL()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := agentOn(t, m).Do(t.Context(), attempt)
	want := (100*3 + 600*0.3 + 300*3.75 + 10*15) / 1e6
	if got := r.Models["anthropic/claude-sonnet-4-5"]; err != nil || got != r.Usage || got.Cost-want > 1e-12 || want-got.Cost > 1e-12 || got.Input != 1000 {
		t.Errorf("%+v, want a cost of %v; %v", got, want, err)
	}
}

func TestMissingPriceIsNotedOnce(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"))
	m, err := models.Open("openai/llama", models.Settings{BaseURL: p.URL()})
	if err != nil {
		t.Fatal(err)
	}
	a := agentOn(t, m)
	first, err := a.Do(t.Context(), attempt)
	if err != nil || first.Note != "no price is known for openai/llama, so it counts as free: set prices" || first.Usage.Cost != 0 {
		t.Errorf("note %q, %v", first.Note, err)
	}
	if second, err := a.Do(t.Context(), attempt); err != nil || second.Note != "" {
		t.Errorf("note %q, %v", second.Note, err)
	}
}

func TestPriceOfTheSettingsOrOfTheAgentIsNoMissingPrice(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("x"), modeltest.Text("x"))
	priced, err := models.Open("openai/llama", models.Settings{BaseURL: p.URL(), Price: agents.Price{Input: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	unpriced, err := models.Open("openai/llama", models.Settings{BaseURL: p.URL()})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []llms.Model{priced, unpriced} {
		a, err := agents.New(agents.Config{Name: "clerk", Model: m, Price: agents.Price{Input: 1e6}})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := a.Do(t.Context(), attempt); err != nil || r.Usage.Cost != 10 || r.Note != "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestModelThatCostsNothingHasAPrice(t *testing.T) {
	r, err := agentOn(t, models.Named("free", plain{}, &agents.Price{})).Do(t.Context(), attempt)
	if err != nil || r.Note != "" || r.Models["free"] != (coordinator.Usage{Input: 3, Output: 4}) {
		t.Errorf("%+v, %v", r, err)
	}
}
