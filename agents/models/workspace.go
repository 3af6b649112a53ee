package models

import (
	"fmt"
	"slices"

	"github.com/tmc/langchaingo/llms"
)

// Definition is a model under a name of a workspace's own: what Open is told, with Settings.Fallback.
type Definition struct {
	Use string // a name that Open knows
	Settings
}

// Resolve opens a model of a workspace by the workspace's name for it, and those it falls back to. Define returns what the
// workspace says of a name. Prices are for models whose settings state none. The fallbacks of a fallback are not followed,
// so two models may fall back to each other.
func Resolve(name string, define func(name string) (Definition, error), prices Prices) (llms.Model, error) {
	main, err := define(name)
	if err != nil {
		return nil, err
	}
	first, err := open(main.Use, main.Settings, prices)
	if err != nil {
		return nil, err
	}
	var rest []llms.Model
	for i, other := range main.Fallback {
		if other == name || slices.Contains(main.Fallback[:i], other) {
			return nil, fmt.Errorf("fallback: %s would be asked twice", other)
		}
		d, err := define(other)
		if err != nil {
			return nil, fmt.Errorf("fallback: %w", err)
		}
		m, err := open(d.Use, d.Settings, prices)
		if err != nil {
			return nil, fmt.Errorf("fallback %s: %w", other, err)
		}
		rest = append(rest, m)
	}
	return Fallback(first, rest...), nil
}
