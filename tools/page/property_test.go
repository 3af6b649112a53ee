package page_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"
	"pgregory.net/rapid"
)

// structure is the page without its text: tags with the names of their attributes.
func structure(t *rapid.T, page string) []string {
	var out []string
	for z := nethtml.NewTokenizer(strings.NewReader(page)); ; {
		switch kind := z.Next(); kind {
		case nethtml.ErrorToken:
			return out
		case nethtml.TextToken:
		default:
			token := z.Token()
			if token.Data == "br" { // a line break in a value
				continue
			}
			line := kind.String() + " " + token.Data
			for _, a := range token.Attr {
				line += " " + a.Key
				if a.Key == "href" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Fatalf("a link to %s", a.Val)
				}
			}
			out = append(out, line)
		}
	}
}

// Whatever a value is, the page has the tags that its template has.
func TestNoValueChangesThePage(t *testing.T) {
	const source = "# {{.v}}\n\n{{.v}} **{{.v}}** `{{.v}}` [{{.v}}]({{.v}} \"{{.v}}\") [x](https://example.com/{{.v}})\n\n- {{.v}}\n\n" +
		"    {{.v}}\n\n| a | {{.v}} |\n|---|---|\n| {{.v}} | b |\n\n{{table .rows \"v\"}}\n\n> {{.v}}\n"
	p := parse(t, "t.md", source)
	page := func(t *rapid.T, v string) string {
		data, err := json.Marshal(map[string]any{"v": v, "rows": []any{map[string]string{"v": v}}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.HTML(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"<script>", "</td>", "]( javascript:x)", "javascript:", "`", "```", "|", "\n", "\n\n# ", "<!--", "-->", "&lt;", "\"", "'", ">", "**", "\\", "TuttiValue", "0x", "<b>", "![", "data:text/html,", "//",
	}))
	rapid.Check(t, func(t *rapid.T) {
		v := strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "pieces"), "")
		if got, want := structure(t, page(t, v)), structure(t, page(t, "x")); !slices.Equal(got, want) {
			t.Fatalf("%q changed the page:\n%v\nnot\n%v", v, got, want)
		}
	})
}
