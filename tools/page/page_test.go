package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/tools/page"
)

func parse(t *testing.T, name, source string) *page.Template {
	t.Helper()
	p, err := page.Parse(name, source, page.Funcs{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func html(t *testing.T, name, source, data string) string {
	t.Helper()
	out, err := parse(t, name, source).HTML(t.Context(), json.RawMessage(data))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func TestValuesNeverBecomeMarkup(t *testing.T) {
	for _, c := range []struct{ source, value, want string }{
		{"Dear {{.v}}!", "[click](https://evil.example)", "<p>Dear [click](https://evil.example)!</p>"},
		{"Dear {{.v}}!", "<script>alert(1)</script>", "<p>Dear &lt;script&gt;alert(1)&lt;/script&gt;!</p>"},
		{"Dear **{{.v}}**!", "a**b_c_", "<p>Dear <strong>a**b_c_</strong>!</p>"},
		{"File `{{.v}}`.", "a_b`<i>.pdf", "<p>File <code>a_b`&lt;i&gt;.pdf</code>.</p>"},
		{"{{.v}}", "# no heading\n- no list", "<p># no heading<br>\n- no list</p>"},
		{"    {{.v}}", "<b>", "<pre><code>&lt;b&gt;\n</code></pre>"},
		{"| a | b |\n|---|--:|\n| {{.v}} | 1 |", "x | y", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th style=\"text-align:right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>x | y</td>\n<td style=\"text-align:right\">1</td>\n</tr>\n</tbody>\n</table>"},
		{"[go]({{.v}})", "https://example.com/?a=1&b=\"2\"", `<p><a href="https://example.com/?a=1&amp;b=&#34;2&#34;">go</a></p>`},
		{"[go]({{.v}})", "javascript:alert(1)", `<p><a href="#">go</a></p>`},
		{"[go]({{.v}})", " JavaScript:alert(1)", `<p><a href="#">go</a></p>`},
		{"[go]({{.v}})", "//evil.example", `<p><a href="#">go</a></p>`},
		{"[go]({{.v}})", "data:text/html,x", `<p><a href="#">go</a></p>`},
		{"[go]({{.v}})", "#part", `<p><a href="#part">go</a></p>`},
		{"[go](https://example.com/{{.v}}?x={{.v}})", `a/b"><i>`, `<p><a href="https://example.com/a%2Fb%22%3E%3Ci%3E?x=a%2Fb%22%3E%3Ci%3E">go</a></p>`},
		{"![{{.v}}](/logo.png \"{{.v}}\")", `"><i>`, `<p><img src="/logo.png" alt="&#34;&gt;&lt;i&gt;" title="&#34;&gt;&lt;i&gt;"></p>`},
		{"https://example.com {{.v}} <b>raw</b>", "https://evil.example", "<p>https://example.com https://evil.example <!-- raw HTML omitted -->raw<!-- raw HTML omitted --></p>"},
		{"{{.v}}", "TuttiValue0x", "<p>TuttiValue0x</p>"},
		{"{{markdown .v}}", "**b** <i>x</i> [l](javascript:x)", "<p><strong>b</strong> <!-- raw HTML omitted -->x<!-- raw HTML omitted --> <a href=\"\">l</a></p>"},
		{"{{range .list}}{{with $x := .}}{{$x}}{{end}}{{else}}none{{end}}", "", "<p>1&lt;2</p>"},
		{`{{if eq .v "a_b"}}yes{{else}}no{{end}}`, "a_b", "<p>yes</p>"},
		{`{{define "x"}}({{.}}){{end}}{{template "x" .v}}`, "<b>", "<p>(&lt;b&gt;)</p>"},
	} {
		data, _ := json.Marshal(map[string]any{"v": c.value, "list": []string{"1<", "2"}})
		if got := html(t, "t.md", c.source, string(data)); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

func TestHTMLTemplatesEscapeByContext(t *testing.T) {
	got := html(t, "t.html", `<a href="{{.url}}" title="{{.v}}">{{.v}}</a> {{.n}} {{.big}} {{.none}}<script>x = [{{.big}}, {{.v}}]</script>{{table .rows "a"}}`,
		`{"url": "javascript:x", "v": "<\"b\">", "n": 7, "big": 12345678.5, "none": null, "rows": [{"a": "<i>"}]}`)
	want := `<a href="#ZgotmplZ" title="&lt;&#34;b&#34;&gt;">&lt;&#34;b&#34;&gt;</a> 7 12345678.5 <script>x = [ 12345678.5 , "\u003c\"b\"\u003e"]</script>` +
		"<table>\n<thead>\n<tr><th>A</th></tr>\n</thead>\n<tbody>\n<tr><td>&lt;i&gt;</td></tr>\n</tbody>\n</table>"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTextIsWhatPeopleRead(t *testing.T) {
	p := parse(t, "t.md", "Dear *{{.name}}*,\n\n{{table .rows \"date:Day:date\" \"seller_name\" \"total:Total:money\"}}\n{{.n}}")
	got, err := p.Text(t.Context(), json.RawMessage(`{"name": "<b>", "n": 1e6, "rows": [
		{"date": "2026-09-30", "seller_name": "Örtl | Söhne\nGmbH", "total": 1044.455}, {"date": null, "seller_name": "x", "total": "7"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "Dear *<b>*,\n\n" +
		"| Day         | Seller name       |    Total |\n" +
		"| ----------- | ----------------- | -------: |\n" +
		"| 30 Sep 2026 | Örtl / Söhne GmbH | 1,044.46 |\n" +
		"|             | x                 |     7.00 |\n\n1000000"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFunctionsWriteNumbersAndDates(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`{{money .n}}`, "1,234,567.50"}, {`{{money .n "EUR"}}`, "1,234,567.50 EUR"}, {`{{money .half}}`, "1.01"}, {`{{money -999.995}}`, "-1,000.00"},
		{`{{money "12.3"}}`, "12.30"}, {`{{money .none}}`, ""}, {`{{number .n}}`, "1,234,567.5"}, {`{{number 1000}}`, "1,000"}, {`{{number 0.1}}`, "0.1"}, {`{{number -0.0000001}}`, "0"},
		{`{{date "2026-09-30"}}`, "30 September 2026"}, {`{{date "2026-09-30T08:00:00Z" "2 Jan 15:04"}}`, "30 Sep 08:00"}, {`{{date .none}}`, ""},
		{`{{.n}}`, "1234567.5"}, {`{{.list}}`, `[1,"a"]`},
	} {
		p := parse(t, "t.md", c.source)
		got, err := p.Text(t.Context(), json.RawMessage(`{"n": 1234567.5, "half": 1.005, "none": null, "list": [1, "a"]}`))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

func TestMistakesNameTheTemplateAndItsLine(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"t.txt", "x", "its name must end in .md or .html"},
		{"t.md", "a\n{{.b", "template t.md:2: "},
		{"t.html", "a\n{{.b", "template t.html:2: "},
		{"t.md", "{{nothing .x}}", `template t.md:1: function "nothing" not defined`},
		{"t.md", "TuttiValue", "it must not contain"},
	} {
		if _, err := page.Parse(c.name, c.source, page.Funcs{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.source, err)
		}
	}
	for _, c := range []struct{ name, source, want string }{
		{"t.md", "a\n{{.nothing}}", `template t.md:2:2: the data has no field "nothing"`},
		{"t.html", "a\n{{.a.nothing}}", `template t.html:2:4: the data has no field "nothing"`},
		{"t.md", `{{money "x"}}`, `"x" is not a number`},
		{"t.md", `{{money "1e999999999"}}`, `is not a number`},
		{"t.md", `{{date "soon"}}`, `"soon" is not a date`},
		{"t.md", `{{table .a "x"}}`, "it takes a list of objects"},
		{"t.md", `{{table .rows "x" "y"}}`, `row 0 has no field "y"`},
		{"t.md", `{{table .rows}}`, "name its columns"},
		{"t.md", `{{table .rows "x:X:roman"}}`, `unknown format "roman"`},
		{"t.md", `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "exceeded maximum template depth"},
		{"t.md", "{{range .many}}{{range $.many}}{{range $.many}}{{$.long}}{{end}}{{end}}{{end}}", "more than 8388608 bytes"},
		{"t.html", "{{range .many}}{{range $.many}}{{range $.many}}{{$.long}}{{end}}{{end}}{{end}}", "more than 8388608 bytes"},
	} {
		many, _ := json.Marshal(map[string]any{"a": map[string]int{}, "rows": []map[string]int{{"x": 1}}, "many": make([]int, 100), "long": strings.Repeat("x", 1000)})
		if _, err := parse(t, c.name, c.source).HTML(t.Context(), many); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.source, err, c.want)
		}
	}
}

func TestRenderingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"t.md", "t.html"} {
		if _, err := parse(t, name, "x").HTML(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTemplatesComeFromTheWorkspaceOnly(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "t.md"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "t.md"), filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "large.md"), make([]byte, page.MaxTemplate+1), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{
		"link.md": "escapes", "../t.md": `must not hold ".."`, "none.md": "no such file", "large.md": "more than 1048576 bytes",
	} {
		if _, err := page.Open(root, name, page.Funcs{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
