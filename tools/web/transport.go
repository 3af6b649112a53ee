package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/tuttirun/tutti/coordinator"
)

// Bare takes the URL off an error of a client: its query may hold credentials. What is known about the failure stays.
func Bare(err error) error {
	if with := (*url.Error)(nil); errors.As(err, &with) {
		return with.Err
	}
	return err
}

// transport judges each request by its URL, and marks errors with what is known.
type transport struct {
	*rules
	next *http.Transport
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.judgeURL(req.URL); err != nil {
		closeBody(req)
		return nil, known(req, err, true)
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	resp, err := t.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err == nil {
		return resp, nil
	}
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return nil, known(req, refused, true)
	}
	if !connected.Load() {
		return nil, known(req, err, false)
	}
	return nil, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() { t.next.CloseIdleConnections() }

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// known marks an error of a request that was not sent.
func known(req *http.Request, err error, permanent bool) error {
	switch {
	case acted(req):
		return err
	case permanent:
		return coordinator.Permanent(err)
	}
	return coordinator.NotDone(err)
}

// acted reports whether a request before the redirects that led here may have changed something. 307 and 308 say that the
// request is to be made elsewhere; a POST answered by 301, 302 or 303 has usually done its work (RFC 9110, 15.4).
func acted(req *http.Request) bool {
	for req.Response != nil && req.Response.Request != nil {
		status := req.Response.StatusCode
		req = req.Response.Request
		if !safe(req.Method) && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect {
			return true
		}
	}
	return false
}

// safe reports whether a method asks for nothing to be changed.
func safe(method string) bool {
	return method == "" || method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (r *rules) judgeURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return &RefusedError{Host: u.Host, Why: fmt.Sprintf("%q is not http or https", u.Scheme)}
	}
	if len(r.hosts) == 0 {
		return nil
	}
	name, port := canonicalHost(u.Hostname()), portOf(u)
	for _, rule := range r.hosts {
		if rule.matches(name, port) {
			return nil
		}
	}
	return &RefusedError{Host: u.Host, Why: "it is not among the hosts of the settings", Allow: fmt.Sprintf("add %q to hosts", name)}
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// redirect is asked before each redirect. Nothing that could be a credential leaves the origin it was meant for, nor comes
// back to it once the chain has been elsewhere: whoever redirects would choose what is asked with it.
func (r *rules) redirect(req *http.Request, via []*http.Request) error {
	if r.redirects < 0 {
		return http.ErrUseLastResponse
	}
	if len(via) > r.redirects {
		return known(req, fmt.Errorf("more than %d redirects; see redirects in the settings", r.redirects), true)
	}
	req.Header.Del("Referer") // it is the former URL, query included
	if sameOrigin(req, via) {
		return nil
	}
	if req.URL.User != nil {
		req.URL.User = nil // whoever redirects does not choose who we are
	}
	if !safe(req.Method) {
		return known(req, &RefusedError{Host: req.URL.Host, Why: fmt.Sprintf("%s redirects a %s there, and its content was not meant for another host", via[len(via)-1].URL.Host, req.Method)}, true)
	}
	for name := range req.Header {
		if !travels[name] {
			req.Header.Del(name)
		}
	}
	return nil
}

// travels are the headers that go along to another origin.
var travels = map[string]bool{"Accept": true, "Accept-Language": true, "User-Agent": true, "Range": true}

func sameOrigin(req *http.Request, via []*http.Request) bool {
	first := origin(via[0].URL)
	for _, earlier := range via[1:] {
		if origin(earlier.URL) != first {
			return false
		}
	}
	return origin(req.URL) == first
}

func origin(u *url.URL) string {
	return strings.ToLower(u.Scheme) + "://" + canonicalHost(u.Hostname()) + ":" + portOf(u)
}
