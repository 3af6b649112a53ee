package mcp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/mcp"
)

const credential = "Bearer canary-7281"

// remote is a workspace with the peer at an address. What is in front is asked before the peer.
func remote(t *testing.T, front http.HandlerFunc) (string, mcp.Settings, *atomic.Pointer[http.HandlerFunc]) {
	t.Helper()
	var before atomic.Pointer[http.HandlerFunc]
	before.Store(&front)
	peer := overHTTP()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handled := &watched{ResponseWriter: w}
		if (*before.Load())(handled, r); !handled.used {
			peer.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	address := strings.TrimPrefix(srv.URL, "http://")
	return t.TempDir(), mcp.Settings{Servers: map[string]mcp.Server{"peer": {
		URL: srv.URL + "/mcp?key=canary-9034", Headers: map[string]string{"Authorization": credential}, Private: []string{address},
	}}}, &before
}

type watched struct {
	http.ResponseWriter
	used bool
}

func (w *watched) WriteHeader(status int) {
	w.used = true
	w.ResponseWriter.WriteHeader(status)
}

func pass(http.ResponseWriter, *http.Request) {}

// asks reports whether a request is of a method of the protocol.
func asks(r *http.Request, method string) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return strings.Contains(string(body), `"`+method+`"`)
}

func TestToolsOfAnAddressAreWorkersToo(t *testing.T) {
	t.Parallel()
	dir, s, _ := remote(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != credential {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	pinned(t, dir, s)
	workers := open(t, dir, s)
	if got, err := do(t.Context(), workers["peer.echo"], `{"message":"x"}`); err != nil || got != `{"text":"Echo: x"}` {
		t.Errorf("%s %v", got, err)
	}
	refuseThenAccept(t, dir, s)
	without := with(s, func(s *mcp.Server) { s.Headers = nil })
	_, err := do(t.Context(), open(t, dir, without)["peer.echo"], `{"message":"x"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || !strings.Contains(f.Message, "Unauthorized") || strings.Contains(f.Message, "canary") {
		t.Errorf("%+v", f)
	}
}

func TestAPrivateAddressMustBeAllowed(t *testing.T) {
	t.Parallel()
	dir, s, _ := remote(t, pass)
	pinned(t, dir, s)
	_, err := do(t.Context(), open(t, dir, with(s, func(s *mcp.Server) { s.Private = nil }))["peer.echo"], `{"message":"x"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "loopback") || strings.Contains(f.Message, "canary") {
		t.Errorf("%+v", f)
	}
}

func TestWhatIsKnownAboutARemoteCallThatFailed(t *testing.T) {
	t.Parallel()
	dir, s, front := remote(t, pass)
	pinned(t, dir, s)
	echo := open(t, dir, s)["peer.echo"]
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   coordinator.Failure
	}{
		{"forbidden", status(http.StatusForbidden), coordinator.Failure{NotDone: true, Permanent: true, Message: "Forbidden; see headers"}},
		{"bad request", status(http.StatusBadRequest), coordinator.Failure{NotDone: true, Permanent: true, Message: "Bad Request"}},
		{"busy", status(http.StatusTooManyRequests, "Retry-After", "7"), coordinator.Failure{NotDone: true, After: 7 * time.Second, Message: "Too Many"}},
		{"forgotten session", status(http.StatusNotFound), coordinator.Failure{NotDone: true, Message: "Not Found"}},
		{"broken", status(http.StatusInternalServerError), coordinator.Failure{Message: "Internal Server Error"}},
		{"not the protocol", page, coordinator.Failure{Message: "text/html"}},
		{"cut off", cutOff, coordinator.Failure{Message: "EOF"}},
		{"elsewhere", status(http.StatusTemporaryRedirect, "Location", "http://127.0.0.2:1/"), coordinator.Failure{NotDone: true, Permanent: true, Message: "may not be reached"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onCalls := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asks(r, "tools/call") {
					c.answer(w, r)
				}
			})
			front.Store(&onCalls)
			_, err := do(t.Context(), echo, `{"message":"x"}`)
			f := coordinator.FailureOf(err)
			if f == nil || f.NotDone != c.want.NotDone || f.Permanent != c.want.Permanent || f.After != c.want.After || !strings.Contains(f.Message, c.want.Message) || strings.Contains(f.Message, "canary") {
				t.Errorf("%+v, want %+v", f, c.want)
			}
			again := http.HandlerFunc(pass)
			front.Store(&again)
			if got, err := do(t.Context(), echo, `{"message":"x"}`); err != nil || got != `{"text":"Echo: x"}` {
				t.Errorf("afterwards: %s %v", got, err)
			}
		})
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusOK)
	fmt.Fprint(w, "<h1>Maintenance</h1>")
}

func cutOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestAnAddressWhereNobodyListensHasDoneNothing(t *testing.T) {
	t.Parallel()
	dir, s, _ := remote(t, pass)
	pinned(t, dir, s)
	gone := with(s, func(s *mcp.Server) { s.URL, s.Private = "http://127.0.0.1:1/mcp", []string{"127.0.0.1:1"} })
	_, err := do(t.Context(), open(t, dir, gone)["peer.echo"], `{"message":"x"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent || !strings.Contains(f.Message, "refused") {
		t.Errorf("%+v", f)
	}
}

func TestARemoteAnswerIsBounded(t *testing.T) {
	t.Parallel()
	dir, s, _ := remote(t, pass)
	s = with(s, func(s *mcp.Server) { s.MaxOutput = 1000 })
	pinned(t, dir, s)
	huge := open(t, dir, s)["peer.huge"]
	for _, input := range []string{`{"bytes":2000}`, `{"bytes":9000000}`} {
		_, err := do(t.Context(), huge, input)
		if f := coordinator.FailureOf(err); f == nil || f.NotDone {
			t.Errorf("%+v", f)
		}
	}
	if got, err := do(t.Context(), huge, `{"bytes":1}`); err != nil || got != `{"text":"x"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestAServerThatIsSilentAboutItsStreamIsUsedWithoutOne(t *testing.T) {
	t.Parallel()
	dir, s, _ := remote(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-r.Context().Done()
		}
	})
	s = with(s, func(s *mcp.Server) { s.Protocol, s.StartTimeout = "2025-11-25", 4*time.Second })
	pinned(t, dir, s)
	if got, err := do(t.Context(), open(t, dir, s)["peer.echo"], `{"message":"x"}`); err != nil || got != `{"text":"Echo: x"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestTheComparisonWithWhatWasAcceptedHoldsForAWhile(t *testing.T) {
	t.Parallel()
	var lists atomic.Int64
	dir, s, _ := remote(t, func(_ http.ResponseWriter, r *http.Request) {
		if asks(r, "tools/list") {
			lists.Add(1)
		}
	})
	pinned(t, dir, s)
	for _, c := range []struct {
		recheck time.Duration
		want    int64
	}{{0, 1}, {time.Nanosecond, 3}} {
		lists.Store(0)
		echo := open(t, dir, with(s, func(s *mcp.Server) { s.Recheck = c.recheck }))["peer.echo"]
		for range 3 {
			if _, err := do(t.Context(), echo, `{"message":"x"}`); err != nil {
				t.Error(err)
			}
		}
		if got := lists.Load(); got != c.want {
			t.Errorf("%s: %d lists, want %d", c.recheck, got, c.want)
		}
	}
}
