package openapi_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/openapi"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// seen is a request as the server got it.
type seen struct {
	line, body string
	header     http.Header
}

// server is a real one that remembers what it was asked.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

func serve(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, seen{r.Method + " " + r.RequestURI, string(raw), r.Header})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) host() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *server) last(t *testing.T) seen {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		t.Fatal("the server was not asked")
	}
	return s.seen[len(s.seen)-1]
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// at points the petstore to a server.
func at(s *server, change func(*openapi.API)) openapi.Settings {
	return petstore(func(a *openapi.API) {
		a.Server, a.Private = s.URL+"/v1/", []string{s.host()}
		if change != nil {
			change(a)
		}
	})
}

func do(w coordinator.Worker, input string) (coordinator.Result, error) {
	return tooltest.Do(context.Background(), w, "ws/run/step/1/0", input)
}

func answering(status int, contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

func TestRequestsAreWrittenAsTheDocumentSays(t *testing.T) {
	s := serve(t, answering(200, "application/json", `{"ok":true}`))
	workers := open(t, "testdata", at(s, nil))
	for _, c := range []struct{ tool, input, line, body, header string }{
		{"listPets", `{}`, "GET /v1/pets?api_key=canary-key-1", "", "Accept: application/json"},
		{"listPets", `{"limit": 5, "tags": ["a b", "c,d"], "status": ["sold", null], "filter": {"k": "v&w", "a[": "1"}, "X-Request-Source": "cron"}`,
			"GET /v1/pets?limit=5&tags=a+b,c%2Cd&status=sold&status=&filter[a%5B]=1&filter[k]=v%26w&api_key=canary-key-1", "", "X-Request-Source: cron"},
		{"getPet", `{"petId": "a/b?c"}`, "GET /v1/pets/a%2Fb%3Fc", "", "User-Agent: tutti"},
		{"createPet", `{"body": {"name": "<Rex>", "pin": "12345678901234567890"}, "Idempotency-Key": "mine"}`, "POST /v1/pets?api_key=canary-key-1",
			`{"name":"<Rex>","pin":"12345678901234567890"}`, "Idempotency-Key: mine"},
		{"pets.replace", `{"petId": "1", "query_petId": "2", "body": {"name": "Re x", "status": null, "parents": [{"name": "A"}]}}`,
			"PUT /v1/pets/1?petId=2&api_key=canary-key-1", "name=Re+x&parents=%5B%7B%22name%22%3A%22A%22%7D%5D", "Content-Type: application/x-www-form-urlencoded"},
		{"delete_pets_petId", `{"petId": "1"}`, "DELETE /v1/pets/1?api_key=canary-key-1", "", ""},
		{"setNote", `{"petId": "1", "body": "good", "lang": "de"}`, "POST /v1/pets/1/note.txt", "good", "Authorization: Basic YW5uOmNhbmFyeS1wYXNzd29yZA=="},
		{"setNote", `{"petId": "1", "body": "good", "lang": "de"}`, "POST /v1/pets/1/note.txt", "good", "Cookie: lang=de"},
	} {
		if _, err := do(workers["petstore."+c.tool], c.input); err != nil {
			t.Errorf("%s %s: %v", c.tool, c.input, err)
			continue
		}
		got := s.last(t)
		name, value, _ := strings.Cut(c.header, ": ")
		if got.line != c.line || got.body != c.body || got.header.Get(name) != value {
			t.Errorf("%s %s\n got %s\nwant %s\n got %s\nwant %s\n got %s\nwant %s", c.tool, c.input, got.line, c.line, got.body, c.body, got.header.Get(name), c.header)
		}
	}
}

const styles = `openapi: 3.1.0
paths:
  /p/{v}/{w}: {get: {operationId: path, parameters: [{name: v, in: path, style: label, explode: true}, {name: w, in: path, style: matrix, explode: true}]}}
  /q/{v}/{w}: {get: {operationId: plain, parameters: [{name: v, in: path, style: label}, {name: w, in: path, style: matrix}]}}
  /s/{v}.{w}: {get: {operationId: simple, parameters: [{name: v, in: path, explode: true}, {name: w, in: path}]}}
  /query:
    get:
      operationId: query
      parameters:
        - {name: form, in: query}
        - {name: flat, in: query, explode: false}
        - {name: space, in: query, style: spaceDelimited, explode: false}
        - {name: pipe, in: query, style: pipeDelimited, explode: false}
        - {name: deep, in: query, style: deepObject}
        - {name: free, in: query, allowReserved: true}
        - {name: json, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: X-List, in: header}
        - {name: c, in: cookie}
  /form:
    post:
      operationId: form
      requestBody: {content: {application/x-www-form-urlencoded: {encoding: {card: {style: deepObject}, tags: {explode: false}}}}}
`

func TestEveryStyleIsWrittenAsTheStandardShowsIt(t *testing.T) {
	s := serve(t, answering(204, "", ""))
	w := open(t, write(t, "a.yaml", styles), openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.yaml", Server: s.URL, Private: []string{s.host()}}}})
	for _, c := range []struct{ tool, input, want string }{
		{"path", `{"v": ["blue", "black"], "w": ["blue", "black"]}`, "/p/.blue.black/;w=blue;w=black"},
		{"path", `{"v": {"R": 100, "G": 200}, "w": {"R": 100, "G": 200}}`, "/p/.G=200.R=100/;G=200;R=100"},
		{"path", `{"v": "blue", "w": "blue"}`, "/p/.blue/;w=blue"},
		{"plain", `{"v": ["blue", "black"], "w": ["blue", "black"]}`, "/q/.blue,black/;w=blue,black"},
		{"plain", `{"v": {"R": 100}, "w": {"R": 100}}`, "/q/.R,100/;w=R,100"},
		{"simple", `{"v": {"R": 100, "G": 200}, "w": {"R": 100, "G": 200}}`, "/s/G=200,R=100.G,200,R,100"},
		{"query", `{"form": ["a", "b"]}`, "/query?form=a&form=b"},
		{"query", `{"form": {"R": 100, "G": 200}}`, "/query?G=200&R=100"},
		{"query", `{"form": true}`, "/query?form=true"},
		{"query", `{"form": []}`, "/query"},
		{"query", `{"form": null}`, "/query"},
		{"query", `{"form": ""}`, "/query?form="},
		{"query", `{"flat": {"R": 1.50, "G": 2}}`, "/query?flat=G,2,R,1.50"},
		{"query", `{"space": ["a", "b c"]}`, "/query?space=a%20b+c"},
		{"query", `{"pipe": ["a", "b"]}`, "/query?pipe=a%7Cb"},
		{"query", `{"deep": {"a": {"b": [1, 2]}}}`, "/query?deep[a][b][0]=1&deep[a][b][1]=2"},
		{"query", `{"free": "/a?b&c=d#e"}`, "/query?free=/a?b%26c%3Dd%23e"},
		{"query", `{"json": {"a": "<&>"}}`, "/query?json=%7B%22a%22%3A%22%3C%26%3E%22%7D"},
	} {
		if _, err := do(w["a."+c.tool], c.input); err != nil {
			t.Errorf("%s %s: %v", c.tool, c.input, err)
		} else if _, got, _ := strings.Cut(s.last(t).line, " "); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.tool, c.input, got, c.want)
		}
	}
	if _, err := do(w["a.query"], `{"X-List": ["a", "b"], "c": "1; admin=2"}`); err != nil {
		t.Fatal(err)
	}
	if h := s.last(t).header; h.Get("X-List") != "a,b" || h.Get("Cookie") != "c=1%3B+admin%3D2" {
		t.Errorf("header %v", h)
	}
	if _, err := do(w["a.form"], `{"body": {"card": {"exp": {"month": 5}}, "tags": ["a", "b"], "list": [1, 2]}}`); err != nil {
		t.Fatal(err)
	}
	if got := s.last(t).body; got != "card[exp][month]=5&list=1&list=2&tags=a,b" {
		t.Errorf("form %s", got)
	}
}

func TestInputsThatWouldLeadElsewhereAreNotSent(t *testing.T) {
	s := serve(t, answering(200, "application/json", `1`))
	store := open(t, "testdata", at(s, nil))
	other := open(t, write(t, "a.yaml", styles), openapi.Settings{APIs: map[string]openapi.API{"a": {Document: "a.yaml", Server: s.URL, Private: []string{s.host()}}}})
	for _, c := range []struct {
		w           coordinator.Worker
		input, want string
	}{
		{store["petstore.getPet"], `{"petId": ".."}`, `".." cannot stand alone in a path`},
		{store["petstore.getPet"], `{"petId": "../../admin"}`, `".." cannot stand alone in a path`},
		{store["petstore.getPet"], `{"petId": "a\\..\\b"}`, `".." cannot stand alone in a path`},
		{store["petstore.getPet"], `{"petId": ""}`, "petId: it must not be empty"},
		{store["petstore.getPet"], `{}`, "petId is missing"},
		{store["petstore.listPets"], `{"limit": 0}`, "limit must be greater than 0, not 0"},
		{store["petstore.listPets"], `{"X-Request-Source": "a\r\nX-Admin: yes"}`, "X-Request-Source"},
		{other["a.query"], `{"form": [[1]]}`, "form: [0]: a list or object within another one"},
		{other["a.form"], `{"body": [1]}`, "body: a form is an object of fields"},
	} {
		_, err := do(c.w, c.input)
		if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, c.want) {
			t.Errorf("%s: got %+v, want %s", c.input, f, c.want)
		}
	}
	if s.count() != 0 {
		t.Errorf("the server was asked %d times", s.count())
	}
}

func TestAnswersBecomeOutputs(t *testing.T) {
	for _, c := range []struct{ media, text, want, note string }{
		{"application/json; charset=utf-8", `{"b": 9007199254740993, "a": 1}`, `{"a":1,"b":9007199254740993}`, ""},
		{"application/problem+json", `[1]`, `[1]`, ""},
		{"", `{"a":1}`, `{"a":1}`, ""},
		{"text/plain", `1 pet`, `"1 pet"`, ""},
		{"application/json", `{"a":`, `"{\"a\":"`, "calls itself application/json and is not"},
		{"image/png", "\x89PNG", `"iVBORw=="`, "given as base64"},
		{"application/json", ``, `null`, ""},
		{"application/json", `{"key":"\u0063anary-key-1"}`, `{"key":"[secret of petstore]"}`, ""},
		{"text/plain", "your key is canary-key-1", `"your key is [secret of petstore]"`, ""},
	} {
		s := serve(t, answering(200, c.media, c.text))
		got, err := do(open(t, "testdata", at(s, nil))["petstore.listPets"], `{}`)
		if err != nil || string(got.Output) != c.want || !strings.Contains(got.Note, c.note) {
			t.Errorf("%s %s: got %s (%s), %v", c.media, c.text, got.Output, got.Note, err)
		}
	}
}

func TestFailuresSayWhatIsKnown(t *testing.T) {
	type known struct {
		notDone, permanent bool
		after              time.Duration
	}
	unknown := known{}
	inputs := map[string]string{"createPet": `{"body": {"name": "Rex"}}`, "listPets": `{}`}
	for _, c := range []struct {
		tool   string
		status int
		want   known
	}{
		{"createPet", 400, known{true, true, 0}},
		{"createPet", 401, known{true, true, 0}},
		{"createPet", 408, known{notDone: true}},
		{"createPet", 429, known{notDone: true, after: 7 * time.Second}},
		{"createPet", 503, known{notDone: true, after: 7 * time.Second}},
		{"createPet", 500, unknown},
		{"createPet", 502, unknown},
		{"createPet", 303, unknown},
		{"createPet", 307, known{true, true, 0}},
		{"listPets", 500, unknown},
		{"listPets", 404, known{true, true, 0}},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			fmt.Fprint(w, "no:\n\x1b[31m the key canary-key-1 "+strings.Repeat("x", 1000))
		})
		_, err := do(open(t, "testdata", at(s, nil))["petstore."+c.tool], inputs[c.tool])
		f := coordinator.FailureOf(err)
		if f == nil || (known{f.NotDone, f.Permanent, f.After}) != c.want {
			t.Errorf("%s %d: got %+v", c.tool, c.status, f)
			continue
		}
		if s.count() != 1 {
			t.Errorf("%s %d: %d requests", c.tool, c.status, s.count())
		}
		if !strings.Contains(f.Message, fmt.Sprintf("the server answered %d", c.status)) || !strings.Contains(f.Message, ": no: [31m the key [secret of petstore] xxx") || len(f.Message) > 700 {
			t.Errorf("%s %d: got %s", c.tool, c.status, f.Message)
		}
	}
}

// A proxy that lost an answer says 503 too. Only a server that names a time to come back has declined.
func TestUnavailableWithoutATimeIsInDoubt(t *testing.T) {
	s := serve(t, answering(503, "text/plain", "upstream went away"))
	_, err := do(open(t, "testdata", at(s, nil))["petstore.createPet"], `{"body": {"name": "Rex"}}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Errorf("got %+v; want an error that leaves open what happened", f)
	}
}

func TestRequestsWithoutAnAnswerAreUnknownOnlyIfTheyWereSent(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	create := open(t, "testdata", at(s, nil))["petstore.createPet"]
	_, err := do(create, `{"body": {"name": "Rex"}}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || strings.Contains(f.Message, "canary") {
		t.Errorf("broken off: got %+v", f)
	}
	s.Close()
	_, err = do(create, `{"body": {"name": "Rex"}}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent || strings.Contains(f.Message, "canary") {
		t.Errorf("no connection: got %+v", f)
	}
}

func TestPrivateAddressesAreReachedOnlyIfTheSettingsNameThem(t *testing.T) {
	s := serve(t, answering(200, "application/json", `1`))
	w := open(t, "testdata", petstore(func(a *openapi.API) {
		a.Server, a.Operations, a.Auth = s.URL, []string{"getPet"}, nil
	}))
	_, err := do(w["petstore.getPet"], `{"petId": "1"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "may not be reached") || s.count() != 0 {
		t.Errorf("got %+v after %d requests", f, s.count())
	}
}

func TestReadsFollowRedirectsOnlyToTheSameServers(t *testing.T) {
	elsewhere := serve(t, answering(200, "application/json", `"elsewhere"`))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/pets/near":
			http.Redirect(w, r, "/moved", http.StatusFound)
		case "/v1/pets/far":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		default:
			answering(200, "application/json", `"here"`)(w, r)
		}
	})
	w := open(t, "testdata", at(s, func(a *openapi.API) { a.Private = append(a.Private, elsewhere.host()) }))["petstore.getPet"]
	if got, err := do(w, `{"petId": "near"}`); err != nil || string(got.Output) != `"here"` {
		t.Errorf("near: %s, %v", got.Output, err)
	}
	if _, err := do(w, `{"petId": "far"}`); err == nil || !strings.Contains(err.Error(), "may not be reached") || elsewhere.count() != 0 {
		t.Errorf("far: %v", err)
	}
}

func TestIdempotencyHeaderCarriesTheKey(t *testing.T) {
	s := serve(t, answering(201, "application/json", `{}`))
	workers := open(t, "testdata", at(s, func(a *openapi.API) { a.IdempotencyHeader = "idempotency-key" }))
	create := workers["petstore.createPet"]
	if c := create.Card(); c.Effect != coordinator.EffectIdempotent || strings.Contains(string(c.Input), "Idempotency-Key") {
		t.Errorf("card: %s %s", c.Effect, c.Input)
	}
	const fits, other = "ws/run/step/1/0", "ws/run/schön/1/0"
	for key, want := range map[string]string{fits: fits, other: fmt.Sprintf("%x", sha256.Sum256([]byte(other)))} {
		_, err := tooltest.Do(context.Background(), create, key, `{"body": {"name": "Rex"}}`)
		if got := s.last(t).header.Get("Idempotency-Key"); err != nil || got != want {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
	}
	if _, err := do(workers["petstore.listPets"], `{}`); err != nil || s.last(t).header.Get("Idempotency-Key") != "" {
		t.Errorf("a read carries the key: %v", err)
	}
}

func TestAnswersAndTimesAreBounded(t *testing.T) {
	s := serve(t, answering(201, "text/plain", strings.Repeat("x", 101)))
	workers := open(t, "testdata", at(s, func(a *openapi.API) { a.MaxBytes = 100 }))
	_, err := do(workers["petstore.listPets"], `{}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "more than 100 bytes; see max_bytes") {
		t.Errorf("read: %+v", f)
	}
	_, err = do(workers["petstore.createPet"], `{"body": {"name": "Rex"}}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Errorf("change: %+v", f)
	}
	gone := make(chan struct{})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); close(gone) })
	_, err = do(open(t, "testdata", at(slow, func(a *openapi.API) { a.Timeout = 50 * time.Millisecond }))["petstore.createPet"], `{"body": {"name": "Rex"}}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Errorf("slow: %+v", f)
	}
	<-gone
}

func TestManyCallsAtOnceShareOneTool(t *testing.T) {
	s := serve(t, answering(200, "application/json", `1`))
	w := open(t, "testdata", at(s, nil))["petstore.listPets"]
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := do(w, `{}`); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if s.count() != 20 {
		t.Errorf("%d requests", s.count())
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if c, err := listener.Accept(); err == nil {
			cancel()
			defer c.Close()
			io.Copy(io.Discard, c)
		}
	}()
	host := listener.Addr().String()
	w := open(t, "testdata", petstore(func(a *openapi.API) { a.Server, a.Private = "http://"+host, []string{host} }))["petstore.createPet"]
	_, err = tooltest.Do(ctx, w, "", `{"body": {"name": "Rex"}}`)
	if err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("got %v", err)
	}
}
