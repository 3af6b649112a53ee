package openapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

func permanent(format string, args ...any) error {
	return coordinator.Permanent(fmt.Errorf(format, args...))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// call makes one request.
func (a *api) call(ctx context.Context, o *operation, in map[string]json.RawMessage) (any, error) {
	values := make(map[string]any, len(in))
	for name, raw := range in {
		v, err := parseJSON(raw)
		if err != nil {
			return nil, permanent("%s: %w", name, err)
		}
		values[name] = v
	}
	req, err := o.request(ctx, values)
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	tokens, err := o.authorize(ctx, req)
	if err != nil {
		return nil, err
	}
	client := a.reading
	if o.card.Effect.Changes() {
		client = a.changing
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, a.sendError(o, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		for t, token := range tokens {
			t.forget(token)
		}
	}
	return a.answer(o, resp, tokens)
}

// sendError is an error without an answer. The guard marked it, if nothing was sent.
func (a *api) sendError(o *operation, err error) error {
	err = web.Bare(err)
	if refused := (*web.RefusedError)(nil); errors.As(err, &refused) {
		return fmt.Errorf("%s %s: %w", o.method, o.path, err)
	}
	return fmt.Errorf("%s %s at %s: %w", o.method, o.path, o.server.Host, err)
}

// request writes an input as a request, without credentials.
func (o *operation) request(ctx context.Context, values map[string]any) (*http.Request, error) {
	target, query, header, cookies, err := o.write(values)
	if err != nil {
		return nil, err
	}
	u, err := o.locate(target, query)
	if err != nil {
		return nil, err
	}
	content, given := values["body"]
	if o.body == nil || !given {
		content, given = nil, false
	}
	var text string
	if given {
		if text, err = o.body.encode(content); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, o.method, u.String(), strings.NewReader(text))
	if err != nil {
		return nil, web.Bare(err)
	}
	req.Header = header
	req.Header.Set("Accept", o.accept)
	req.Header.Set("User-Agent", "tutti")
	if given {
		req.Header.Set("Content-Type", o.body.media)
	}
	if len(cookies) > 0 {
		req.Header.Set("Cookie", strings.ReplaceAll(joinPairs(cookies), "&", "; "))
	}
	if key := coordinator.KeyFrom(ctx); key != "" && o.keyHeader != "" {
		req.Header.Set(o.keyHeader, headerKey(key))
	}
	return req, nil
}

// maxKey is how long a key may be that servers commonly take.
const maxKey = 255

// headerKey is the attempt's key, or its digest where a header could not hold it.
func headerKey(key string) string {
	if len(key) <= maxKey && strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) < 0 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// write puts the parameters into their places.
func (o *operation) write(values map[string]any) (target string, query []pair, header http.Header, cookies []pair, err error) {
	target, header = o.path, http.Header{}
	for _, p := range o.parameters {
		v, given := values[p.field]
		if !given || v == nil && !p.required {
			continue
		}
		s := p.style
		if p.json {
			if v, err = jsonText(v); err != nil {
				return
			}
			s.explode = false
		}
		var text string
		var pairs []pair
		switch p.in {
		case "path":
			if text, err = s.segment(p.name, v); err == nil {
				target = strings.ReplaceAll(target, "{"+p.name+"}", text)
			}
		case "header":
			if text, err = s.header(v); err == nil {
				header.Set(p.name, text)
			}
		default:
			if pairs, err = s.pairs(p.name, v); p.in == "query" {
				query = append(query, pairs...)
			} else {
				cookies = append(cookies, pairs...)
			}
		}
		if err != nil {
			return "", nil, nil, nil, fmt.Errorf("%s: %w", p.field, err)
		}
	}
	return
}

// locate joins the server with a path that is escaped already. A value must not lead to another place.
func (o *operation) locate(target string, query []pair) (*url.URL, error) {
	plain, err := url.PathUnescape(target)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) { // as servers read %2F that unescape too early
		if part == "." || part == ".." {
			return nil, fmt.Errorf("%q cannot stand alone in a path", part)
		}
	}
	u := *o.server
	escaped := strings.TrimSuffix(u.EscapedPath(), "/") + target
	if u.Path, err = url.PathUnescape(escaped); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	u.RawPath, u.RawQuery = escaped, joinPairs(query)
	return &u, nil
}

// authorize adds the credentials. It returns the tokens that it used, for the case that they are refused.
func (o *operation) authorize(ctx context.Context, req *http.Request) (map[*tokens]string, error) {
	used := map[*tokens]string{}
	for _, c := range o.security {
		switch {
		case c.tokens != nil:
			token, err := c.tokens.token(ctx)
			if err != nil {
				return nil, err
			}
			used[c.tokens] = token
			req.Header.Set("Authorization", "Bearer "+token)
		case c.header != "":
			req.Header.Set(c.header, c.value)
		case c.query != "":
			more := url.QueryEscape(c.query) + "=" + url.QueryEscape(c.value)
			req.URL.RawQuery = strings.TrimPrefix(req.URL.RawQuery+"&"+more, "&")
		case c.cookie != "":
			earlier := req.Header.Get("Cookie")
			req.Header.Set("Cookie", strings.TrimPrefix(earlier+"; "+c.cookie+"="+c.value, "; "))
		}
	}
	return used, nil
}
