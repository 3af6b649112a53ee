package coordinator

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// seen is what the expressions in these tests see.
func seen(t testing.TB) *vars {
	t.Helper()
	read := func(raw string) any {
		v, err := decode(json.RawMessage(raw))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	outputs := map[string]value{
		"invoice": {read(`{"total": 119, "net": 100, "tax": 19.0, "lines": [{"sum": 60}, {"sum": 40}], "due-date": "2026-01-01"}`), Untrusted},
		"rules":   {read(`{"action": "book"}`), Trusted},
		"skipped": {nil, Trusted},
		"wait":    {read(`[]`), Trusted},
	}
	return &vars{
		input: value{read(`{"name": "Ada", "n": 10, "half": 0.5, "none": null, "list": [1, 2, 3], "map": {"c": 3, "a": 1, "b": 2}, "deep": {"a": {"b": 1}}}`), Trusted},
		step:  func(id string) (value, bool) { v, ok := outputs[id]; return v, ok },
		item:  &value{read(`{"id": 7}`), Untrusted}, index: 2, last: &value{read(`{"done": true}`), Trusted},
	}
}

func compiled(t testing.TB, source string) *expression {
	t.Helper()
	x, err := newExpression(source, Limits{}.WithDefaults())
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return x
}

func TestExpressions(t *testing.T) {
	for _, c := range []struct {
		source, want string
		label        Label
		refs         string
	}{
		{`1`, `1`, Trusted, ``},
		{`input.name`, `"Ada"`, Trusted, ``},
		{`input`, `{"deep":{"a":{"b":1}},"half":0.5,"list":[1,2,3],"map":{"a":1,"b":2,"c":3},"n":10,"name":"Ada","none":null}`, Trusted, ``},
		{`steps.invoice.total`, `119`, Untrusted, `invoice`},
		{`steps["invoice"]["due-date"]`, `"2026-01-01"`, Untrusted, `invoice`},
		{`steps.rules.action == "book" && steps.invoice.total > 100`, `true`, Untrusted, `invoice rules`},
		{`steps.rules.action`, `"book"`, Trusted, `rules`},
		{`true || steps.invoice.total > 1`, `true`, Untrusted, `invoice`}, // named, though it did not matter
		{`item.id`, `7`, Untrusted, ``},
		{`index`, `2`, Untrusted, ``},
		{`last.done`, `true`, Trusted, ``},
		{`steps.skipped == null`, `true`, Trusted, `skipped`},
		{`has(steps.invoice.total)`, `true`, Untrusted, `invoice`},
		{`has(steps.invoice.nope) ? 1 : 2`, `2`, Untrusted, `invoice`},
		{`has(steps.rules)`, `true`, Trusted, `rules`},
		// Numbers mix.
		{`steps.invoice.net + steps.invoice.tax == steps.invoice.total`, `true`, Untrusted, `invoice`},
		{`input.n + input.half`, `10.5`, Trusted, ``},
		{`input.half - input.n`, `-9.5`, Trusted, ``},
		{`input.n * input.half`, `5`, Trusted, ``},
		{`input.n / 4`, `2.5`, Trusted, ``},
		{`10 / 5`, `2`, Trusted, ``},
		{`input.n / input.half`, `20`, Trusted, ``},
		{`10.5 % 3`, `1.5`, Trusted, ``},
		{`10 % 3`, `1`, Trusted, ``},
		{`1.5 + 1`, `2.5`, Trusted, ``},
		{`input.n == 10.0 && input.n >= 9.5 && 9.5 < input.n`, `true`, Trusted, ``},
		{`input.n in [10.0]`, `true`, Trusted, ``},
		{`-input.n`, `-10`, Trusted, ``},
		{`int(input.n / 4)`, `2`, Trusted, ``},
		{`double(input.n)`, `10`, Trusted, ``},
		{`string(input.n) + "!"`, `"10!"`, Trusted, ``},
		// Money compares to the cent.
		{`money(1.005)`, `101`, Trusted, ``},
		{`money(-1.005)`, `-101`, Trusted, ``},
		{`money(1.1 * 1.15)`, `127`, Trusted, ``},
		{`money(0.1 + 0.2) == money("0.30")`, `true`, Trusted, ``},
		{`money(12)`, `1200`, Trusted, ``},
		{`money("-12.345")`, `-1235`, Trusted, ``},
		{`money("+0.004")`, `0`, Trusted, ``},
		// Macros, in the order of sorted keys.
		{`input.map.map(k, k)`, `["a","b","c"]`, Trusted, ``},
		{`{"z": 1, "y": 2, "x": 3}.map(k, k)`, `["x","y","z"]`, Trusted, ``},
		{`[input.map].map(m, m.map(k, k))`, `[["a","b","c"]]`, Trusted, ``},
		{`{3: "c", 1: "a", 2: "b"}.map(k, k)`, `[1,2,3]`, Trusted, ``},
		{`"%s".format([input.map])`, `"{a: 1, b: 2, c: 3}"`, Trusted, ``},
		{`steps.invoice.lines.map(l, l.sum)`, `[60,40]`, Untrusted, `invoice`},
		{`steps.invoice.lines.filter(l, l.sum > 50).size()`, `1`, Untrusted, `invoice`},
		{`input.list.exists(x, x == 2) && input.list.all(x, x > 0)`, `true`, Trusted, ``},
		{`input.list.map(item, item + 1)`, `[2,3,4]`, Trusted, ``}, // hides the plan's item
		{`input.list.map(steps, steps + 1)`, `[2,3,4]`, Trusted, ``},
		{`[3, 1, 2, 1].distinct().sort()`, `[1,2,3]`, Trusted, ``},
		{`"a-b-c".replace("-", "+")`, `"a+b+c"`, Trusted, ``},
		{`math.greatest(1, 2.5)`, `2.5`, Trusted, ``},
		{`"Ada Lovelace".split(" ")`, `["Ada","Lovelace"]`, Trusted, ``},
		{`{1: "a", true: "b"}`, `{"1":"a","true":"b"}`, Trusted, ``},
		{`timestamp("2026-03-01T10:00:00Z") + duration("90m")`, `"2026-03-01T11:30:00Z"`, Trusted, ``},
		{`b"abc"`, `"YWJj"`, Trusted, ``},
		{`always()`, `true`, Trusted, ``},
	} {
		x, err := newExpression(c.source, Limits{}.WithDefaults())
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		got, err := x.eval(seen(t))
		raw, _ := canonical(got.v)
		if err != nil || string(raw) != c.want || got.label != c.label {
			t.Errorf("%s = %s (%s), %v; want %s (%s)", c.source, raw, got.label, err, c.want, c.label)
		}
		if refs := strings.Join(x.refs, " "); refs != c.refs {
			t.Errorf("%s names steps %q, want %q", c.source, refs, c.refs)
		}
	}
}

func TestFailedExpressionsSayWhyInTheWordsOfThePlan(t *testing.T) {
	for source, want := range map[string]string{
		`steps.invoice.sum`:                `steps.invoice has no field "sum"`,
		`steps.invoice["a b"]`:             `steps.invoice has no field "a b"`,
		`steps.invoice.lines[1].vat + 1`:   `steps.invoice.lines[1] has no field "vat"`,
		`steps.skipped.total`:              `steps.skipped is null, so it has no field "total"`,
		`input.name.first`:                 `input.name is a string, so it has no field "first"`,
		`input.list[3]`:                    `input.list has 3 items, so there is no [3]`,
		`input.list.map(x, x.foo)`:         `there is no field "foo"`,
		`has(input.a.b)`:                   `input has no field "a"`,
		`steps.later.x`:                    `step "later" has no output yet`,
		`input.name + 1`:                   `cannot add a string and a number`,
		`input.none * 2`:                   `cannot multiply null and a number`,
		`input.n / 0`:                      `division by zero`,
		`input.half / 0`:                   `division by zero`,
		`input.half % 0`:                   `division by zero`,
		`input.n * 1e308 * 10.0`:           `is not a finite number`,
		`9223372036854775807 + input.n`:    `integer overflow`,
		`input.name < 1`:                   `input.name < 1: the types of its values do not fit`,
		`input.n.exists(x, true)`:          `only lists and objects have parts to go through, not int`,
		`money("1,234.50")`:                `an amount has digits and at most one point`,
		`money("")`:                        `an amount has digits and at most one point`,
		`money(input.none)`:                `money(x) takes a number or a string, not null`,
		`money(1e300)`:                     `the amount is too large`,
		`type(1)`:                          `not a JSON value`,
		`{1: "a", "1": "b"}`:               `the key "1" twice`,
		`"a".matches(input.name + "(")`:    `error parsing regexp`,
		`lists.range(1000000000).size()`:   `exceeds maximum`,
		`timestamp(input.name)`:            `Ada`,
		`input.name.replace(input.n, "a")`: `replace takes strings`,
		`input.name.distinct()`:            `distinct takes a list, not a string`,
	} {
		_, err := compiled(t, source).eval(seen(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", source, err, want)
		}
	}
}

func TestItemAndLastAreMissingOutsideTheirSteps(t *testing.T) {
	for _, source := range []string{"item.id", "last.done"} {
		if _, err := compiled(t, source).eval(&vars{}); err == nil || !strings.Contains(err.Error(), "has no value here") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestConditionMustBeTrueOrFalse(t *testing.T) {
	if ok, err := compiled(t, `input.n > 5`).bool(seen(t)); !ok || err != nil {
		t.Errorf("input.n > 5: %v, %v", ok, err)
	}
	_, err := compiled(t, `input.n`).bool(seen(t))
	if want := "input.n must be true or false, but it is a number"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNoClockInExpressions(t *testing.T) {
	for _, source := range []string{`now()`, `timestamp()`, `time.now()`, `timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin")`} {
		if _, err := newExpression(source, Limits{}.WithDefaults()); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}

// The names that decide on dependencies must be written out.
func TestHiddenDependenciesAreRefused(t *testing.T) {
	for _, source := range []string{`steps`, `size(steps)`, `steps[input.k]`, `steps["a" + "b"]`, `[1].map(x, steps[x])`, `[steps]`, `steps == {}`, `"a" in steps`, `steps.map(k, k)`, `.steps[input.k]`} {
		if _, err := newExpression(source, Limits{}.WithDefaults()); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
	x := compiled(t, `[1].map(steps, .steps.invoice.total + steps)`)
	if !reflect.DeepEqual(x.refs, []string{"invoice"}) {
		t.Errorf("a macro's variable hides a dependency: %v", x.refs)
	}
}

func TestExpensiveExpressionsAreStopped(t *testing.T) {
	double := func(start, step string, times int) string {
		return "[" + start + "]" + strings.Repeat(".map(a, "+step+")", times)
	}
	lists := double("[1]", "[a, a]", 40)
	for name, source := range map[string]string{
		"nested loops":         `lists.range(1000).map(a, lists.range(1000).map(b, a * b))`,
		"doubled text":         double(`"aaaaaaaaaa"`, "a + a", 40),
		"doubled lists":        lists,
		"compared lists":       lists + " == " + lists,
		"doubled objects":      double(`{"a": 1}`, `{"a": a, "b": a}`, 40),
		"concatenated lists":   double(`[1]`, "a + a", 40),
		"replaced text":        double(`"aaaaaaaaaaaaaaaaaaaaaaaa"`, `a.replace("a", a)`, 8),
		"joined text":          double(`"aaaaaaaaaaaaaaaaaaaaaaaa"`, `[a, a, a, a, a, a, a, a].join()`, 12),
		"formatted text":       double(`"aaaaaaaaaaaaaaaaaaaaaaaa"`, `"%s%s%s%s".format([a, a, a, a])`, 20),
		"text put in a result": double(`"aaaaaaaaaaaaaaaaaaaaaaaa"`, `[a, a, a, a]`, 12),
	} {
		_, err := compiled(t, source).eval(seen(t))
		if err == nil || !strings.Contains(err.Error(), "costs more than 100000") && !strings.Contains(err.Error(), "more than 8388608 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cheap, err := newExpression(`input.list.map(a, a * 2)`, Limits{Cost: 5}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cheap.eval(seen(t)); err == nil || !strings.Contains(err.Error(), "costs more than 5") {
		t.Errorf("a limit of 5: %v", err)
	}
}

func TestOrdinaryWorkFitsTheCostLimit(t *testing.T) {
	lines := make([]any, 500)
	for i := range lines {
		lines[i] = map[string]any{"id": int64(i), "text": "an ordinary line of an ordinary invoice", "sum": 12.5}
	}
	v := &vars{input: value{map[string]any{"lines": lines}, Trusted}}
	for _, source := range []string{
		`input.lines.map(l, {"id": l.id, "net": l.sum / 1.19, "line": l})`,
		`input.lines.filter(l, l.sum > 10 && l.text.contains("invoice")).size()`,
		`input.lines == input.lines`,
		`input.lines.map(l, l.text.upperAscii()).join(", ")`,
	} {
		if _, err := compiled(t, source).eval(v); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestLargeResultIsRefused(t *testing.T) {
	x, err := newExpression(`[input.s, input.s]`, Limits{Payload: 1500}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.eval(&vars{input: value{map[string]any{"s": strings.Repeat("a", 1000)}, Trusted}}); !errors.Is(err, errResultSize) {
		t.Errorf("got %v", err)
	}
}

func TestLongExpressionIsRefused(t *testing.T) {
	for size, ok := range map[int]bool{maxExpression: true, maxExpression + 1: false} {
		_, err := newExpression(`"`+strings.Repeat("a", size-2)+`"`, Limits{}.WithDefaults())
		if (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	for _, deep := range []string{strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500), strings.Repeat("[", 2000), strings.Repeat("input.a[", 900) + strings.Repeat("]", 900)} {
		if _, err := newExpression(deep, Limits{}.WithDefaults()); err == nil {
			t.Errorf("%.20s… compiles", deep)
		}
	}
}

// Go's maps have a random order and a history; a run must not see either.
func TestOrderOfKeysNeverShows(t *testing.T) {
	sources := []string{
		`input.map(k, k)`, `input.map(k, input[k])`, `input.filter(k, k != "")`, `[input].map(m, m.map(k, k))`,
		`"%s".format([input])`, `input.exists_one(k, k == "a")`, `{"o": input}.o.map(k, k)`,
	}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.String(), 0, 20, rapid.ID[string]).Draw(t, "keys")
		seed := rapid.Int64().Draw(t, "seed")
		source := rapid.SampledFrom(sources).Draw(t, "source")
		x, err := newExpression(source, Limits{}.WithDefaults())
		if err != nil {
			t.Fatal(err)
		}
		var first string
		for round := range 3 {
			m := map[string]any{}
			for _, i := range rand.New(rand.NewSource(seed + int64(round))).Perm(len(keys)) {
				m[keys[i]] = int64(i)
			}
			out, err := x.eval(&vars{input: value{m, Trusted}})
			got := fmt.Sprintf("%v %v", out.v, err)
			if round > 0 && got != first {
				t.Fatalf("%s: %s, then %s", source, first, got)
			}
			first = got
		}
	})
}

func TestNoTextMakesCompilingPanic(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"input", "steps", ".a", "[0]", "[", "]", "(", ")", "{", "}", "\"", "'", "+", "-", "/", "%", "?", ":", ",", "1", "1.5", "true", "null",
		"has(", ".map(x, ", ".exists(", "money(", "always()", " ", "\\", "\n", "é", "\x00", "in", "==", "r'", "`", "steps.a", "item", "b'\\xff'",
	})
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.OneOf(
			rapid.String(),
			rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(pieces, 1, 12).Draw(t, "pieces"), "") }),
		).Draw(t, "source")
		x, err := newExpression(source, Limits{}.WithDefaults())
		if err != nil {
			if e := (*expressionError)(nil); !errors.As(err, &e) || e.message == "" || strings.Contains(e.message, "\n") {
				t.Fatalf("%q: %#v", source, err)
			}
			return
		}
		v := &vars{input: value{map[string]any{"a": int64(1)}, Trusted}, step: func(string) (value, bool) { return value{nil, Trusted}, true }}
		if out, err := x.eval(v); err == nil {
			if _, err := canonical(out.v); err != nil {
				t.Fatalf("%q gave %v: %v", source, out.v, err)
			}
		}
	})
}

func BenchmarkEvalPath(b *testing.B) {
	x, v := compiled(b, "steps.invoice.total"), seen(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.eval(v); err != nil {
			b.Fatal(err)
		}
	}
}
