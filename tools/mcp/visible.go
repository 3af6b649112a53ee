package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// hidden reports whether a character shows nothing, or turns around what is shown: control characters, format characters
// (zero width, bidirectional, tags), private and unassigned ones, variation selectors. Models read what people don't see.
func hidden(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r)
}

// visible returns a text from outside without hidden characters, of at most most characters.
func visible(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, text)
	if utf8.RuneCountInString(text) <= most {
		return strings.TrimSpace(text)
	}
	return strings.TrimSpace(string([]rune(text)[:most])) + " …"
}

// line is visible on one line.
func line(text string, most int) string {
	return visible(strings.Join(strings.Fields(text), " "), most)
}

// revealed writes hidden characters out, for people who compare texts.
func revealed(text string) string {
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escapeHidden rewrites JSON so that its file shows every hidden character as \u….
func escapeHidden(raw []byte) []byte {
	var b bytes.Buffer
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		switch {
		case r < 0x7f || !hidden(r):
			b.Write(raw[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		raw = raw[n:]
	}
	return b.Bytes()
}

// prose are the keywords of a schema that are read, not obeyed; values are the ones whose content is data.
var (
	prose  = []string{"title", "description", "$comment"}
	values = []string{"const", "default", "enum", "examples"}
)

// visibleSchema returns a schema whose descriptions hold nothing hidden and are at most most characters long.
// A property whose name holds something hidden is an error.
func visibleSchema(raw json.RawMessage, most int) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if err := cleanSchema(v, most); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func cleanSchema(v any, most int) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := cleanSchema(item, most); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if strings.ContainsFunc(key, hidden) {
				return fmt.Errorf("the property name %q holds characters that do not show", key)
			}
			if text, ok := item.(string); ok && slices.Contains(prose, key) {
				v[key] = visible(text, most)
			} else if !slices.Contains(values, key) {
				if err := cleanSchema(item, most); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
