package data

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

const twoSheets = `"sheets":[
	{"name":"Orders","columns":[{"field":"day","format":"date"},{"field":"at","format":"datetime"},{"field":"total","title":"Total","format":"money","width":20},{"field":"n","format":"integer"},{"field":"ok"},{"field":"who"}],
	 "rows":[{"day":"2026-09-30","at":"2026-09-30T08:15:30","total":1234.5,"n":3,"ok":true,"who":"=1+1"},{"day":"1999-12-31","total":-0.1,"who":"Grüße"},{"at":"2026-09-30T22:00:00Z","ok":false,"who":null}]},
	{"name":"Empty","rows":[]},
	{"name":"More","rows":[{"b":1,"a":"x"}],"freeze":false}]`

func TestWhatIsWrittenAsASheetIsReadBack(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	b.do("xlsx.write", `{"path":"a.xlsx",`+twoSheets+`}`)
	const want = `{"columns":["day","at","Total","n","ok","who"],"count":3,"rows":[` +
		`{"Total":1234.5,"at":"2026-09-30T08:15:30","day":"2026-09-30","n":3,"ok":true,"who":"=1+1"},` +
		`{"Total":-0.1,"at":null,"day":"1999-12-31","n":null,"ok":null,"who":"Grüße"},` +
		`{"Total":null,"at":"2026-09-30T22:00:00","day":null,"n":null,"ok":false,"who":null}],"sheet":"Orders","sheets":["Orders","Empty","More"]}`
	if got := b.do("xlsx.read", `{"path":"a.xlsx"}`); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, sheet := range []string{"More", "more", "3"} {
		if got := b.do("xlsx.read", `{"path":"a.xlsx","sheet":"`+sheet+`"}`); !strings.Contains(got, `"rows":[{"a":"x","b":1}],"sheet":"More"`) {
			t.Errorf("%s: %s", sheet, got)
		}
	}
	b.refused("xlsx.read", `{"path":"a.xlsx","sheet":"4"}`, "Orders, Empty, More")
	b.refused("xlsx.read", `{"path":"a.xlsx","sheet":"Empty"}`, "no rows")
}

func TestSheetsLookAsAsked(t *testing.T) {
	b := newWorkbench(t, Settings{}, nil)
	b.do("xlsx.write", `{"path":"a.xlsx",`+twoSheets+`}`)
	f, err := excelize.OpenReader(strings.NewReader(b.read("a.xlsx")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{"A2": "2026-09-30", "B2": "2026-09-30 08:15:30", "C2": "1,234.50", "F2": "=1+1"} {
		if got, err := f.GetCellValue("Orders", cell); err != nil || got != want {
			t.Errorf("%s shows %q, %v, want %q", cell, got, err, want)
		}
	}
	if formula, err := f.GetCellFormula("Orders", "F2"); err != nil || formula != "" {
		t.Errorf("a text became the formula %q, %v", formula, err)
	}
	if width, err := f.GetColWidth("Orders", "C"); err != nil || width != 20 {
		t.Errorf("width %v, %v", width, err)
	}
	id, err := f.GetCellStyle("Orders", "A1")
	if err != nil {
		t.Fatal(err)
	}
	if look, err := f.GetStyle(id); err != nil || !look.Font.Bold {
		t.Errorf("head: %+v, %v", look, err)
	}
	for sheet, frozen := range map[string]bool{"Orders": true, "More": false} {
		if panes, err := f.GetPanes(sheet); err != nil || panes.Freeze != frozen {
			t.Errorf("%s: %+v, %v", sheet, panes, err)
		}
	}
}

func TestTheSameSheetsGiveTheSameBytes(t *testing.T) {
	var first string
	for i := range 5 {
		b := newWorkbench(t, Settings{}, nil)
		b.do("xlsx.write", `{"path":"a.xlsx",`+twoSheets+`}`)
		if i == 0 {
			first = b.read("a.xlsx")
		} else if b.read("a.xlsx") != first {
			t.Fatal("the bytes differ")
		}
	}
}

func TestMistakesInSheetsAreNamed(t *testing.T) {
	b := newWorkbench(t, Settings{MaxRows: 2, MaxColumns: 2}, nil)
	for sheets, want := range map[string]string{
		`[]`:                         "sheets",
		`[{"name":"A/B","rows":[]}]`: "sheets.0: name",
		`[{"name":"A","rows":[]},{"name":"a","rows":[]}]`:                                        "sheets.1: name: there are two",
		`[{"name":"A","rows":[{"a":1}],"columns":[{"field":"b"}]}]`:                              "no row has a field \"b\"",
		`[{"name":"A","rows":[{"a":[1]}]}]`:                                                      "rows.0.a: a cell holds",
		`[{"name":"A","rows":[{"a":"12"}],"columns":[{"field":"a","format":"money"}]}]`:          "rows.0.a: \"12\" is text",
		`[{"name":"A","rows":[{"a":"30/9/26"}],"columns":[{"field":"a","format":"date"}]}]`:      "rows.0.a: \"30/9/26\" is not a date",
		`[{"name":"A","rows":[{"a":1},{"a":1},{"a":1}]}]`:                                        "max_rows",
		`[{"name":"A","rows":[{"a":1,"b":1,"c":1}]}]`:                                            "max_columns",
		`[{"name":"A","rows":[{"a":"` + strings.Repeat("x", excelize.TotalCellChars+1) + `"}]}]`: "a cell holds 32767",
	} {
		b.refused("xlsx.write", `{"path":"a.xlsx","sheets":`+sheets+`}`, want)
	}
}

// made is an Excel file as another program would have made it.
func made(t *testing.T, make func(f *excelize.File) error) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	if err := make(f); err != nil {
		t.Fatal(err)
	}
	out, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCellsKeepTheirTypes(t *testing.T) {
	file := made(t, func(f *excelize.File) error {
		for cell, v := range map[string]any{
			"A1": "Report of", "A3": "k", "B3": "v", "A4": "text that is a number", "B4": "12", "A5": "number", "B5": 12.25, "A6": "bool", "B6": true,
			"A7": "error", "A8": "formula", "A9": "date", "B9": 46295, "A10": "time", "B10": 0.34375, "A11": "duration", "B11": 1.5,
			"A12": "money", "B12": 99.5, "A13": "moment", "B13": time.Date(2026, 9, 30, 8, 15, 0, 0, time.UTC), "A15": "after a gap", "D15": 1,
		} {
			if err := f.SetCellValue("Sheet1", cell, v); err != nil {
				return err
			}
		}
		if err := f.SetCellFormula("Sheet1", "B8", "1+1"); err != nil {
			return err
		}
		for cell, code := range map[string]string{"B9": `[$-409]d\. mmmm yyyy;@`, "B10": "hh:mm", "B11": "[h]:mm", "B12": `#,##0.00\ "days"_);[Red]-#,##0.00`} {
			style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
			if err != nil {
				return err
			}
			if err := f.SetCellStyle("Sheet1", cell, cell, style); err != nil {
				return err
			}
		}
		return f.MergeCell("Sheet1", "A1", "D1")
	})
	b := newWorkbench(t, Settings{}, map[string]string{"a.xlsx": file})
	got := b.do("xlsx.read", `{"path":"a.xlsx","skip":2,"header":false}`)
	var out Sheet
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	for _, row := range out.Rows {
		values[fmt.Sprint(row["column_1"])] = row["column_2"]
	}
	for name, want := range map[string]any{
		"text that is a number": "12", "number": 12.25, "bool": true, "formula": nil, "date": "2026-09-30", "time": "08:15:00", "duration": 1.5,
		"money": 99.5, "moment": "2026-09-30T08:15:00",
	} {
		if values[name] != want {
			t.Errorf("%s is %v, want %v", name, values[name], want)
		}
	}
	if last := out.Rows[len(out.Rows)-1]; last["column_4"] != 1.0 || out.Rows[0]["column_4"] != nil || len(out.Rows[0]) != 4 {
		t.Errorf("a longer row: %v, before: %v", last, out.Rows[0])
	}
}

func TestDatesMayCountFrom1904(t *testing.T) {
	yes := true
	file := made(t, func(f *excelize.File) error {
		style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		if err != nil {
			return err
		}
		if err := f.SetCellStr("Sheet1", "A1", "day"); err != nil {
			return err
		}
		if err := f.SetCellInt("Sheet1", "A2", 44833); err != nil {
			return err
		}
		if err := f.SetCellStyle("Sheet1", "A2", "A2", style); err != nil {
			return err
		}
		return f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes})
	})
	b := newWorkbench(t, Settings{}, map[string]string{"a.xlsx": file})
	if got := b.do("xlsx.read", `{"path":"a.xlsx"}`); !strings.Contains(got, `{"day":"2026-09-30"}`) {
		t.Error(got)
	}
}

func TestFormatsTellDatesFromNumbers(t *testing.T) {
	for code, want := range map[string]moment{
		"General": plainNumber, "0.00E+00": plainNumber, `0 "days"`: plainNumber, `#,##0 [$USD]`: plainNumber, `[Red]0`: plainNumber, "[h]:mm:ss": plainNumber, "@": plainNumber,
		"dd.mm.yyyy": someDate, "mmm": someDate, "[$-407]d. mmm yy": someDate, "yyyy-mm-dd hh:mm": someDate, "h:mm AM/PM": timeOfDay, "mm:ss.0": timeOfDay,
	} {
		if got := momentOf(0, code); got != want {
			t.Errorf("%s is %d, want %d", code, got, want)
		}
	}
}

// with exchanges or adds a part of an Excel file.
func with(t *testing.T, file, name, content string) string {
	t.Helper()
	old, err := zip.NewReader(strings.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name, content string) {
		part, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(part, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range old.File {
		if p.Name == name {
			continue
		}
		r, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		add(p.Name, string(data))
	}
	add(name, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const sheetPart = "xl/worksheets/sheet1.xml"

func sheetOf(rows string) string {
	return `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`
}

func TestFilesThatUnfoldWithoutEndAreRefused(t *testing.T) {
	plain := made(t, func(f *excelize.File) error { return f.SetCellStr("Sheet1", "A1", "a") })
	b := newWorkbench(t, Settings{MaxUnzipped: 1 << 20}, map[string]string{
		"zeros.xlsx":  with(t, plain, "xl/media/a.png", strings.Repeat("\x00", 2<<20)),
		"far.xlsx":    with(t, plain, sheetPart, sheetOf(`<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>`)),
		"wide.xlsx":   with(t, plain, sheetPart, sheetOf(strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, 100))),
		"sheets.xlsx": with(t, with(t, plain, sheetPart, sheetOf(`<row r="300000"/>`)), "xl/worksheets/sheet2.xml", sheetOf(`<row r="300000"/>`)),
		"torn.xlsx":   with(t, plain, sheetPart, `<worksheet><sheetData><row><c><v>1</v></c></row>`),
		"deep.xlsx":   with(t, plain, sheetPart, strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)),
		"alien.xlsx":  "not a zip", "old.xlsx": "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "other.xlsx": with(t, plain, "[Content_Types].xml", "<x/>")[:200],
	})
	for name, want := range map[string]string{
		"zeros.xlsx": "unfolds to more than 1048576 bytes (max_unzipped)", "far.xlsx": "1048576 rows and 1 columns", "wide.xlsx": "16384 columns",
		"sheets.xlsx": "all sheets together", "torn.xlsx": "broken", "deep.xlsx": "nested more than 200 deep", "alien.xlsx": "not an Excel file", "old.xlsx": "save it as .xlsx", "other.xlsx": "not an Excel file",
	} {
		b.refused("xlsx.read", `{"path":"`+name+`"}`, name, want)
	}
}

func TestUnfoldingEndsWithItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := xml.NewDecoder(strings.NewReader("<a>" + strings.Repeat("<b/>", 1000) + "</a>"))
	cancel()
	if err := new(measure).sheet(ctx, d); !errors.Is(err, context.Canceled) || d.InputOffset() > 0 {
		t.Errorf("%v after %d bytes", err, d.InputOffset())
	}
}

func TestASizeThatLiesIsNotBelieved(t *testing.T) {
	plain := made(t, func(f *excelize.File) error { return f.SetCellStr("Sheet1", "A1", "a") })
	file := []byte(with(t, plain, "xl/media/a.xml", "<a>"+strings.Repeat(" ", 2<<20)+"</a>"))
	for _, size := range []uint32{10, 1<<32 - 2} {
		forged := bytes.Clone(file)
		at := bytes.LastIndex(forged, []byte("xl/media/a.xml")) - 46 // the entry in the central directory
		for i := range 4 {
			forged[at+24+i] = byte(size >> (8 * i))
		}
		b := newWorkbench(t, Settings{MaxUnzipped: 1 << 20}, map[string]string{"a.xlsx": string(forged)})
		b.refused("xlsx.read", `{"path":"a.xlsx"}`)
	}
}

func TestRowsAndColumnsHaveALimit(t *testing.T) {
	b := newWorkbench(t, Settings{MaxRows: 2, MaxColumns: 2}, map[string]string{
		"rows.xlsx": made(t, func(f *excelize.File) error {
			for i := 1; i <= 4; i++ {
				if err := f.SetCellInt("Sheet1", fmt.Sprintf("A%d", i), int64(i)); err != nil {
					return err
				}
			}
			return nil
		}),
		"columns.xlsx": made(t, func(f *excelize.File) error { return f.SetSheetRow("Sheet1", "A1", &[]string{"a", "b", "c"}) }),
	})
	b.refused("xlsx.read", `{"path":"rows.xlsx"}`, "row 4", "max_rows")
	b.refused("xlsx.read", `{"path":"columns.xlsx"}`, "max_columns")
	b.refused("xlsx.read", `{"path":"columns.xlsx","header":false}`, "max_columns")
}
