//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/memory/memorytest"
)

// canary is a secret that no text may hold; every one of the workspace's ends like this.
const canary = `kanarienvogel&"<7`

// TestNoSecretIsWrittenDown gives secrets to every kind of worker that can hold one, lets the services and programs that get
// them say them aloud in answers and errors, and looks for them in all that is left: the terminal, logs, journal, Redis.
func TestNoSecretIsWrittenDown(t *testing.T) {
	parrot := httptest.NewServer(http.HandlerFunc(repeat))
	t.Cleanup(parrot.Close)
	model := modeltest.Func(t, func(r modeltest.Request) modeltest.Reply {
		return modeltest.Text("the key is " + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	})
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	dir := t.TempDir()
	w := map[string]string{
		"tutti.yaml":     fmt.Sprintf(canaryWorkspace, parrot.URL, parrot.URL, model.URL()),
		"leak.yaml":      canaryPipeline,
		"shop.sql":       "-- name: all\nselect 1;\n",
		"parrot.sh":      "#!/bin/sh\necho \"$TOKEN\"; echo \"$TOKEN\" >&2; printf '%s' \"$TOKEN\" | base64 >&2; exit ${1:-0}\n",
		".tutti/mail":    "mail-" + canary + "\n",
		"expression.yml": "name: expression\nsteps:\n  - {id: a, use: person, with: {question: \"${{ secrets.crm }}\"}}\n",
	}
	for name, text := range w {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	said := ""
	run := func(want int, args ...string) string {
		t.Helper()
		c := exec.Command("tutti", append([]string{"-v"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), "TUTTI_REDIS="+server.URL(), "TUTTI_HOME="+t.TempDir(), "CRM_TOKEN=crm-"+canary, "PROGRAM_TOKEN=program-"+canary,
			"SHOP_URL=postgres://ada:"+canaryInURL+"@127.0.0.1:1/shop", "MODEL_KEY=model-"+canary, "HOOK="+parrot.URL+"/hooks/"+canaryInURL, "UNUSED=unused-"+canary)
		out, err := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != want {
			t.Fatalf("%s: exit code %d, %v\n%s", args, code, err, out)
		}
		said += string(out)
		return string(out)
	}
	out := run(0, "run", "leak.yaml", "-o", "json")
	if n := strings.Count(out[strings.Index(out, `"output"`):], "[secret "); n < 5 {
		t.Errorf("only %d of the outputs held a secret: nobody repeated the others, so nothing was tested\n%s", n, out)
	}
	list := run(0, "runs", "list")
	id := strings.Fields(list[strings.Index(list, "r-"):])[0]
	run(0, "runs", "show", id)
	run(0, "runs", "show", id, "--turns")
	run(0, "runs", "show", id, "-o", "json")
	run(0, "runs", "watch", id, "-o", "json")
	run(2, "run", "expression.yml")
	run(0, "workers", "-o", "json")
	run(0, "validate")
	run(0, "doctor")
	left := map[string][]byte{"what the command said": []byte(said)}
	for _, folder := range []string{dir, server.Dir()} {
		collect(t, folder, left)
	}
	for place, text := range left {
		for _, form := range canaryForms() {
			if i := bytes.Index(text, []byte(form)); i >= 0 && !strings.HasSuffix(place, filepath.FromSlash(".tutti/mail")) {
				t.Errorf("%s holds a secret: …%s…", place, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
}

// repeat answers with all that a request says, in its body, its headers and its status.
func repeat(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", fmt.Sprintf("%q", r.Header.Get("Authorization")))
	if strings.HasPrefix(r.URL.Path, "/refuse") || strings.HasPrefix(r.URL.Path, "/hooks") {
		w.WriteHeader(http.StatusForbidden)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"you said": r.Header, "at": r.URL.Path, "query": r.URL.RawQuery}) // the client may be gone
}

const canaryInURL = `kanarienvogel%26%22%3C7`

// canaryForms are spellings of what all the secrets end in: plain, in JSON, in URLs, and in base64 whatever stands before it.
func canaryForms() []string {
	forms := []string{"kanarienvogel"}
	for lead := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", lead) + "kanarienvogel"))
		forms = append(forms, text[4:len(text)-4])
	}
	return forms
}

func collect(t *testing.T, folder string, into map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		into[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

const canaryWorkspace = `
secrets:
  crm: {env: CRM_TOKEN}
  program: {env: PROGRAM_TOKEN}
  shop: {env: SHOP_URL}
  model: {env: MODEL_KEY}
  hook: {env: HOOK}
  mail: {file: .tutti/mail}
  unused: {env: UNUSED}
models:
  default: {use: openai/x, base_url: %[3]s, api_key: {secret: model}}
agents:
  gossip: {instructions: Say what you know., no_person: true}
tools:
  http:
    endpoints:
      bearer: {base_url: %[1]q, private: true, auth: {bearer: {secret: crm}}}
      basic: {base_url: %[1]q, private: true, auth: {basic: {user: ada, password: {secret: crm}}}}
      query: {base_url: %[1]q, private: true, auth: {query: {name: key, value: {secret: crm}}}}
  exec:
    programs:
      parrot: {run: [./parrot.sh], effect: read, env: {TOKEN: {secret: program}}}
      failing: {run: [./parrot.sh, "65"], effect: read, env: {TOKEN: {secret: program}}}
  sql:
    databases:
      shop: {url: {secret: shop}, statements: shop.sql}
  notify:
    channels:
      ops: {url: {secret: hook}, private: true}
  mail: {host: 127.0.0.1, port: 1, user: ada, password: {secret: mail}, from: a@b.example}
`

const canaryPipeline = `
name: leak
steps:
  - {id: bearer, use: http.get, with: {endpoint: bearer, path: /a}}
  - {id: basic, use: http.get, with: {endpoint: basic, path: /a}}
  - {id: query, use: http.get, with: {endpoint: query, path: /a}}
  - {id: refused, use: http.get, with: {endpoint: query, path: /refuse}, on_error: continue, retry: {attempts: 1}}
  - {id: post, use: http.request, with: {endpoint: basic, path: /refuse, method: POST, json: {}}, on_error: continue, retry: {attempts: 1}}
  - {id: parrot, use: exec.parrot}
  - {id: failing, use: exec.failing, on_error: continue, retry: {attempts: 1}}
  - {id: shop, use: sql.query, with: {db: shop, statement: all}, on_error: continue, retry: {attempts: 1}}
  - {id: hook, use: notify.send, with: {channel: ops, text: hello}, on_error: continue, retry: {attempts: 1}}
  - {id: mail, use: mail.send, with: {to: a@b.example, subject: s, text: t}, on_error: continue, retry: {attempts: 1}}
  - {id: gossip, use: gossip, with: {}}
output: {a: "${{ steps.bearer }}", b: "${{ steps.basic }}", c: "${{ steps.query }}", d: "${{ steps.parrot }}", e: "${{ steps.gossip }}"}
`
