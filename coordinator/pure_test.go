package coordinator_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTheCoreIsPure holds what the linter cannot say: no clock, no goroutine, no I/O, no randomness.
func TestTheCoreIsPure(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		seen++
		for _, breach := range breaches(t, f.Name(), string(source)) {
			t.Error(breach)
		}
	}
	if seen < 10 {
		t.Fatalf("only %d files were looked at", seen)
	}
}

// TestImpurityIsNoticed breaks each rule once.
func TestImpurityIsNoticed(t *testing.T) {
	for _, source := range []string{
		`package p; import "os"; var _ = os.Args`,
		`package p; import "net/http"; var _ = http.Get`,
		`package p; import "math/rand/v2"; var _ = rand.Int()`,
		`package p; import "github.com/redis/go-redis/v9"; var _ = redis.Nil`,
		`package p; import "github.com/tuttirun/tutti/memory"; var _ = memory.New`,
		`package p; import "time"; var _ = time.Now()`,
		`package p; import "time"; var _ = time.NewTimer`,
		`package p; import clock "time"; var _ = clock.Since`,
		`package p; func f() { go f() }`,
		`package p; var c chan int`,
		`package p; func f() { select {} }`,
		`package p; import "fmt"; func f() { fmt.Println() }`,
	} {
		if len(breaches(t, "p.go", source)) == 0 {
			t.Errorf("nobody noticed: %s", source)
		}
	}
}

var (
	allowedImports = []string{"cel.dev/cel-go", "github.com/go-playground/validator/v10", "github.com/go-playground/universal-translator", "github.com/go-playground/locales"}
	impureStd      = []string{"os", "net", "log", "math/rand", "crypto/rand", "io/ioutil", "syscall", "runtime", "database", "plugin", "embed", "testing", "unsafe"}
	clock          = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	printers       = []string{"Print", "Printf", "Println"}
)

func breaches(t *testing.T, name, source string) []string {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	report := func(n ast.Node, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: %s", set.Position(n.Pos()), fmt.Sprintf(format, args...)))
	}
	local := map[string]string{}
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		as := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			as = i.Name.Name
		}
		local[as] = path
		if !mayImport(path) {
			report(i, "the core may not import %s", path)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "no goroutines in the core")
		case *ast.SelectStmt:
			report(n, "no select in the core")
		case *ast.ChanType:
			report(n, "no channels in the core")
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if local[pkg.Name] == "time" && slices.Contains(clock, n.Sel.Name) {
				report(n, "no clock in the core: take the time as a parameter")
			}
			if local[pkg.Name] == "fmt" && slices.Contains(printers, n.Sel.Name) {
				report(n, "the core prints nothing")
			}
		}
		return true
	})
	return found
}

func mayImport(path string) bool {
	under := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
	}
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") {
		return under(allowedImports)
	}
	return !under(impureStd)
}
