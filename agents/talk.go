package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/coordinator"
)

// talk is what is said with models in one attempt: the conversation so far, and one record for each request.
type talk struct {
	agent    *Agent
	messages []Message
	offered  []llms.Tool

	mu    sync.Mutex // a model may ask several others at once
	asked []record
}

// record is a request and how much of the conversation it carried.
type record struct {
	Asked
	messages int
}

func (a *Agent) newTalk(messages []Message) *talk {
	return &talk{agent: a, messages: slices.Clip(messages), offered: a.offer()}
}

// generate asks the model and records the request: as the model reports it, or, where it reports nothing, from its answer.
func (t *talk) generate(ctx context.Context, m llms.Model, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	before := t.count()
	var w Wire
	response, err := m.GenerateContent(ContextWithWire(ContextWithAsked(ctx, t.add), &w), messages, options...)
	if t.count() > before {
		return response, err
	}
	asked := Asked{Model: cmp.Or(t.agent.cfg.ModelName, "model"), Wire: w, Err: err}
	if response != nil && len(response.Choices) > 0 && response.Choices[0] != nil {
		info := response.Choices[0].GenerationInfo
		asked.Usage = UsageOf(info, t.agent.cfg.Price)
		if name, ok := info[InfoModel].(string); ok {
			asked.Model = name
		}
	}
	if failed := (*ProviderError)(nil); errors.As(err, &failed) {
		asked.Usage = UsageOf(map[string]any{InfoUsage: failed.Usage}, t.agent.cfg.Price)
	}
	t.add(asked)
	return response, err
}

func (t *talk) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.asked)
}

// add takes a report. A price of the agent's own counts where the model has none.
func (t *talk) add(a Asked) {
	if a.Unpriced && t.agent.cfg.Price != (Price{}) {
		a.Unpriced, a.Usage.Cost = false, t.agent.cfg.Price.Of(a.Usage)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = append(t.asked, record{Asked: a, messages: len(t.messages)})
}

// account writes what was used, by which models, and what was said into the result.
func (t *talk) account(r *coordinator.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, asked := range t.asked {
		r.Usage = r.Usage.Add(asked.Usage)
		if asked.Usage == (coordinator.Usage{}) && asked.Err != nil {
			continue // nobody answered
		}
		if r.Models == nil {
			r.Models = map[string]coordinator.Usage{}
		}
		r.Models[asked.Model] = r.Models[asked.Model].Add(asked.Usage)
		if asked.Unpriced {
			t.notePrice(r, asked.Model)
		}
	}
	if !t.agent.cfg.NoExchange && len(t.asked) > 0 {
		r.Exchange = t.exchange().encode(t.agent.cfg.MaxExchange)
	}
}

// notePrice says once per model, in the life of the agent, that its cost is not known.
func (t *talk) notePrice(r *coordinator.Result, model string) {
	if _, noted := t.agent.unpriced.LoadOrStore(model, true); !noted {
		note := fmt.Sprintf("no price is known for %s, so it counts as free: set prices", model)
		r.Note = strings.TrimPrefix(r.Note+"; "+note, "; ")
	}
}
