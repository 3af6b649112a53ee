package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tuttirun/tutti/tools/secret"
)

// endpoint is an Endpoint, checked.
type endpoint struct {
	Endpoint
	name   string
	base   *url.URL
	client *http.Client
}

func newEndpoint(name string, e Endpoint, g Guard, secrets *secret.Set) (*endpoint, error) {
	base, err := parseBase(e.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	wrong := []error{e.checkHeaders(), e.Auth.check(), e.keep(name, secrets)}
	client, err := g.For(base, e.Private).Client(0)
	return &endpoint{Endpoint: e, name: name, base: base, client: client}, errors.Join(append(wrong, err)...)
}

// parseBase never repeats the text: a URL may hold a credential.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("it is missing: the URL that every path of the endpoint begins with, such as https://api.example.com/v1")
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("it must begin with https:// or http:// and a host")
	case u.User != nil:
		return nil, errors.New("credentials belong in auth, not in the URL")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it must not hold a query or fragment; a credential there belongs in auth.query")
	}
	return u, nil
}

func (e Endpoint) checkHeaders() error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if err := checkHeader(name, e.Headers[name]); err != nil {
			wrong = append(wrong, fmt.Errorf("headers: %w", err))
		}
	}
	if h := e.IdempotencyHeader; h != "" {
		if err := checkHeader(h, ""); err != nil {
			wrong = append(wrong, fmt.Errorf("idempotency_header: %w", err))
		}
	}
	return errors.Join(wrong...)
}

func (a Auth) check() error {
	ways := 0
	for _, set := range []bool{a.Bearer != "", a.Basic != Basic{}, a.Header != Named{}, a.Query != Named{}} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("auth: say one of bearer, basic, header, query")
	case a.Basic.Password != "" && a.Basic.User == "":
		return errors.New("auth.basic: user is missing")
	case strings.Contains(a.Basic.User, ":"):
		return errors.New("auth.basic: a user must not hold a colon")
	case (a.Header.Name == "") != (a.Header.Value == ""):
		return errors.New("auth.header: name and value belong together")
	case (a.Query.Name == "") != (a.Query.Value == ""):
		return errors.New("auth.query: name and value belong together")
	case !httpguts.ValidHeaderFieldValue(a.Bearer), !httpguts.ValidHeaderFieldValue(a.Header.Value):
		return errors.New("auth: the credential holds a line end or another control character; was it read from a file?")
	case a.Header.Name != "" && (!httpguts.ValidHeaderFieldName(a.Header.Name) || protocol[http.CanonicalHeaderKey(a.Header.Name)]):
		return fmt.Errorf("auth.header: %q cannot carry a credential", a.Header.Name)
	}
	return nil
}

// keep makes the credentials known, so that no result or error shows them.
func (e Endpoint) keep(name string, secrets *secret.Set) error {
	password := e.Auth.Basic.Password
	if password == "" {
		password = e.Auth.Basic.User
	}
	for _, value := range []string{e.Auth.Bearer, password, e.Auth.Header.Value, e.Auth.Query.Value} {
		if value == "" {
			continue
		}
		if err := secrets.Add("of "+name, value); err != nil {
			return fmt.Errorf("auth: %w", err)
		}
	}
	for header, value := range e.Headers {
		if !looksSecret(header) {
			continue
		}
		if err := secrets.Add("of "+name, value); err != nil {
			return fmt.Errorf("headers: %s: %w", header, err)
		}
	}
	return nil
}

// looksSecret recognises headers that hold credentials where they do not belong.
func looksSecret(header string) bool {
	name := strings.ToLower(header)
	return slices.ContainsFunc([]string{"auth", "key", "token", "secret", "password", "cookie"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}
