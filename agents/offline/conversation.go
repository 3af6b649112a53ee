package offline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// conversation is what the rules take from the messages.
type conversation struct {
	task     string         // what people said, data marks removed
	outcomes []outcome      // of tools
	calls    map[string]int // made so far, by name and arguments
	size     int
}

type outcome struct{ tool, text string }

func readConversation(messages []llms.MessageContent) conversation {
	c := conversation{calls: map[string]int{}}
	var human []string
	for _, m := range messages {
		for _, part := range m.Parts {
			switch part := part.(type) {
			case llms.TextContent:
				c.size += len(part.Text)
				if m.Role == llms.ChatMessageTypeHuman || m.Role == llms.ChatMessageTypeGeneric {
					human = append(human, plainText(part.Text))
				}
			case llms.ToolCall:
				if part.FunctionCall != nil {
					c.calls[callKey(part.FunctionCall.Name, part.FunctionCall.Arguments)]++
				}
			case llms.ToolCallResponse:
				c.size += len(part.Content)
				c.outcomes = append(c.outcomes, outcome{part.Name, plainText(part.Content)})
			}
		}
	}
	c.task = strings.Join(human, "\n")
	return c
}

func callKey(name, arguments string) string { return name + " " + arguments }

// document is all text that fields may come from.
func (c conversation) document() string {
	parts := []string{c.task}
	for _, o := range c.outcomes {
		parts = append(parts, o.text)
	}
	return strings.TrimLeft(strings.Join(parts, "\n\n"), "\n") // so that line 1 of a document is line 1
}

const maxQuote = 2000 // bytes of one outcome

func (c conversation) quote() string {
	var b strings.Builder
	for _, o := range c.outcomes {
		text := strings.TrimSpace(o.text)
		if len(text) > maxQuote {
			text = strings.ToValidUTF8(text[:maxQuote], "") + " …"
		}
		fmt.Fprintf(&b, "%s says:\n%s\n\n", o.tool, text)
	}
	return strings.TrimSpace(b.String())
}

var (
	dataMark  = regexp.MustCompile(`</?data [0-9a-f]{6,64}>`)
	inputHead = regexp.MustCompile(`(?m)^The input, as JSON:$`)
)

// plainText takes off the marks that an agent puts around data, and writes JSON as a person would: strings as they are,
// properties as "name: value".
func plainText(s string) string {
	var b strings.Builder
	for _, part := range dataMark.Split(inputHead.ReplaceAllString(s, ""), -1) {
		trimmed := strings.TrimSpace(part)
		var v any
		if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, `"`) {
			d := json.NewDecoder(strings.NewReader(trimmed))
			d.UseNumber()
			if d.Decode(&v) == nil && !d.More() {
				writeValue(&b, "", v, 0)
				continue
			}
		}
		b.WriteString(part)
		b.WriteByte('\n')
	}
	return b.String()
}

func writeValue(b *strings.Builder, name string, v any, depth int) {
	if depth > maxNested*2 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			writeValue(b, key, v[key], depth+1)
		}
	case []any:
		for _, item := range v {
			writeValue(b, name, item, depth+1)
		}
	case string:
		if strings.Contains(v, "\n") {
			fmt.Fprintf(b, "\n%s\n\n", v)
			return
		}
		writeLine(b, name, v)
	case nil:
	default:
		writeLine(b, name, fmt.Sprint(v))
	}
}

func writeLine(b *strings.Builder, name, value string) {
	if name != "" {
		fmt.Fprintf(b, "%s: ", strings.Join(splitName(name), " "))
	}
	b.WriteString(value + "\n")
}
