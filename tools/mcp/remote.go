package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

// streamGrace is how long a server may think about offering a stream of its own messages, if it has that long to start.
const streamGrace = 5 * time.Second

// reach returns the transport to a server with a URL. Its host is the operator's word; no other is gone to.
func (s *server) reach() (sdk.Transport, *http.Client, error) {
	u, err := url.Parse(s.settings.URL)
	if err != nil {
		return nil, nil, coordinator.Permanent(errors.New("url: it is none")) // its text may hold a credential
	}
	client, err := web.Guard{Hosts: []string{u.Host}, Private: s.settings.Private}.Client(0)
	if err != nil {
		return nil, nil, coordinator.Permanent(err)
	}
	client.Transport = &wire{
		next: client.Transport, origin: u, headers: s.settings.Headers,
		limit: int64(s.frame()), patience: min(streamGrace, s.settings.StartTimeout/4),
	}
	return &sdk.StreamableClientTransport{Endpoint: s.settings.URL, HTTPClient: client, MaxEventSize: s.frame()}, client, nil
}

// wire adds the headers of the settings, bounds answers, and tells the call in the request's context what became of it.
type wire struct {
	next     http.RoundTripper
	origin   *url.URL
	headers  map[string]string
	limit    int64
	patience time.Duration
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == w.origin.Scheme && req.URL.Host == w.origin.Host {
		req = req.Clone(req.Context())
		for name, value := range w.headers {
			req.Header.Set(name, value)
		}
	}
	if req.Method == http.MethodGet && req.Header.Get("Last-Event-ID") == "" {
		return w.stream(req)
	}
	resp, err := w.next.RoundTrip(req)
	if e, ok := req.Context().Value(exchangeContext{}).(*exchange); ok && req.Method == http.MethodPost {
		e.note(resp)
	}
	if err == nil && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		resp.Body = &boundedBody{resp.Body, w.limit}
	}
	return resp, err
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (w *wire) CloseIdleConnections() {
	if c, ok := w.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// stream asks for the server's own messages. The SDK waits for the answer before anything else; a server that gives none
// is taken to have no stream, which the protocol says by 405.
func (w *wire) stream(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	late := time.AfterFunc(w.patience, cancel)
	resp, err := w.next.RoundTrip(req.WithContext(ctx))
	if late.Stop() && err == nil {
		resp.Body = &streamBody{resp.Body, cancel}
		return resp, nil
	}
	cancel()
	if err == nil {
		resp.Body.Close()
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	return &http.Response{
		Status: "405 no stream", StatusCode: http.StatusMethodNotAllowed, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}

type streamBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *streamBody) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}

// boundedBody fails where an answer is larger than it may be.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errLongLine
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

type exchangeContext struct{}

// exchange is what the server answered to the request that carried a call, before anything of the protocol.
type exchange struct {
	mu     sync.Mutex
	status int // 0: nothing yet
	after  time.Duration
}

// note keeps the first answer: a notice of cancellation may follow. One that sends the request elsewhere is none.
func (e *exchange) note(resp *http.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if resp == nil || e.status != 0 || resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect {
		return
	}
	e.status = resp.StatusCode
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.after = time.Duration(min(seconds, 24*60*60)) * time.Second
	}
}

// refusal is the error of a request that the server did not take up; nil if it may have.
func (e *exchange) refusal() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	answered := fmt.Errorf("it answered %d %s", e.status, http.StatusText(e.status))
	switch e.status {
	case http.StatusNotFound: // the session, which is begun anew
		return coordinator.NotDone(answered)
	case http.StatusTooManyRequests:
		return coordinator.RetryAfter(answered, max(e.after, time.Second))
	case http.StatusUnauthorized, http.StatusForbidden:
		return coordinator.Permanent(fmt.Errorf("%w; see headers in its settings", answered))
	case http.StatusRequestTimeout, http.StatusConflict:
		return nil
	}
	if e.status >= 400 && e.status < 500 {
		return coordinator.Permanent(answered)
	}
	return nil
}
