package offline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
)

const invoiceSchema = `{"type": "object", "required": ["number", "date", "total"], "properties": {
	"number": {"type": ["string", "null"]},
	"date": {"type": ["string", "null"], "format": "date"},
	"due_date": {"type": ["string", "null"], "format": "date"},
	"total": {"type": ["number", "null"]},
	"net": {"type": ["number", "null"]},
	"tax": {"type": ["number", "null"]},
	"currency": {"type": ["string", "null"]}
}}`

// answerTo asks the model the way an agent does.
func answerTo(t *testing.T, schema, text string) (map[string]any, *coordinator.Confidence) {
	t.Helper()
	ctx := agents.ContextWithSchema(t.Context(), json.RawMessage(schema))
	choice := ask(t, ctx, text)
	var found map[string]any
	if err := json.Unmarshal([]byte(choice.Content), &found); err != nil {
		t.Fatalf("answer %q: %v", choice.Content, err)
	}
	return found, choice.GenerationInfo[agents.InfoConfidence].(*coordinator.Confidence)
}

func ask(t *testing.T, ctx context.Context, text string, options ...llms.CallOption) *llms.ContentChoice {
	t.Helper()
	response, err := New(Options{}).GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, text)}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return response.Choices[0]
}

func sureOf(c *coordinator.Confidence, field string) coordinator.Signal {
	for _, s := range c.Signals {
		if s.Field == field {
			return s
		}
	}
	return coordinator.Signal{}
}

// TestDocumentsAreReadOrAsked reads testdata/*.txt. Below the line "=====" stands what is expected: "field: value" must be
// found and sure, "field? value" must be proposed but asked, "field? -" may be anything but sure.
func TestDocumentsAreReadOrAsked(t *testing.T) {
	documents, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(documents) < 20 {
		t.Fatalf("%d documents in testdata, %v", len(documents), err)
	}
	for _, file := range documents {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, want, ok := strings.Cut(string(raw), "\n=====\n")
			if !ok {
				t.Fatal("no expectations")
			}
			found, sure := answerTo(t, invoiceSchema, text)
			for line := range strings.Lines(want) {
				if line = strings.TrimSpace(line); line != "" {
					check(t, line, found, sure)
				}
			}
		})
	}
}

func check(t *testing.T, line string, found map[string]any, sure *coordinator.Confidence) {
	t.Helper()
	at := strings.IndexAny(line, ":?")
	field, asked, value := line[:at], line[at] == '?', strings.TrimSpace(line[at+1:])
	signal := sureOf(sure, field)
	got := "-"
	if v, ok := found[field].(float64); ok {
		got = fmt.Sprintf("%.2f", v)
	} else if found[field] != nil {
		got = fmt.Sprint(found[field])
	}
	switch {
	case asked && signal.Score >= 0.9:
		t.Errorf("%s = %s is sure (%.2f: %s), want it asked", field, got, signal.Score, signal.Note)
	case asked && value != "-" && got != value:
		t.Errorf("%s: proposed %s (%.2f: %s), want %s", field, got, signal.Score, signal.Note, value)
	case !asked && (got != value || signal.Score < 0.9):
		t.Errorf("%s = %s (%.2f: %s), want %s and sure", field, got, signal.Score, signal.Note, value)
	}
}
