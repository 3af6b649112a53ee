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
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/report"
)

const month = `# Invoices of {{.month}}

{{len .rows}} invoices came in, **{{money .total "EUR"}}** in all. The largest is from {{(index .rows 0).seller}}.

> Amounts include tax. Only what is booked is counted.

## By seller

{{bar .sellers "seller" "total" "EUR"}}

## By month

{{bar .months "month" "total" "EUR"}}

{{line .days "day" "n"}}

## Extremes

{{bar .many "seller" "total"}}

{{bar .losses "seller" "total" "EUR"}}

{{line .dense "day" "n" "kWh"}}

{{line .wordy "day" "n"}}

{{bar .one "day" "n"}}

{{bar .none "day" "n"}}

{{bar .years "day" "n" "million EUR"}}

## All of them

{{table .rows "date:Date:date" "seller:Seller" "number:Number" "total:Total:money" "document:Document"}}
`

const monthData = `{"month": "September 2026", "total": 24981.3, "rows": [
	{"date": "2026-09-03", "seller": "Rietveen Verpakkingen B.V.", "number": "F2026-0932", "total": 1016.40, "document": "inbox/rietveen-F2026-0932.pdf"},
	{"date": "2026-09-09", "seller": "<script>alert(1)</script> & [Söhne](http://evil.example)", "number": "BC/2026/0611", "total": 1734.3, "document": "inbox/ballycarrow-BC-0611.pdf"},
	{"date": "2026-09-30", "seller": "Lindhorster Glanz GmbH", "number": "R-2026-5520", "total": 2213.4, "document": "inbox/lindhorst-R-2026-5520.pdf"}],
	"sellers": [{"seller": "Harrow & Stile Shopfitting Ltd", "total": 12400}, {"seller": "Transports Verlaine-Ardoise SAS", "total": 5210.5},
		{"seller": "Lindhorster Glanz GmbH", "total": 2213.4}, {"seller": "Ballycarrow Signs Ltd", "total": 1734.3}, {"seller": "Rietveen Verpakkingen B.V.", "total": 1016.4}],
	"months": [{"month": "2026-04", "total": 8120}, {"month": "2026-05", "total": 11230.5}, {"month": "2026-06", "total": 7980}, {"month": "2026-07", "total": 3922},
		{"month": "2026-08", "total": -1444.8}, {"month": "2026-09", "total": 24981.3}],
	"days": [` + daysJSON + `]}`

const daysJSON = ""

func workspace(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func renderer(t *testing.T, dir string, s report.Settings) coordinator.Worker {
	t.Helper()
	workers, err := report.New(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tools.Map(workers...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tools.Close(workers...) })
	return workers[0]
}

func render(ctx context.Context, w coordinator.Worker, template, path, data string) (coordinator.Result, error) {
	return w.Do(ctx, coordinator.Attempt{Key: "k", Input: json.RawMessage(fmt.Sprintf(`{"template": %q, "path": %q, "title": "A <title>", "data": %s}`, template, path, data))})
}

func TestZLook(t *testing.T) {
	dir := workspace(t, map[string]string{"month.md": month})
	var days []string
	for i := range 30 {
		days = append(days, fmt.Sprintf(`{"day": "%d Sep", "n": %d}`, i+1, (i*7+3)%11))
	}
	extra := map[string]any{}
	var many, losses, dense, wordy, years []any
	for i := range 20 {
		many = append(many, map[string]any{"seller": fmt.Sprintf("S%d", i), "total": i * i * 1000})
		losses = append(losses, map[string]any{"seller": fmt.Sprintf("A very long name of a company number %d that never ends", i), "total": float64(i*100) - 950.5})
		wordy = append(wordy, map[string]any{"day": fmt.Sprintf("Week %d of the year", i), "n": float64(i) / 1000})
		years = append(years, map[string]any{"day": 2000 + i, "n": 1.5e6 * float64(i)})
	}
	for i := range 400 {
		dense = append(dense, map[string]any{"day": fmt.Sprintf("2026-%02d-%02d", i/30+1, i%30+1), "n": (i * 7919) % 1000})
	}
	extra["many"], extra["losses"], extra["dense"], extra["wordy"], extra["none"], extra["years"] = many, losses[:6], dense, wordy, []any{}, years
	extra["one"] = []any{map[string]any{"day": "only", "n": 0}}
	x, _ := json.Marshal(extra)
	data := strings.Replace(monthData, `"days": []`, `"days": [`+strings.Join(days, ",")+`]`, 1)
	data = strings.Replace(data, "{", string(x[:len(x)-1])+",", 1)
	data = strings.Replace(data, "{", string(x[:len(x)-1])+",", 1)
	if _, err := render(t.Context(), renderer(t, dir, report.Settings{}), "month.md", "out/month.html", data); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "out/month.html"))
	os.WriteFile("/tmp/month.html", b, 0o644)
	_ = errors.Is
	_ = io.EOF
	_ = xml.Header
}
