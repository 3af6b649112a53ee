package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tuttirun/tutti/tools/schema"
)

// textOutput is what a program without an output schema answers.
const textOutput = `{"type":"object","properties":{"text":{"type":"string","description":"what the program printed"}},"required":["text"]}`

// readSchemas compiles the schemas, makes the missing ones, and holds args and authority against the input's.
func (p *program) readSchemas() error {
	if p.Input == nil {
		p.Input = p.inputOfArgs()
	}
	var err, wrong error
	if p.input, err = schema.Compile(p.Input); err != nil {
		wrong = errors.Join(wrong, fmt.Errorf("input: %w", err))
	} else {
		wrong = errors.Join(wrong, p.checkProperties())
	}
	if p.Output == nil {
		p.Output = json.RawMessage(textOutput)
	} else if p.output, err = schema.Compile(p.Output); err != nil {
		wrong = errors.Join(wrong, fmt.Errorf("output: %w", err))
	}
	return wrong
}

// inputOfArgs is the schema of a program that states none: an object with what its arguments name.
func (p *program) inputOfArgs() json.RawMessage {
	if len(p.args) == 0 {
		return json.RawMessage(`{"type":"object"}`)
	}
	properties, required := map[string]any{}, []string{}
	scalar := []string{"string", "number", "boolean"}
	for _, a := range p.args {
		for _, one := range a.parts {
			switch {
			case one.name == "":
				continue
			case one.many:
				properties[one.name] = map[string]any{"type": "array", "items": map[string]any{"type": scalar}}
			default:
				properties[one.name] = map[string]any{"type": scalar}
			}
			if !one.optional && !slices.Contains(required, one.name) {
				required = append(required, one.name)
			}
		}
	}
	raw, _ := json.Marshal(map[string]any{"type": "object", "properties": properties, "required": required}) // of strings: it cannot fail
	return raw
}

// checkProperties finds names in args and authority that the input does not have.
func (p *program) checkProperties() error {
	var s struct {
		Type       any
		Properties map[string]json.RawMessage
	}
	if err := json.Unmarshal(p.Input, &s); err != nil {
		return errors.New("input must be the schema of an object")
	}
	if s.Type != nil && s.Type != "object" {
		return errors.New("input must have type: object")
	}
	if s.Properties == nil {
		return nil
	}
	var wrong []error
	for _, name := range p.Authority {
		if _, ok := s.Properties[name]; !ok {
			wrong = append(wrong, fmt.Errorf("authority: input has no property %q", name))
		}
	}
	for _, a := range p.args {
		for _, one := range a.parts {
			if _, ok := s.Properties[one.name]; !ok && one.name != "" {
				wrong = append(wrong, fmt.Errorf("args: input has no property %q", one.name))
			}
		}
	}
	return errors.Join(wrong...)
}
