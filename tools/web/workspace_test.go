package web_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools/web"
)

func TestSettingsOfAWorkspaceFileWithASecret(t *testing.T) {
	var asked seen
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) { asked.note(r) })
	t.Setenv("CRM_TOKEN", token)
	dir := t.TempDir()
	file := fmt.Sprintf(`secrets:
  crm_token: {env: CRM_TOKEN}
tools:
  http:
    hosts: ["*.example.com"]
    redirects: 2
    timeout: 5s
    max_bytes: 1000
    endpoints:
      crm:
        base_url: %s/api/v1
        description: our customers
        private: true
        auth: {bearer: {secret: crm_token}}
        idempotency_header: Idempotency-Key
`, srv.URL)
	if err := os.WriteFile(filepath.Join(dir, "tutti.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	var s web.Settings
	if err := ws.DecodeTool("http", &s); err != nil {
		t.Fatal(err)
	}
	in := m{"endpoint": "crm", "path": "/customers", "method": "POST", "json": m{"name": "Ada"}}
	if _, err := do(t.Context(), open(t, dir, s)["http.request"], in); err != nil {
		t.Fatal(err)
	}
	if r, _ := asked.last(t); r.Header.Get("Authorization") != "Bearer "+token || r.URL.Path != "/api/v1/customers" {
		t.Errorf("%v %s", r.Header, r.URL)
	}
	if _, err := do(t.Context(), open(t, dir, s)["http.get"], m{"url": srv.URL}); err == nil || !strings.Contains(err.Error(), "not among the hosts") {
		t.Errorf("hosts of the file: %v", err)
	}
}
