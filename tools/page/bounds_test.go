package page

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

const branching = `{{define "a"}}{{if gt (len .) 0}}{{template "a" (slice . 1)}}{{template "a" (slice . 1)}}{{end}}{{end}}{{template "a" .s}}`

// Loops that write nothing meet no writer that could stop them.
func TestLoopsThatWriteNothingEndWithTheirTime(t *testing.T) {
	data := json.RawMessage(`{"s": "` + strings.Repeat("x", 200) + `"}`)
	for _, name := range []string{"t.md", "t.html"} {
		for _, source := range []string{"{{range 1000000000000}}{{end}}", branching, "<script>{{range 1000000000000}}{{end}}</script>"} {
			one, err := Parse(name, source, Funcs{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if _, err := one.HTML(ctx, data); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s %.40s: %v", name, source, err)
			}
			cancel()
		}
	}
}

func TestTextsOfATemplateDoNotOutgrowAPage(t *testing.T) {
	for _, source := range []string{
		`{{$x := "12345678"}}{{range 60}}{{$x = print $x $x}}{{end}}`, `{{$x := "12345678"}}{{range 60}}{{$x = println $x $x}}{{end}}`,
		`{{$x := "12345678"}}{{range 60}}{{$x = printf "%s%s" $x $x}}{{end}}`, `{{$x := "\\"}}{{range 60}}{{$x = js $x}}{{end}}`,
	} {
		for _, name := range []string{"t.md", "t.html"} {
			one, err := Parse(name, source, Funcs{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := one.HTML(t.Context(), nil); !errors.Is(err, errTooLong) {
				t.Errorf("%s %s: %v", name, source, err)
			}
		}
	}
	for _, format := range []string{"%2000d", "%.9999f", "%-*d", "%[1]*d"} {
		if _, err := printf(format, 1, 1); err == nil {
			t.Errorf("%s: no error", format)
		}
	}
	if got, err := printf("%05d %-12s %.2f 1000%%", 7, "a", 1.5); err != nil || got != "00007 a            1.50 1000%" {
		t.Errorf("%q, %v", got, err)
	}
}
