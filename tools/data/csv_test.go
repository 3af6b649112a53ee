package data

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCellsAreTextUnlessTypesSayMore(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": "id,amount\n007,12.50\n"})
	if got := b.do("csv.read", `{"path":"a.csv"}`); got != `{"columns":["id","amount"],"count":1,"rows":[{"amount":"12.50","id":"007"}]}` {
		t.Error(got)
	}
	if got := b.do("csv.read", `{"path":"a.csv","types":{"amount":"number"}}`); !strings.Contains(got, `[{"amount":12.5`) || !strings.Contains(got, `"id":"007"`) {
		t.Error(got)
	}
}

func TestDelimiterIsFoundByItself(t *testing.T) {
	for text, want := range map[string]string{
		"a;b,c\n1;2\n": `{"a":"1","b,c":"2"}`, "a\tb\n1\t2\n": `{"a":"1","b":"2"}`, "a|b\n1|2\n": `{"a":"1","b":"2"}`,
		"a,b\n\"x;y\",2\n": `{"a":"x;y","b":"2"}`, "\"a;x\",b\n1,2\n": `{"a;x":"1","b":"2"}`, "a\n1\n": `{"a":"1"}`,
	} {
		b := newWorkbench(t, Settings{}, map[string]string{"a.csv": text})
		if got := b.do("csv.read", `{"path":"a.csv"}`); !strings.Contains(got, `"rows":[`+want+`]`) {
			t.Errorf("%q: %s", text, got)
		}
	}
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": "a:b\n1:2\n"})
	if got := b.do("csv.read", `{"path":"a.csv","delimiter":":"}`); !strings.Contains(got, `{"a":"1","b":"2"}`) {
		t.Error(got)
	}
	b.refused("csv.read", `{"path":"a.csv","delimiter":"::"}`, "delimiter")
}

func TestABankStatementIsRead(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{
		"a.csv": "Kontoauszug\r\nvom;1.9.\r\nTag;Betrag;Gr\xfc\xdfe;ok\r\n1.9.2026;-1.234,50;\"a\r\nb\";yes\r\n30.09.2026;12;;\r\n",
	})
	got := b.do("csv.read", `{"path":"a.csv","skip":2,"decimal":"comma","types":{"Tag":"date","Betrag":"number","ok":"boolean"}}`)
	const want = `"rows":[{"Betrag":-1234.5,"Grüße":"a\nb","Tag":"2026-09-01","ok":true},{"Betrag":12,"Grüße":"","Tag":"2026-09-30","ok":null}]`
	if !strings.Contains(got, want) {
		t.Error(got)
	}
}

func TestNumbersAreReadInOneNotation(t *testing.T) {
	for _, c := range []struct{ cell, decimal, want string }{
		{"1234.5", "", "1234.5"}, {"1,234,567.50", "", "1234567.50"}, {"+.5", "", "0.5"}, {"−3", "", "-3"}, {"1 234", "", "1234"}, {"1'234.5", "", "1234.5"},
		{"1234,5", "comma", "1234.5"}, {"1.234.567,5", "comma", "1234567.5"}, {"1\u00a0234,5", "comma", "1234.5"}, {"007", "", "7"}, {"", "", "null"},
		{"1.234", "comma", "1234"}, {"1.234", "", "1.234"},
		{"1,5", "", ""}, {"1.5", "comma", ""}, {"12,34,567", "", ""}, {"1.23.456,7", "comma", ""}, {"1,2,3", "comma", ""}, {"12 EUR", "", ""},
		{"1e5", "", ""}, {"0x10", "", ""}, {"-", "", ""}, {"NaN", "", ""}, {"1.", "", ""}, {"1234567890123456", "", ""},
	} {
		k, err := kindOf("number", c.decimal)
		if err != nil {
			t.Fatal(err)
		}
		v, err := k(c.cell)
		got, _ := json.Marshal(v)
		if (err != nil) != (c.want == "") || err == nil && string(got) != c.want {
			t.Errorf("%q with %q is %s, %v; want %s", c.cell, c.decimal, got, err, c.want)
		}
	}
}

func TestDatesHavePatterns(t *testing.T) {
	for _, c := range []struct{ kind, cell, want string }{
		{"date", "2026-09-30", "2026-09-30"}, {"date", "30.9.2026", "2026-09-30"}, {"date", "09/10/2026", ""}, {"date", "2026-02-30", ""},
		{"date:DD/MM/YYYY", "09/10/2026", "2026-10-09"}, {"date:M/D/YY", "9/10/26", "2026-09-10"},
	} {
		k, err := kindOf(c.kind, "")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := k(c.cell); (err != nil) != (c.want == "") || err == nil && v != c.want {
			t.Errorf("%s %q is %v, %v", c.kind, c.cell, v, err)
		}
	}
}

func TestErrorsNameLineAndColumn(t *testing.T) {
	b := newWorkbench(t, Settings{MaxRows: 3, MaxColumns: 2}, map[string]string{
		"cell.csv": "a,amount\nx,1\n\"y\nz\",ten\n", "long.csv": "a,b\n1,2\n1,2,3\n", "short.csv": "a,b\n1\n", "quote.csv": "a,b\n1,2\n1,x\"y\n",
		"open.csv": "a,b\n1,\"2\n", "rows.csv": "a\n1\n2\n3\n4\n", "wide.csv": "a,b,c\n", "empty.csv": "", "binary.csv": "a\x00\x00b",
	})
	b.refused("csv.read", `{"path":"cell.csv","types":{"amount":"number"}}`, "cell.csv", "line 3", "column amount", `"ten" is not a number`)
	b.refused("csv.read", `{"path":"long.csv"}`, "line 3", "3 fields where there are 2 columns")
	b.refused("csv.read", `{"path":"short.csv"}`, "line 2", "1 fields")
	b.refused("csv.read", `{"path":"quote.csv"}`, "line 3, character 4")
	b.refused("csv.read", `{"path":"open.csv"}`, "line 2", "quot")
	b.refused("csv.read", `{"path":"rows.csv"}`, "line 5", "max_rows")
	b.refused("csv.read", `{"path":"wide.csv"}`, "line 1", "max_columns")
	b.refused("csv.read", `{"path":"empty.csv"}`, "no rows")
	b.refused("csv.read", `{"path":"binary.csv"}`, "binary")
	b.refused("csv.read", `{"path":"rows.csv","skip":50}`, "skip")
	b.refused("csv.read", `{"path":"long.csv","types":{"c":"number"}}`, "types.c", "a, b")
	b.refused("csv.read", `{"path":"long.csv","types":{"a":"float"}}`, "types.a", "none of text")
}

func TestLinesAreCountedFromTheBeginningOfTheFile(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": "title\n\na,b\n1,2\n1\n"})
	b.refused("csv.read", `{"path":"a.csv","skip":2}`, "line 5")
}

func TestColumnsWithoutANameOrWithTheSameGetOne(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": "a,,a,a_2,a,\n1,2,3,4,5,6\n", "b.csv": "1,2\n3,4\n"})
	if got := b.do("csv.read", `{"path":"a.csv"}`); !strings.Contains(got, `"columns":["a","column_2","a_3","a_2","a_4","column_6"]`) {
		t.Error(got)
	}
	if got := b.do("csv.read", `{"path":"b.csv","header":false}`); !strings.Contains(got, `"rows":[{"column_1":"1","column_2":"2"},{"column_1":"3","column_2":"4"}]`) {
		t.Error(got)
	}
}

func TestLongColumnNamesAreNotRepeatedWithoutEnd(t *testing.T) {
	b := newWorkbench(t, Settings{}, map[string]string{"a.csv": strings.Repeat("n", 1<<20) + "\n" + strings.Repeat("1\n", 1000)})
	b.refused("csv.read", `{"path":"a.csv"}`, "bytes as JSON")
}

func TestRowsAreWrittenInTheOrderAskedFor(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	const rows = `"rows":[{"b":"x;y","a":12.5,"c":null,"d":true},{"a":-3,"b":"Gr\"ü\nße"}]`
	b.do("csv.write", `{"path":"out/a.csv",`+rows+`}`)
	if got := b.read("out/a.csv"); got != "a,b,c,d\n12.5,x;y,,true\n-3,\"Gr\"\"ü\nße\",,\n" {
		t.Errorf("%q", got)
	}
	b.do("csv.write", `{"path":"b.csv",`+rows+`,"columns":["b","a"],"delimiter":";","decimal":"comma","bom":true,"header":false}`)
	if got := b.read("b.csv"); got != "\ufeff\"x;y\";12,5\n\"Gr\"\"ü\nße\";-3\n" {
		t.Errorf("%q", got)
	}
	b.refused("csv.write", `{"path":"c.csv",`+rows+`,"columns":["b","amuont"]}`, "columns.1", "amuont", "a, b, c, d")
}

func TestTextsAreNotRunAsFormulas(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	for text, want := range map[string]string{
		`=1+1`: `'=1+1`, `@SUM(A1)`: `'@SUM(A1)`, `+cmd|' /C calc'!A0`: `'+cmd|' /C calc'!A0`, `-2+3`: `'-2+3`, `=`: `'=`, `-`: `'-`,
		"\t=1": "'\t=1", `-12,50`: `-12,50`, `+49 30`: `'+49 30`, `+4930`: `+4930`, `a=b`: `a=b`, "": "",
	} {
		if got := (CSVOutput{}).safe(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
		if got := (CSVOutput{Formulas: true}).safe(text); got != text {
			t.Errorf("with formulas, %q is written as %q", text, got)
		}
	}
	b.do("csv.write", `{"path":"a.csv","rows":[{"=x":"=1+1"}]}`)
	if got := b.read("a.csv"); got != "'=x\n'=1+1\n" {
		t.Errorf("%q", got)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	rapid.Check(t, func(r *rapid.T) {
		cell := rapid.StringMatching(`[ -~äöü€]{1,8}(\n[ -~]{0,5})?`).Filter(func(s string) bool { return strings.TrimSpace(s) == s })
		rows := rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom([]string{"one", "two", "three"}), cell, 3, 3), 1, 5).Draw(r, "rows")
		delimiter := rapid.SampledFrom([]string{",", ";", "tab", "|"}).Draw(r, "delimiter")
		raw, err := json.Marshal(rows)
		if err != nil {
			r.Fatal(err)
		}
		b.do("csv.write", fmt.Sprintf(`{"path":"a.csv","rows":%s,"delimiter":%q,"formulas":true,"overwrite":true}`, raw, delimiter))
		var got struct{ Rows []map[string]string }
		if err := json.Unmarshal([]byte(b.do("csv.read", fmt.Sprintf(`{"path":"a.csv","delimiter":%q}`, delimiter))), &got); err != nil {
			r.Fatal(err)
		}
		if again, err := json.Marshal(got.Rows); err != nil || string(again) != string(raw) {
			r.Fatalf("%s became %s, %v", raw, again, err)
		}
	})
}
