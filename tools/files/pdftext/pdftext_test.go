package pdftext

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// reader is shared: starting PDFium takes seconds where it was never compiled.
var reader = New(Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	if err := reader.Close(); err != nil {
		panic(err)
	}
	if err := goleak.Find(); err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func textOf(t *testing.T, pages ...page) string {
	t.Helper()
	doc, err := reader.Read(t.Context(), writePDF(pages...))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Text
}

func TestLabelsAndValuesFromDifferentBlocksShareARow(t *testing.T) {
	text := textOf(t, page{
		{50, 700, 10, "Invoice number"}, {50, 680, 10, "Invoice date"}, {50, 660, 10, "Total"}, // labels first, as many programs write them
		{300, 700, 10, "A-1001"}, {300, 680, 10, "4 July 2024"}, {300, 660.8, 10, "12.50"},
	})
	for _, want := range [][2]string{{"Invoice number", "A-1001"}, {"Invoice date", "4 July 2024"}, {"Total", "12.50"}} {
		if !onOneRow(text, want[0], want[1]) {
			t.Errorf("%q and %q are not on one row of\n%s", want[0], want[1], text)
		}
	}
}

func onOneRow(text, left, right string) bool {
	for line := range strings.Lines(text) {
		if before, after, ok := strings.Cut(line, left); ok && strings.TrimSpace(before) == "" &&
			strings.HasPrefix(after, "  ") && strings.TrimSpace(after) == right {
			return true
		}
	}
	return false
}

func TestColumnsStandBelowEachOther(t *testing.T) {
	text := textOf(t, page{
		{50, 700, 10, "Item"}, {250, 700, 10, "Amount"},
		{50, 685, 10, "A rather long description of a thing"}, {250, 685, 10, "10.00"},
		{50, 670, 10, "Short"}, {250, 670, 10, "9.00"},
	})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	at := strings.Index(lines[0], "Amount")
	if len(lines) != 3 || strings.Index(lines[1], "10.00") != at || strings.Index(lines[2], "9.00") != at {
		t.Errorf("columns differ:\n%s", text)
	}
}

func TestPagesAreSeparatedByFormFeeds(t *testing.T) {
	doc, err := reader.Read(t.Context(), writePDF(page{{50, 700, 10, "one"}}, page{}, page{{50, 700, 10, "three"}}))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Text != "one\n\f\n\f\nthree\n" || doc.Pages != 3 || len(doc.Blank) != 1 || doc.Blank[0] != 2 {
		t.Errorf("%+v", doc)
	}
}

func TestTextPrintedTwiceIsReadOnce(t *testing.T) {
	if text := textOf(t, page{{50, 700, 10, "Total"}, {50.3, 700, 10, "Total"}, {200, 700, 10, "5.00"}}); strings.Count(text, "Total") != 1 {
		t.Errorf("text %q", text)
	}
}

func TestUnreadableDocumentsHaveClearErrors(t *testing.T) {
	good := writePDF(page{{50, 700, 10, "text"}})
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"no PDF", []byte("hello"), ErrNotPDF},
		{"only the mark", []byte("%PDF-1.4\nhello"), ErrBroken},
		{"noise behind the mark", append([]byte("%PDF-1.7\n"), make([]byte, 5000)...), ErrBroken},
		{"half of it", good[:40], ErrBroken},
		{"encrypted", writeEncryptedPDF(), ErrEncrypted},
		{"no text", writePDF(page{}), ErrNoText},
	} {
		if _, err := reader.Read(t.Context(), c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := reader.Read(t.Context(), good); err != nil {
		t.Errorf("after all of these: %v", err)
	}
}

func TestLimitsAreKept(t *testing.T) {
	two := writePDF(page{{50, 700, 10, "some text"}}, page{{50, 700, 10, "more text"}})
	for name, s := range map[string]Settings{
		"pages": {Pages: 1}, "bytes": {Bytes: 100}, "text": {Text: 5}, "timeout": {Timeout: 1},
	} {
		r := New(s)
		if _, err := r.Read(t.Context(), two); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: error %v, want %v", name, err, ErrLimit)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func TestReadingStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if _, err := reader.Read(ctx, writePDF(page{{50, 700, 10, "text"}})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestClosedReaderRefusesAndClosesTwice(t *testing.T) {
	r := New(Settings{})
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), writePDF(page{{50, 700, 10, "text"}})); err == nil {
		t.Error("no error")
	}
}

func TestReadersWorkAtTheSameTime(t *testing.T) {
	data := writePDF(page{{50, 700, 10, "text"}})
	failed := make(chan error, 6)
	for range cap(failed) {
		go func() {
			_, err := reader.Read(context.WithoutCancel(t.Context()), data)
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
