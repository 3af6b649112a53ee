package invoices_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
)

// invoice is what a document says, or what a person says it should. Null is nil.
type invoice struct {
	Number   string   `json:"number"`
	Date     string   `json:"date"`
	Currency string   `json:"currency"`
	Seller   string   `json:"seller"`
	Net      *float64 `json:"net"`
	Tax      *float64 `json:"tax"`
	Total    *float64 `json:"total"`
	IBAN     *string  `json:"iban"`
}

// expected is one entry of expected.json.
type expected struct {
	Document  string   `json:"document"`
	Invoice   invoice  `json:"invoice"`
	Doubtful  bool     `json:"doubtful"`
	Why       string   `json:"why"`
	Corrected *invoice `json:"corrected"`
	Action    string   `json:"action"`
}

// booked is the invoice that ends in the ledger.
func (e expected) booked() invoice {
	if e.Corrected != nil {
		return *e.Corrected
	}
	return e.Invoice
}

func readExpected(t *testing.T) []expected {
	t.Helper()
	var all []expected
	if err := json.Unmarshal(read(t, "expected.json"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func cents(f *float64) int64 {
	if f == nil {
		return 0
	}
	return int64(*f*100 + 0.5)
}

func TestExactlyTwoDocumentsAreDoubtful(t *testing.T) {
	doubtful := 0
	for _, e := range readExpected(t) {
		in := e.Invoice
		adds := in.Net != nil && in.Tax != nil && in.Total != nil && cents(in.Net)+cents(in.Tax) == cents(in.Total)
		if adds == e.Doubtful || e.Doubtful != (e.Why != "") || e.Doubtful != (e.Corrected != nil) {
			t.Errorf("%s: doubtful %v, but the sums say otherwise, or why or corrected is missing", e.Document, e.Doubtful)
		}
		if e.Doubtful {
			doubtful++
		}
		if c := e.booked(); cents(c.Net)+cents(c.Tax) != cents(c.Total) || c.IBAN == nil || !validIBAN(*c.IBAN) {
			t.Errorf("%s: what is booked does not add up, or its IBAN is wrong", e.Document)
		}
	}
	if doubtful != 2 {
		t.Errorf("%d documents are doubtful, want 2", doubtful)
	}
}

// validIBAN checks the checksum of ISO 13616.
func validIBAN(iban string) bool {
	var digits strings.Builder
	for _, r := range iban[4:] + iban[:4] {
		if r >= 'A' {
			fmt.Fprint(&digits, r-'A'+10)
			continue
		}
		digits.WriteRune(r)
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}

func TestInboxHoldsWhatIsExpectedAndStaysSmall(t *testing.T) {
	const most = 60 << 10
	known := map[string]bool{}
	for _, e := range readExpected(t) {
		known[e.Document] = true
	}
	entries, err := os.ReadDir("inbox")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if name := "inbox/" + entry.Name(); !known[name] || info.Size() > most {
			t.Errorf("%s: not in expected.json, or larger than %d bytes", name, most)
		}
	}
	if len(entries) != len(known) {
		t.Errorf("the inbox holds %d files, expected.json %d", len(entries), len(known))
	}
}
