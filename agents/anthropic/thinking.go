package anthropic

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Thinking says how a model thinks before it answers: a budget in tokens ("4096"; older models), "adaptive" (the model
// decides), "between_tools" or "disabled". Which of them a model knows, its provider says. A budget comes on top of the
// tokens of the answer; adaptive thinking shares them, so raise max_tokens with it.
type Thinking string

// minBudget is the least the API takes, in tokens.
const minBudget = 1024

// UnmarshalJSON reads a number of tokens, or a word.
func (t *Thinking) UnmarshalJSON(raw []byte) error {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		*t = Thinking(word)
		return t.check()
	}
	var budget int
	if err := json.Unmarshal(raw, &budget); err != nil {
		return errThinking
	}
	*t = Thinking(strconv.Itoa(budget))
	return t.check()
}

var errThinking = fmt.Errorf("want a number of tokens, at least %d, or adaptive, between_tools or disabled", minBudget)

func (t Thinking) check() error {
	switch t {
	case "", "adaptive", "between_tools", "disabled":
		return nil
	}
	if budget, err := strconv.Atoi(string(t)); err != nil || budget < minBudget {
		return errThinking
	}
	return nil
}

// budget returns the tokens of a fixed budget; 0 where there is none.
func (t Thinking) budget() int64 {
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// param is the request's field. It is sent beside the SDK's own, which prints warnings for some models.
func (t Thinking) param() map[string]any {
	if budget := t.budget(); budget > 0 {
		return map[string]any{"type": "enabled", "budget_tokens": budget}
	}
	return map[string]any{"type": string(t)}
}
