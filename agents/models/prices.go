package models

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/tuttirun/tutti/agents"
)

// Prices are what models cost, by their names as Open takes them. In a name * stands for any text without a slash, as in
// "anthropic/claude-sonnet-4-*".
type Prices map[string]agents.Price

//go:embed prices.json
var defaultPrices []byte

// priceTable is the form of prices.json.
type priceTable struct {
	Checked string `json:"checked"` // when somebody last compared it with the providers' pages, as a date
	Note    string `json:"note"`
	Prices  Prices `json:"prices"`
}

func table() priceTable {
	var t priceTable
	if err := json.Unmarshal(defaultPrices, &t); err != nil {
		panic(fmt.Sprintf("prices.json: %v", err)) // built in, and read by a test
	}
	return t
}

// DefaultPrices returns a copy of the built-in table: list prices of common models as of PricesChecked. They are there so
// that a cost is shown at all: set your own where it matters.
func DefaultPrices() Prices { return table().Prices }

// PricesChecked is the day of DefaultPrices, as 2006-01-02.
func PricesChecked() string { return table().Checked }

// With returns the prices with those of others in their place: one of others wins over all patterns of p that it overlaps.
func (p Prices) With(others Prices) Prices {
	out := maps.Clone(p)
	if out == nil {
		out = Prices{}
	}
	for pattern := range out {
		for other := range others {
			if matches(other, pattern) { // their pattern covers ours
				delete(out, pattern)
			}
		}
	}
	maps.Copy(out, others)
	return out
}

// Check returns an error for a pattern that can match nothing, or a negative price.
func (p Prices) Check() error {
	for pattern, price := range p {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("prices: %q is no pattern: write a model's name, with * for any text in it", pattern)
		}
		if min(price.Input, price.Output, price.Cached, price.Written) < 0 {
			return fmt.Errorf("prices: %s is negative", pattern)
		}
	}
	return nil
}

// Of returns the price of a model: of the most specific pattern that matches its name, which is the one with the most
// characters besides its wildcards.
func (p Prices) Of(model string) (agents.Price, bool) {
	best, found := "", false
	for pattern := range p {
		if matches(pattern, model) && (!found || moreSpecific(pattern, best)) {
			best, found = pattern, true
		}
	}
	return p[best], found
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func moreSpecific(a, b string) bool {
	x, y := literals(a), literals(b)
	if x != y {
		return x > y
	}
	if wild := strings.Count(a, "*") - strings.Count(b, "*"); wild != 0 {
		return wild < 0
	}
	return a < b
}

func literals(pattern string) int { return len(pattern) - strings.Count(pattern, "*") }
