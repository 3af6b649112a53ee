package openapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

// secrets are the parts of a credential that must never be shown.
func (c Credential) secrets() []string {
	var out []string
	for _, s := range []string{c.Token, c.Password, c.ClientSecret} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (c Credential) empty() bool {
	return c.Token == "" && c.Username == "" && c.Password == "" && c.ClientID == "" && c.ClientSecret == ""
}

// credential is a security scheme with what it asks for. One field is set.
type credential struct {
	header string // of an API key
	query  string
	cookie string
	value  string // of any of these
	tokens *tokens
}

// security picks the first of the alternatives whose credentials the settings have.
func (r *reader) security(op place) ([]*credential, *Problem) {
	at := op.child("security")
	if !op.has("security") {
		at = r.root.child("security")
	}
	alternatives := at.items()
	if len(alternatives) == 0 {
		return nil, nil
	}
	open := false
	for _, alternative := range alternatives {
		names := alternative.keys()
		if open = open || len(names) == 0; len(names) == 0 {
			continue
		}
		if !r.configured(names) {
			continue
		}
		var out []*credential
		for _, name := range names {
			c, wrong := r.credential(alternative, name)
			if wrong != nil {
				return nil, wrong
			}
			out = append(out, c)
		}
		return out, nil
	}
	if open || r.api.settings.Anonymous {
		return nil, nil
	}
	return nil, at.problem("it asks for credentials: set auth.%s, or anonymous: true", strings.Join(alternatives[0].keys(), " and auth."))
}

func (r *reader) configured(names []string) bool {
	for _, name := range names {
		if _, ok := r.api.settings.Auth[name]; !ok {
			return false
		}
	}
	return true
}

// credential reads one security scheme. Operations with the same scheme and scopes share it, and so its tokens.
func (r *reader) credential(requirement place, name string) (*credential, *Problem) {
	key := name
	for _, scope := range requirement.child(name).items() {
		key += " " + fmt.Sprint(scope.value)
	}
	if c, ok := r.credentials[key]; ok {
		return c, nil
	}
	at := r.root.child("components").child("securitySchemes").child(name)
	if at.value == nil {
		return nil, requirement.child(name).problem("there is no security scheme %q under components", name)
	}
	scheme, wrong := r.doc.resolve(at)
	if wrong != nil {
		return nil, wrong
	}
	c, err := r.newCredential(scheme, name, requirement.child(name))
	if err != nil {
		return nil, scheme.problem("%v", err)
	}
	r.credentials[key] = c
	return c, nil
}

func (r *reader) newCredential(scheme place, name string, scopes place) (*credential, error) {
	given := r.api.settings.Auth[name]
	kind := strings.ToLower(scheme.text("type"))
	if kind == "http" {
		kind += " " + strings.ToLower(scheme.text("scheme"))
	}
	switch {
	case kind == "apikey" && given.Token != "":
		return apiKey(scheme, given.Token)
	case kind == "http basic" && given.Username != "":
		req := http.Request{Header: http.Header{}}
		req.SetBasicAuth(given.Username, given.Password)
		value := req.Header.Get("Authorization")
		r.api.secrets = append(r.api.secrets, strings.TrimPrefix(value, "Basic "))
		return &credential{header: "Authorization", value: value}, nil
	case (kind == "http bearer" || kind == "oauth2" || kind == "openidconnect") && given.Token != "":
		return &credential{header: "Authorization", value: "Bearer " + given.Token}, nil
	case kind == "oauth2" && given.ClientID != "":
		t, err := r.newTokens(scheme, given, scopes)
		return &credential{tokens: t}, err
	}
	return nil, fmt.Errorf("auth.%s: %s", name, wanted(kind))
}

func wanted(kind string) string {
	switch kind {
	case "apikey", "http bearer", "openidconnect":
		return "it needs a token"
	case "http basic":
		return "it needs username and password"
	case "oauth2":
		return "it needs client_id and client_secret, or a token"
	}
	return fmt.Sprintf("security of type %q is not supported; there is apiKey, http basic, http bearer and oauth2", kind)
}

func apiKey(scheme place, value string) (*credential, error) {
	name := scheme.text("name")
	switch in := scheme.text("in"); {
	case !isToken(name) && in != "query" || name == "":
		return nil, fmt.Errorf("name %q cannot carry an API key", name)
	case in == "header":
		return &credential{header: name, value: value}, nil
	case in == "query":
		return &credential{query: name, value: value}, nil
	case in == "cookie":
		return &credential{cookie: name, value: value}, nil
	default:
		return nil, fmt.Errorf("in %q: an API key is in header, query or cookie", in)
	}
}

// tokens gets OAuth 2 tokens (RFC 6749, 4.4) and keeps the last one.
type tokens struct {
	config clientcredentials.Config
	client *http.Client

	mu   sync.Mutex
	last *oauth2.Token
}

func (r *reader) newTokens(scheme place, given Credential, scopes place) (*tokens, error) {
	address := given.TokenURL
	if address == "" {
		address = scheme.child("flows").child("clientCredentials").text("tokenUrl")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, errors.New("no https address for tokens is known; set token_url")
	}
	if !r.api.mayCarry(u) {
		return nil, fmt.Errorf("credentials are not sent to %s over http; use https, or name the host in private", u.Host)
	}
	client, err := web.Guard{Hosts: []string{hostOf(u)}, Private: r.api.settings.Private, Redirects: -1}.Client(r.api.settings.Timeout)
	if err != nil {
		return nil, err
	}
	wantedScopes := given.Scopes
	for _, scope := range scopes.items() {
		if s, ok := scope.value.(string); ok && len(given.Scopes) == 0 {
			wantedScopes = append(wantedScopes, s)
		}
	}
	return &tokens{client: client, config: clientcredentials.Config{
		ClientID: given.ClientID, ClientSecret: given.ClientSecret, TokenURL: u.String(), Scopes: wantedScopes,
	}}, nil
}

// mayCarry reports whether credentials may go to a URL: over https, or to a private address that the settings name.
func (a *api) mayCarry(u *url.URL) bool {
	return u.Scheme == "https" || slices.Contains(a.settings.Private, u.Host) || slices.Contains(a.settings.Private, u.Hostname())
}

// token returns one that is still good. In its errors stands nothing that the server of the tokens said, except its code.
func (t *tokens) token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Valid() {
		return t.last.AccessToken, nil
	}
	got, err := t.config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
	if err != nil {
		return "", tokenError(err)
	}
	t.last = got
	return got.AccessToken, nil
}

// forget drops a token that a server refused.
func (t *tokens) forget(refused string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil && t.last.AccessToken == refused {
		t.last = nil
	}
}

func tokenError(err error) error {
	refused := (*oauth2.RetrieveError)(nil)
	if !errors.As(err, &refused) || refused.Response == nil {
		return coordinator.NotDone(fmt.Errorf("token: %w", web.Bare(err)))
	}
	status := refused.Response.StatusCode
	said := fmt.Errorf("token: the server answered %d %s", status, http.StatusText(status))
	if isToken(refused.ErrorCode) {
		said = fmt.Errorf("%w: %s", said, refused.ErrorCode)
	}
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return coordinator.RetryAfter(said, retryAfter(refused.Response.Header, time.Now()))
	case status >= 400 && status < 500:
		return coordinator.Permanent(said)
	}
	return coordinator.NotDone(said)
}

// checkAuth finds credentials for schemes that the document does not have.
func (r *reader) checkAuth() error {
	schemes := r.root.child("components").child("securitySchemes")
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(r.api.settings.Auth)) {
		switch {
		case !schemes.has(name):
			wrong = append(wrong, fmt.Errorf("auth.%s: the document has no such security scheme; it has %s", name, cmpList(schemes.keys())))
		case r.api.settings.Auth[name].empty():
			wrong = append(wrong, fmt.Errorf("auth.%s is empty", name))
		}
	}
	return errors.Join(wrong...)
}

func cmpList(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
