package report_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/tooltest"
)

const month = `# Invoices of {{.month}}

{{len .rows}} invoices, **{{money .total "EUR"}}** in all.

{{bar .rows "seller" "total" "EUR"}}

{{table .rows "date:Date:date" "seller" "total:Total:money"}}
`

const monthData = `{"month": "September", "total": 2750.7, "rows": [
	{"date": "2026-09-03", "seller": "Rietveen Verpakkingen B.V.", "total": 1016.40},
	{"date": "2026-09-09", "seller": "<script>alert(1)</script> & [Söhne](http://evil.example)", "total": 1734.3}]}`

func renderer(t *testing.T, dir string, s report.Settings) coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, report.New, dir, s)["report.render"]
}

func render(ctx context.Context, w coordinator.Worker, template, path, data string) (coordinator.Result, error) {
	return tooltest.Do(ctx, w, "k", fmt.Sprintf(`{"template": %q, "path": %q, "title": "A <title>", "data": %s}`, template, path, data))
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMarkdownBecomesAPageThatNeedsNothingElse(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"report/month.md": month})
	w := renderer(t, dir, report.Settings{})
	r, err := render(t.Context(), w, "report/month.md", "reports/2026/09.html", monthData)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, dir, "reports/2026/09.html")
	if want := fmt.Sprintf(`{"bytes":%d,"path":"reports/2026/09.html"}`, len(got)); string(r.Output) != want {
		t.Errorf("output %s, want %s", r.Output, want)
	}
	for _, want := range []string{
		"<title>A &lt;title&gt;</title>", "<h1>Invoices of September</h1>", "<p>2 invoices, <strong>2,750.70 EUR</strong> in all.</p>",
		`<figure class="chart"><svg `, `<td style="white-space:nowrap">9 Sep 2026</td><td>&lt;script&gt;alert(1)&lt;/script&gt; &amp; [Söhne](http://evil.example)</td>`,
		`<td style="text-align:right">1,734.30</td>`, "@media print", "default-src 'none'",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, never := range []string{"<script", "href=", "src=", "url(", "TuttiValue", "<p><figure"} {
		if strings.Contains(got, never) {
			t.Errorf("the page holds %s", never)
		}
	}
}

func TestTheSamePageIsWrittenOnce(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"month.md": month, "page.html": "<p>{{.month}}</p>"})
	w := renderer(t, dir, report.Settings{})
	for _, template := range []string{"month.md", "page.html"} {
		out := "out/" + template + ".html"
		first, err := render(t.Context(), w, template, out, monthData)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := os.Stat(filepath.Join(dir, out))
		second, err := render(t.Context(), w, template, out, monthData)
		if err != nil || string(second.Output) != string(first.Output) || second.Note != out+" was there already, with the same content" {
			t.Errorf("%s %q %v", second.Output, second.Note, err)
		}
		if after, _ := os.Stat(filepath.Join(dir, out)); !os.SameFile(before, after) {
			t.Errorf("%s was written again", out)
		}
	}
	if got := read(t, dir, "out/page.html.html"); got != "<p>September</p>" {
		t.Error(got)
	}
}

func TestReadersSeeAWholePage(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"t.html": "{{.a}}{{.b}}{{.a}}"})
	w := renderer(t, dir, report.Settings{})
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	data := func(i int) string { return fmt.Sprintf(`{"a": %d, "b": %q}`, i%10, strings.Repeat("x", 100_000)) }
	if _, err := render(t.Context(), w, "t.html", "o.html", data(0)); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		writers.Go(func() {
			for n := range 10 {
				if _, err := render(t.Context(), w, "t.html", "o.html", data(i+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			b, err := os.ReadFile(filepath.Join(dir, "o.html"))
			if err != nil || len(b) != 100_002 || b[0] != b[len(b)-1] {
				t.Errorf("%d bytes, %v", len(b), err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%d files are left", len(files))
	}
}

func TestTextReportKeepsItsChartsAsNumbers(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"t.md": "# R\n\n{{bar .rows \"k\" \"n\" \"EUR\"}}"})
	w := renderer(t, dir, report.Settings{})
	if _, err := render(t.Context(), w, "t.md", "out.md", `{"rows": [{"k": "Örtl", "n": 1234.5}, {"k": "B", "n": -2}]}`); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, dir, "out.md"), "# R\n\n    Örtl  1,234.50 EUR\n    B     −2.00 EUR\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReportsReplaceOnlyReports(t *testing.T) {
	outside := t.TempDir()
	dir := tooltest.Folder(t, map[string]string{"t.md": "x{{.a}}", "bad.md": "{{.b}}", "t.html": "x"})
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w := renderer(t, dir, report.Settings{})
	for _, c := range []struct {
		template, path, want string
		permanent            bool
	}{
		{"t.md", "tutti.yaml", "a report's name ends in .html or .md", true},
		{"t.md", "./T.md", "would replace its template", true},
		{"t.md", "../x.html", `must not hold ".."`, true},
		{"t.md", "/tmp/x.html", "must be relative", true},
		{"t.md", "link/x.html", "escapes", false},
		{"bad.md", "x.html", `template bad.md:1:2: the data has no field "b"`, true},
		{"none.md", "x.html", "no such file", true},
		{"t.html", "x.md", "only Markdown has a text form", true},
	} {
		_, err := render(t.Context(), w, c.template, c.path, `{"a": 1}`)
		if f := coordinator.FailureOf(err); f == nil || !strings.Contains(f.Message, c.want) || !f.NotDone || f.Permanent != c.permanent {
			t.Errorf("%s: got %+v, want %s", c.path, f, c.want)
		}
	}
	if files, _ := os.ReadDir(outside); len(files) != 0 {
		t.Error("something was written outside")
	}
	within := renderer(t, dir, report.Settings{Folder: "reports"})
	if _, err := render(t.Context(), within, "t.md", "reports/../x.html", `{"a": 1}`); err == nil {
		t.Error("the folder was left")
	}
	if _, err := render(t.Context(), within, "t.md", "reportsx/x.html", `{"a": 1}`); err == nil || !strings.Contains(err.Error(), "reports go below reports") {
		t.Error(err)
	}
	if _, err := render(t.Context(), within, "t.md", "reports/x.html", `{"a": 1}`); err != nil {
		t.Error(err)
	}
	if _, err := report.New(dir, report.Settings{Folder: "../out"}); err == nil {
		t.Error("a folder outside was taken")
	}
}

func TestEndedContextWritesNothing(t *testing.T) {
	dir := tooltest.Folder(t, map[string]string{"t.md": "x"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := render(ctx, renderer(t, dir, report.Settings{}), "t.md", "x.html", `{}`)
	if f := coordinator.FailureOf(err); !errors.Is(err, context.Canceled) || !f.NotDone {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.html")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// chart renders one chart and returns its SVG, checked to be well-formed.
func chart(t *testing.T, call string, rows []map[string]any) (string, error) {
	t.Helper()
	dir := tooltest.Folder(t, map[string]string{"t.html": "{{" + call + "}}"})
	data, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := render(t.Context(), renderer(t, dir, report.Settings{}), "t.html", "o.html", string(data)); err != nil {
		return "", err
	}
	svg := read(t, dir, "o.html")
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return svg, nil
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
}

func values(n int, label string, f func(i int) any) []map[string]any {
	rows := []map[string]any{}
	for i := range n {
		rows = append(rows, map[string]any{"k": fmt.Sprintf(label, i), "n": f(i)})
	}
	return rows
}

func TestChartsHaveRoundAxesAndReadableLabels(t *testing.T) {
	for _, c := range []struct {
		name, call string
		rows       []map[string]any
		want       []string
		never      []string
	}{
		{"standing", `bar .rows "k" "n" "EUR"`, values(3, "M%d", func(i int) any { return 4000.5 * float64(i+1) }),
			[]string{">0</text>", ">5,000</text>", ">15,000</text>", ">EUR</text>", ">M2</text>", ">12,001.50</text>", "<title>M0: 4,000.50 EUR</title>"}, []string{"rotate"}},
		{"lying", `bar .rows "k" "n" "EUR"`, values(8, "A rather long name %d", func(i int) any { return i }),
			[]string{">A rather long name 7</text>", ">7 EUR</text>"}, []string{"rotate"}},
		{"below zero", `bar .rows "k" "n"`, values(3, "M%d", func(i int) any { return i*10 - 10 }),
			[]string{">−10</text>", ">10</text>", `fill="#b4543a"`}, nil},
		{"small", `line .rows "k" "n"`, values(3, "M%d", func(i int) any { return float64(i) / 1000 }),
			[]string{">0.0005</text>", ">0.0020</text>", "<circle"}, nil},
		{"dense", `line .rows "k" "n"`, values(1000, "2026-%03d", func(i int) any { return i }),
			[]string{"<polyline", ">1,000</text>", "rotate"}, []string{"<circle", ">2026-001<"}},
		{"nothing but zero", `bar .rows "k" "n"`, values(1, "M%d", func(int) any { return 0 }), []string{">1.0</text>"}, nil},
		{"numbers as text", `bar .rows "k" "n"`, values(1, "<b>&%d", func(int) any { return "7.25" }), []string{">&lt;b&gt;&amp;0</text>", ">7.25</text>"}, []string{"<b>"}},
		{"empty", `bar .rows "k" "n"`, nil, []string{"There is nothing to show."}, []string{"<svg"}},
		{"empty line", `line .rows "k" "n"`, nil, []string{"There is nothing to show."}, []string{"<svg"}},
	} {
		got, err := chart(t, c.call, c.rows)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is missing in\n%.3000s", c.name, want, got)
			}
		}
		for _, never := range append(c.never, "NaN", "Inf") {
			if strings.Contains(got, never) {
				t.Errorf("%s: it holds %s", c.name, never)
			}
		}
	}
}

func TestChartsRefuseWhatTheyCannotShow(t *testing.T) {
	one := func(int) any { return 1 }
	for _, c := range []struct {
		call string
		rows []map[string]any
		want string
	}{
		{`bar .rows "k" "n"`, values(61, "%d", one), "it has 61 values; 60 is the limit"},
		{`line .rows "k" "n"`, values(1001, "%d", one), "it has 1001 values; 1000 is the limit"},
		{`bar .rows "x" "n"`, values(1, "%d", one), `row 0 has no field "x"`},
		{`bar .rows "k" "x"`, values(1, "%d", one), "row 0, field x: <nil> is not a number"},
		{`bar .rows "k" "n"`, values(1, "%d", func(int) any { return "Inf" }), `"Inf" is not a number`},
		{`bar "x" "k" "n"`, nil, "it takes a list of objects"},
	} {
		if _, err := chart(t, c.call, c.rows); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.call, err, c.want)
		}
	}
}
