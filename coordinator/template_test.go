package coordinator

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// templated compiles one With, which may name the steps of seen.
func templated(t testing.TB, with any) *template {
	t.Helper()
	p, err := compile(&Plan{Steps: []Step{{ID: "s", Use: "w", With: with, ForEach: "input.list", Until: "true"}}}, compileOptions{
		known: []string{"invoice", "rules", "skipped", "wait"},
	})
	if err != nil {
		t.Fatalf("%v: %v", with, err)
	}
	return p.steps[0].with
}

func TestTemplates(t *testing.T) {
	type nested struct {
		To    string   `json:"to"`
		Lines []string `json:"lines,omitempty"`
	}
	for _, c := range []struct {
		with  any
		want  string
		label Label
	}{
		{nil, `{}`, Trusted},
		{"plain", `"plain"`, Trusted},
		{map[string]any{"b": 1, "a": []any{true, nil, 1.5}}, `{"a":[true,null,1.5],"b":1}`, Trusted},
		{"${{ input.n }}", `10`, Trusted},
		{" ${{ input.n }}", `" 10"`, Trusted},
		{"${{ input.list }}", `[1,2,3]`, Trusted},
		{"${{input.name}} and ${{input.n}}, ${{input.half}}, ${{ input.none }}, ${{ input.n > 1 }}", `"Ada and 10, 0.5, null, true"`, Trusted},
		{"list: ${{ input.list }}, map: ${{ input.map }}", `"list: [1,2,3], map: {\"a\":1,\"b\":2,\"c\":3}"`, Trusted},
		{[]any{"${{ steps.rules.action }}", "x"}, `["book","x"]`, Trusted},
		{map[string]any{"to": "${{ steps.rules.action }}", "sum": "${{ steps.invoice.total }}"}, `{"sum":119,"to":"book"}`, Untrusted},
		{"$${{ input.n }} costs $5, $", `"${{ input.n }} costs $5, $"`, Trusted},
		{"a $${{ b ${{ input.n }}", `"a ${{ b 10"`, Trusted},
		{`${{ {"a": {"b": 1}} }}`, `{"a":{"b":1}}`, Trusted},
		{`${{ {"a":{"b":1}}}}`, `{"a":{"b":1}}`, Trusted},
		{`${{ "}}" + '}}' + r"\" + """ "}} """ }}!`, `"}}}}\\ \"}} !"`, Trusted},
		{`${{ "a\"}}" }}`, `"a\"}}"`, Trusted},
		{"}} {{ $ { }", `"}} {{ $ { }"`, Trusted},
		{nested{To: "${{ input.name }}"}, `{"to":"Ada"}`, Trusted},
		{map[string]string{"a": "${{ input.n }}"}, `{"a":10}`, Trusted},
		{[]string{"${{ input.n }}"}, `[10]`, Trusted},
		{json.RawMessage(`{"a": "${{ input.n }}", "big": 9007199254740992}`), `{"a":10,"big":9007199254740992}`, Trusted},
		{Literal("${{ input.n }}"), `"${{ input.n }}"`, Trusted},
		{map[string]any{"a": Literal(map[string]any{"b": "${{"})}, `{"a":{"b":"${{"}}`, Trusted},
		{map[string]any{"a": map[string]any{"$literal": []any{"${{ x }}"}}}, `{"a":["${{ x }}"]}`, Trusted},
		{"${{ item.id }} ${{ index }}", `"7 2"`, Untrusted},
		{"${{ last.done }}", `true`, Trusted},
		{"<&>\u2028${{ input.name }}", `"<&>\u2028Ada"`, Trusted},
	} {
		got, label, err := templated(t, c.with).eval(seen(t))
		if err != nil || string(got) != c.want || label != c.label {
			t.Errorf("%v gave %s (%s), %v; want %s (%s)", c.with, got, label, err, c.want, c.label)
		}
	}
}

func TestFailedTemplateNamesTheField(t *testing.T) {
	with := map[string]any{"mail": map[string]any{"to": []any{"a", "Dear ${{ steps.invoice.customer }}"}}}
	_, _, err := templated(t, with).eval(seen(t))
	if want := `mail.to[1]: steps.invoice has no field "customer"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTemplateSurvivesItsJournal(t *testing.T) {
	step := Step{ID: "s", Use: "w", With: map[string]any{"a": Literal("${{ x }}"), "b": "${{ input.n }}", "c": 10, "d": 0.5}}
	raw, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	var back Step
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	want, _, err := templated(t, step.With).eval(seen(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := templated(t, back.With).eval(seen(t)); err != nil || string(got) != string(want) {
		t.Errorf("%s, %v; before the journal it was %s", got, err, want)
	}
}

// What a journal reads back are float64s: an integer that loses digits there would give another input after a restart.
func TestNumbersThatLoseDigitsInTheJournalAreRefused(t *testing.T) {
	for _, with := range []any{
		int64(9007199254740993), json.RawMessage(`12345678901234567890`), Literal(map[string]any{"a": []any{int64(-9007199254740993)}}),
		struct{ A uint64 }{1<<64 - 1},
	} {
		err := Check(&Plan{Steps: []Step{{ID: "s", Use: "w", With: with}}}, nil, Limits{})
		if err == nil || !strings.Contains(err.Error(), "has too many digits; write it as a string") {
			t.Errorf("%v: %v", with, err)
		}
	}
}

func TestTemplateResultIsBounded(t *testing.T) {
	p, err := compile(&Plan{Steps: []Step{{ID: "s", Use: "w", With: strings.Repeat("${{ input.s }}", 20)}}}, compileOptions{limits: Limits{Payload: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	v := &vars{input: value{map[string]any{"s": strings.Repeat("a", 100)}, Trusted}}
	if _, _, err := p.steps[0].with.eval(v); err == nil || !strings.Contains(err.Error(), "larger than a value may be") {
		t.Errorf("got %v", err)
	}
}

// Whatever a value holds, putting it into a template gives it back; nothing in it is compiled a second time.
func TestValuesAreNeverCompiled(t *testing.T) {
	whole, literally := templated(t, map[string]any{"v": "${{ input }}"}), func(v any) *template { return templated(t, map[string]any{"v": Literal(v)}) }
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(jsonValues(), rapid.Just[any]("${{ steps.invoice }}"), rapid.Just[any]("$${{")).Draw(t, "value")
		raw, err := canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		for name, tpl := range map[string]*template{"expression": whole, "literal": literally(v)} {
			got, _, err := tpl.eval(&vars{input: value{decoded, Trusted}})
			if want := `{"v":` + string(raw) + `}`; err != nil || string(got) != want {
				t.Fatalf("%s: %s, %v; want %s", name, got, err, want)
			}
		}
	})
}

func TestNoTextMakesATemplatePanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"${{", "}}", "$", "{", "}", "'", "\"", "\"\"\"", "\\", "r\"", "input", " ", "é", "1", "+",
		}), 0, 15).Draw(t, "text"), "")
		p, err := compile(&Plan{Steps: []Step{{ID: "s", Use: "w", With: text}}}, compileOptions{})
		if err == nil {
			_, _, _ = p.steps[0].with.eval(&vars{input: value{"x", Trusted}})
		}
	})
}
