package models_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

const workspaceFile = `
name: test
secrets:
  claude: {env: TEST_CLAUDE_KEY}
models:
  default:
    use: anthropic/claude-sonnet-4-5
    base_url: URL
    api_key: {secret: claude}
    thinking: 4096
    timeout: 90s
    fallback: [cheap]
  cheap: {use: openai/gpt-4o-mini, base_url: URL, max_wait: 1s}
prices:
  "anthropic/claude-sonnet-*": {input: 300, output: 1500, cached: 30}
`

// openWorkspace reads a file as the command does.
func openWorkspace(t *testing.T, text string) *pipeline.Workspace {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tutti.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

func TestModelsAreReadFromAWorkspaceFile(t *testing.T) {
	const key = "sk-test-0123456789"
	t.Setenv("TEST_CLAUDE_KEY", key)
	p := modeltest.New(t, modeltest.Text("hello").Using(modeltest.Usage{Input: 1000, Output: 100}))
	ws := openWorkspace(t, strings.ReplaceAll(workspaceFile, "URL", p.URL()))
	var own models.Prices
	if err := ws.DecodePrices(&own); err != nil {
		t.Fatal(err)
	}
	m, err := models.Resolve("default", func(name string) (models.Definition, error) {
		d := models.Definition{Use: ws.Models[name].Use}
		return d, ws.DecodeModel(name, &d.Settings)
	}, models.DefaultPrices().With(own))
	if err != nil {
		t.Fatal(err)
	}
	r, err := agentOn(t, m).Do(t.Context(), attempt)
	if err != nil || r.Models["anthropic/claude-sonnet-4-5"].Cost != 0.45 {
		t.Errorf("%+v, %v", r.Models, err)
	}
	sent := p.Requests()[0]
	if sent.Header.Get("X-Api-Key") != key || sent.Thinking.Budget != 4096 {
		t.Errorf("thinking %+v, headers %v", sent.Thinking, sent.Header)
	}
	if strings.Contains(string(r.Exchange), key) {
		t.Error("the key is in the exchange")
	}
}

func TestMistakesInModelSettingsHaveAPlace(t *testing.T) {
	t.Setenv("TEST_CLAUDE_KEY", "sk-test-0123456789")
	for change, want := range map[string]string{
		"thinking: 4096/thinking: soon": "tutti.yaml:10", "timeout: 90s/timeout: soon": "tutti.yaml:11", "fallback:/falback:": "tutti.yaml:12",
		"thinking: 4096/thinking: {secret: claude}": "tutti.yaml:10",
	} {
		from, to, _ := strings.Cut(change, "/")
		ws := openWorkspace(t, strings.Replace(workspaceFile, from, to, 1))
		var s models.Settings
		err := ws.DecodeModel("default", &s)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sk-test") {
			t.Errorf("%s: %v", change, err)
		}
	}
}
