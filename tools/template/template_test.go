package template

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
)

func open(t *testing.T, s Settings, contents map[string]string) func(input string) (string, error) {
	t.Helper()
	w := tooltest.Open(t, New, tooltest.Folder(t, contents), s)["template.render"]
	return func(input string) (string, error) {
		result, err := tooltest.Do(t.Context(), w, "", input)
		if err != nil {
			return "", err
		}
		var out Output
		return out.Text, json.Unmarshal(result.Output, &out)
	}
}

func TestATemplateIsFilled(t *testing.T) {
	render := open(t, Settings{}, map[string]string{
		"letter.md": "Dear **{{.name}}**,\n\n{{money .total \"EUR\"}} is due {{date .due}}.\n\n{{table .lines \"item\" \"price:Price:money\"}}",
		"page.html": "<p title=\"{{.name}}\">{{.name}}</p>",
	})
	const data = `"data":{"name":"Ada & <b>","total":1234.5,"due":"2026-09-30","lines":[{"item":"bolt","price":2}]}`
	for input, want := range map[string]string{
		`{"template":"letter.md",` + data + `}`:             "Dear **Ada & <b>**,\n\n1,234.50 EUR is due 30 September 2026.\n\n| Item | Price |\n",
		`{"template":"letter.md","as":"html",` + data + `}`: "<p>Dear <strong>Ada &amp; &lt;b&gt;</strong>,</p>",
		`{"template":"page.html",` + data + `}`:             `<p title="Ada &amp; &lt;b&gt;">Ada &amp; &lt;b&gt;</p>`,
		`{"text":"Hello {{.name}}",` + data + `}`:           "Hello Ada & <b>",
		`{"text":"nothing to fill"}`:                        "nothing to fill",
	} {
		got, err := render(input)
		if err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, %v", input, got, err)
		}
		if again, err := render(input); err != nil || again != got {
			t.Errorf("%s: another time %q, %v", input, again, err)
		}
	}
}

func TestMistakesAreNamedAndPermanent(t *testing.T) {
	render := open(t, Settings{MaxBytes: 10}, map[string]string{"a.md": "{{.x}}\n{{.nope}}", "b.md": "{{", "c.txt": "x", "d.html": "x"})
	for input, want := range map[string]string{
		`{"template":"a.md","data":{"x":1}}`:                 `a.md:2:2: the data has no field "nope"`,
		`{"template":"b.md"}`:                                "b.md:1",
		`{"template":"c.txt"}`:                               "must end in .md or .html",
		`{"template":"../a.md"}`:                             `".."`,
		`{"template":"none.md"}`:                             "no such file",
		`{}`:                                                 "template is missing",
		`{"template":"a.md","text":"x"}`:                     "one of them",
		`{"text":"{{.x}}","data":{"x":"12345678901"}}`:       "max_bytes",
		`{"text":"` + strings.Repeat("x", 1<<20+1) + `"}`:    "text: it has more than",
		`{"template":"d.html","as":"text"}`:                  "only Markdown has a text form",
		`{"text":"{{range .}}{{end}}","data":{"x":1},"y":2}`: "y",
	} {
		_, err := render(input)
		if err == nil || !coordinator.FailureOf(err).Permanent || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: error %v, want %q", input, err, want)
		}
	}
}
