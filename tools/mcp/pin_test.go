package mcp_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools/mcp"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// alter rewrites the lock file as if another description had been accepted, digest included.
func alter(t *testing.T, dir, server, tool, description string) {
	t.Helper()
	var lock map[string]any
	if err := json.Unmarshal([]byte(read(t, dir, mcp.DefaultLock)), &lock); err != nil {
		t.Fatal(err)
	}
	entry := lock["servers"].(map[string]any)[server].(map[string]any)["tools"].(map[string]any)[tool].(map[string]any)
	entry["description"] = description
	said := map[string]any{"name": tool, "description": description, "inputSchema": entry["input"]}
	for theirs, ours := range map[string]string{"title": "title", "outputSchema": "output", "annotations": "hints"} {
		if v, ok := entry[ours]; ok {
			said[theirs] = v
		}
	}
	entry["sha256"] = digest(t, said)
	raw, err := json.Marshal(lock)
	if err != nil {
		t.Fatal(err)
	}
	tooltest.Write(t, dir, mcp.DefaultLock, string(raw))
}

func digest(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = coordinator.Canonical(raw); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func TestWorkersAreMadeWithoutStartingTheServer(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	before := read(t, dir, "starts")
	open(t, dir, s)
	if _, unknown, err := mcp.List(dir, s); err != nil || len(unknown) != 0 {
		t.Error(unknown, err)
	}
	if read(t, dir, "starts") != before {
		t.Error("it was started")
	}
}

func TestAServerThatNobodyLookedAtIsAnError(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	if _, err := mcp.New(dir, s); err == nil || !strings.Contains(err.Error(), "tutti workers accept peer") {
		t.Error(err)
	}
	if _, unknown, err := mcp.List(dir, s); err != nil || strings.Join(unknown, " ") != "peer" {
		t.Error(unknown, err)
	}
	if read(t, dir, "starts") != "" {
		t.Error("it was started")
	}
}

func TestAcceptingStartsTheServerAndEndsIt(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	changes, err := mcp.Accept(t.Context(), dir, s, "peer")
	if err != nil || !changes.First || len(changes.Added) < 10 {
		t.Fatalf("%+v %v", changes, err)
	}
	if got := read(t, dir, "starts"); strings.Count(got, "started") != 1 {
		t.Errorf("%q", got)
	}
}

func TestAChangedDescriptionIsRefusedUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	refuseThenAccept(t, dir, s)
}

func TestTheChangeIsShownWithWhatDoesNotShow(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	s = with(s, func(s *mcp.Server) {
		s.Env["PEER_DESCRIPTION"], s.Env["PEER_MORE"] = " \u202eHidden\u200b.\nTwo \U000e0041lines.", "1"
	})
	before := read(t, dir, mcp.DefaultLock)
	want := "changed echo (description)\n" +
		"    title: Echo Tool\n" +
		"  - description: Echoes back the input string.\n" +
		"  + description: Echoes back the input string. \\u{202e}Hidden\\u{200b}.\n" +
		"  +   Two \\u{e0041}lines.\n" +
		"    input: {\n"
	changes, err := mcp.Compare(t.Context(), dir, s, "peer")
	if err != nil || !strings.Contains(changes.String(), want) || len(changes.Added) != 4 {
		t.Errorf("%s %v", changes, err)
	}
	if read(t, dir, mcp.DefaultLock) != before {
		t.Error("Compare wrote")
	}
	if _, err := mcp.Accept(t.Context(), dir, s, "peer"); err != nil {
		t.Fatal(err)
	}
	if lock := read(t, dir, mcp.DefaultLock); !strings.Contains(lock, `\u202eHidden\u200b.\nTwo \udb40\udc41lines.`) {
		t.Error(lock)
	}
	changes, err = mcp.Accept(t.Context(), dir, s, "peer")
	if err != nil || !changes.None() || changes.String() != "peer: nothing has changed\n" {
		t.Errorf("%s %v", changes, err)
	}
	s.Servers["peer"] = with(s, func(s *mcp.Server) { s.Tools = []string{"echo"} }).Servers["peer"]
	if got := open(t, dir, s)["peer.echo"].Card().Description; got != "Echoes back the input string. Hidden.\nTwo lines." {
		t.Errorf("%q", got)
	}
}

func TestAToolThatChangesWhileItIsUsedIsRefused(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"", "2025-11-25"} {
		t.Run("stdio "+protocol, func(t *testing.T) {
			dir, s := stdio(t)
			changeWhileUsed(t, dir, with(s, func(s *mcp.Server) { s.Protocol = protocol }))
		})
		t.Run("http "+protocol, func(t *testing.T) {
			dir, s, _ := remote(t, pass)
			changeWhileUsed(t, dir, with(s, func(s *mcp.Server) { s.Protocol = protocol }))
		})
	}
}

func changeWhileUsed(t *testing.T, dir string, s mcp.Settings) {
	t.Helper()
	pinned(t, dir, s)
	workers := open(t, dir, s)
	if got, err := do(t.Context(), workers["peer.echo"], `{"message":"x"}`); err != nil || got != `{"text":"Echo: x"}` {
		t.Fatalf("%s %v", got, err)
	}
	if _, err := do(t.Context(), workers["peer.change"], `{}`); err != nil {
		t.Fatal(err)
	}
	var f *coordinator.Failure
	eventually(t, patience, func() bool { // the notice travels on its own
		_, err := do(t.Context(), workers["peer.echo"], `{"message":"x"}`)
		f = coordinator.FailureOf(err)
		return f != nil
	})
	if !f.Permanent || !strings.Contains(f.Message, "(description)") || strings.Contains(f.Message, "evil.example") {
		t.Errorf("%+v", f)
	}
	_, err := do(t.Context(), workers["peer.set"], `{}`)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "no longer has this tool") {
		t.Errorf("%+v", f)
	}
	if _, err := do(t.Context(), workers["peer.get-contents"], `{}`); err != nil {
		t.Errorf("what did not change: %v", err)
	}
}

func TestAToolThatWasRemovedIsShownAndForgotten(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t, "PEER_MORE", "1")
	pinned(t, dir, s)
	s = with(s, func(s *mcp.Server) { delete(s.Env, "PEER_MORE") })
	changes, err := mcp.Accept(t.Context(), dir, s, "peer")
	if err != nil || len(changes.Removed) != 4 || !strings.Contains(changes.String(), "\nremoved more\n") {
		t.Errorf("%s %v", changes, err)
	}
	if _, ok := open(t, dir, s)["peer.more"]; ok {
		t.Error("it is still a worker")
	}
}

func TestALockFileChangedByHandIsFound(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	pinned(t, dir, s)
	good := read(t, dir, mcp.DefaultLock)
	tooltest.Write(t, dir, mcp.DefaultLock, strings.Replace(good, "Echoes back", "Sends away", 1))
	if _, err := mcp.New(dir, s); err == nil || !strings.Contains(err.Error(), "echo: its entry is not what was accepted") {
		t.Error(err)
	}
	if _, err := mcp.Accept(t.Context(), dir, s, "peer"); err != nil {
		t.Error(err)
	}
	if read(t, dir, mcp.DefaultLock) != good {
		t.Error("accepting does not restore it")
	}
	for _, text := range []string{"", "[", `{"version":2,"servers":{}}`, `{"version":1,"extra":1}`} {
		tooltest.Write(t, dir, mcp.DefaultLock, text)
		if _, err := mcp.New(dir, s); err == nil || !strings.Contains(err.Error(), mcp.DefaultLock) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestToolsAreChosenAndNamedByTheSettings(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t, "PEER_MORE", "1")
	pinned(t, dir, s)
	if _, err := mcp.New(dir, s); err == nil || !strings.Contains(err.Error(), "a/b and a_b would both be called peer.a_b") {
		t.Error(err)
	}
	chosen := with(s, func(s *mcp.Server) {
		s.Tools = []string{"echo", "get-*", "a/b"}
		s.Effects = map[string]coordinator.Effect{"echo": coordinator.EffectNone}
		s.Authority = map[string][]string{"echo": {}}
		s.IgnoreHints = true
		s.MaxDescription = 6
	})
	workers := open(t, dir, chosen)
	if len(workers) != 5 || workers["peer.a_b"] == nil {
		t.Error(len(workers), workers)
	}
	card := workers["peer.echo"].Card()
	if card.Effect != coordinator.EffectNone || len(card.Authority) != 0 || card.Description != "Echoes …" {
		t.Errorf("%+v", card)
	}
	if e := workers["peer.get-env"].Card().Effect; e != coordinator.EffectUnrepeatable {
		t.Error(e)
	}
	listed, _, err := mcp.List(dir, chosen)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range listed {
		if one.Tool == "broken" && (one.Worker != "" || !strings.Contains(one.Problem, "$ref")) {
			t.Errorf("%+v", one)
		}
		if one.Tool == "echo" && (one.Worker != "peer.echo" || one.From != "settings" || len(one.SHA256) != 64) {
			t.Errorf("%+v", one)
		}
	}
	for want, change := range map[string]func(*mcp.Server){
		"tools: it has none that is called ech": func(s *mcp.Server) { s.Tools = []string{"ech"} },
		"effects.ecko: it has no such tool": func(s *mcp.Server) {
			s.Tools, s.Effects = []string{"echo"}, map[string]coordinator.Effect{"ecko": "none"}
		},
		"tools: broken cannot be used: its input": func(s *mcp.Server) { s.Tools = []string{"broken"} },
	} {
		if _, err := mcp.New(dir, with(s, change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestSettingsAreCheckedAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := mcp.New(t.TempDir(), mcp.Settings{Lock: "../x", Servers: map[string]mcp.Server{
		"Upper": {Command: []string{"x"}}, "none": {}, "both": {Command: []string{"x"}, URL: "https://a.example"},
		"remote": {URL: "ftp://user:canary@a.example/?key=canary", Dir: "x", Private: []string{"10.0.0.1/8"}},
		"local":  {Command: []string{"x"}, Headers: map[string]string{"A": "canary"}, Env: map[string]string{"A=B": "canary"}},
		"limits": {Command: []string{"x"}, MaxOutput: -1, Tools: []string{"["}, Effects: map[string]coordinator.Effect{"a": "big"}, Errors: "x", Save: "/tmp"},
	}})
	if err == nil {
		t.Fatal("nothing is wrong with them")
	}
	for _, want := range []string{
		"lock:", `"Upper" is not a name`, "servers.none: it has neither", "servers.both: it has both", "servers.remote: url:", "servers.remote: env, pass and dir",
		"servers.remote: private[0]", "servers.local: headers and private", `"A=B" is not the name`, "servers.limits: max_output", "servers.limits: tools:",
		"servers.limits: effects.a", "servers.limits: errors:", "servers.limits: save:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestTheNumberOfToolsIsBounded(t *testing.T) {
	t.Parallel()
	dir, s := stdio(t)
	s = with(s, func(s *mcp.Server) { s.MaxTools = 3 })
	if _, err := mcp.Accept(t.Context(), dir, s, "peer"); err == nil || !strings.Contains(err.Error(), "more than 3 tools; see max_tools") {
		t.Error(err)
	}
}

func TestSettingsStandInTheWorkspaceFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CRM_TOKEN", "Bearer canary-7281")
	tooltest.Write(t, dir, "tutti.yaml", `name: shop
secrets:
  crm: {env: CRM_TOKEN}
tools:
  mcp:
    servers:
      everything:
        command: [npx, -y, "@modelcontextprotocol/server-everything"]
        env: {LEVEL: info}
        pass: [PATH, HOME]
        tools: [echo, "get-*"]
        effects: {echo: none}
        timeout: 30s
      crm:
        url: https://crm.example.com/mcp
        headers: {Authorization: {secret: crm}}
`)
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	var s mcp.Settings
	if err := ws.DecodeTool("mcp", &s); err != nil {
		t.Fatal(err)
	}
	one, two := s.Servers["everything"], s.Servers["crm"]
	if one.Timeout != 30*time.Second || one.Effects["echo"] != coordinator.EffectNone || two.Headers["Authorization"] != "Bearer canary-7281" {
		t.Errorf("%+v", s)
	}
	if _, unknown, err := mcp.List(dir, s); err != nil || strings.Join(unknown, " ") != "crm everything" {
		t.Error(unknown, err)
	}
}
