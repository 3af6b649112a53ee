package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/tuttirun/tutti/coordinator"
)

// target is a request that can be made, as often as need be.
type target struct {
	Address
	name     string // how messages call it: never a query, which may hold a credential
	method   string
	url      *url.URL
	header   http.Header
	content  []byte
	endpoint *endpoint // nil: none
	client   *http.Client
	keyed    bool // the attempt's key goes along
}

// target resolves an input. Its errors are permanent.
func (sv *service) target(a Address, method string) (*target, error) {
	header, err := a.header()
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	t := &target{Address: a, method: method, header: header, client: sv.anywhere}
	if err := sv.locate(t); err != nil {
		return nil, coordinator.Permanent(err)
	}
	if err := t.addQuery(); err != nil {
		return nil, coordinator.Permanent(err)
	}
	if t.endpoint != nil {
		if err := t.authenticate(); err != nil {
			return nil, coordinator.Permanent(err)
		}
	}
	if t.header.Get("User-Agent") == "" {
		t.header.Set("User-Agent", "tutti")
	}
	return t, nil
}

// locate finds the URL.
func (sv *service) locate(t *target) (err error) {
	known := slices.Sorted(maps.Keys(sv.endpoints))
	switch {
	case t.Endpoint != "" && t.URL != "":
		return errors.New("say endpoint or url, one of the two: credentials never go to a url")
	case t.Endpoint == "" && t.URL == "":
		return fmt.Errorf("endpoint or url is missing; there are endpoints %s", list(known))
	case t.URL != "" && t.Path != "":
		return errors.New("path belongs to an endpoint; a url is given in full")
	case t.URL != "" && sv.settings.EndpointsOnly:
		return fmt.Errorf("url: the workspace allows only its endpoints (endpoints_only): %s", list(known))
	case t.URL != "":
		if t.url, err = parseURL(t.URL); err != nil {
			return fmt.Errorf("url: %w", err)
		}
		t.name = t.url.Scheme + "://" + t.url.Host + t.url.EscapedPath()
		return nil
	}
	t.endpoint = sv.endpoints[t.Endpoint]
	if t.endpoint == nil {
		return fmt.Errorf("endpoint: there is none called %q; tools.http.endpoints in tutti.yaml names %s", t.Endpoint, list(known))
	}
	t.client = t.endpoint.client
	if t.url, err = below(t.endpoint.base, t.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	t.name = t.endpoint.name + " " + t.Path
	return nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("it must begin with https:// or http:// and a host")
	case u.User != nil:
		return nil, errors.New("it holds credentials; they belong in the auth of an endpoint in tutti.yaml, as secrets")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// below joins a path to an endpoint's address, which it cannot leave. An escaped slash in it (%2F) stays one.
func below(base *url.URL, path string) (*url.URL, error) {
	if strings.ContainsAny(path, "?#") {
		return nil, errors.New("it must not hold ? or #; parameters go under query")
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, errors.New("a % begins an escape such as %20; the sign itself is %25")
	}
	if strings.ContainsFunc(plain, unicode.IsControl) {
		return nil, errors.New("it holds a control character")
	}
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return nil, fmt.Errorf("it must not hold %q as a part", part)
		}
	}
	u := *base
	if path != "" {
		u.Path = strings.TrimSuffix(base.Path, "/") + "/" + strings.TrimLeft(plain, "/")
		u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + "/" + escaped(strings.TrimLeft(path, "/"))
	}
	return &u, nil
}

// escaped is a path as it is sent: a slash that was escaped stays so.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = url.PathEscape(plain)
		}
	}
	return strings.Join(parts, "/")
}

func (t *target) addQuery() error {
	if t.endpoint != nil && t.endpoint.Auth.Query.Name != "" {
		if _, twice := t.Query[t.endpoint.Auth.Query.Name]; twice {
			return fmt.Errorf("query: %s is set by the endpoint", t.endpoint.Auth.Query.Name)
		}
	}
	if len(t.Query) == 0 {
		return nil
	}
	q, err := url.ParseQuery(t.url.RawQuery)
	if err != nil {
		return errors.New("url: its query cannot be read")
	}
	for name, values := range t.Query {
		q.Del(name)
		for _, value := range values {
			q.Add(name, value)
		}
	}
	t.url.RawQuery = q.Encode()
	return nil
}

// authenticate adds what the endpoint says of itself. A step does not override it.
func (t *target) authenticate() error {
	e := t.endpoint
	fixed := func(name, value string) error {
		if t.header.Get(name) != "" {
			return fmt.Errorf("headers: %s is set by the endpoint", name)
		}
		t.header.Set(name, value)
		return nil
	}
	for name, value := range e.Headers {
		if err := fixed(name, value); err != nil {
			return err
		}
	}
	if e.IdempotencyHeader != "" && t.header.Get(e.IdempotencyHeader) != "" {
		return fmt.Errorf("headers: %s is set by the endpoint", e.IdempotencyHeader)
	}
	switch a := e.Auth; {
	case a.Bearer != "":
		t.header.Set("Authorization", "Bearer "+a.Bearer)
	case a.Basic != Basic{}:
		r := http.Request{Header: t.header}
		r.SetBasicAuth(a.Basic.User, a.Basic.Password)
	case a.Header.Name != "":
		return fixed(a.Header.Name, a.Header.Value)
	case a.Query.Name != "":
		t.url = withQuery(t.url, a.Query.Name, a.Query.Value)
	}
	return nil
}

func withQuery(u *url.URL, name, value string) *url.URL {
	out := *u
	q := out.Query()
	q.Set(name, value)
	out.RawQuery = q.Encode()
	return &out
}

// addKey sends the attempt's key where the endpoint understands it. It has the form of a UUID (RFC 9562, version 8), which
// every service takes, and tells nothing about the run.
func (t *target) addKey(ctx context.Context) error {
	if t.endpoint == nil || t.endpoint.IdempotencyHeader == "" || safe(t.method) {
		return nil
	}
	key := coordinator.KeyFrom(ctx)
	if key == "" {
		return coordinator.Permanent(errors.New("the attempt has no key, so a repetition could not be recognised"))
	}
	sum := sha256.Sum256([]byte(key))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	t.header.Set(t.endpoint.IdempotencyHeader, fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
	t.keyed = true
	return nil
}
