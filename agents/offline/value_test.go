package offline

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAmountsAreReadAsPrinted(t *testing.T) {
	for text, want := range map[string]string{
		"1.234,56":              "1234.56",
		"1,234.56":              "1234.56",
		"1 234,56 €":            "1234.56 EUR",
		"1\u00a0234,56 €":       "1234.56 EUR",
		"1'234.50 CHF":          "1234.50 CHF",
		"Rs. 1,23,456.78":       "123456.78 INR",
		"$4.11":                 "4.11 USD",
		"US$ 10":                "10.00 USD",
		"€ -9,32":               "-9.32 EUR",
		"-€9.32":                "-9.32 EUR",
		"(12.50)":               "-12.50",
		"12,50-":                "-12.50",
		"€ 25,-":                "25.00 EUR",
		"0 €":                   "0.00 EUR",
		"21%":                   "21%",
		"7,7 %":                 "7.70%",
		"1.234":                 "1234 unclear",
		"0.125":                 "0.125",
		"12.345.678,90":         "12345678.90",
		"ABC-123":               "",
		"01.05.2014":            "",
		"DE30507500940000":      "",
		"12:30":                 "",
		"1/2":                   "",
		"99999999999999999999":  "",
		"3 x 10.00":             "3 | 10.00",
		"EUR 1.00 USD 2.00":     "1.00 EUR | 2.00 USD",
		"between 10-20 persons": "",
	} {
		var got []string
		for _, a := range amounts(text) {
			s := a.String()
			if a.currency != "" {
				s += " " + a.currency
			}
			if a.percent {
				s += "%"
			}
			if a.unclear {
				s += " unclear"
			}
			got = append(got, s)
		}
		if joined := strings.Join(got, " | "); joined != want {
			t.Errorf("%q is %q, want %q", text, joined, want)
		}
	}
}

func TestDatesAreReadInFourLanguages(t *testing.T) {
	for text, want := range map[string]string{
		"2014-05-07":             "2014-05-07",
		"7. Mai 2014":            "2014-05-07",
		"7 mai 2014":             "2014-05-07",
		"7 mei 2014":             "2014-05-07",
		"1er août 2024":          "2024-08-01",
		"May 7, 2014":            "2014-05-07",
		"August 3 , 2014":        "2014-08-03",
		"3rd of March 2024":      "2024-03-03",
		"30. Sept. 2026":         "2026-09-30",
		"07.05.14":               "2014-05-07 unclear",
		"12/25/2024":             "2024-12-25",
		"8-9-2022":               "2022-09-08 unclear",
		"5/5/2024":               "2024-05-05",
		"01.05.14-31.05.14":      "2014-05-01 unclear | 2014-05-31",
		"+49 6051 916 44 10":     "",
		"version 1.2.3.4":        "",
		"32.01.2024":             "",
		"2024-13-40":             "",
		"IP 10.11.12.13":         "",
		"vom 3. März 2024 (neu)": "2024-03-03",
	} {
		var got []string
		for _, d := range dates(text) {
			s := d.iso()
			if d.unclear() {
				s += " unclear"
			}
			got = append(got, s)
		}
		if joined := strings.Join(got, " | "); joined != want {
			t.Errorf("%q is %q, want %q", text, joined, want)
		}
	}
}

func TestPrintedAmountsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(0, 9_999_999_999).Draw(t, "cents")
		style := rapid.SampledFrom([]string{".,", ",.", " ,", "'.", "\u00a0,"}).Draw(t, "style")
		separators := []rune(style)
		text := printed(cents, string(separators[0]), string(separators[1]))
		all := amounts("Total: " + text + " EUR")
		if len(all) != 1 || all[0].cents != cents || all[0].currency != "EUR" {
			t.Fatalf("%s is %+v", text, all)
		}
	})
}

func printed(cents int64, thousands, point string) string {
	digits := fmt.Sprint(cents / 100)
	out := ""
	for len(digits) > 3 {
		out = thousands + digits[len(digits)-3:] + out
		digits = digits[:len(digits)-3]
	}
	return fmt.Sprintf("%s%s%s%02d", digits, out, point, cents%100)
}

func TestAnyTextIsReadWithoutPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{
			"Invoice number", "Total", "Rechnung", "\n", "  ", " ", ":", "12.03.2024", "1.234,56", "€", "$", "-", "(", ")", "%", "A-1", "é", "\xff",
			"IBAN", "DE89", "3704", "Ltd", "From:", "\t", "|", "....", "19", "VAT", "\f", "ſ", "\u0130",
		})).Draw(t, "parts")
		if _, err := extract([]byte(invoiceSchema), strings.Join(parts, "")); err != nil {
			t.Fatal(err)
		}
	})
}
