package mcp_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/mcp"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// stdio is a workspace with the peer as a program.
func stdio(t *testing.T, env ...string) (string, mcp.Settings) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	server := mcp.Server{Command: []string{self}, Env: map[string]string{
		"PEER": "1", "PEER_STARTS": filepath.Join(dir, "starts"), "PEER_CALLS": filepath.Join(dir, "calls"),
	}}
	for i := 0; i < len(env); i += 2 {
		server.Env[env[i]] = env[i+1]
	}
	return dir, mcp.Settings{Servers: map[string]mcp.Server{"peer": server}}
}

func pinned(t *testing.T, dir string, s mcp.Settings) {
	t.Helper()
	for name := range s.Servers {
		if _, err := mcp.Accept(t.Context(), dir, s, name); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string, s mcp.Settings) map[string]coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, mcp.New, dir, s)
}

func with(s mcp.Settings, change func(*mcp.Server)) mcp.Settings {
	out := mcp.Settings{Lock: s.Lock, Servers: map[string]mcp.Server{}}
	for name, server := range s.Servers {
		env := map[string]string{}
		for k, v := range server.Env {
			env[k] = v
		}
		if server.Env != nil {
			server.Env = env
		}
		change(&server)
		out.Servers[name] = server
	}
	return out
}

func do(ctx context.Context, w coordinator.Worker, input string) (string, error) {
	r, err := tooltest.Do(ctx, w, "k", input)
	return string(r.Output), err
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(raw)
}

// refuseThenAccept pretends that another description was accepted, and lives through what follows.
func refuseThenAccept(t *testing.T, dir string, s mcp.Settings) {
	t.Helper()
	for name := range s.Servers {
		alter(t, dir, name, "echo", "Another description.")
		_, err := do(t.Context(), open(t, dir, s)[name+".echo"], `{"message":"x"}`)
		if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "(description)") || !strings.Contains(f.Message, "tutti workers accept "+name) {
			t.Errorf("%+v", f)
		}
		changes, err := mcp.Accept(t.Context(), dir, s, name)
		if err != nil || len(changes.Changed) != 1 || !strings.Contains(changes.String(), "- description: Another description.\n") {
			t.Errorf("%v %v", changes, err)
		}
		got, err := do(t.Context(), open(t, dir, s)[name+".echo"], `{"message":"x"}`)
		if err != nil || got != `{"text":"Echo: x"}` {
			t.Errorf("%s %v", got, err)
		}
	}
}

func TestEveryToolOfAServerIsAWorker(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	workers := open(t, dir, s)
	got, err := do(t.Context(), workers["peer.echo"], `{"message":"ä <b>"}`)
	if err != nil || got != `{"text":"Echo: ä <b>"}` {
		t.Errorf("%s %v", got, err)
	}
	card := workers["peer.echo"].Card()
	if card.Effect != coordinator.EffectUnrepeatable || card.Description != "Echoes back the input string." || strings.Join(card.Authority, " ") != "message" || card.Trusted {
		t.Errorf("%+v", card)
	}
	if strings.Contains(string(card.Input), "\u200b") || !strings.Contains(string(card.Input), "Message to echo") {
		t.Errorf("%s", card.Input)
	}
	if a, b := workers["peer.get-env"].Card().Effect, workers["peer.set"].Card().Effect; a != coordinator.EffectRead || b != coordinator.EffectIdempotent {
		t.Error(a, b)
	}
}

func TestInputAgainstTheAcceptedSchemaReachesNoServer(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	before := read(t, dir, "starts")
	_, err := do(t.Context(), open(t, dir, s)["peer.echo"], `{"message":1}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "message") {
		t.Errorf("%+v", f)
	}
	if read(t, dir, "starts") != before {
		t.Error("it was started")
	}
}

func TestResultsKeepTheirForm(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	s = with(s, func(s *mcp.Server) { s.Save = "kept/here" })
	pinned(t, dir, s)
	workers := open(t, dir, s)
	structured, contents := workers["peer.get-structured-content"], workers["peer.get-contents"]
	if got, err := do(t.Context(), structured, `{"number":"exact"}`); err != nil || got != `{"number":9007199254740993}` {
		t.Errorf("%s %v", got, err)
	}
	if got, err := do(t.Context(), structured, `{"number":7}`); err != nil || got != `{"number":7}` {
		t.Errorf("%s %v", got, err)
	}
	r, err := tooltest.Do(t.Context(), structured, "", `{"number":9007199254740994}`)
	if err != nil || !strings.Contains(r.Note, "lost digits") {
		t.Errorf("%+v %v", r, err)
	}
	for input, want := range map[string]string{
		`{"number":"seven"}`: "does not keep to its output schema", `{"number":"nothing"}`: "without the structured content",
	} {
		if _, err := do(t.Context(), structured, input); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", input, err)
		}
	}
	got, err := do(t.Context(), contents, `{}`)
	got = regexp.MustCompile(`[0-9a-f]{32,64}`).ReplaceAllString(got, "…")
	want := `{"content":[{"bytes":3,"kind":"image","mime_type":"image/png","path":"kept/here/….png","sha256":"…"},` +
		`{"bytes":7,"kind":"link","name":"first","uri":"demo://1"},{"kind":"resource","text":"inside","uri":"demo://2"},` +
		`{"bytes":3,"kind":"audio","mime_type":"../../evil","path":"kept/here/….bin","sha256":"…"}],"text":"one\ntwo"}`
	if err != nil || got != want {
		t.Errorf("%s\n%s %v", want, got, err)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "kept", "here", "*.png")); len(kept) != 1 || read(t, "", kept[0]) != "png" {
		t.Error(kept)
	}
}

func TestAToolsErrorIsInDoubtUnlessTheSettingsKnowBetter(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	input := `{"text":"no such\u001b[2J customer \u202edrow"}`
	_, err := do(t.Context(), open(t, dir, s)["peer.fail"], input)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || f.Message != "peer.fail: no such[2J customer drow" {
		t.Errorf("%+v", f)
	}
	sure := with(s, func(s *mcp.Server) { s.Errors = "not_done" })
	_, err = do(t.Context(), open(t, dir, sure)["peer.fail"], input)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone {
		t.Errorf("%+v", f)
	}
	_, err = do(t.Context(), open(t, dir, s)["peer.fail"], `{"text":"MCP error -32602: Input validation error: x"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent {
		t.Errorf("%+v", f)
	}
}

func TestAnAnswerThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	s = with(s, func(s *mcp.Server) { s.MaxOutput = 1000 })
	pinned(t, dir, s)
	huge := open(t, dir, s)["peer.huge"]
	if _, err := do(t.Context(), huge, `{"bytes":900}`); err != nil {
		t.Error(err)
	}
	_, err := do(t.Context(), huge, `{"bytes":2000}`)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "max_output") {
		t.Errorf("%+v", f)
	}
	_, err = do(t.Context(), huge, `{"bytes":9000000}`) // larger than a message may be: it is not even read
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || !strings.Contains(f.Message, "max_output") {
		t.Errorf("%+v", f)
	}
	if got, err := do(t.Context(), huge, `{"bytes":1}`); err != nil || got != `{"text":"x"}` {
		t.Errorf("%s %v", got, err)
	}
}

func TestAServerSeesOnlyTheEnvironmentItIsGiven(t *testing.T) {
	t.Setenv("TUTTI_TEST_CANARY", "canary")
	t.Setenv("TUTTI_TEST_PASSED", "passed")
	dir, s := stdio(t)
	s = with(s, func(s *mcp.Server) { s.Pass = []string{"TUTTI_TEST_PASSED"} })
	pinned(t, dir, s)
	got, err := do(t.Context(), open(t, dir, s)["peer.get-env"], `{}`)
	if err != nil || !strings.Contains(got, "TUTTI_TEST_PASSED=passed") || strings.Contains(got, "canary") || strings.Contains(got, "HOME=") {
		t.Errorf("%s %v", got, err)
	}
}
