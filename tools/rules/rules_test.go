package rules_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/tooltest"
)

const invoices = `# Who may be paid without asking.
rule,when,when total,when country,then action,then reason,#note
sums,money(net + tax) != money(total),,,ask,the sums do not add up,
small,,<= 1000,"in ['DE', 'FR']",book,"small, and from a known country",agreed in May
dutch,,.max(5) > 3,NL,book,,never

,,value > 1000 && value < limit * 2,DE,"{""do"": [1, true]}",1.50,
,,,,ask,anything else,
`

func decider(t *testing.T, dir string, s rules.Settings) coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, rules.New, dir, s)["rules.decide"]
}

func decide(ctx context.Context, w coordinator.Worker, facts, hit string) (string, error) {
	input := fmt.Sprintf(`{"table": "t.csv", "facts": %s, "hit": %q}`, facts, hit)
	r, err := tooltest.Do(ctx, w, "", strings.Replace(input, `, "hit": ""`, "", 1))
	return string(r.Output), err
}

func TestFirstRuleThatFitsDecides(t *testing.T) {
	dir := t.TempDir()
	tooltest.Write(t, dir, "t.csv", strings.Replace(invoices, ".max(5) > 3", "value > 3", 1))
	w := decider(t, dir, rules.Settings{})
	for _, c := range []struct{ facts, hit, want string }{
		{`{"net": 100, "tax": 19.01, "total": 119, "country": "DE", "limit": 5}`, "", `{"action":"ask","reason":"the sums do not add up","rule":"sums"}`},
		{`{"net": 100, "tax": 19.004, "total": 119, "country": "DE", "limit": 5}`, "", `{"action":"book","reason":"small, and from a known country","rule":"small"}`},
		{`{"net": 1000.10, "tax": 190.02, "total": "1190.12", "country": "NL", "limit": 5}`, "", `cannot be tested so`},
		{`{"net": 1000.10, "tax": 190.02, "total": 1190.12, "country": "NL", "limit": 5}`, "", `{"action":"book","reason":null,"rule":"dutch"}`},
		{`{"net": 2000, "tax": 0, "total": 2000, "country": "DE", "limit": 1000.5}`, "", `{"action":{"do":[1,true]},"reason":1.5,"rule":7}`},
		{`{"net": 2000, "tax": 0, "total": 2000, "country": "DE", "limit": 1000}`, "", `{"action":"ask","reason":"anything else","rule":8}`},
		{`{"net": 100, "tax": 0, "total": 100, "country": "DE", "limit": 5}`, "all", `{"hits":[{"action":"book","reason":"small, and from a known country","rule":"small"},{"action":"ask","reason":"anything else","rule":8}]}`},
		{`{"net": 100, "tax": 0, "total": 100, "country": null, "limit": 5}`, "", `{"action":"ask","reason":"anything else","rule":8}`},
		{`{"net": 100, "tax": 0, "total": null, "country": "DE", "limit": 5}`, "", `t.csv:3, column "when": money(net + tax) != money(total): money(x) takes a number or a string, not null`},
		{`{"net": 100, "tax": 0, "total": 100, "limit": 5}`, "", `column "when country": unknown name "country": it is none of the facts`},
		{`{"net": 100, "tax": 0, "total": 100, "country": "DE", "limit": 5}`, "some", `hit must be one of "first", "all"`},
		{`{"value": 1}`, "", `facts.value: the name is taken`},
	} {
		got, err := decide(t.Context(), w, c.facts, c.hit)
		if err != nil {
			got = err.Error()
			if !coordinator.FailureOf(err).Permanent {
				t.Errorf("%s: not permanent", c.facts)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.facts, got, c.want)
		}
	}
}

func TestSpreadsheetsWithSemicolonsAndAMarkAreRead(t *testing.T) {
	dir := t.TempDir()
	tooltest.Write(t, dir, "t.csv", "\ufeffwhen invoice.total;when facts[\"a-b\"];then action\r\n> 10;in ['DE', 'FR'];book\r\n-;-;ask\r\n")
	w := decider(t, dir, rules.Settings{})
	if got, err := decide(t.Context(), w, `{"invoice": {"total": 10.5}, "a-b": "FR"}`, ""); err != nil || got != `{"action":"book","rule":2}` {
		t.Error(got, err)
	}
	if got, err := decide(t.Context(), w, `{"invoice": {"total": 10}, "a-b": "FR"}`, ""); err != nil || got != `{"action":"ask","rule":3}` {
		t.Error(got, err)
	}
	if _, err := decide(t.Context(), w, `{"invoice": {}, "a-b": "FR"}`, ""); err == nil || !strings.Contains(err.Error(), `column "when invoice.total": there is no field "total"`) {
		t.Error(err)
	}
}

func TestCellsTestAsTheyRead(t *testing.T) {
	dir := t.TempDir()
	w := decider(t, dir, rules.Settings{})
	for _, c := range []struct {
		cell, x string
		want    string // yes, no, or part of an error
	}{
		{"EUR", `"EUR"`, "yes"}, {"EUR", `"CHF"`, "no"}, {"EUR", `null`, "no"}, {"EUR", `7`, "no"},
		{`he said \"no`, `"he said \\\"no"`, "yes"},
		{"'EUR'", `"EUR"`, "yes"}, {"007", `"007"`, "yes"}, {"7", `7`, "yes"}, {"7", `7.0`, "yes"}, {"7", `"7"`, "no"}, {"7.5", `7.5`, "yes"},
		{"true", `true`, "yes"}, {"null", `null`, "yes"}, {"null", `0`, "no"}, {"!= null", `0`, "yes"},
		{"> 7", `7.01`, "yes"}, {"> 7", `7`, "no"}, {">7", `8`, "yes"}, {"<= 7.5", `7`, "yes"}, {"> 7", `null`, "the value is null"}, {"> 7", `"8"`, "the value is a string"},
		{"!= EUR", `"CHF"`, `unknown name "EUR"`}, {"!= 'EUR'", `"CHF"`, "yes"},
		{"in ['a', 'b']", `"b"`, "yes"}, {"in [1, 2]", `3`, "no"},
		{".startsWith('NL')", `"NL94"`, "yes"}, {".startsWith('NL')", `null`, "the value is null"}, {"size(value) == 2", `[1, 2]`, "yes"},
		{"value % 2 == 1", `3`, "yes"}, {"value / 2 == 1.5", `3`, "yes"}, {"value / 0 == 1", `3`, "division by zero"}, {"value / 0 == 1", `3.5`, "not a finite number"},
		{"value + 'b' == 'ab'", `"a"`, "yes"}, {"value + 1 == 2", `"a"`, "a string and a number are no numbers"},
		{"money(value) == 101", `1.005`, "yes"}, {"money(value) == -101", `-1.005`, "yes"}, {"money(value) == 128", `"1.275"`, "yes"}, {"money(value) == 0", `"1,27"`, "an amount has digits"},
		{"money(value) == 9007199254740993", `"90071992547409.93"`, "yes"},
		{"value", `3`, "must be true or false, but it is a number"},
		{"=> 7", `8`, "this is no test"}, {">", `8`, "nothing follows"}, {"> 7 <", `8`, "Syntax error"}, {"> foo(7)", "8", `unknown function "foo"`},
	} {
		tooltest.Write(t, dir, "t.csv", `when x;then hit`+"\n"+`"`+strings.ReplaceAll(c.cell, `"`, `""`)+`";yes`+"\n;no\n")
		got, err := decide(t.Context(), w, `{"x": `+c.x+`}`, "")
		if err != nil {
			got = err.Error()
		}
		if want := c.want; !strings.HasPrefix(got, `{"hit":"`+want+`"`) && (len(want) < 4 || !strings.Contains(got, want)) {
			t.Errorf("%s on %s: got %s, want %s", c.cell, c.x, got, c.want)
		}
	}
}

func TestTablesWithMistakesNameAllOfThem(t *testing.T) {
	dir := t.TempDir()
	w := decider(t, dir, rules.Settings{Rows: 3})
	for _, c := range []struct{ text, want string }{
		{"", "t.csv: the table is empty"},
		{"when x\n1\n", `it has no column such as "then action"`},
		{"whne x,then a\n1,2\n", `t.csv:1, column "whne x": a column is called`},
		{"when x,then a,then a\n1,2,3\n", "there are two columns of this name"},
		{"then rule\n1\n", `name the rules in a column "rule"`},
		{"when x,then a\n1\n", "wrong number of fields"},
		{"when x,then a\n> ,1\n> (,1\n", `t.csv:2, column "when x": >: nothing follows`},
		{"when x,then a\n> ,1\n> (,1\n", `t.csv:3, column "when x": > (:`},
		{"when x +,then a\n1,1\n", `column "when x +": Syntax error`},
		{"when x,then a\n1,1\n1,1\n1,1\n1,1\n", "more than 3 rules"},
		{"when x,then a\n" + strings.Repeat("1", 5000) + ",1\n", "the cell has more than 4096 bytes"},
		{strings.Repeat("#,", 101) + "then a\n", "more than 100 columns"},
		{"then a\n#" + strings.Repeat("x", 2<<20), "more than 2097152 bytes"},
		{"when x,then a\n2,1\n", "no rule fits these facts"},
	} {
		tooltest.Write(t, dir, "t.csv", c.text)
		if strings.HasPrefix(c.text, "#,") { // a comment otherwise
			tooltest.Write(t, dir, "t.csv", " "+c.text)
		}
		_, err := decide(t.Context(), w, `{"x": 1}`, "")
		if err == nil || !strings.Contains(err.Error(), c.want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%.60q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestDecisionsHaveABoundedCost(t *testing.T) {
	dir := t.TempDir()
	w := decider(t, dir, rules.Settings{Cost: 1000})
	list := "[" + strings.Repeat("1,", 99) + "1]"
	for _, cell := range []string{"l.all(a; l.all(b; a == b))", "l.all(a; a > 0)"} {
		cell = strings.ReplaceAll(cell, ";", ",")
		tooltest.Write(t, dir, "t.csv", "when;then a\n"+strings.Repeat(cell+" && false;1\n", 20))
		_, err := decide(t.Context(), w, `{"l": `+list+`}`, "")
		if err == nil || !strings.Contains(err.Error(), "costs too much") {
			t.Errorf("%s: %v", cell, err)
		}
	}
}

func TestTablesOutsideTheWorkspaceAreNotRead(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	tooltest.Write(t, outside, "t.csv", "then a\n1\n")
	if err := os.Symlink(filepath.Join(outside, "t.csv"), filepath.Join(dir, "t.csv")); err != nil {
		t.Fatal(err)
	}
	w := decider(t, dir, rules.Settings{})
	if _, err := decide(t.Context(), w, `{}`, ""); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Error(err)
	}
	if _, err := tooltest.Do(t.Context(), w, "", `{"table": "../t.csv", "facts": {}}`); err == nil || !strings.Contains(err.Error(), `must not hold ".."`) {
		t.Error(err)
	}
}

func TestEditedTableCountsAtOnce(t *testing.T) {
	dir := t.TempDir()
	w := decider(t, dir, rules.Settings{})
	for i := range 40 { // more than are kept
		tooltest.Write(t, dir, "t.csv", fmt.Sprintf("then a\n%d\n", i))
		if got, err := decide(t.Context(), w, `[]`, ""); err != nil || got != fmt.Sprintf(`{"a":%d,"rule":2}`, i) {
			t.Fatal(got, err)
		}
	}
}

func TestEndedContextStopsADecision(t *testing.T) {
	dir := t.TempDir()
	tooltest.Write(t, dir, "t.csv", "then a\n1\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := decide(ctx, decider(t, dir, rules.Settings{}), `{}`, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
