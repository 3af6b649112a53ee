package agents

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/coordinator"
)

// maxToolName is the length that OpenAI and Anthropic allow a function's name, in characters of [A-Za-z0-9_-].
const maxToolName = 64

// toolNames translates between workers ("mail.send") and the names that providers allow ("mail_send").
type toolNames struct {
	order    []string          // workers, as offered
	toTool   map[string]string // by worker
	toWorker map[string]string // by tool
}

func newToolNames(workers []string) (*toolNames, error) {
	n := &toolNames{order: workers, toTool: map[string]string{}, toWorker: map[string]string{}}
	for _, worker := range workers {
		if worker == "" {
			return nil, fmt.Errorf("a worker's name is empty")
		}
		tool := allowedName(worker)
		if other, taken := n.toWorker[tool]; taken {
			return nil, fmt.Errorf("%q and %q are both %q to the model: rename one", other, worker, tool)
		}
		n.toTool[worker], n.toWorker[tool] = tool, worker
	}
	return n, nil
}

// tool returns the model's name of a worker.
func (n *toolNames) tool(worker string) string {
	if tool, ok := n.toTool[worker]; ok {
		return tool
	}
	return allowedName(worker)
}

// worker returns the worker a model means. A name it made up is passed on, made harmless, for the runtime to refuse:
// it becomes part of a path.
func (n *toolNames) worker(tool string) string {
	if worker, ok := n.toWorker[tool]; ok {
		return worker
	}
	if _, ok := n.toTool[tool]; ok {
		return tool
	}
	return allowedName(tool)
}

// allowedName replaces what providers refuse, and shortens long names so that they stay distinct.
func allowedName(worker string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, worker)
	if len(name) <= maxToolName {
		return name
	}
	sum := sha256.Sum256([]byte(worker))
	return name[:maxToolName-9] + "_" + hex.EncodeToString(sum[:4])
}

// wrapped is the one property of an offered tool whose worker takes something else than an object.
const wrapped = "input"

var (
	questionSchema = json.RawMessage(`{"type":"object","properties":{` +
		`"question":{"type":"string","description":"The question, understandable without this conversation."},` +
		`"options":{"type":"array","items":{"type":"string"},"description":"Answers to choose from, if there are any."}},` +
		`"required":["question"],"additionalProperties":false}`)
	taskSchema = json.RawMessage(`{"type":"object","properties":{` +
		`"task":{"type":"string","description":"What to do, with everything that is needed to do it."}},"required":["task"]}`)
)

// card describes an offered worker. One that nobody describes (it may live in another process) is known by name alone.
func (a *Agent) card(worker string) coordinator.Card {
	if worker == coordinator.Person {
		return coordinator.Card{Description: "Asks a person and returns the answer. It may take days.", Input: questionSchema}
	}
	if a.cfg.Cards != nil {
		if card, ok := a.cfg.Cards(worker); ok {
			return card
		}
	}
	return coordinator.Card{}
}

// offer describes the workers that the agent may call in the model's terms.
func (a *Agent) offer() []llms.Tool {
	var tools []llms.Tool
	for _, worker := range a.names.order {
		card := a.card(worker)
		parameters, _ := parametersOf(card.Input)
		tools = append(tools, llms.Tool{Type: "function", Function: &llms.FunctionDefinition{
			Name:        a.names.tool(worker),
			Description: card.Description,
			Parameters:  parameters,
		}})
	}
	return tools
}

// parametersOf returns what a tool takes. Providers want an object: anything else is wrapped in one.
func parametersOf(input json.RawMessage) (parameters json.RawMessage, isWrapped bool) {
	if len(input) == 0 {
		return taskSchema, false
	}
	var head struct {
		Type any `json:"type"`
	}
	if json.Unmarshal(input, &head) == nil && head.Type == "object" {
		return input, false
	}
	return fmt.Appendf(nil, `{"type":"object","properties":{%q:%s},"required":[%q]}`, wrapped, input, wrapped), true
}

// toCalls translates what the model wants to call. Whether it may, and whether the input suits the tool, the runtime
// says; the model sees that as an outcome. Here only what cannot be journaled is refused.
func (a *Agent) toCalls(said []ToolCall) ([]coordinator.Call, error) {
	if len(said) > a.cfg.MaxCalls {
		return nil, fmt.Errorf("%d calls in one answer, at most %d are allowed", len(said), a.cfg.MaxCalls)
	}
	calls := make([]coordinator.Call, 0, len(said))
	for i, c := range said {
		call, err := a.toCall(c)
		if err != nil {
			return nil, fmt.Errorf("call %d (%s): %w", i+1, c.Name, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func (a *Agent) toCall(c ToolCall) (coordinator.Call, error) {
	worker := a.names.worker(c.Name)
	if worker == "" || (worker == coordinator.Person && a.cfg.NoPerson) {
		return coordinator.Call{}, fmt.Errorf("there is no such tool")
	}
	arguments := strings.TrimSpace(c.Arguments)
	if arguments == "" { // some providers send nothing for a tool without parameters
		arguments = "{}"
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(arguments), &object); err != nil || object == nil {
		return coordinator.Call{}, fmt.Errorf("the arguments are not a JSON object: %w", orNull(err))
	}
	var input bytes.Buffer
	if err := json.Compact(&input, []byte(arguments)); err != nil {
		return coordinator.Call{}, fmt.Errorf("arguments: %w", err)
	}
	call := coordinator.Call{Use: worker, Input: input.Bytes(), ID: c.ID}
	if _, isWrapped := parametersOf(a.card(worker).Input); isWrapped {
		if call.Input = object[wrapped]; call.Input == nil {
			return coordinator.Call{}, fmt.Errorf("the argument %q is missing", wrapped)
		}
	}
	return call, nil
}

func orNull(err error) error {
	if err == nil {
		return fmt.Errorf("they are null")
	}
	return err
}
