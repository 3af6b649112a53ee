package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
	"github.com/tuttirun/tutti/tools/web"
)

// script answers each request by the next of its handlers, the last one for ever.
func script(t *testing.T, s web.Settings, handlers ...http.HandlerFunc) (map[string]coordinator.Worker, *seen) {
	t.Helper()
	asked := &seen{}
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		n := asked.note(r)
		handlers[min(n, len(handlers))-1](w, r)
	})
	if s.Endpoints == nil {
		s.Endpoints = map[string]web.Endpoint{"s": {}, "keyed": {IdempotencyHeader: "Idempotency-Key"}}
	}
	for name, e := range s.Endpoints {
		e.BaseURL = srv.URL
		s.Endpoints[name] = e
	}
	return open(t, t.TempDir(), s), asked
}

func say(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "because\n\x1b[31m of this")
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestErrorsSayWhatIsKnown(t *testing.T) {
	type known struct{ notDone, permanent bool }
	nothing, never, nobody := known{true, false}, known{true, true}, known{}
	for _, c := range []struct {
		name      string
		say       http.HandlerFunc
		get, post known
		after     time.Duration
	}{
		{"400", say(400), never, never, 0},
		{"401", say(401), never, never, 0},
		{"404", say(404), never, never, 0},
		{"409", say(409), never, never, 0},
		{"408", say(408), nothing, nothing, 0},
		{"425", say(425), nothing, nothing, 0},
		{"429", say(429), nothing, nothing, 0},
		{"429 with seconds", say(429, "Retry-After", "7"), nothing, nothing, 7 * time.Second},
		{"429 with a date", say(429, "Retry-After", "Sun, 22 Nov 2026 10:00:30 GMT", "Date", "Sun, 22 Nov 2026 10:00:00 GMT"), nothing, nothing, 30 * time.Second},
		{"429 with a past date", say(429, "Retry-After", "Sun, 22 Nov 2026 09:00:00 GMT", "Date", "Sun, 22 Nov 2026 10:00:00 GMT"), nothing, nothing, 0},
		{"429 with a week", say(429, "Retry-After", "604800"), nothing, nothing, time.Hour},
		{"429 with nonsense", say(429, "Retry-After", "soon"), nothing, nothing, 0},
		{"503", say(503), nothing, nobody, 0},
		{"503 with seconds", say(503, "Retry-After", "7"), nothing, nothing, 7 * time.Second},
		{"500", say(500), nothing, nobody, 0},
		{"502", say(502), nothing, nobody, 0},
		{"504", say(504), nothing, nobody, 0},
		{"501", say(501), never, never, 0},
		{"304", say(304), never, nobody, 0},
		{"hang up", hangUp, nothing, nobody, 0},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		}, nothing, nobody, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, asked := script(t, web.Settings{}, c.say)
			for method, want := range map[string]known{"GET": c.get, "POST": c.post} {
				before := asked.count()
				_, err := do(t.Context(), w["http.request"], m{"endpoint": "s", "path": "/x", "method": method})
				f := coordinator.FailureOf(err)
				if f == nil || f.NotDone != want.notDone || f.Permanent != want.permanent {
					t.Errorf("%s: %+v", method, f)
				}
				if want == nothing && f.After != c.after {
					t.Errorf("%s: after %s", method, f.After)
				}
				if method == "POST" && asked.count() != before+1 {
					t.Errorf("a POST was sent %d times", asked.count()-before)
				}
				if strings.ContainsAny(f.Message, "\n\x1b") || !strings.Contains(f.Message, method+" s /x: ") {
					t.Errorf("message %q", f.Message)
				}
			}
			_, err := do(t.Context(), w["http.get"], m{"endpoint": "s", "path": "/x"})
			if f := coordinator.FailureOf(err); f == nil || f.NotDone != c.get.notDone || f.Permanent != c.get.permanent {
				t.Errorf("http.get: %+v", f)
			}
		})
	}
}

func TestExpectSaysWhatIsFine(t *testing.T) {
	w, _ := script(t, web.Settings{}, say(404))
	out, err := do(t.Context(), w["http.get"], m{"endpoint": "s", "expect": []int{200, 404}})
	if err != nil || out.Status != 404 || !strings.Contains(out.Text, "because") {
		t.Errorf("%+v %v", out, err)
	}
	w, _ = script(t, web.Settings{}, say(200))
	_, err = do(t.Context(), w["http.request"], m{"endpoint": "s", "method": "POST", "expect": []int{201}})
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "expects [201]") {
		t.Errorf("a POST that was answered well has happened: %+v", f)
	}
}

func TestServiceThatHangsIsGivenUp(t *testing.T) {
	over := make(chan struct{})
	hang := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}
	half := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		hang(w, r)
	}
	t.Cleanup(func() { close(over) })
	for _, h := range []http.HandlerFunc{hang, half} {
		w, _ := script(t, web.Settings{Timeout: 50 * time.Millisecond}, h)
		for method, notDone := range map[string]bool{"GET": true, "POST": false} {
			_, err := do(t.Context(), w["http.request"], m{"endpoint": "s", "method": method})
			if f := coordinator.FailureOf(err); f == nil || f.NotDone != notDone || f.Permanent || !strings.Contains(f.Message, "timeout in the settings") {
				t.Errorf("%s: %+v", method, f)
			}
		}
	}
	w, _ := script(t, web.Settings{}, hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := do(ctx, w["http.request"], m{"endpoint": "s", "method": "POST"}); err == nil || coordinator.FailureOf(err).NotDone {
		t.Errorf("the attempt's own deadline: %v", err)
	}
}

func TestUnclearRequestIsSentAgainWhereThatIsHarmless(t *testing.T) {
	soon := []string{"Retry-After", "0"}
	for _, c := range []struct {
		name, endpoint, method string
		say                    []http.HandlerFunc
		sent                   int
		ok, notDone            bool
	}{
		{"PUT", "s", "PUT", []http.HandlerFunc{say(502), say(200)}, 2, true, false},
		{"DELETE", "s", "DELETE", []http.HandlerFunc{say(500), say(204)}, 2, true, false},
		{"keyed POST", "keyed", "POST", []http.HandlerFunc{hangUp, say(201)}, 2, true, false},
		{"POST", "s", "POST", []http.HandlerFunc{say(502), say(200)}, 1, false, false},
		{"PATCH", "s", "PATCH", []http.HandlerFunc{say(502), say(200)}, 1, false, false},
		{"a 404 after doubt is still doubt", "s", "DELETE", []http.HandlerFunc{say(502), say(404)}, 2, false, false},
		{"a 429 without doubt is the coordinator's", "s", "PUT", []http.HandlerFunc{say(429, soon...), say(200)}, 1, false, true},
		{"a 429 after doubt is tried again", "keyed", "POST", []http.HandlerFunc{say(502), say(429, soon...), say(200)}, 3, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, asked := script(t, web.Settings{}, c.say...)
			_, err := do(t.Context(), w["http.request"], m{"endpoint": c.endpoint, "method": c.method, "json": m{"a": 1}})
			if (err == nil) != c.ok || err != nil && coordinator.FailureOf(err).NotDone != c.notDone {
				t.Errorf("%+v", coordinator.FailureOf(err))
			}
			if asked.count() != c.sent {
				t.Errorf("sent %d times", asked.count())
			}
			for i, r := range asked.requests {
				if asked.bodies[i] != `{"a":1}` || r.Header.Get("Idempotency-Key") != asked.requests[0].Header.Get("Idempotency-Key") {
					t.Errorf("request %d differs: %s", i, asked.bodies[i])
				}
			}
		})
	}
}

func TestNoTimeLeftMeansNoOtherTry(t *testing.T) {
	w, asked := script(t, web.Settings{}, say(502))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // less than the first pause
	defer cancel()
	if _, err := do(ctx, w["http.request"], m{"endpoint": "s", "method": "PUT"}); err == nil || coordinator.FailureOf(err).NotDone || asked.count() != 1 {
		t.Errorf("%v, sent %d times", err, asked.count())
	}
}

func TestIdempotentWorkerLeavesRepeatingToTheCoordinator(t *testing.T) {
	s := web.Settings{EndpointsOnly: true, Endpoints: map[string]web.Endpoint{"keyed": {IdempotencyHeader: "Idempotency-Key"}}}
	w, asked := script(t, s, say(502))
	_, err := do(t.Context(), w["http.request"], m{"endpoint": "keyed", "method": "POST"})
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || asked.count() != 1 {
		t.Errorf("%+v, sent %d times", f, asked.count())
	}
}

func TestKeyIsAnAttemptsOwn(t *testing.T) {
	w, asked := script(t, web.Settings{}, say(200))
	for _, key := range []string{"a/1", "a/1", "a/2"} {
		if _, err := tooltest.Do(t.Context(), w["http.request"], key, `{"endpoint": "keyed", "method": "POST"}`); err != nil {
			t.Fatal(err)
		}
	}
	keys := make([]string, 3)
	for i, r := range asked.requests {
		keys[i] = r.Header.Get("Idempotency-Key")
	}
	if keys[0] != keys[1] || keys[0] == keys[2] || len(keys[0]) != 36 || keys[0][14] != '8' {
		t.Errorf("%v", keys)
	}
	_, err := tooltest.Do(t.Context(), w["http.request"], "", `{"endpoint": "keyed", "method": "POST"}`)
	if err == nil || !coordinator.FailureOf(err).Permanent {
		t.Errorf("without a key: %v", err)
	}
	if _, err := do(t.Context(), w["http.get"], m{"endpoint": "keyed"}); err != nil {
		t.Fatal(err)
	}
	if r, _ := asked.last(t); r.Header.Get("Idempotency-Key") != "" {
		t.Error("reading needs no key")
	}
}

func TestRefusalAfterARedirectedPostIsInDoubt(t *testing.T) {
	w, _ := script(t, web.Settings{}, say(303, "Location", "/done"), say(404))
	_, err := do(t.Context(), w["http.request"], m{"endpoint": "s", "method": "POST"})
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Errorf("%+v", f)
	}
}

// Services that repeat a credential: half of one at the end of a quotation would be found by nobody who looks for all of it.
func TestCredentialIsNotCutInTwoByAQuotation(t *testing.T) {
	const key = "sk-canary/0123456789-abcdefghijklmnop"
	for _, before := range []int{280, 4080, 8180} {
		workers, _ := script(t, web.Settings{Endpoints: map[string]web.Endpoint{"s": {Private: true, Auth: web.Auth{Bearer: key}}}},
			func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusUnauthorized)
				fill := strings.Repeat("x", 270) + strings.Repeat(" ", before-270)
				fmt.Fprint(w, fill+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			})
		_, err := tooltest.Do(t.Context(), workers["http.get"], "k", `{"endpoint": "s"}`)
		if err == nil || strings.Contains(err.Error(), "sk-") {
			t.Errorf("%d bytes before it: %v", before, err)
		}
	}
}
