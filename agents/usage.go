package agents

import (
	"cmp"
	"reflect"

	"github.com/tuttirun/tutti/coordinator"
)

// Price is what a model costs, in US dollars per million tokens.
type Price struct {
	Input   float64 `json:"input,omitempty"`
	Output  float64 `json:"output,omitempty"`
	Cached  float64 `json:"cached,omitempty"`      // of input read from the provider's cache; 0: like Input
	Written float64 `json:"cache_write,omitempty"` // of input written to it, where that costs extra; 0: like Input
}

// Of returns the cost of a usage in US dollars. What was written to a cache is not told apart there, and costs like Input;
// UsageOf knows it.
func (p Price) Of(u coordinator.Usage) float64 {
	return (float64(max(u.Input-u.Cached, 0))*p.Input + float64(u.Cached)*cmp.Or(p.Cached, p.Input) + float64(u.Output)*p.Output) / 1e6
}

// UsageOf reads a model's consumption from its GenerationInfo, whose keys differ between providers, and prices it unless
// the model did. What a provider does not report counts as zero.
func UsageOf(info map[string]any, price Price) coordinator.Usage {
	u, counted := info[InfoUsage].(coordinator.Usage)
	if !counted {
		u = countedBy(info)
	}
	if u.Cost == 0 {
		written, _ := number(info, "CacheCreationInputTokens")
		u.Cost = price.Of(u) + float64(written)*(cmp.Or(price.Written, price.Input)-price.Input)/1e6
	}
	return u
}

func countedBy(info map[string]any) coordinator.Usage {
	if in, ok := number(info, "InputTokens"); ok { // Anthropic counts what it read from or wrote to its cache apart
		out, _ := number(info, "OutputTokens")
		read, _ := number(info, "CacheReadInputTokens")
		written, _ := number(info, "CacheCreationInputTokens")
		return coordinator.Usage{Input: in + read + written, Output: out, Cached: read}
	}
	first := func(keys ...string) int64 {
		for _, key := range keys {
			if n, ok := number(info, key); ok {
				return n
			}
		}
		return 0
	}
	return coordinator.Usage{ // OpenAI and Ollama; Google and Bedrock
		Input:  first("PromptTokens", "input_tokens"),
		Output: first("CompletionTokens", "output_tokens"),
		Cached: first("PromptCachedTokens", "CachedTokens"),
	}
}

func number(info map[string]any, key string) (int64, bool) {
	v := reflect.ValueOf(info[key])
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), true //nolint:gosec // token counts are small
	case v.CanFloat():
		return int64(v.Float()), true
	}
	return 0, false
}
