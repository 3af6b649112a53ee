package modeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// Server is a scripted provider. It closes with its test.
type Server struct {
	t       testing.TB
	http    *httptest.Server
	script  func(n int, r Request) (Reply, bool)
	release chan struct{}

	mu       sync.Mutex
	requests []Request
	released bool
	issued   map[string]issued // by the id of a call: what was thought before it
	arrived  chan struct{}     // closed and replaced at each request
}

// New starts a provider that gives these replies in order. A request beyond them fails the test.
func New(t testing.TB, replies ...Reply) *Server {
	return start(t, func(n int, _ Request) (Reply, bool) {
		if n >= len(replies) {
			return Reply{}, false
		}
		return replies[n], true
	})
}

// Func starts a provider whose replies reply decides, from the request. It may be called concurrently.
func Func(t testing.TB, reply func(r Request) Reply) *Server {
	return start(t, func(_ int, r Request) (Reply, bool) { return reply(r), true })
}

func start(t testing.TB, script func(int, Request) (Reply, bool)) *Server {
	t.Helper()
	s := &Server{t: t, script: script, issued: map[string]issued{}, release: make(chan struct{}), arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.serve(chatFormat{}))
	mux.HandleFunc("POST /v1/messages", s.serve(messagesFormat{}))
	s.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Release()
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// URL is the base URL that clients are configured with; it ends in /v1.
func (s *Server) URL() string { return s.http.URL + "/v1" }

// Requests returns what was asked so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Arrived blocks until n requests have come in, and fails the test if the test ends first.
func (s *Server) Arrived(n int) {
	s.t.Helper()
	for {
		s.mu.Lock()
		got, more := len(s.requests), s.arrived
		s.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-s.t.Context().Done():
			s.t.Fatalf("modeltest: %d of %d requests arrived", got, n)
		}
	}
}

// Release lets the hanging replies go on; they answer HTTP 500.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released {
		s.released = true
		close(s.release)
	}
}

// format is how a provider writes requests, answers and errors.
type format interface {
	parse(header http.Header, body []byte) (Request, error)
	check(r Request) error // refuses what the provider refuses
	answer(reply Reply, r Request, n int) map[string]any
	fault(reply Reply) map[string]any
}

func (s *Server) serve(f format) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		request, err := f.parse(r.Header, body)
		if err == nil {
			err = f.check(request)
		}
		if err == nil && request.API == Anthropic {
			err = s.checkThoughts(request)
		}
		if err != nil {
			fail(w, f, Error(http.StatusBadRequest, "invalid_request_error", err.Error()))
			s.t.Logf("modeltest: refused a request: %v", err)
			return
		}
		n := s.record(request)
		reply, scripted := s.script(n, request)
		if !scripted {
			s.t.Errorf("modeltest: request %d is beyond the script", n+1)
			reply = Error(http.StatusBadRequest, "beyond_script", "The script has no more replies.")
		}
		if request.API == Anthropic {
			s.remember(request, reply, n)
		}
		s.answer(w, r, f, request, reply, n)
	}
}

func (s *Server) record(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	close(s.arrived)
	s.arrived = make(chan struct{})
	return len(s.requests) - 1
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, f format, request Request, reply Reply, n int) {
	switch {
	case reply.fault == hang:
		select {
		case <-s.release:
			fail(w, f, Error(http.StatusInternalServerError, "server_error", "Released."))
		case <-r.Context().Done():
		}
	case reply.fault == cut:
		panic(http.ErrAbortHandler)
	case reply.status != 0 && reply.status != http.StatusOK:
		fail(w, f, reply)
	case reply.raw != nil:
		w.Header().Set("Content-Type", "application/json")
		send(w, reply.raw)
	case request.Stream:
		stream(w, request, reply, n)
	default:
		whole(w, f.answer(reply, request, n), reply.fault == truncated)
	}
}

// whole sends an answer as one JSON body, or the first half of it.
func whole(w http.ResponseWriter, answer map[string]any, half bool) {
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // plain maps and strings always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if half {
		send(w, body[:len(body)/2])
		flush(w)
		panic(http.ErrAbortHandler)
	}
	send(w, body)
}

func fail(w http.ResponseWriter, f format, reply Reply) {
	w.Header().Set("Content-Type", "application/json")
	if reply.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(reply.after.Seconds()))))
		w.Header().Set("Retry-After-Ms", strconv.FormatInt(reply.after.Milliseconds(), 10))
	}
	w.WriteHeader(reply.status)
	body, err := json.Marshal(f.fault(reply))
	if err != nil {
		panic(err)
	}
	send(w, body)
}

// send writes to a client that may have gone, which is no fault of the server.
func send(w io.Writer, body []byte) { _, _ = w.Write(body) }

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func callID(c Call, n, i int) string {
	if c.ID != "" {
		return c.ID
	}
	return fmt.Sprintf("call_r%d_%d", n, i)
}
