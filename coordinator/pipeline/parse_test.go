package pipeline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// with parses a pipeline whose only step has this value under with.
func with(t *testing.T, yaml string) any {
	t.Helper()
	f, err := pipeline.Parse("a.yaml", []byte("steps:\n  - id: a\n    use: w\n    with: "+yaml+"\n"))
	if err != nil {
		t.Fatalf("%s: %v", yaml, err)
	}
	return f.Plan.Steps[0].With
}

func TestValuesKeepTheirTypes(t *testing.T) {
	for yaml, want := range map[string]any{
		"no": "no", "yes": "yes", "on": "on", "y": "y", "Off": "Off", "true": true, "False": false,
		"~": nil, "": nil, "null": nil, `"null"`: "null", "'~'": "~",
		"5": int64(5), "-5": int64(-5), "+5": int64(5), "0x1F": int64(31), "0o17": int64(15),
		"9223372036854775807":       int64(9223372036854775807),
		"9223372036854775808":       json.Number("9223372036854775808"),
		"123456789012345678901":     json.Number("123456789012345678901"),
		"0.1":                       0.1,
		"1.10":                      1.1,
		"3.0":                       3.0,
		".5":                        0.5,
		"2.":                        2.0,
		"-1.5e3":                    -1500.0,
		"0.1234567890123456789":     json.Number("0.1234567890123456789"),
		"1e999":                     json.Number("1e999"),
		"0123":                      "0123",
		"1_000":                     "1_000",
		"12:30":                     "12:30",
		"2026-01-02":                "2026-01-02",
		"5%":                        "5%",
		"'5'":                       "5",
		`"\u00e9\x41\U0001F600"`:    "éA😀",
		"[1, a, {b: null}]":         []any{int64(1), "a", map[string]any{"b": nil}},
		"[]":                        []any{},
		"{}":                        map[string]any{},
		"{1: a, true: b, null: c}":  map[string]any{"1": "a", "true": "b", "null": "c"},
		"|\n      two\n      lines": "two\nlines\n",
		">-\n      one\n      line": "one line",
		"plain\n      goes on":      "plain goes on",
	} {
		if got := with(t, yaml); !reflect.DeepEqual(got, want) {
			t.Errorf("with: %s is %#v, want %#v", yaml, got, want)
		}
	}
}

func TestAliasesAndMergeKeysAreExpanded(t *testing.T) {
	f, err := pipeline.Parse("a.yaml", []byte(`
steps:
  - &first
    id: a
    use: mail.send
    retry: &r {attempts: 7, backoff: 2s}
    with: &w {to: a@example.com, subject: &s Hello}
  - <<: *first
    id: b
    retry: {<<: [{cap: 1m}, *r], attempts: 2}
    with: {<<: *w, cc: [*s]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := coordinator.Step{
		ID: "b", Use: "mail.send",
		Retry: coordinator.Retry{Attempts: 2, Backoff: 2 * time.Second, Cap: time.Minute},
		With:  map[string]any{"to": "a@example.com", "subject": "Hello", "cc": []any{"Hello"}},
	}
	if got := f.Plan.Steps[1]; !reflect.DeepEqual(got, want) {
		t.Errorf("step b is %+v, want %+v", got, want)
	}
}

func TestShortFormsMeanTheLongOnes(t *testing.T) {
	for yaml, want := range map[string]coordinator.Step{
		"accept: .9":                      {Accept: coordinator.Accept{Threshold: 0.9}},
		"accept: 90%":                     {Accept: coordinator.Accept{Threshold: 0.9}},
		"accept: {threshold: 1}":          {Accept: coordinator.Accept{Threshold: 1}},
		"accept: {risk: 2%}":              {Accept: coordinator.Accept{Risk: 0.02}},
		"accept: {risk: 0.1 %}":           {Accept: coordinator.Accept{Risk: 0.001}},
		"retry: 5":                        {Retry: coordinator.Retry{Attempts: 5}},
		"retry: {attempts: 5, cap: 1d}":   {Retry: coordinator.Retry{Attempts: 5, Cap: 24 * time.Hour}},
		"needs: b":                        {Needs: []string{"b"}},
		"needs: [b, c]":                   {Needs: []string{"b", "c"}},
		"after: 1d12h":                    {After: 36 * time.Hour},
		"timeout: 1.5s":                   {Timeout: 1500 * time.Millisecond},
		"if: ${{ input.a == 1 }}":         {If: "input.a == 1"},
		"if: input.a == 1":                {If: "input.a == 1"},
		"if: true":                        {If: "true"},
		`if: "${{ a }} && ${{ b }}"`:      {If: "${{ a }} && ${{ b }}"}, // refused by the plan's checker
		"for_each: [a, 1]":                {ForEach: `["a",1]`},
		"for_each: '${{ input.l }}'":      {ForEach: "input.l"},
		"until: last.ok":                  {Until: "last.ok"},
		"approval: true":                  {Approval: true},
		"on_error: continue":              {OnError: coordinator.OnErrorContinue},
		"review: {then: reject}":          {Review: coordinator.Review{Then: coordinator.Then{Do: "reject"}}},
		"review: {then: {reassign: cfo}}": {Review: coordinator.Review{Then: coordinator.Then{Do: "reassign", Reassign: "cfo"}}},
		"undo: {use: v, with: 1}":         {Undo: &coordinator.Step{Use: "v", With: int64(1)}},
	} {
		f, err := pipeline.Parse("a.yaml", []byte("steps:\n  - id: a\n    "+yaml))
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		want.ID = "a"
		if got := f.Plan.Steps[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, want %+v", yaml, got, want)
		}
	}
}

func TestInputSchemaKeepsItsOrderAndNumbers(t *testing.T) {
	f, err := pipeline.Parse("a.yaml", []byte("input: {type: object, properties: {z: {type: number, maximum: 1.50}, a: {pattern: '<&>'}}}\nsteps: [{id: a, use: w}]"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"object","properties":{"z":{"type":"number","maximum":1.50},"a":{"pattern":"<&>"}}}`
	if got := string(f.Plan.Input); got != want {
		t.Errorf("input is %s, want %s", got, want)
	}
}

func TestAPipelineIsNamedByItsFileUnlessItSaysSo(t *testing.T) {
	for path, want := range map[string]string{"pipelines/intake.yaml": "intake", "b.pipeline.yml": "b", "": ""} {
		f, err := pipeline.Parse(path, []byte("steps: [{id: a, use: w}]"))
		if err != nil || f.Name != want || f.Plan.Name != want {
			t.Errorf("Parse(%q) is named %q, %v; want %q", path, f.Name, err, want)
		}
	}
}

func TestWhatEditorsAddIsTaken(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark":      "\uFEFFsteps:\n  - id: a\n    use: w\n",
		"carriage returns":     "steps:\r\n  - id: a\r\n    use: w\r\n",
		"old carriage returns": "steps:\r  - id: a\r    use: w\r",
		"document markers":     "%YAML 1.2\n---\nsteps:\n  - id: a\n    use: w\n...\n",
		"no last newline":      "steps:\n  - id: a\n    use: w",
	} {
		f, err := pipeline.Parse("a.yaml", []byte(text))
		if err != nil || f.Plan.Steps[0].Use != "w" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnreadableFilesSayWhy(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":       {"", "a.yaml:1:1: the file is empty"},
		"comments":    {"# nothing yet\n", "a.yaml:1:1: the file is empty\n   1 | # nothing yet\n     | ^"},
		"UTF-16":      {"\xff\xfes\x00", "a.yaml:1:1: the file is UTF-16; save it as UTF-8"},
		"NUL":         {"name: a\x00b", "a.yaml:1:8: the control character U+0000\n   1 | name: a·b\n     |        ^ remove it, or save the file as UTF-8"},
		"Latin-1":     {"name: caf\xe9", "a.yaml:1:10: a byte that is not UTF-8\n   1 | name: caf�\n     |          ^ remove it, or save the file as UTF-8"},
		"escape code": {"name: \x1b[31m", "a.yaml:1:7: the control character U+001B\n   1 | name: ·[31m\n     |       ^ remove it, or save the file as UTF-8"},
		"too large":   {strings.Repeat("#", 1<<20+1), "a.yaml:1:1: the file is larger than 1 MiB"},
	} {
		_, err := pipeline.Parse("a.yaml", []byte(tt.text))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n%v\nwant:\n%s", name, err, tt.want)
		}
	}
}

func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	const size, words = 1<<20 - 100, 240_000 // just below the limits
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	below := func(s string, each int) string { return strings.Repeat(s, min(size/len(s), words/each)) }
	var deep strings.Builder
	for i := 0; deep.Len() < size-2000; i++ {
		fmt.Fprintf(&deep, "%sk:\n", strings.Repeat(" ", i))
	}
	for name, tt := range map[string]struct{ text, want string }{
		"lists in a line":    {fill("["), "nested more than 100 deep"},
		"mappings in a line": {fill("{a: "), "nested more than 100 deep"},
		"dashes":             {fill("- "), "nested more than 100 deep"},
		"question marks":     {fill("? "), "nested more than 100 deep"},
		"indentation":        {deep.String(), "nested more than 100 deep"},
		"fewer aliases":      {below("*a ", 2), ""},
		"fewer colons":       {below("a: ", 2), ""},
		"fewer percents":     {below("%", 1), ""},
		"fewer keys":         {below("k: v\n", 3), "more than 5000 keys"},
		"keys of lists":      {"steps:\n" + below("- k: v\n  l: w\n", 7), "more than 100000 values"},
		"nested keys":        {below("k:\n l:\n  m: v\n", 7), "more than 5000 keys"},
		"keys in brackets":   {"{" + below("k: 1, ", 5) + "k: 1}", "written twice"},
		"explicit keys":      {below("? k\n", 2), "more than 5000 keys"},
		"fewer documents":    {below("---\n", 1), "empty"},
		"words":              {fill("a: 1\n- "), "more than 250000 words"},
		"second documents":   {below("---\na\n", 2), "second document"},
		"fewer items":        {"[" + below("1,", 2) + "1]", "more than 100000 values"},
		"fewer quotes":       {below("'a'\n", 1), ""},
		"fewer brackets":     {below("[]", 2), ""},
		"commas":             {"[" + below(",", 1), ""},
		"comments":           {below("# c\n", 1), "empty"},
		"merge keys":         {below("<<: {}\n", 4), "more than 5000 keys"},
		"open quote":         {"\"" + fill("a"), "does not end"},
		"merges":             {"a: &a {b: 1}\nc: {<<: [" + strings.Repeat("*a,", 60_000) + "*a]}", ""},
	} {
		start := time.Now()
		_, err := pipeline.Parse("a.yaml", []byte(tt.text))
		var mistakes *pipeline.Error
		if !errors.As(err, &mistakes) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, clipped(err), tt.want)
			continue
		}
		if len(err.Error()) > 20_000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
		t.Logf("%-20s %8s %s", name, time.Since(start).Round(time.Millisecond), clipped(err))
	}
}

func clipped(err error) string {
	s, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return s[:min(len(s), 120)]
}

func TestOnlyTheFirstMistakesAreShown(t *testing.T) {
	_, err := pipeline.Parse("a.yaml", []byte("steps:\n"+strings.Repeat("  - id: [1]\n", 80)))
	var e *pipeline.Error
	if !errors.As(err, &e) || len(e.Mistakes) != 50 || e.Left != 30 {
		t.Fatalf("error: %v", err)
	}
	if !strings.HasSuffix(err.Error(), "\n80 mistakes, the first 50 shown") {
		t.Errorf("the error ends with %q", err.Error()[len(err.Error())-60:])
	}
}

func TestLongLinesAreCutAroundTheMistake(t *testing.T) {
	long := strings.Repeat("word ", 60)
	_, err := pipeline.Parse("a.yaml", []byte("steps: [{id: a, use: w, with: {a: "+long+", a: 2, b: "+long+"}}]"))
	lines := strings.Split(err.Error(), "\n")
	at := strings.Index(lines[2], "^")
	if len([]rune(lines[1])) > 120 || []rune(lines[1])[at] != 'a' {
		t.Errorf("the mistake is shown as\n%v", err)
	}
}

func TestMistakesCountCharactersNotBytes(t *testing.T) {
	_, err := pipeline.Parse("ä.yaml", []byte("steps:\n  - {id: a, with: {größe: ü, größe: é}}\n"))
	var e *pipeline.Error
	if !errors.As(err, &e) || e.Mistakes[0].Line != 2 || e.Mistakes[0].Column != 30 || e.Mistakes[0].Width != 5 {
		t.Errorf("error: %+v", err)
	}
}

func TestAPipelineIsAWorkerThatAnswersWithItsPlan(t *testing.T) {
	f, err := pipeline.Parse("intake.yaml", []byte("description: Books invoices.\ninput: {type: object}\nsteps: [{id: a, use: w}]"))
	if err != nil {
		t.Fatal(err)
	}
	w := pipeline.Worker(f)
	if c := w.Card(); c.Name != "intake" || c.Kind != "pipeline" || c.Effect != coordinator.EffectNone || string(c.Input) != `{"type":"object"}` || c.Description == "" {
		t.Errorf("card: %+v", c)
	}
	r, err := w.Do(t.Context(), coordinator.Attempt{Input: json.RawMessage(`{}`)})
	if err != nil || r.Plan != f.Plan || r.Output != nil || r.Calls != nil {
		t.Errorf("result: %+v, %v", r, err)
	}
}
