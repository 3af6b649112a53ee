package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"code.dny.dev/ssrf"
)

// Guard says where requests may go. The zero value: every public address, no private one.
//
// Hosts and Private are two doors one behind the other: a request passes both. Hosts is about the name in the URL, Private
// about the address that the name leads to at the moment of dialling.
type Guard struct {
	Hosts     []string `json:"hosts,omitempty"`     // if any: only these hosts (exact, or *.example.com), with optional :port
	Private   []string `json:"private,omitempty"`   // addresses that may be reached although they are not public: host, host:port, IP, IP:port or CIDR
	Redirects int      `json:"redirects,omitempty"` // followed at most; 0: 5, negative: none
}

// DefaultRedirects is how many redirects one request follows.
const DefaultRedirects = 5

const (
	dialTimeout      = 10 * time.Second
	idleTimeout      = 30 * time.Second
	maxHeaderBytes   = 256 << 10
	handshakeTimeout = 10 * time.Second
)

// Check returns what is wrong with the settings, all of it.
func (g Guard) Check() error {
	_, err := g.rules()
	return err
}

// For returns the guard for a service that the settings name. Whoever names it means it to be reached: its host and port are
// added to Hosts, where there are any, and to Private if the settings say that it is private.
func (g Guard) For(service *url.URL, private bool) Guard {
	host := net.JoinHostPort(service.Hostname(), portOf(service))
	if len(g.Hosts) > 0 {
		g.Hosts = append(slices.Clone(g.Hosts), host)
	}
	if private {
		g.Private = append(slices.Clone(g.Private), host)
	}
	return g
}

// Client returns a client that goes only where the guard permits, on the first request and on every redirect. What a name
// leads to is judged after it was resolved, on the connection itself, so a name that changes its answer gains nothing. No
// proxy from the environment is used, and there are no cookies. A timeout of 0 leaves it to the request's context.
//
// An error of the client is marked coordinator.Permanent if the guard refused (it wraps a *RefusedError), and
// coordinator.NotDone if no connection was had: in both cases nothing was sent. It is not marked if an earlier request of a
// chain of redirects may have done something, nor if the client's own timeout ended it (a deadline of the context keeps the
// mark). Its text begins with the URL, query included: see Bare.
func (g Guard) Client(timeout time.Duration) (*http.Client, error) {
	return g.client(timeout, nil)
}

func (g Guard) client(timeout time.Duration, resolver *net.Resolver) (*http.Client, error) {
	r, err := g.rules()
	if err != nil {
		return nil, err
	}
	d := &dialer{rules: r, resolver: resolver, public: ssrf.New(ssrf.WithAnyPort())}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: r.redirect,
		Transport: &transport{rules: r, next: &http.Transport{
			DialContext:            d.dial,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    handshakeTimeout,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConns:           100,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: maxHeaderBytes,
		}},
	}, nil
}

// RefusedError is a request that the guard did not let through.
type RefusedError struct {
	Host    string // as it stands in the URL
	Address string // that it led to; "" if the name alone was enough to refuse
	Why     string
	Allow   string // the setting that would allow it; "" if none does
}

func (e *RefusedError) Error() string {
	to := e.Host
	if e.Address != "" && e.Address != e.Host {
		to += " (" + e.Address + ")"
	}
	text := fmt.Sprintf("%s may not be reached: %s", to, e.Why)
	if e.Allow != "" {
		text += "; to allow it, " + e.Allow
	}
	return text
}
