package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// placeholder is {name}, {name?} or {name...}.
var placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_-]*)(\?|\.\.\.)?\}`)

// argument is one of args: literal text and placeholders in turn.
type argument struct{ parts []part }

type part struct {
	text     string // literal, when name is ""
	name     string // of a property of the input
	optional bool   // the argument is dropped without it
	many     bool   // one argument for each item
}

func (p *program) readArgs() error {
	for _, text := range p.Args {
		if strings.ContainsRune(text, 0) {
			return errors.New("args holds a NUL byte")
		}
		a, err := parseArgument(text)
		if err != nil {
			return fmt.Errorf("args: %w", err)
		}
		p.args = append(p.args, a)
	}
	return nil
}

func parseArgument(text string) (argument, error) {
	var a argument
	end := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		if at[0] > end {
			a.parts = append(a.parts, part{text: text[end:at[0]]})
		}
		one := part{name: text[at[2]:at[3]]}
		if at[4] >= 0 {
			one.optional, one.many = text[at[4]] == '?', text[at[4]] == '.'
		}
		if one.many && at[1]-at[0] != len(text) {
			return a, fmt.Errorf("%q: a list needs an argument of its own: write %q", text, text[at[0]:at[1]])
		}
		a.parts = append(a.parts, one)
		end = at[1]
	}
	if end < len(text) || text == "" {
		a.parts = append(a.parts, part{text: text[end:]})
	}
	return a, nil
}

// argv is what the program is called with. Each value of the input stays within the one argument that names it.
func (p *program) argv(input json.RawMessage) ([]string, error) {
	var out []string
	for _, w := range p.words[1:] {
		out = append(out, w.text)
	}
	if len(p.args) == 0 {
		return out, nil
	}
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber() // as it is written
	if err := d.Decode(&values); err != nil {
		return nil, errors.New("input must be an object")
	}
	dashes := p.AllowDashes
	for _, a := range p.args {
		more, err := a.fill(values, dashes)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
		dashes = dashes || a.is("--")
	}
	return out, nil
}

func (a argument) is(text string) bool { return len(a.parts) == 1 && a.parts[0] == part{text: text} }

// fill replaces the placeholders. With dashes, a value may begin an argument with one.
func (a argument) fill(values map[string]any, dashes bool) ([]string, error) {
	if a.parts[0].many {
		return fillMany(a.parts[0].name, values[a.parts[0].name], dashes)
	}
	var b strings.Builder
	for _, one := range a.parts {
		if one.name == "" {
			b.WriteString(one.text)
			continue
		}
		value := values[one.name]
		if value == nil && one.optional {
			return nil, nil
		}
		text, err := plain(one.name, value)
		if err != nil {
			return nil, err
		}
		if err := option(one.name, text, dashes || b.Len() > 0); err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return []string{b.String()}, nil
}

func fillMany(name string, value any, dashes bool) ([]string, error) {
	items, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("input: %s must be a list: args gives each item an argument", name)
	}
	out := make([]string, len(items))
	for i, item := range items {
		where := fmt.Sprintf("%s[%d]", name, i)
		text, err := plain(where, item)
		if err == nil {
			err = option(where, text, dashes)
		}
		if err != nil {
			return nil, err
		}
		out[i] = text
	}
	return out, nil
}

// plain is a value as text.
func plain(name string, value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", fmt.Errorf("input: %s is missing: args needs it", name)
	case string:
		if strings.ContainsRune(v, 0) {
			return "", fmt.Errorf("input: %s holds a NUL byte", name)
		}
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("input: %s must be text, a number, true or false: it becomes one argument", name)
}

// option refuses a value that the program could take for an option.
func option(name, text string, allowed bool) error {
	if allowed || !strings.HasPrefix(text, "-") {
		return nil
	}
	return fmt.Errorf("input: %s begins with a dash, and the program could take it for an option (the settings' args may place \"--\" before it, or write --name={…}; allow_dashes permits it)", name)
}
