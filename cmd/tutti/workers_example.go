package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// stepExample is a step that uses a worker, as YAML: everything its input requires, with a value of the right type. A worker
// that requires nothing gets the first few properties it takes.
func stepExample(c coordinator.Card) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - id: %s\n    use: %s\n", exampleID(c.Name), yamlText(c.Name))
	p := readProperty(c.Input)
	names := exampleNames(p)
	if len(names) == 0 {
		return b.String()
	}
	b.WriteString("    with:\n")
	writeProperties(&b, p, names, "      ", 0)
	return b.String()
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// exampleID makes an id of a worker's name: send for mail.send.
func exampleID(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	id := strings.Trim(notInID.ReplaceAllString(name, "_"), "_")
	if id == "" || id[0] >= '0' && id[0] <= '9' || slices.Contains([]string{"true", "false", "null", "in"}, id) {
		id = "step_" + id
	}
	return id
}

// exampleNames are the properties that an example fills.
func exampleNames(p property) []string {
	names := namesOf(p)
	required := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(p.Required, n) })
	if len(required) > 0 {
		return required
	}
	return names[:min(len(names), 2)]
}

func writeProperties(b *strings.Builder, p property, names []string, indent string, depth int) {
	for _, name := range names {
		of := p.Properties[name]
		inside := exampleNames(of)
		if typeWord(of) == "object" && len(inside) > 0 && depth < maxPropertyDepth {
			fmt.Fprintf(b, "%s%s:\n", indent, yamlText(name))
			writeProperties(b, of, inside, indent+"  ", depth+1)
			continue
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, yamlText(name), exampleValue(name, of))
	}
}

// exampleValue is a value of a property's type, in YAML on one line.
func exampleValue(name string, p property) string {
	for _, given := range [][]any{p.Examples, p.Enum} {
		if len(given) > 0 {
			return yamlValue(given[0])
		}
	}
	switch {
	case p.Const != nil:
		return yamlValue(p.Const)
	case p.Default != nil:
		return yamlValue(p.Default)
	}
	switch typeWord(p) {
	case "integer", "number":
		return "1"
	case "boolean":
		return "true"
	case "array":
		items := readProperty(p.Items)
		if typeWord(items) == "" {
			return "[]"
		}
		return "[" + exampleValue(name, items) + "]"
	case "object":
		var parts []string
		for _, inside := range exampleNames(p) {
			parts = append(parts, yamlText(inside)+": "+exampleValue(inside, p.Properties[inside]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case "string":
		switch p.Format {
		case "path":
			return "inbox/one.txt"
		case "email":
			return "ada@example.com"
		case "uri":
			return "https://example.com/"
		case "date":
			return `"2026-09-30"`
		case "date-time":
			return `"2026-09-30T12:00:00Z"`
		}
	}
	return yamlValue("${{ input." + notInID.ReplaceAllString(name, "_") + " }}")
}

var plainYAML = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./@-]*$`)

// yamlText is a text that YAML reads as text.
func yamlText(s string) string {
	if plainYAML.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return fmt.Sprintf("%q", s)
}

func yamlValue(v any) string {
	if s, ok := v.(string); ok {
		return yamlText(s)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(raw)
}
