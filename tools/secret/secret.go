// Package secret keeps credentials out of everything that is written down. The settings of tools and models hold them in
// plain; a Set knows them by name, and a guarded worker's results and errors have them replaced before anybody sees them.
package secret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// MinLength is the least number of bytes of a secret: shorter ones would be found, and masked, in texts that have nothing to do with them.
const MinLength = 6

// Set is the secrets of a workspace. The zero value is empty; a nil *Set masks nothing. Add first, then use it from any goroutine.
type Set struct {
	forms  []form
	once   sync.Once
	masker *strings.Replacer
}

// form is one way in which a secret shows in a text.
type form struct{ text, mask string }

// Add makes a secret known. A value shorter than MinLength is an error that does not tell it.
func (s *Set) Add(name, value string) error {
	if len(value) < MinLength {
		return fmt.Errorf("it has %d characters; fewer than %d cannot be kept out of texts", len(value), MinLength)
	}
	mask := "[secret " + name + "]"
	for _, text := range formsOf(value) {
		s.forms = append(s.forms, form{text, mask})
	}
	return nil
}

// formsOf returns a value as it stands, as JSON, URLs and HTML write it, on one line, and as it shows within base64, which is
// how Basic authentication sends it.
func formsOf(value string) []string {
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), escaped(value, true), escaped(value, false), html.EscapeString(value)}
	for _, text := range forms[3:5] {
		forms = append(forms, strings.ReplaceAll(text, "/", `\/`)) // as PHP writes JSON
	}
	for _, text := range forms[1:3] {
		forms = append(forms, lowerEscapes.ReplaceAllStringFunc(text, strings.ToLower))
	}
	if line := strings.Join(strings.Fields(value), " "); len(line) >= MinLength { // as errors quote what has several
		forms = append(forms, line)
	}
	if trimmed := strings.TrimSpace(value); len(trimmed) >= MinLength {
		forms = append(forms, trimmed)
	}
	forms = append(forms, partsOf(value)...)
	for lead := range 3 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if text := within(enc, value, lead); len(text) >= MinLength {
				forms = append(forms, text)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// longPath is how long the path of a secret URL is when it is the secret itself, as that of a webhook, and no name of a database.
const longPath = 16

// partsOf returns what a server may repeat of a URL: its password, and a path that nobody could guess.
func partsOf(value string) []string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil
	}
	var parts []string
	if password, _ := u.User.Password(); len(password) >= MinLength {
		parts = append(parts, password, url.QueryEscape(password), escaped(password, true), escaped(password, false))
	}
	for _, text := range []string{u.Path, u.EscapedPath(), u.RawQuery} {
		if len(text) >= longPath {
			parts = append(parts, text, escaped(text, true), escaped(text, false))
		}
	}
	return parts
}

// lowerEscapes are the escapes of URLs, which many programs write in small letters.
var lowerEscapes = regexp.MustCompile("%[0-9A-F]{2}")

// within returns those characters of a base64 text that a value alone decides when it begins lead bytes after a multiple of three.
func within(enc *base64.Encoding, value string, lead int) string {
	text := enc.EncodeToString([]byte(strings.Repeat("\x00", lead) + value))
	from := (lead*8 + 5) / 6
	return text[from : (lead+len(value))*8/6]
}

func escaped(value string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	_ = e.Encode(value) // a builder takes everything, and every string is JSON
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// Mask returns a text without the secrets, each replaced by its name in brackets.
func (s *Set) Mask(text string) string {
	if s == nil || len(s.forms) == 0 {
		return text
	}
	s.once.Do(func() {
		// The longest first: a secret may be part of another.
		slices.SortStableFunc(s.forms, func(a, b form) int { return len(b.text) - len(a.text) })
		var pairs []string
		for _, f := range s.forms {
			pairs = append(pairs, f.text, f.mask)
		}
		s.masker = strings.NewReplacer(pairs...)
	})
	return s.masker.Replace(text)
}

// MaskJSON is Mask for JSON; what it returns is JSON too.
func (s *Set) MaskJSON(raw json.RawMessage) json.RawMessage {
	if s == nil || len(s.forms) == 0 || len(raw) == 0 {
		return raw
	}
	masked := s.Mask(string(raw))
	switch {
	case masked == string(raw):
		masked = s.unusual(raw)
		if masked == "" {
			return raw
		}
	case !json.Valid([]byte(masked)): // a number, or a form that begins within an escape
		masked = s.unusual(raw)
	}
	return json.RawMessage(masked)
}

// unusual masks what only shows once the JSON is read: numbers, and text with escapes that it does not need. It returns ""
// where there is nothing of that kind.
func (s *Set) unusual(raw json.RawMessage) string {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return `"[not shown: it holds a secret]"`
	}
	found := false
	v = s.walk(v, &found)
	if !found {
		return ""
	}
	out, err := json.Marshal(v)
	if err != nil {
		return `"[not shown: it holds a secret]"`
	}
	return string(out)
}

func (s *Set) walk(v any, found *bool) any {
	mask := func(text string) string {
		masked := s.Mask(text)
		*found = *found || masked != text
		return masked
	}
	switch v := v.(type) {
	case string:
		return mask(v)
	case json.Number:
		if masked := mask(v.String()); masked != v.String() {
			return masked
		}
	case []any:
		for i := range v {
			v[i] = s.walk(v[i], found)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[mask(key)] = s.walk(value, found)
		}
		return out
	}
	return v
}
