package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of schemas and of the values they check.
const (
	MaxSchemaBytes = 1 << 20 // of one schema
	MaxSchemaDepth = 100     // of objects and lists in a schema
	MaxValueBytes  = 8 << 20 // of one value
	MaxValueDepth  = 1000    // of objects and lists in a value
)

// Schema is a compiled JSON Schema. It is safe for concurrent use. A nil Schema accepts every JSON value.
type Schema struct{ compiled *jsonschema.Schema }

// Compile reads a JSON Schema; draft 2020-12 unless it names another one. Empty raw gives a schema that accepts everything.
// An error is an *Error whose problems have paths within the schema, where it is not a schema at all.
func Compile(raw json.RawMessage) (*Schema, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	doc, err := parse(raw, MaxSchemaBytes, MaxSchemaDepth)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	const here = "schema:///" // what relative references resolve against; never shown
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	c.RegisterFormat(pathFormat)
	if err := c.AddResource(here, doc); err != nil {
		return nil, compileError(err)
	}
	compiled, err := c.Compile(here)
	if err != nil {
		return nil, compileError(err)
	}
	return &Schema{compiled}, nil
}

// Validate checks one JSON value. What is wrong with it comes back as an *Error; JSON that cannot be read as another error.
func (s *Schema) Validate(raw json.RawMessage) error {
	value, err := parse(raw, MaxValueBytes, MaxValueDepth)
	if err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	err = s.compiled.Validate(value)
	if wrong := (*jsonschema.ValidationError)(nil); errors.As(err, &wrong) {
		return &Error{Problems: problemsOf(wrong)}
	}
	return err
}

// noLoader refuses what is outside the schema: reading one must not read files or the network.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a $ref may only point into the schema itself")
}

func compileError(err error) error {
	if meta := (*jsonschema.SchemaValidationError)(nil); errors.As(err, &meta) {
		if wrong := (*jsonschema.ValidationError)(nil); errors.As(meta.Err, &wrong) {
			return fmt.Errorf("schema: %w", &Error{Problems: problemsOf(wrong)})
		}
	}
	if load := (*jsonschema.LoadURLError)(nil); errors.As(err, &load) {
		return fmt.Errorf("schema: $ref %s: %w", load.URL, load.Err)
	}
	return fmt.Errorf("schema: %w", err)
}

// parse reads exactly one JSON value and keeps numbers as they are written.
func parse(raw json.RawMessage, bytesMax, depthMax int) (any, error) {
	if len(raw) > bytesMax {
		return nil, fmt.Errorf("it has %d bytes; %d is the limit", len(raw), bytesMax)
	}
	if nesting(raw) > depthMax {
		return nil, fmt.Errorf("it is nested more than %d deep", depthMax)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("not JSON: it ends too early")
	case err != nil:
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON: something follows the value")
	}
	return v, nil
}

// nesting counts brackets, before anything is built.
func nesting(raw []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
