package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

func TestPagesAreCollected(t *testing.T) {
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		asked.note(r)
		w.Header().Set("Content-Type", "application/json")
		q := r.URL.Query()
		n, _ := strconv.Atoi(q.Get("page"))
		last := n == 2
		switch r.URL.Path {
		case "/link":
			if !last {
				w.Header().Add("Link", fmt.Sprintf(`</link?page=0>; title="a, \"b\" <c>; rel=next"; rel=first, </link?page=%d>; rel="x NEXT"`, n+1))
			}
			fmt.Fprintf(w, `[%d, {"n": %d}]`, n, n)
		case "/url":
			next := "null"
			if !last {
				next = fmt.Sprintf(`"?page=%d"`, n+1)
			}
			fmt.Fprintf(w, `{"links": {"next": %s}, "data": [%d]}`, next, n)
		case "/cursor":
			next := `""`
			if !last {
				next = strconv.Itoa(n + 1)
			}
			fmt.Fprintf(w, `{"a/b": [{"next": %s}], "data": {"rows": [%d]}}`, next, n)
		}
	})
	s := web.Settings{Endpoints: map[string]web.Endpoint{"s": {BaseURL: srv.URL, Auth: web.Auth{Query: web.Named{Name: "key", Value: token}}}}}
	w := open(t, t.TempDir(), s)["http.get"]
	for _, c := range []struct {
		path  string
		pages m
		want  string
		more  bool
	}{
		{"/link", m{}, `[0,{"n":0},1,{"n":1},2,{"n":2}]`, false},
		{"/link", m{"max": 2}, `[0,{"n":0},1,{"n":1}]`, true},
		{"/url", m{"next": "/links/next", "items": "/data"}, `[0,1,2]`, false},
		{"/cursor", m{"next": "/a~1b/0/next", "param": "page", "items": "/data/rows"}, `[0,1,2]`, false},
		{"/cursor", m{"next": "/a~1b/7/next", "param": "page", "items": "/data/rows"}, `[0]`, false},
		{"/cursor", m{"next": "/none", "param": "page", "items": "/none"}, `[]`, false},
	} {
		out, err := do(t.Context(), w, m{"endpoint": "s", "path": c.path, "pages": c.pages, "query": m{"city": "Ghent"}})
		if err != nil || string(out.JSON) != c.want || out.More != c.more || out.Pages == 0 {
			t.Errorf("%s %v: %s %+v %v", c.path, c.pages, out.JSON, out, err)
		}
	}
	for _, r := range asked.requests {
		if r.URL.Query().Get("key") != token {
			t.Errorf("%s went without the key", r.URL.Path)
		}
	}
}

func TestPagesThatCannotBeRead(t *testing.T) {
	var link, body string
	elsewhere, reached := counting(t, "127.0.0.1:0", nil)
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", link)
		fmt.Fprint(w, body)
	})
	w := open(t, t.TempDir(), web.Settings{MaxPages: 3, MaxBytes: 100})["http.get"]
	for _, c := range []struct {
		link, body string
		pages      m
		want       string
	}{
		{"<" + elsewhere.URL + ">; rel=next", "[]", m{}, "away from"},
		{"</>; rel=next", "[]", m{}, "leads back"},
		{"", "{}", m{}, "not a list"},
		{"", "<html>", m{}, "not JSON"},
		{"", `{"next": {}}`, m{"next": "/next", "items": "/x"}, "neither text nor a number"},
		{"", `[]`, m{"max": 4}, "max_pages"},
		{"", `[]`, m{"items": strings.Repeat("/0", 51)}, "at most 50 steps"},
		{"", `[]`, m{"next": "next"}, "JSON pointer"},
		{"", `[]`, m{"items": "data"}, "slash"},
		{"", `[]`, m{"param": "page"}, "pages.param"},
		{"</?2>; rel=next", `["` + strings.Repeat("x", 60) + `"]`, m{}, "page 2: GET"},
	} {
		link, body = c.link, c.body
		_, err := do(t.Context(), w, m{"url": srv.URL + "/", "pages": c.pages})
		if err == nil || !strings.Contains(err.Error(), c.want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%v: got %v, want %s", c.pages, err, c.want)
		}
	}
	if reached.Load() != 0 {
		t.Error("a page led elsewhere")
	}
	if _, err := do(t.Context(), w, m{"url": srv.URL, "method": "HEAD", "pages": m{}}); err == nil {
		t.Error("a HEAD has no pages")
	}
}
