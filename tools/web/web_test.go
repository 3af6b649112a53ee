package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
	"github.com/tuttirun/tutti/tools/web"
)

const token = "tok-5f2b9c81d7"

// open returns the workers by name, with loopback permitted.
func open(t *testing.T, dir string, s web.Settings) map[string]coordinator.Worker {
	t.Helper()
	s.Private = append(s.Private, "127.0.0.1")
	return tooltest.Open(t, web.New, dir, s)
}

func do(ctx context.Context, w coordinator.Worker, in any) (web.Output, error) {
	var out web.Output
	err := tooltest.Call(ctx, w, "workspace/run/step/1", in, &out)
	return out, err
}

type m = map[string]any

// seen is what a server was asked.
type seen struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (s *seen) note(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.requests, s.bodies = append(s.requests, r.Clone(context.Background())), append(s.bodies, string(body))
	return len(s.requests)
}

func (s *seen) last(t *testing.T) (*http.Request, string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		t.Fatal("nothing was asked")
	}
	return s.requests[len(s.requests)-1], s.bodies[len(s.bodies)-1]
}

func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func TestEveryContentArrivesAsWritten(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"scan.pdf": "%PDF-1"})
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		asked.note(r)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Request-Id", "r1")
		w.Header().Set("X-Internal", "no")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id": 12345678901234567890, "b": "<&>"}`)
	})
	w := open(t, dir, web.Settings{Endpoints: map[string]web.Endpoint{"crm": {BaseURL: srv.URL + "/api/", Headers: map[string]string{"X-Tenant": "7"}}}})
	for _, c := range []struct {
		in         m
		kind, body string
	}{
		{m{"json": m{"name": "Ada", "n": 1.50}}, "application/json", `{"n":1.5,"name":"Ada"}`},
		{m{"json": nil}, "application/json", `null`},
		{m{"form": m{"a": "x&y", "b": []any{1, true, nil}}}, "application/x-www-form-urlencoded", `a=x%26y&b=1&b=true`},
		{m{"text": "hello"}, "text/plain; charset=utf-8", `hello`},
		{m{"text": "<a/>", "headers": m{"Content-Type": "application/xml"}}, "application/xml", `<a/>`},
		{m{"file": "scan.pdf"}, "application/pdf", `%PDF-1`},
		{m{}, "", ""},
	} {
		for k, v := range (m{"endpoint": "crm", "path": "/customers/a%2Fb/é", "method": "POST", "query": m{"q": "1 2", "tag": []string{"x", "y"}, "none": nil}}) {
			c.in[k] = v
		}
		out, err := do(t.Context(), w["http.request"], c.in)
		if err != nil {
			t.Errorf("%v: %v", c.in, err)
			continue
		}
		r, body := asked.last(t)
		if r.Header.Get("Content-Type") != c.kind || body != c.body || r.Method != "POST" {
			t.Errorf("%v: %s %q %q", c.in, r.Method, r.Header.Get("Content-Type"), body)
		}
		if r.RequestURI != "/api/customers/a%2Fb/%C3%A9?q=1+2&tag=x&tag=y" {
			t.Errorf("asked for %s", r.RequestURI)
		}
		if r.Header.Get("X-Tenant") != "7" || r.Header.Get("User-Agent") != "tutti" {
			t.Errorf("headers %v", r.Header)
		}
		if out.Status != 201 || string(out.JSON) != `{"b":"<&>","id":12345678901234567890}` || out.Headers["x-request-id"] != "r1" || len(out.Headers) != 2 {
			t.Errorf("%+v %s", out, out.JSON)
		}
	}
}

func TestFormWithFilesIsEqualOverRetries(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"id.txt": "passport"})
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(_ http.ResponseWriter, r *http.Request) { asked.note(r) })
	w := open(t, dir, web.Settings{})
	for range 2 {
		if _, err := do(t.Context(), w["http.request"], m{"url": srv.URL, "method": "POST", "form": m{"kind": "id"}, "files": m{"document": "id.txt"}}); err != nil {
			t.Fatal(err)
		}
	}
	if asked.bodies[0] != asked.bodies[1] {
		t.Error("the same form differs")
	}
	r, body := asked.last(t)
	r.Body = io.NopCloser(strings.NewReader(body))
	file, head, err := r.FormFile("document")
	if err != nil || head.Filename != "id.txt" || r.FormValue("kind") != "id" {
		t.Fatalf("%v %v", err, head)
	}
	if data, _ := io.ReadAll(file); string(data) != "passport" {
		t.Errorf("%s", data)
	}
}

func TestCredentialsGoAlongAndComeBackMasked(t *testing.T) {
	for name, auth := range map[string]web.Auth{
		"bearer":   {Bearer: token},
		"basic":    {Basic: web.Basic{User: "robot", Password: token}},
		"user":     {Basic: web.Basic{User: token}},
		"header":   {Header: web.Named{Name: "X-Api-Key", Value: token}},
		"query":    {Query: web.Named{Name: "key", Value: token}},
		"sloppily": {},
	} {
		t.Run(name, func(t *testing.T) {
			status := http.StatusOK
			var asked seen
			srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) { // a service that echoes all it was told
				asked.note(r)
				all, _ := json.Marshal(m{"headers": r.Header, "url": r.RequestURI})
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Link", "<"+r.RequestURI+">; rel=self")
				w.WriteHeader(status)
				_, _ = w.Write(all)
			})
			e := web.Endpoint{BaseURL: srv.URL, Auth: auth}
			if name == "sloppily" {
				e.Headers = map[string]string{"X-Api-Key": token}
			}
			w := open(t, t.TempDir(), web.Settings{Endpoints: map[string]web.Endpoint{"crm": e}})
			in := m{"endpoint": "crm", "path": "/x", "query": m{"a": 1}}
			out, err := do(t.Context(), w["http.get"], in)
			if err != nil {
				t.Fatal(err)
			}
			r, _ := asked.last(t)
			user, password, _ := r.BasicAuth()
			if !strings.Contains(fmt.Sprint(r.Header, r.RequestURI, user, password), token) {
				t.Errorf("the credential did not go along: %v %s", r.Header, r.RequestURI)
			}
			clean(t, fmt.Sprintf("%+v %s", out, out.JSON))
			for _, status = range []int{400, 500} {
				_, err = do(t.Context(), w["http.get"], in)
				clean(t, err.Error())
			}
			srv.CloseClientConnections()
			srv.Close()
			_, err = do(t.Context(), w["http.get"], in)
			clean(t, err.Error())
		})
	}
}

func clean(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, token) || strings.Contains(text, "cm9ib3Q6dG9r") {
		t.Errorf("a credential shows: %s", text)
	}
}

func TestStepsCannotSmuggle(t *testing.T) {
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(_ http.ResponseWriter, r *http.Request) { asked.note(r) })
	dir := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir, web.Settings{Endpoints: map[string]web.Endpoint{
		"crm": {BaseURL: srv.URL + "/api", Auth: web.Auth{Query: web.Named{Name: "key", Value: token}}, Headers: map[string]string{"X-Tenant": "7"}, IdempotencyHeader: "Idempotency-Key"},
	}})
	for _, c := range []struct {
		in   m
		want string
	}{
		{m{"endpoint": "crm", "url": srv.URL}, "one of the two"},
		{m{}, "there are endpoints crm"},
		{m{"endpoint": "erp"}, "tools.http.endpoints in tutti.yaml names crm"},
		{m{"url": srv.URL, "path": "/x"}, "path belongs to an endpoint"},
		{m{"url": "http://u:p@127.0.0.1/"}, "credentials"},
		{m{"url": "file:///etc/passwd"}, "must begin with https"},
		{m{"url": "//127.0.0.1"}, "must begin with https"},
		{m{"endpoint": "crm", "path": "/../admin"}, `".."`},
		{m{"endpoint": "crm", "path": "/%2e%2E/admin"}, `".."`},
		{m{"endpoint": "crm", "path": `/a\..\..`}, `".."`},
		{m{"endpoint": "crm", "path": "/x?key=mine"}, "under query"},
		{m{"endpoint": "crm", "path": "/x#y"}, "under query"},
		{m{"endpoint": "crm", "path": "/100%"}, "%25"},
		{m{"endpoint": "crm", "path": "/a%0d%0aHost:x"}, "control"},
		{m{"endpoint": "crm", "query": m{"key": "mine"}}, "set by the endpoint"},
		{m{"endpoint": "crm", "headers": m{"x-tenant": "8"}}, "set by the endpoint"},
		{m{"endpoint": "crm", "headers": m{"Idempotency-Key": "8"}}, "set by the endpoint"},
		{m{"endpoint": "crm", "headers": m{"authorization": "Bearer x"}}, "auth of an endpoint"},
		{m{"endpoint": "crm", "headers": m{"Cookie": "x"}}, "auth of an endpoint"},
		{m{"endpoint": "crm", "headers": m{"Host": "evil.example"}}, "protocol"},
		{m{"endpoint": "crm", "headers": m{"Content-Length": "1"}}, "protocol"},
		{m{"endpoint": "crm", "headers": m{"Transfer-Encoding": "chunked"}}, "protocol"},
		{m{"endpoint": "crm", "headers": m{"X-A": "b\r\nHost: evil"}}, "one line"},
		{m{"endpoint": "crm", "headers": m{"X A": "b"}}, "not a header's name"},
		{m{"endpoint": "crm", "json": 1, "text": "x"}, "one of json"},
		{m{"endpoint": "crm", "file": "../x"}, "no path here"},
		{m{"endpoint": "crm", "file": "/etc/hostname"}, "no path here"},
		{m{"endpoint": "crm", "file": "link"}, "outside"},
		{m{"endpoint": "crm", "save": "link"}, "outside"},
		{m{"endpoint": "crm", "files": m{"a": "../x"}}, "outside"},
		{m{"endpoint": "crm", "file": "none"}, "no such file"},
		{m{"endpoint": "crm", "save": "../x"}, "no path here"},
		{m{"endpoint": "crm", "method": "CONNECT"}, "method"},
		{m{"endpoint": "crm", "method": "GET", "text": "x"}, "carries no content"},
		{m{"endpoint": "crm", "form": m{"a": m{}}}, "form"},
		{m{"endpoint": "crm", "expect": []int{42}}, "expect"},
	} {
		if c.in["method"] == nil {
			c.in["method"] = "POST"
		}
		_, err := do(t.Context(), w["http.request"], c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%v\n got %v\nwant %s", c.in, err, c.want)
		}
	}
	if n := asked.count(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	if _, err := do(t.Context(), w["http.get"], m{"endpoint": "crm", "path": "//evil.example/x"}); err != nil {
		t.Error(err)
	}
	if r, _ := asked.last(t); r.URL.Path != "/api/evil.example/x" {
		t.Errorf("went to %s", r.URL.Path)
	}
}

func TestUrlGoesWithoutCredentialsOfAnEndpoint(t *testing.T) {
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(_ http.ResponseWriter, r *http.Request) { asked.note(r) })
	s := web.Settings{Endpoints: map[string]web.Endpoint{"crm": {BaseURL: srv.URL, Auth: web.Auth{Bearer: token}}}}
	if _, err := do(t.Context(), open(t, t.TempDir(), s)["http.get"], m{"url": srv.URL + "/x#part"}); err != nil {
		t.Fatal(err)
	}
	if r, _ := asked.last(t); r.Header.Get("Authorization") != "" || r.RequestURI != "/x" {
		t.Errorf("%v", r.Header)
	}
	s.EndpointsOnly = true
	if _, err := do(t.Context(), open(t, t.TempDir(), s)["http.get"], m{"url": srv.URL}); err == nil || !strings.Contains(err.Error(), "endpoints_only") {
		t.Error(err)
	}
}

func TestPrivateEndpointIsReachedByItsNameOnly(t *testing.T) {
	srv, _ := counting(t, "127.0.0.1:0", nil)
	other, reached := counting(t, "127.0.0.1:0", nil)
	workers, err := web.New(t.TempDir(), web.Settings{
		Guard:     web.Guard{Hosts: []string{"example.com"}},
		Endpoints: map[string]web.Endpoint{"in": {BaseURL: srv.URL, Private: true}, "out": {BaseURL: other.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := do(t.Context(), workers[0], m{"endpoint": "in"}); err != nil {
		t.Error(err)
	}
	for _, in := range []m{{"endpoint": "out"}, {"url": srv.URL}} {
		if _, err := do(t.Context(), workers[0], in); err == nil || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%v: %v", in, err)
		}
	}
	if reached.Load() != 0 {
		t.Error("the other server was reached")
	}
}

func TestAnswersOfEveryKind(t *testing.T) {
	var kind, body string
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{kind}
		fmt.Fprint(w, body)
	})
	w := open(t, t.TempDir(), web.Settings{})["http.get"]
	for _, c := range []struct{ kind, body, json, text string }{
		{"application/problem+json", `{"a":1}`, `{"a":1}`, ""},
		{"application/json", `null`, `null`, ""},
		{"application/json", `{"a":`, "", `{"a":`},
		{"text/html", "caf\xe9", "", "café"},
		{"", "plain", "", "plain"},
		{"application/pdf", "%PDF\x00\x01\x02", "", ""},
		{"application/json", "", "", ""},
	} {
		kind, body = c.kind, c.body
		out, err := do(t.Context(), w, m{"url": srv.URL})
		if err != nil || string(out.JSON) != c.json || out.Text != c.text || out.Bytes != len(c.body) {
			t.Errorf("%s %q: %+v %s %v", c.kind, c.body, out, out.JSON, err)
		}
	}
	if out, err := do(t.Context(), w, m{"url": srv.URL, "method": "HEAD"}); err != nil || out.Status != 200 {
		t.Error(err)
	}
}

func TestTooLargeAnswerIsAnErrorNotAPart(t *testing.T) {
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 101)) })
	dir := t.TempDir()
	w := open(t, dir, web.Settings{MaxBytes: 100, MaxSave: 100, MaxSend: 10})
	for name, in := range map[string]m{
		"http.get":      {"url": srv.URL},
		"http.download": {"url": srv.URL, "save": "x"},
		"http.request":  {"url": srv.URL, "method": "POST"},
	} {
		_, err := do(t.Context(), w[name], in)
		f := coordinator.FailureOf(err)
		if f == nil || !strings.Contains(f.Message, "more than 100 bytes") || f.Permanent != (name != "http.request") || f.NotDone != f.Permanent {
			t.Errorf("%s: %+v", name, f)
		}
	}
	_, err := do(t.Context(), w["http.request"], m{"url": srv.URL, "method": "POST", "text": "12345678901"})
	if err == nil || !strings.Contains(err.Error(), "max_send") || !coordinator.FailureOf(err).Permanent {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%v was written", files)
	}
}

func TestDownloadIsWrittenOnceAndNeverOverSomethingElse(t *testing.T) {
	body := "\x00\x01binary"
	srv, asked := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	dir := t.TempDir()
	ws := open(t, dir, web.Settings{})
	w := ws["http.download"]
	in := m{"url": srv.URL, "save": "in/x.bin"}
	for range 2 {
		out, err := do(t.Context(), w, in)
		if err != nil || out.Saved != "in/x.bin" || out.Bytes != 8 {
			t.Fatalf("%+v %v", out, err)
		}
	}
	body = "other"
	if _, err := do(t.Context(), w, in); err == nil || !coordinator.FailureOf(err).Permanent || !strings.Contains(err.Error(), "overwrite") {
		t.Error(err)
	}
	before := asked.Load()
	if _, err := do(t.Context(), ws["http.request"], m{"url": srv.URL, "method": "POST", "save": "in/x.bin"}); err == nil || asked.Load() != before {
		t.Error("a POST was sent although its answer could not be kept")
	}
	in["overwrite"] = true
	if _, err := do(t.Context(), w, in); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "in/x.bin")); err != nil || string(data) != "other" {
		t.Errorf("%q %v", data, err)
	}
}

func TestCardsSayTheEffect(t *testing.T) {
	keyed := web.Endpoint{BaseURL: "https://a.example", IdempotencyHeader: "Idempotency-Key", Description: "customers"}
	plain := web.Endpoint{BaseURL: "https://b.example"}
	for _, c := range []struct {
		s    web.Settings
		want coordinator.Effect
	}{
		{web.Settings{}, coordinator.EffectUnrepeatable},
		{web.Settings{Endpoints: map[string]web.Endpoint{"a": keyed}}, coordinator.EffectUnrepeatable}, // a url may go anywhere
		{web.Settings{Endpoints: map[string]web.Endpoint{"a": keyed}, EndpointsOnly: true}, coordinator.EffectIdempotent},
		{web.Settings{Endpoints: map[string]web.Endpoint{"a": keyed, "b": plain}, EndpointsOnly: true}, coordinator.EffectUnrepeatable},
		{web.Settings{Effect: coordinator.EffectIdempotent}, coordinator.EffectIdempotent},
	} {
		w := open(t, t.TempDir(), c.s)
		if got := w["http.request"].Card().Effect; got != c.want {
			t.Errorf("%+v: %s", c.s, got)
		}
		if w["http.get"].Card().Effect != coordinator.EffectRead || w["http.download"].Card().Effect != coordinator.EffectIdempotent {
			t.Error("the effect of reading")
		}
		if len(c.s.Endpoints) > 0 && !strings.Contains(w["http.get"].Card().Description, "endpoint a: customers") {
			t.Error("the card does not name the endpoints")
		}
		if !slices.Contains(w["http.request"].Card().Authority, "url") {
			t.Error("a url carries authority")
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	with := func(e web.Endpoint) web.Settings {
		if e.BaseURL == "" {
			e.BaseURL = "https://a.example"
		}
		return web.Settings{Endpoints: map[string]web.Endpoint{"crm": e}}
	}
	for _, c := range []struct {
		s    web.Settings
		want string
	}{
		{web.Settings{Endpoints: map[string]web.Endpoint{"crm": {}}}, "endpoint crm: base_url: it is missing"},
		{with(web.Endpoint{BaseURL: "a.example"}), "begin with https"},
		{with(web.Endpoint{BaseURL: "https://u:" + token + "@a.example"}), "belong in auth"},
		{with(web.Endpoint{BaseURL: "https://a.example?key=" + token}), "auth.query"},
		{with(web.Endpoint{Auth: web.Auth{Bearer: token, Header: web.Named{Name: "X", Value: token}}}), "one of bearer"},
		{with(web.Endpoint{Auth: web.Auth{Basic: web.Basic{Password: token}}}), "user is missing"},
		{with(web.Endpoint{Auth: web.Auth{Header: web.Named{Name: "X"}}}), "belong together"},
		{with(web.Endpoint{Auth: web.Auth{Header: web.Named{Name: "Host", Value: token}}}), "cannot carry"},
		{with(web.Endpoint{Auth: web.Auth{Bearer: token + "\n"}}), "line end"},
		{with(web.Endpoint{Auth: web.Auth{Bearer: "abc"}}), "3 characters"},
		{with(web.Endpoint{Headers: map[string]string{"Host": "x"}}), "protocol"},
		{with(web.Endpoint{IdempotencyHeader: "a b"}), "idempotency_header"},
		{web.Settings{Effect: "read"}, "neither idempotent nor unrepeatable"},
		{web.Settings{EndpointsOnly: true}, "no endpoint"},
		{web.Settings{MaxBytes: -1}, "max_bytes"},
		{web.Settings{Timeout: -time.Second}, "timeout"},
		{web.Settings{Guard: web.Guard{Private: []string{"*"}}}, "private[0]"},
	} {
		_, err := web.New(t.TempDir(), c.s)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), token) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
