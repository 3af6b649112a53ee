package main

import (
	"bytes"
	"strings"
	"testing"
)

func liveScreen(w *bytes.Buffer, columns, lines int) *screen {
	return &screen{live: true, w: w, size: func() (int, int) { return columns, lines }}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	evil := "pay\x1b[2J\x1b]0;owned\x07 now\u202e\r\nthen\u2028"
	got := clean(evil)
	for _, bad := range []string{"\x1b", "\x07", "\r", "\u202e", "\u2028"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is still in %q", bad, got)
		}
	}
	if !strings.Contains(got, "\n") {
		t.Errorf("the line break is gone: %q", got)
	}
	var out bytes.Buffer
	n, err := cleaner{&out}.Write([]byte(evil))
	if err != nil || n != len(evil) || out.String() != got {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}

func TestLinesAreCutToTheColumnsTheyTake(t *testing.T) {
	for _, c := range []struct {
		in      string
		columns int
		want    string
	}{
		{"invoice", 7, "invoice"},
		{"invoice", 6, "invoi…"},
		{"\x1b[31minvoice\x1b[0m", 7, "\x1b[31minvoice\x1b[0m"},
		{"\x1b[31minvoice\x1b[0m", 4, "\x1b[31minv…"},
		{"請求書です", 10, "請求書です"},
		{"請求書です", 6, "請求…"},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301"},
	} {
		if got := cut(c.in, c.columns); got != c.want {
			t.Errorf("cut(%q, %d) = %q, not %q", c.in, c.columns, got, c.want)
		}
		if w := columnsOf(cut(c.in, c.columns)); w > c.columns {
			t.Errorf("%q takes %d columns of %d", c.in, w, c.columns)
		}
	}
	if got := pad("請求", 6) + "|"; got != "請求  |" {
		t.Errorf("%q", got)
	}
}

func TestPrintedLinesGoAboveTheBlock(t *testing.T) {
	var out bytes.Buffer
	s := liveScreen(&out, 40, 10)
	s.show([]string{"one", "two"})
	out.Reset()
	s.println("said")
	if got, want := out.String(), "\x1b[2A\r\x1b[Jsaid\none\x1b[0m\ntwo\x1b[0m\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	s.pause()
	out.Reset()
	s.show([]string{"three"})
	s.println("asked")
	if got := out.String(); got != "asked\n" {
		t.Errorf("while paused: %q", got)
	}
	s.resume()
	out.Reset()
	s.show([]string{"four"})
	if got := out.String(); !strings.Contains(got, "four") || strings.Count(got, "\x1b[?2026") != 2 {
		t.Errorf("after that: %q", got)
	}
}

func TestWithoutATerminalNothingIsDrawnOrPainted(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, size: func() (int, int) { return 80, 24 }}
	s.show([]string{"block"})
	s.println(s.paint(red, "line"))
	if got := out.String(); got != "line\n" {
		t.Errorf("%q", got)
	}
}
