package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parameter is one value of a request's line or header.
type parameter struct {
	field    string // of the input
	name     string
	in       string // path, query, header or cookie
	required bool
	style    style
	json     bool // its text is JSON: content in place of a schema
}

// style says how a value becomes text (OpenAPI 3.1, 4.8.12).
type style struct {
	name     string
	explode  bool
	reserved bool // :/?#[]@!$&'()*+,;= stay as they are
}

// stylesIn are those of each kind of parameter; the first is the default.
var stylesIn = map[string][]string{
	"path":   {"simple", "label", "matrix"},
	"query":  {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
	"header": {"simple"},
	"cookie": {"form"},
}

// newStyle reads style and explode of a parameter or of the encoding of a form's field.
func newStyle(p place, in string) (style, *Problem) {
	allowed := stylesIn[in]
	s := style{name: allowed[0], reserved: p.flag("allowReserved")}
	if name := p.text("style"); name != "" {
		s.name = name
	}
	if !slices.Contains(allowed, s.name) {
		return s, p.child("style").problem("style %q does not exist for %s parameters; there is %s", s.name, in, strings.Join(allowed, ", "))
	}
	if s.explode = s.name == "form" || s.name == "deepObject"; p.has("explode") {
		s.explode = p.flag("explode")
	}
	return s, nil
}

// pair is a name and a value, both as they are sent.
type pair struct{ name, value string }

// pairs writes a query parameter, a form's field or a cookie.
func (s style) pairs(name string, v any) ([]pair, error) {
	escape := url.QueryEscape
	if s.reserved {
		escape = escapeUnreserved
	}
	if s.name == "deepObject" {
		return deep(name, v, escape, nil)
	}
	switch v := v.(type) {
	case []any:
		texts, err := scalars(v, escape)
		if err != nil || len(texts) == 0 {
			return nil, err
		}
		if s.explode {
			return each(url.QueryEscape(name), texts), nil
		}
		return []pair{{url.QueryEscape(name), strings.Join(texts, s.separator())}}, nil
	case map[string]any:
		if len(v) == 0 {
			return nil, nil
		}
		if s.explode {
			return members(v, escape)
		}
		text, err := flat(v, s.separator(), escape)
		return []pair{{url.QueryEscape(name), text}}, err
	}
	text, err := scalar(v)
	return []pair{{url.QueryEscape(name), escape(text)}}, err
}

func (s style) separator() string {
	switch s.name {
	case "spaceDelimited":
		return "%20"
	case "pipeDelimited":
		return "%7C"
	}
	return ","
}

func each(name string, texts []string) []pair {
	out := make([]pair, len(texts))
	for i, text := range texts {
		out[i] = pair{name, text}
	}
	return out
}

func members(v map[string]any, escape func(string) string) ([]pair, error) {
	var out []pair
	for _, key := range slices.Sorted(maps.Keys(v)) {
		text, err := scalar(v[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, pair{url.QueryEscape(key), escape(text)})
	}
	return out, nil
}

// maxNested bounds how deep deepObject goes.
const maxNested = 20

// deep writes name[key][0]=value. Nesting and lists are beyond the standard; this is what most servers read.
func deep(name string, v any, escape func(string) string, keys []string) ([]pair, error) {
	if len(keys) > maxNested {
		return nil, fmt.Errorf("it is nested more than %d deep", maxNested)
	}
	var out []pair
	add := func(key string, v any) error {
		more, err := deep(name, v, escape, append(slices.Clone(keys), key))
		out = append(out, more...)
		return err
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := add(key, v[key]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		for i, item := range v {
			if err := add(strconv.Itoa(i), item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	text, err := scalar(v)
	full := url.QueryEscape(name)
	for _, key := range keys {
		full += "[" + url.QueryEscape(key) + "]"
	}
	return []pair{{full, escape(text)}}, err
}

// segment writes a path parameter. It has no slash in it that a server would take for one.
func (s style) segment(name string, v any) (string, error) {
	text, err := s.simple(v, s.inPath(name), url.PathEscape)
	if err == nil && text == "" {
		err = errors.New("it must not be empty: it is part of the path")
	}
	return text, err
}

// header writes a header parameter, which is not escaped.
func (s style) header(v any) (string, error) {
	text, err := s.simple(v, marks{between: ","}, func(text string) string { return text })
	if err == nil && hasControl(text) {
		err = errors.New("a header cannot hold line breaks and control characters")
	}
	return text, err
}

func hasControl(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }) >= 0
}

// marks are what stands before and between the parts of a value.
type marks struct{ prefix, between, named string }

func (s style) inPath(name string) marks {
	switch {
	case s.name == "label" && s.explode:
		return marks{prefix: ".", between: "."}
	case s.name == "label":
		return marks{prefix: ".", between: ","}
	case s.name == "matrix" && s.explode:
		return marks{prefix: ";", between: ";", named: url.PathEscape(name) + "="}
	case s.name == "matrix":
		return marks{prefix: ";" + url.PathEscape(name) + "=", between: ","}
	}
	return marks{between: ","}
}

func (s style) simple(v any, m marks, escape func(string) string) (string, error) {
	switch v := v.(type) {
	case []any:
		texts, err := scalars(v, escape)
		for i := range texts {
			texts[i] = m.named + texts[i]
		}
		return m.prefix + strings.Join(texts, m.between), err
	case map[string]any:
		if !s.explode {
			text, err := flat(v, m.between, escape)
			return m.prefix + text, err
		}
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			text, err := scalar(v[key])
			if err != nil {
				return "", fmt.Errorf("%s: %w", key, err)
			}
			parts = append(parts, escape(key)+"="+escape(text))
		}
		return m.prefix + strings.Join(parts, m.between), nil
	}
	text, err := scalar(v)
	if err != nil || text == "" {
		return "", err
	}
	return m.prefix + m.named + escape(text), nil
}

// flat writes key,value,key,value.
func flat(v map[string]any, between string, escape func(string) string) (string, error) {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(v)) {
		text, err := scalar(v[key])
		if err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
		parts = append(parts, escape(key), escape(text))
	}
	return strings.Join(parts, between), nil
}

func scalars(list []any, escape func(string) string) ([]string, error) {
	out := make([]string, len(list))
	for i, v := range list {
		text, err := scalar(v)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		out[i] = escape(text)
	}
	return out, nil
}

var errNested = errors.New("a list or object within another one cannot be sent in this style")

// scalar is a value's text. Null is empty.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.Number:
		return v.String(), nil
	}
	return "", errNested
}

// escapeUnreserved leaves reserved signs alone, apart from those that would end the value.
func escapeUnreserved(s string) string {
	const kept = ":/?[]@!$'()*,;"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(kept, s[i]) >= 0 {
			b.WriteByte(s[i])
			continue
		}
		b.WriteString(url.QueryEscape(s[i : i+1]))
	}
	return b.String()
}

// jsonText is a value as JSON in one line.
func jsonText(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
