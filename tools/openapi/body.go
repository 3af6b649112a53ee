package openapi

import (
	"mime"
	"net/url"
	"slices"
	"strings"
)

// body says how the content of a request is written.
type body struct {
	media    string // of the Content-Type header
	kind     bodyKind
	required bool
	styles   map[string]style // of a form's fields; others are in form style
}

type bodyKind int

const (
	jsonBody bodyKind = iota
	formBody
	textBody
)

// newBody picks what can be sent: JSON before a form before text.
func newBody(request place) (*body, place, *Problem) {
	content := request.child("content")
	media := content.keys()
	if len(media) == 0 {
		return nil, place{}, request.problem("the request's content has no media type")
	}
	best, kind := "", textBody+1
	for _, m := range media {
		if k, ok := kindOf(m); ok && k < kind {
			best, kind = m, k
		}
	}
	if best == "" {
		return nil, place{}, content.problem("content of type %s cannot be sent; only JSON, forms and text can", strings.Join(media, ", "))
	}
	at := content.child(best)
	b := &body{media: best, kind: kind, styles: map[string]style{}}
	if strings.Contains(best, "*") {
		b.media = map[bodyKind]string{jsonBody: "application/json", textBody: "text/plain"}[kind]
	}
	if kind == formBody {
		if wrong := b.readEncoding(at.child("encoding")); wrong != nil {
			return nil, place{}, wrong
		}
	}
	return b, at.child("schema"), nil
}

func kindOf(media string) (bodyKind, bool) {
	base := baseOf(media)
	switch {
	case isJSON(media):
		return jsonBody, true
	case base == "application/x-www-form-urlencoded":
		return formBody, true
	case strings.HasPrefix(base, "text/"):
		return textBody, true
	}
	return 0, false
}

// isJSON reports whether a media type is JSON (RFC 6839, 3.1), or anything, which JSON is.
func isJSON(media string) bool {
	base := baseOf(media)
	return base == "application/json" || strings.HasSuffix(base, "+json") || base == "*/*" || base == "application/*" || base == "text/json"
}

func baseOf(media string) string {
	if base, _, err := mime.ParseMediaType(media); err == nil {
		return base
	}
	base, _, _ := strings.Cut(media, ";")
	return strings.ToLower(strings.TrimSpace(base))
}

func (b *body) readEncoding(encoding place) *Problem {
	for _, field := range encoding.keys() {
		at := encoding.child(field)
		if !at.has("style") && !at.has("explode") && !at.has("allowReserved") {
			continue
		}
		s, wrong := newStyle(at, "query")
		if wrong != nil {
			return wrong
		}
		b.styles[field] = s
	}
	return nil
}

// encode writes a value as the request's content.
func (b *body) encode(v any) (string, error) {
	switch b.kind {
	case formBody:
		return b.form(v)
	case textBody:
		return scalar(v)
	}
	return jsonText(v)
}

// form writes fields. A list repeats its field, an object is sent as JSON, unless the document says otherwise (OpenAPI 3.1,
// 4.8.15); a null is left out.
func (b *body) form(v any) (string, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return "", permanent("body: a form is an object of fields")
	}
	var all []pair
	for _, name := range sortedKeys(fields) {
		if fields[name] == nil {
			continue
		}
		pairs, err := b.field(name, fields[name])
		if err != nil {
			return "", permanent("body.%s: %w", name, err)
		}
		all = append(all, pairs...)
	}
	return joinPairs(all), nil
}

func (b *body) field(name string, v any) ([]pair, error) {
	if s, ok := b.styles[name]; ok {
		return s.pairs(name, v)
	}
	if list, ok := v.([]any); ok && !slices.ContainsFunc(list, nested) {
		return style{name: "form", explode: true}.pairs(name, v)
	}
	if !nested(v) {
		return style{name: "form"}.pairs(name, v)
	}
	text, err := jsonText(v)
	return []pair{{url.QueryEscape(name), url.QueryEscape(text)}}, err
}

func nested(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return true
	}
	return false
}

func joinPairs(pairs []pair) string {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.name + "=" + p.value
	}
	return strings.Join(texts, "&")
}
