package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func Example() {
	main()
	// Output: Hello, Ada!
}

// The README shows this very program.
func TestReadmeShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func main() {\n")
	body, _, _ = strings.Cut(body, "\n}\n")
	var shown []string
	for line := range strings.Lines(body) {
		shown = append(shown, strings.TrimPrefix(strings.TrimRight(line, "\n"), "\t"))
	}
	if !strings.Contains(string(readme), strings.Join(shown, "\n")) {
		t.Error("README.md does not show the body of examples/hello/main.go; copy it over")
	}
}

// Who embeds the runtime and a few tools of their own gets no database drivers, no PDF engine and no mail library.
func TestEmbeddingIsLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../coordinator/local", "../../tools").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, heavy := range []string{
		"database/sql", "modernc.org/sqlite", "jackc/pgx", "go-pdfium", "wazero", "go-mail", "langchaingo", "goldmark",
		"spf13/cobra", "goccy/go-yaml", "tutti/agents",
	} {
		if strings.Contains(string(out), heavy) {
			t.Errorf("importing coordinator/local and tools pulls in %s", heavy)
		}
	}
}
