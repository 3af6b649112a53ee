package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"text/template"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// Defaults of Config's limits.
const (
	DefaultMaxRepairs = 2
	DefaultMaxTokens  = 4096
	DefaultMaxCalls   = 32
	DefaultMaxText    = 256 << 10

	DefaultMaxExchange = 1 << 20
)

// ErrAnswer is wrapped by the error of an attempt whose answer stayed wrong after every repair.
var ErrAnswer = errors.New("answer not valid")

// Config describes an agent. Name and Model are required.
type Config struct {
	Name        string
	Description string // for planners and people: what it is good for

	// Instructions is a text/template over the input, e.g. "Translate to {{.input.language}}."; a missing key is an error.
	// Values it prints are fenced as data when the input is untrusted.
	Instructions string

	Model     llms.Model
	ModelName string // given to Model with each request; "": Model's own default

	Calls    []string                                   // workers it may call
	NoPerson bool                                       // do not offer the worker person
	Cards    func(name string) (coordinator.Card, bool) // describes Calls, asked at each turn; nil or unknown: offered by name alone

	Input  json.RawMessage // JSON Schema; empty accepts anything
	Output json.RawMessage // JSON Schema; empty: the output is the model's text, a JSON string
	Stated bool            // ask the model how sure it is, and take that as the score

	MaxRepairs  int      // corrections of a wrong answer within one attempt; 0: DefaultMaxRepairs, negative: none
	MaxTokens   int      // of one answer; 0: DefaultMaxTokens, negative: the provider's limit
	MaxCalls    int      // calls in one answer; 0: DefaultMaxCalls
	MaxText     int      // bytes of the input, and of one outcome, that the model gets; 0: DefaultMaxText. A longer outcome is cut and says so, a longer input is an error
	Temperature *float64 // nil: the provider's default
	Price       Price    // of Model, unless it counts its own cost as those of package agents/models do

	NoExchange  bool // do not keep what the model was asked and answered
	MaxExchange int  // bytes of Result.Exchange; 0: DefaultMaxExchange
}

// Agent is a coordinator.Worker backed by a language model. It is safe for concurrent use if its model is.
type Agent struct {
	cfg          Config
	instructions *template.Template
	names        *toolNames
	input        *schema.Schema // nil: anything
	answer       *answerFormat
	unpriced     sync.Map // by model: its missing price was noted
}

// New checks the configuration: the template parses, the schemas compile, the calls have distinct names for the model.
func New(cfg Config) (*Agent, error) {
	a, err := build(cfg)
	if err != nil {
		return nil, fmt.Errorf("agent %s: %w", cfg.Name, err)
	}
	return a, nil
}

func build(cfg Config) (*Agent, error) {
	switch {
	case cfg.Name == "":
		return nil, errors.New("name is empty")
	case cfg.Model == nil:
		return nil, errors.New("model is missing: open one with package agents/models")
	}
	a := &Agent{cfg: withDefaults(cfg)}
	var err error
	if a.instructions, err = parseInstructions(cfg.Instructions); err != nil {
		return nil, fmt.Errorf("instructions: %w", err)
	}
	if len(cfg.Input) > 0 {
		if a.input, err = schema.Compile(cfg.Input); err != nil {
			return nil, fmt.Errorf("input %w", err)
		}
	}
	if a.answer, err = newAnswerFormat(cfg.Output, cfg.Stated); err != nil {
		return nil, fmt.Errorf("output %w", err)
	}
	if a.names, err = newToolNames(a.offered()); err != nil {
		return nil, fmt.Errorf("calls: %w", err)
	}
	return a, nil
}

func withDefaults(cfg Config) Config {
	cfg.Calls = slices.Clone(cfg.Calls)
	for _, d := range []struct {
		field *int
		value int
	}{
		{&cfg.MaxRepairs, DefaultMaxRepairs}, {&cfg.MaxTokens, DefaultMaxTokens},
		{&cfg.MaxCalls, DefaultMaxCalls}, {&cfg.MaxText, DefaultMaxText}, {&cfg.MaxExchange, DefaultMaxExchange},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return cfg
}

// offered returns the workers the model is told about: Calls without repetition, and person.
func (a *Agent) offered() []string {
	var names []string
	for _, name := range a.cfg.Calls {
		if !slices.Contains(names, name) && name != coordinator.Person {
			names = append(names, name)
		}
	}
	if !a.cfg.NoPerson {
		names = append(names, coordinator.Person)
	}
	return names
}

// Card describes the agent. Its effect is read: asking a model changes nothing, and its calls carry their own effects.
func (a *Agent) Card() coordinator.Card {
	return coordinator.Card{
		Name:        a.cfg.Name,
		Kind:        "agent",
		Description: a.cfg.Description,
		Input:       a.cfg.Input,
		Output:      a.answer.output,
		Effect:      coordinator.EffectRead,
		Calls:       slices.Clone(a.cfg.Calls),
	}
}

// Do takes one turn. Every error is at least coordinator.NotDone, for nothing but a model was asked; those that another
// attempt cannot mend (a broken template, a refused request, an answer cut off at its limit) are Permanent.
// Usage, Models and Exchange are returned beside an error too.
func (a *Agent) Do(ctx context.Context, at coordinator.Attempt) (coordinator.Result, error) {
	messages, err := a.conversation(at)
	if err != nil {
		return coordinator.Result{}, coordinator.Permanent(fmt.Errorf("agent %s: %w", a.cfg.Name, err))
	}
	t := a.newTalk(messages)
	result, err := a.turn(ctx, at, t)
	if err != nil {
		err = fmt.Errorf("agent %s: %w", a.cfg.Name, err)
		result = coordinator.Result{}
	}
	t.account(&result)
	return result, err
}

// turn asks the model until its answer is right or the repairs are used up.
func (a *Agent) turn(ctx context.Context, at coordinator.Attempt, t *talk) (coordinator.Result, error) {
	asked := len(t.messages)
	for repairs := 0; ; repairs++ {
		r, err := a.ask(ctx, t)
		if err != nil {
			return coordinator.Result{}, err
		}
		said := a.assistant(r, at, len(t.messages)-asked)
		t.messages = append(t.messages, said)

		result, wrong := a.read(r, said, repairs)
		if wrong == nil {
			if len(result.Calls) > 0 {
				result.State, err = encodeState(t.messages[asked:])
			}
			return result, err
		}
		if repairs >= a.cfg.MaxRepairs {
			err := fmt.Errorf("%w after %s: %w", ErrAnswer, times(repairs), wrong)
			return coordinator.Result{}, coordinator.NotDone(err)
		}
		t.messages = append(t.messages, a.correction(said, wrong)...)
	}
}

// reply is one answer of a model, its choices merged.
type reply struct {
	text  string
	calls []llms.ToolCall
	own   *Own
	sure  *coordinator.Confidence
	stop  string
}

// ask sends the conversation once.
func (a *Agent) ask(ctx context.Context, t *talk) (reply, error) {
	if a.answer.schema != nil {
		ctx = ContextWithSchema(ctx, a.answer.wanted)
	}
	if own := ownOf(t.messages); own != nil {
		ctx = ContextWithOwn(ctx, own)
	}
	response, err := t.generate(ctx, a.cfg.Model, toModel(t.messages), a.options(t.offered)...)
	if err != nil {
		return reply{}, classify(ctx, err)
	}
	if response == nil || len(response.Choices) == 0 {
		return reply{}, coordinator.NotDone(errors.New("model: the answer holds no choice"))
	}
	r := merged(response.Choices)
	return r, stopError(r.stop, a.cfg.MaxTokens)
}

// merged reads an answer: some providers put each block of it into a choice of its own.
func merged(choices []*llms.ContentChoice) reply {
	var r reply
	for _, c := range choices {
		r.text += c.Content
		r.calls = append(r.calls, c.ToolCalls...)
		if c.FuncCall != nil && len(c.ToolCalls) == 0 { // the older form of a call, still spoken by some servers
			r.calls = append(r.calls, llms.ToolCall{FunctionCall: c.FuncCall})
		}
		if r.stop == "" {
			r.stop = c.StopReason
		}
		if own, ok := c.GenerationInfo[InfoOwn].(*Own); ok && r.own == nil {
			r.own = own
		}
		if sure, ok := c.GenerationInfo[InfoConfidence].(*coordinator.Confidence); ok && r.sure == nil {
			r.sure = sure
		}
	}
	return r
}

func (a *Agent) options(offered []llms.Tool) []llms.CallOption {
	var options []llms.CallOption
	if a.cfg.ModelName != "" {
		options = append(options, llms.WithModel(a.cfg.ModelName))
	}
	if a.cfg.MaxTokens > 0 {
		options = append(options, llms.WithMaxTokens(a.cfg.MaxTokens))
	}
	if a.cfg.Temperature != nil {
		options = append(options, llms.WithTemperature(*a.cfg.Temperature))
	}
	if len(offered) > 0 {
		options = append(options, llms.WithTools(offered))
	}
	return options
}
