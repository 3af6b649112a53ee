package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// answerFormat says what a final answer looks like and reads it.
type answerFormat struct {
	output json.RawMessage // schema of Result.Output
	wanted json.RawMessage // schema of what the model writes: output, or output and confidence in an envelope; nil: free text
	schema *schema.Schema  // compiled wanted
	stated bool
}

var textSchema = json.RawMessage(`{"type":"string"}`)

func newAnswerFormat(output json.RawMessage, stated bool) (*answerFormat, error) {
	f := &answerFormat{output: output, wanted: output, stated: stated}
	if len(output) == 0 {
		f.output, f.wanted = textSchema, nil
	}
	if stated {
		envelope, err := envelopeOf(f.output)
		if err != nil {
			return nil, err
		}
		f.wanted = envelope
	}
	if f.wanted == nil {
		return f, nil
	}
	var err error
	f.schema, err = schema.Compile(f.wanted)
	return f, err
}

// envelopeOf is the schema of {"answer": …, "confidence": 0..1}. Definitions move to the top, where references to them
// still find them.
func envelopeOf(output json.RawMessage) (json.RawMessage, error) {
	envelope := map[string]any{
		"type":                 "object",
		"required":             []string{"answer", "confidence"},
		"additionalProperties": false,
	}
	answer := output
	var object map[string]json.RawMessage
	if err := json.Unmarshal(output, &object); err == nil && object != nil {
		for _, key := range []string{"$schema", "$defs", "definitions"} {
			if part, ok := object[key]; ok {
				envelope[key] = part
				delete(object, key)
			}
		}
		if answer, err = json.Marshal(object); err != nil {
			return nil, err
		}
	}
	for _, found := range reference.FindAllSubmatch(output, -1) {
		if ref := string(found[1]); strings.HasPrefix(ref, "#") && !strings.HasPrefix(ref, "#/$defs/") && !strings.HasPrefix(ref, "#/definitions/") {
			return nil, fmt.Errorf("schema: with stated confidence, a $ref may point into $defs only, not to %q", ref)
		}
	}
	envelope["properties"] = map[string]any{
		"answer": answer,
		"confidence": json.RawMessage(`{"type":"number","minimum":0,"maximum":1,` +
			`"description":"How likely the whole answer is right: 0.5 means that half of such answers are wrong."}`),
	}
	return json.Marshal(envelope)
}

var reference = regexp.MustCompile(`"\$ref"\s*:\s*"([^"]*)"`)

// prompt is the part of the system prompt about the answer.
func (f *answerFormat) prompt() string {
	if f.wanted == nil {
		return "\n# Answer\nWhen you are done, answer with the result itself, without a preface.\n"
	}
	return "\n# Answer\nWhen you are done, answer with one JSON value that matches this JSON Schema, and with nothing else:\n" + string(f.wanted) + "\n"
}

// read makes a result of what the model said: calls or an output. The error is written for the model.
func (a *Agent) read(r reply, said Message, repairs int) (coordinator.Result, error) {
	if len(said.Calls) > 0 {
		calls, err := a.toCalls(said.Calls)
		return coordinator.Result{Calls: calls}, err
	}
	output, stated, err := a.answer.parse(r.text)
	if err != nil {
		return coordinator.Result{}, err
	}
	result := coordinator.Result{Output: output, Confidence: a.answer.confidence(r.sure, stated, repairs)}
	if repairs > 0 {
		result.Note = fmt.Sprintf("valid after %s", times(repairs))
	}
	return result, nil
}

// parse checks a final answer. All problems are reported at once, with their paths.
func (f *answerFormat) parse(text string) (output json.RawMessage, stated float64, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, 0, errors.New("it is empty")
	}
	if f.wanted == nil {
		output, err = plainJSON(text)
		return output, 0, err
	}
	raw, err := jsonIn(text)
	if err != nil {
		return nil, 0, err
	}
	if err := f.schema.Validate(raw); err != nil {
		return nil, 0, err
	}
	if !f.stated {
		return raw, 0, nil
	}
	var envelope struct {
		Answer     json.RawMessage `json:"answer"`
		Confidence float64         `json:"confidence"`
	}
	err = json.Unmarshal(raw, &envelope)
	return envelope.Answer, envelope.Confidence, err
}

var codeFence = regexp.MustCompile("(?s)```[a-zA-Z]*\\s*\n(.*?)```")

// jsonIn returns the JSON value that text is, or the one fenced block of it that many models wrap around it.
func jsonIn(text string) (json.RawMessage, error) {
	if !json.Valid([]byte(text)) {
		if blocks := codeFence.FindAllStringSubmatch(text, 2); len(blocks) == 1 {
			text = blocks[0][1]
		}
	}
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		return nil, fmt.Errorf("it is not one JSON value: %w", err)
	}
	return out.Bytes(), nil
}

// confidence is nil unless the model measured itself or was asked to state how sure it is.
func (f *answerFormat) confidence(measured *coordinator.Confidence, stated float64, repairs int) *coordinator.Confidence {
	if measured == nil && !f.stated {
		return nil
	}
	c := coordinator.Confidence{Score: stated}
	if measured != nil {
		c = *measured
	}
	c.Signals = append([]coordinator.Signal(nil), c.Signals...)
	if f.stated {
		c.Signals = append(c.Signals, coordinator.Signal{Name: "stated", Score: stated})
	}
	if f.schema != nil {
		c.Signals = append(c.Signals, coordinator.Signal{Name: "schema", Score: 1})
	}
	repaired := coordinator.Signal{Name: "repairs", Score: 1 / float64(1+repairs)}
	if repairs > 0 {
		repaired.Note = times(repairs)
	}
	c.Signals = append(c.Signals, repaired)
	return &c
}

func times(repairs int) string {
	if repairs == 1 {
		return "1 repair"
	}
	return fmt.Sprintf("%d repairs", repairs)
}
