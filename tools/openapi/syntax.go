package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse reads JSON or YAML. An error begins with its line, so that it can stand after the file's name.
func parse(raw []byte) (any, error) {
	if first := bytes.TrimSpace(raw); len(first) > 0 && first[0] == '{' {
		if v, err := parseJSON(raw); err == nil {
			return v, nil
		} // YAML's braces look the same, and its parser names lines
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		if line, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok && strings.HasPrefix(text, "line ") {
			return nil, fmt.Errorf(":%s: neither JSON nor YAML: %s", line, rest)
		}
		return nil, fmt.Errorf(": neither JSON nor YAML: %s", text)
	}
	left := maxNodes
	return fromYAML(&n, &left, 0)
}

func parseJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

// Limits of YAML, whose aliases can make much of little.
const (
	maxNodes = 3_000_000
	maxDepth = 1000
)

func fromYAML(n *yaml.Node, left *int, depth int) (any, error) {
	if *left--; *left < 0 || depth > maxDepth {
		return nil, fmt.Errorf(":%d: its aliases or nesting make it too large", n.Line)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return fromYAML(n.Content[0], left, depth+1)
	case yaml.AliasNode:
		return fromYAML(n.Alias, left, depth+1)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if out[i], err = fromYAML(item, left, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.MappingNode:
		return mappingFromYAML(n, left, depth)
	case yaml.ScalarNode:
		return scalarFromYAML(n), nil
	}
	return nil, nil // an empty file
}

func mappingFromYAML(n *yaml.Node, left *int, depth int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	merged := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		v, err := fromYAML(n.Content[i+1], left, depth+1)
		if err != nil {
			return nil, err
		}
		if key.Tag == "!!merge" {
			merge(merged, v)
			continue
		}
		if _, twice := out[key.Value]; twice {
			return nil, fmt.Errorf(":%d: the key %q stands there twice", key.Line, key.Value)
		}
		out[key.Value] = v
	}
	for key, v := range merged {
		if _, own := out[key]; !own {
			out[key] = v
		}
	}
	return out, nil
}

// merge adds what "<<" names; what came first wins.
func merge(into map[string]any, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if _, ok := into[key]; !ok {
				into[key] = value
			}
		}
	case []any:
		for _, item := range v {
			merge(into, item)
		}
	}
}

func scalarFromYAML(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		var v any
		if n.Decode(&v) == nil {
			if raw, err := json.Marshal(v); err == nil {
				return json.Number(raw)
			}
		}
	}
	return n.Value
}
