package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// definition is what a server says of one tool, exactly as it said it.
type definition struct {
	Name        string          `json:"name"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"inputSchema,omitempty"`
	Output      json.RawMessage `json:"outputSchema,omitempty"`
	Hints       *hints          `json:"annotations,omitempty"`
}

// hints are a tool's annotations. They have a form of their own here, for a digest must not change with the SDK.
type hints struct {
	Title       string `json:"title,omitempty"`
	ReadOnly    bool   `json:"readOnlyHint,omitempty"`
	Idempotent  bool   `json:"idempotentHint,omitempty"`
	Destructive *bool  `json:"destructiveHint,omitempty"`
	OpenWorld   *bool  `json:"openWorldHint,omitempty"`
}

func define(t *sdk.Tool) (definition, error) {
	d := definition{Name: t.Name, Title: t.Title, Description: t.Description}
	var err error
	if d.Input, err = schemaOf(t.InputSchema); err != nil {
		return d, err
	}
	if d.Output, err = schemaOf(t.OutputSchema); err != nil {
		return d, err
	}
	if a := t.Annotations; a != nil {
		d.Hints = &hints{a.Title, a.ReadOnlyHint, a.IdempotentHint, a.DestructiveHint, a.OpenWorldHint}
	}
	return d, nil
}

func schemaOf(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return coordinator.Canonical(raw)
}

// digest is the SHA-256, in hex, over the canonical JSON of a definition.
func (d definition) digest() (string, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	if len(raw) > maxDefinition {
		return "", fmt.Errorf("its description and schemas have %d bytes; %d is the limit", len(raw), maxDefinition)
	}
	if raw, err = coordinator.Canonical(raw); err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// differences names the parts in which two definitions of a tool differ.
func (d definition) differences(other definition) (parts []string) {
	for _, p := range []struct {
		name     string
		old, now string
	}{
		{"title", d.Title, other.Title},
		{"description", d.Description, other.Description},
		{"input schema", string(d.Input), string(other.Input)},
		{"output schema", string(d.Output), string(other.Output)},
		{"hints", d.Hints.text(), other.Hints.text()},
	} {
		if p.old != p.now {
			parts = append(parts, p.name)
		}
	}
	return parts
}

func (h *hints) text() string {
	if h == nil {
		return ""
	}
	raw, _ := json.Marshal(h) // strings and booleans always marshal
	return string(raw)
}

// unusable returns why no worker can be made of a tool.
func (d definition) unusable() error {
	if _, err := schema.Compile(d.Input); err != nil {
		return fmt.Errorf("its input %w", err)
	}
	if _, err := schema.Compile(d.Output); err != nil {
		return fmt.Errorf("its output %w", err)
	}
	for _, raw := range []json.RawMessage{d.Input, d.Output} {
		if len(raw) == 0 {
			continue
		}
		if _, err := visibleSchema(raw, defaultDescription); err != nil {
			return err
		}
	}
	return nil
}

// effect reads what the settings, else the server's hints, say. The second value tells where it is from.
func (s Server) effect(d definition) (coordinator.Effect, string) {
	if e, ok := s.Effects[d.Name]; ok {
		return e, "settings"
	}
	switch h := d.Hints; {
	case h == nil || s.IgnoreHints:
		return coordinator.EffectUnrepeatable, "default"
	case h.ReadOnly:
		return coordinator.EffectRead, "hints"
	case h.Idempotent:
		return coordinator.EffectIdempotent, "hints"
	}
	return coordinator.EffectUnrepeatable, "hints"
}

// authority is every property of the input, unless the settings know better: nobody here knows what they mean.
func (s Server) authority(d definition) []string {
	if named, ok := s.Authority[d.Name]; ok {
		return named
	}
	var object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(d.Input, &object) != nil { // a schema may be true
		return nil
	}
	return slices.Sorted(maps.Keys(object.Properties))
}

// offers reports whether the settings choose a tool.
func (s Server) offers(tool string) bool {
	for _, pattern := range s.Tools {
		if ok, _ := path.Match(pattern, tool); ok {
			return true
		}
	}
	return len(s.Tools) == 0
}

var (
	unsafeName  = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
	maxToolName = 80
)

// workerName is what a server's tool is called here.
func workerName(server, tool string) string {
	name := strings.Trim(unsafeName.ReplaceAllString(tool, "_"), ".")
	if len(name) > maxToolName {
		name = name[:maxToolName]
	}
	return server + "." + name
}

// words describes a tool to planners and people.
func (d definition) words(server string, most int) string {
	text := visible(d.Description, most)
	if text == "" {
		text = line(d.Title, most)
	}
	if text == "" && d.Hints != nil {
		text = line(d.Hints.Title, most)
	}
	if text == "" {
		text = "The tool " + line(d.Name, maxToolName) + " of the MCP server " + server + "."
	}
	return text
}
