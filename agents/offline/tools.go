package offline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// personTool is the tool that asks a person. The rules never take it: the score they give makes the gate ask.
const personTool = "person"

// pick chooses the tool whose name and description the task's words fit best and whose required arguments the text
// holds. A call is never repeated.
func pick(said conversation, offered []llms.Tool) *llms.ToolCall {
	task := set(strings.Join(foldedWords(said.task), " "))
	var best *llms.ToolCall
	bestFit := 0.0
	for _, tool := range offered {
		if tool.Function == nil || tool.Function.Name == personTool {
			continue
		}
		fit := likeness(task, tool.Function)
		if fit <= bestFit {
			continue
		}
		arguments, ok := fill(tool.Function, said)
		if !ok || said.calls[callKey(tool.Function.Name, arguments)] > 0 {
			continue
		}
		bestFit = fit
		best = &llms.ToolCall{
			ID:           fmt.Sprintf("offline_%d", len(said.calls)+1),
			Type:         "function",
			FunctionCall: &llms.FunctionCall{Name: tool.Function.Name, Arguments: arguments},
		}
	}
	return best
}

// likeness counts the words that a task and a tool share: those of the name twice, those that say nothing never.
func likeness(task map[string]bool, f *llms.FunctionDefinition) float64 {
	fit := 0.0
	name := splitName(f.Name)
	for _, w := range name {
		if task[w] || task[w+"s"] || task[strings.TrimSuffix(w, "s")] {
			fit += 2
		}
	}
	seen := map[string]bool{}
	for _, w := range foldedWords(f.Description) {
		if !seen[w] && len(w) > 2 && !fillers[w] && !dull[w] && task[w] {
			fit++
		}
		seen[w] = true
	}
	return fit
}

var dull = set("the and for with from that this its into returns return given are can will all any not you your out use used which when has have one it")

// fill finds a tool's arguments in the conversation, by its schema.
func fill(f *llms.FunctionDefinition, said conversation) (arguments string, ok bool) {
	raw, err := json.Marshal(f.Parameters)
	if err != nil || f.Parameters == nil {
		return "{}", f.Parameters == nil
	}
	w, err := readSchema(raw)
	if err != nil {
		return "", false
	}
	if len(w.root.Properties) == 0 {
		return "{}", true
	}
	text := said.document()
	d := &document{page: newPage(text, builtin().with(w.labels))}
	answers := map[*field]answer{}
	for _, field := range w.fields {
		a := d.field(field)
		if a.value == nil {
			a = guessArgument(field, said)
		}
		if a.value == nil && field.required {
			return "", false
		}
		if a.score < 0.5 && !field.required {
			a = answer{}
		}
		answers[field] = a
	}
	arguments, err = encode(w.assemble(w.root, nil, answers, 0))
	return arguments, err == nil
}

// taskNames are properties that want the task itself, word for word.
var taskNames = set("task text query question prompt input message document content")

// guessArgument fills what has no label in speech: a path or an address in the sentence, or the whole task.
func guessArgument(f *field, said conversation) answer {
	if !f.is("string") || len(f.path) == 0 {
		return answer{}
	}
	name := splitName(f.path[len(f.path)-1])
	switch last := name[len(name)-1:]; {
	case slices.Contains(last, "path"), slices.Contains(last, "file"), slices.Contains(last, "filename"):
		if m := firstPath(said.task); m != "" {
			return answer{m, 0.7, "a path in the task"}
		}
	case slices.Contains(last, "url"), slices.Contains(last, "uri"):
		if m := urlPattern.FindString(said.task); m != "" {
			return answer{strings.TrimRight(m, ".,)"), 0.7, "an address in the task"}
		}
	case slices.Contains(last, "to"), slices.Contains(last, "email"):
		if m := emailPattern.FindString(said.task); m != "" {
			return answer{m, 0.7, "an address in the task"}
		}
	case f.required && taskNames[last[0]]:
		if text := strings.TrimSpace(said.task); text != "" {
			return answer{text, 0.6, "the task"}
		}
	}
	return answer{}
}

// firstPath is the first word that looks like a file: with a slash, or with an extension.
func firstPath(text string) string {
	for _, m := range pathPattern.FindAllString(text, 20) {
		if m = strings.TrimRight(m, "."); strings.ContainsAny(m, "/.") && !emailPattern.MatchString(m) && strings.Trim(m, "./") != "" {
			return m
		}
	}
	return ""
}
