package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// folder makes a workspace of files, each a name and its content.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func opened(t *testing.T, dir string) *pipeline.Workspace {
	t.Helper()
	w, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

type crmSettings struct {
	Token   string            `json:"token"`
	Headers map[string]string `json:"headers"`
	Port    int               `json:"port"`
	Wait    time.Duration     `json:"wait"`
}

func TestASettingNamesASecret(t *testing.T) {
	t.Setenv("TUTTI_TEST_TOKEN", "geheim-4711")
	w := opened(t, folder(t, ".tutti/crm", "aus-der-datei\n", "tutti.yaml", `
secrets:
  crm: {env: TUTTI_TEST_TOKEN}
  other: {file: .tutti/crm}
tools:
  crm: {token: {secret: crm}, headers: {x-key: {secret: other}}, port: 7}
`))
	var s crmSettings
	if err := w.DecodeTool("crm", &s); err != nil {
		t.Fatal(err)
	}
	if s.Token != "geheim-4711" || s.Headers["x-key"] != "aus-der-datei" || s.Port != 7 {
		t.Errorf("%+v", s)
	}
	if got := w.Hidden().Mask("geheim-4711 aus-der-datei"); got != "[secret crm] [secret other]" {
		t.Error(got)
	}
	if raw := string(w.Tools["crm"]); strings.Contains(raw, "geheim") {
		t.Errorf("the settings as they are kept: %s", raw)
	}
}

func TestMistakesAboutSecretsNeverTellThem(t *testing.T) {
	t.Setenv("TUTTI_TEST_TOKEN", "geheim-4711")
	t.Setenv("TUTTI_TEST_SHORT", "kurz")
	const declared = `
secrets:
  crm: {env: TUTTI_TEST_TOKEN}
  short: {env: TUTTI_TEST_SHORT}
  unset: {env: TUTTI_TEST_UNSET}
  gone: {file: .tutti/none}
`
	for settings, want := range map[string]string{
		"token: {secret: crn}":   `there is no secret "crn"`,
		"token: {secret: unset}": "the environment variable TUTTI_TEST_UNSET is not set",
		"token: {secret: gone}":  "does not exist",
		"token: {secret: short}": "it has 4 characters",
		"port: {secret: crm}":    "port must be a whole number, not the secret crm",
		"wait: {secret: crm}":    "not the secret crm",
	} {
		w := opened(t, folder(t, "tutti.yaml", declared+"tools:\n  crm: {"+settings+"}\n"))
		var s crmSettings
		err := w.DecodeTool("crm", &s)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tutti.yaml:8:") {
			t.Errorf("%s: %v, want %s", settings, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "kurz")) {
			t.Errorf("%s: the secret is told: %v", settings, err)
		}
	}
}

func TestASecretIsFoundInOnePlace(t *testing.T) {
	for declared, want := range map[string]string{
		"x: {}":                   "a secret is found in one place",
		"x: {env: A, file: b}":    "a secret is found in one place",
		"x y: {env: A}":           "cannot be a secret's name",
		"x: {value: geheim-4711}": `unknown key "value"`,
		"x: {file: keys/crm}":     "the workspace's own tools could read keys/crm",
	} {
		_, err := pipeline.OpenWorkspace(folder(t, "tutti.yaml", "secrets:\n  "+declared+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", declared, err, want)
		}
	}
}

func TestAMissingSecretIsNoMistakeWhereItIsNotUsed(t *testing.T) {
	w := opened(t, folder(t, "tutti.yaml", "secrets:\n  x: {env: TUTTI_TEST_UNSET}\n"))
	if err := w.Check(nil); err != nil {
		t.Error(err)
	}
	if err := w.CheckSecrets(); err == nil || err.Error() != "secret x: the environment variable TUTTI_TEST_UNSET is not set" {
		t.Error(err)
	}
}

func TestExpressionsKnowNoSecrets(t *testing.T) {
	t.Setenv("TUTTI_TEST_TOKEN", "geheim-4711")
	w := opened(t, folder(t, "tutti.yaml", "secrets:\n  crm: {env: TUTTI_TEST_TOKEN}\n", "pipelines/a.yaml", `
name: a
steps:
  - {id: one, use: person, with: {question: "${{ secrets.crm }}"}}
`))
	err := w.Check(func(string) (coordinator.Card, bool) { return coordinator.Card{}, true })
	if err == nil || !strings.Contains(err.Error(), "secrets") {
		t.Errorf("%v", err)
	}
}

func TestRightsNamePeopleAndGroups(t *testing.T) {
	w := opened(t, folder(t, "tutti.yaml", `
people:
  ada: {groups: [ops]}
  bo: {}
rights:
  cancel: [ops]
  rerun: [ada, nobdy]
`))
	if err := w.Check(nil); err == nil || !strings.Contains(err.Error(), `nobody is called "nobdy"`) {
		t.Errorf("%v", err)
	}
	for _, tt := range []struct {
		by, act, requester string
		may                bool
	}{
		{"ada", "cancel", "bo", true}, {"bo", "cancel", "ada", false}, {"bo", "cancel", "bo", true},
		{"ada", "rerun", "bo", true}, {"bo", "rerun", "bo", false},
		{"bo", "redo", "ada", true}, {"eve", "redo", "ada", false}, {"eve", "redo", "eve", true}, {"", "cancel", "", false},
	} {
		if err := w.MayAct(tt.by, tt.act, tt.requester); (err == nil) != tt.may {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if err := (&pipeline.Workspace{}).MayAct("anyone", "cancel", ""); err != nil {
		t.Errorf("nobody is listed: %v", err)
	}
}
