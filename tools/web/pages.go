package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// Pages says how a long answer goes on.
type Pages struct {
	Next  string `json:"next,omitempty" jsonschema_description:"where the next page is named: link (the header Link, RFC 8288), or a JSON pointer such as /links/next; link if left out"`
	Param string `json:"param,omitempty" jsonschema_description:"the query parameter that takes what next points to, if that is a cursor or number and no URL"`
	Items string `json:"items,omitempty" jsonschema_description:"JSON pointer to the list in each page, such as /data; left out, the page is the list"`
	Max   int    `json:"max,omitempty" validate:"gte=0" jsonschema_description:"pages to read at most; 20 if left out"`
}

const (
	defaultPages = 20
	maxSteps     = 50 // of a JSON pointer: each of them reads the rest of the page
)

func (p *Pages) check(most int) error {
	if p.Next == "" {
		p.Next = "link"
	}
	if p.Max == 0 {
		p.Max = min(defaultPages, most)
	}
	switch {
	case p.Max > most:
		return fmt.Errorf("pages.max: %d is more than %d, see max_pages in the settings", p.Max, most)
	case p.Next != "link" && !strings.HasPrefix(p.Next, "/"):
		return errors.New("pages.next: say link, or a JSON pointer such as /links/next")
	case strings.Count(p.Next, "/") > maxSteps || strings.Count(p.Items, "/") > maxSteps:
		return fmt.Errorf("pages: a JSON pointer has at most %d steps here", maxSteps)
	case p.Next == "link" && p.Param != "":
		return errors.New("pages.param: the header Link holds URLs; param is for a cursor that next points to")
	case p.Items != "" && !strings.HasPrefix(p.Items, "/"):
		return errors.New("pages.items: a JSON pointer begins with a slash, such as /data")
	}
	return nil
}

// collect reads page after page. All of them together stay within the limit of one answer.
func (sv *service) collect(ctx context.Context, t *target, p Pages) (Output, error) {
	if err := p.check(sv.settings.MaxPages); err != nil {
		return Output{}, coordinator.Permanent(err)
	}
	items, seen, left := []json.RawMessage{}, map[string]bool{}, sv.settings.MaxBytes
	var out Output
	for page := 1; ; page++ {
		seen[t.url.String()] = true
		a, err := sv.send(ctx, t, left)
		if err != nil {
			return out, fmt.Errorf("page %d: %w", page, err)
		}
		left -= len(a.body)
		found, next, err := p.read(a, t)
		if err != nil {
			return out, coordinator.Permanent(fmt.Errorf("%s: page %d: %w", t, page, err))
		}
		items = append(items, found...)
		read := out.Bytes
		out = outline(a)
		out.Bytes += read
		out.Pages, out.More = page, next != nil
		if next == nil || page == p.Max {
			out.JSON, err = json.Marshal(items)
			return out, err
		}
		if seen[next.String()] {
			return out, coordinator.Permanent(fmt.Errorf("%s: page %d leads back to one that was read before", t, page))
		}
		t.url = next
	}
}

// read returns the items of a page and where the next one is; nil: there is none.
func (p Pages) read(a answer, t *target) ([]json.RawMessage, *url.URL, error) {
	if len(bytes.TrimSpace(a.body)) == 0 {
		return nil, nil, nil
	}
	list, err := point(a.body, p.Items)
	if err != nil {
		return nil, nil, fmt.Errorf("pages.items %q: %w", p.Items, err)
	}
	var items []json.RawMessage
	if list != nil && json.Unmarshal(list, &items) != nil {
		return nil, nil, fmt.Errorf("pages.items %q: it is not a list", p.Items)
	}
	next, err := p.next(a, t)
	if err != nil {
		return nil, nil, fmt.Errorf("pages.next %q: %w", p.Next, err)
	}
	return items, next, nil
}

func (p Pages) next(a answer, t *target) (*url.URL, error) {
	if p.Next == "link" {
		reference, ok := nextLink(a.header)
		if !ok {
			return nil, nil
		}
		return follow(a, t, reference)
	}
	raw, err := point(a.body, p.Next)
	if err != nil || raw == nil {
		return nil, err
	}
	text, err := scalar(raw)
	if err != nil {
		return nil, errors.New("it is neither text nor a number")
	}
	switch {
	case text == nil, *text == "", *text == "false":
		return nil, nil
	case p.Param != "":
		return withQuery(t.url, p.Param, *text), nil
	}
	return follow(a, t, *text)
}

// follow resolves what a page calls the next one. It stays where the step asked: a service does not choose where credentials go.
func follow(a answer, t *target, reference string) (*url.URL, error) {
	to, err := a.url.Parse(reference)
	if err != nil {
		return nil, errors.New("it is not a URL; a cursor needs pages.param")
	}
	to.Fragment, to.User = "", nil
	if origin(to) != origin(t.url) {
		return nil, fmt.Errorf("it leads to %s, away from %s", origin(to), origin(t.url))
	}
	if t.endpoint != nil && t.endpoint.Auth.Query.Name != "" {
		to = withQuery(to, t.endpoint.Auth.Query.Name, t.endpoint.Auth.Query.Value)
	}
	return to, nil
}

// point follows a JSON pointer (RFC 6901). What is not there is nil.
func point(doc json.RawMessage, pointer string) (json.RawMessage, error) {
	if !json.Valid(doc) {
		return nil, errors.New("the page is not JSON")
	}
	at := doc
	if pointer == "" {
		return at, nil
	}
	for _, part := range strings.Split(pointer[1:], "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var object map[string]json.RawMessage
		var list []json.RawMessage
		switch {
		case json.Unmarshal(at, &object) == nil:
			at = object[part]
		case json.Unmarshal(at, &list) == nil:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(list) {
				return nil, nil
			}
			at = list[i]
		default:
			return nil, nil
		}
		if at == nil || string(at) == "null" {
			return nil, nil
		}
	}
	return at, nil
}

// nextLink finds rel=next among the Link headers (RFC 8288): <https://…>; rel="next", <…>; rel="last".
func nextLink(h http.Header) (string, bool) {
	rest := strings.Join(h.Values("Link"), ", ")
	for {
		open := strings.IndexByte(rest, '<')
		if open < 0 {
			return "", false
		}
		end := strings.IndexByte(rest[open:], '>')
		if end < 0 {
			return "", false
		}
		target := rest[open+1 : open+end]
		params, after := linkParams(rest[open+end+1:])
		if isNext(params) {
			return target, true
		}
		rest = after
	}
}

// linkParams cuts the parameters of one link from those of the next: at a comma that is not in quotes.
func linkParams(s string) (params []string, after string) {
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ';':
			params = append(params, s[from:i])
			from = i + 1
		case !quoted && c == ',':
			return append(params, s[from:i]), s[i+1:]
		}
	}
	return append(params, s[from:]), ""
}

func isNext(params []string) bool {
	for _, param := range params {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for _, relation := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(relation, "next") {
				return true
			}
		}
	}
	return false
}
