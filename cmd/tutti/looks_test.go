package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tuttirun/tutti/agents/modeltest"
)

// TestLooks runs the stories of commands that show what would be, what was said and what was spent, against a model and a
// service that count.
func TestLooks(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/looks",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			model := modeltest.Func(t, bookkeeper)
			posts := new(atomic.Int64)
			gets := new(atomic.Int64)
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					posts.Add(1)
				} else {
					gets.Add(1)
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"rate": 1.5}`)
			}))
			e.Defer(service.Close)
			e.Values["asked"] = func() int { return len(model.Requests()) }
			e.Values["posts"] = func() int { return int(posts.Load()) }
			e.Values["gets"] = func() int { return int(gets.Load()) }
			e.Setenv("TUTTI_HOME", filepath.Join(e.WorkDir, ".home"))
			e.Setenv("TUTTI_LEASE", "1s")
			e.Setenv("TUTTI_AS", "ada")
			e.Setenv("MODEL_URL", model.URL())
			e.Setenv("SERVICE_URL", service.URL)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "keep": keep, "expand": expand, "alone": alone, "counted": counted,
		},
	})
}

// bookkeeper is a model that looks a rate up with the first tool it is offered, and then answers.
func bookkeeper(r modeltest.Request) modeltest.Reply {
	used := modeltest.Usage{Input: 1000, Output: 100}
	switch last := r.Last(); {
	case strings.Contains(last.Content, "overload"):
		return modeltest.Error(400, "invalid_request_error", "no such thing")
	case last.Role == "user" && len(r.Tools) > 0:
		return modeltest.Calls(modeltest.Call{Name: r.Tools[0].Name, Arguments: `{"path":"rates.txt"}`}).Using(used)
	}
	return modeltest.Text("The rate is 1.5.").Using(used)
}

// counted asked|posts|gets N checks how often the model or the service was asked.
func counted(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := ts.Value(args[0]).(func() int)(); got != want {
		ts.Fatalf("%s: %d, not %d", args[0], got, want)
	}
}
