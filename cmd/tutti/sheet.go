package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// tint paints text for stdout; without colours it is the text.
func (a *app) tint(style, text string) string {
	if style == "" || text == "" || !a.colours() {
		return text
	}
	return style + text + "\x1b[0m"
}

// sheet is a text with colours for stdout, as it grows.
type sheet struct {
	s *session
	b strings.Builder
}

func (p *sheet) tint(style, text string) string { return p.s.tint(style, text) }

// linef adds a line, cut at the edge. What is not known to be harmless must have gone through line or clean.
func (p *sheet) linef(format string, args ...any) {
	text := cut(strings.TrimRight(fmt.Sprintf(format, args...), " "), p.columns())
	if strings.HasSuffix(text, "…") && p.s.colours() {
		text += "\x1b[0m" // of a colour that was cut off
	}
	p.b.WriteString(text + "\n")
}

// text adds a text of any length, indented and wrapped at the edge. Beyond most lines it says how many are left out;
// 0 is all of them.
func (p *sheet) text(text, indent string, most int) {
	var all []string
	for l := range strings.SplitSeq(strings.TrimRight(clean(text), "\n"), "\n") {
		all = append(all, brokenAtWords(strings.ReplaceAll(l, "\t", "    "), max(p.columns()-columnsOf(indent), 20))...)
	}
	for i, l := range all {
		if most > 0 && i == most && len(all) > most+1 {
			p.linef("%s%s", indent, p.tint(faint, fmt.Sprintf("… %s: --full", count(len(all)-i, "more line"))))
			return
		}
		p.linef("%s%s", indent, l)
	}
}

// brokenAtWords breaks a line into lines of so many columns: between words, unless a word alone is longer than half a line.
func brokenAtWords(s string, columns int) []string {
	var out []string
	for columnsOf(s) > columns {
		first := wrapped(s, columns)[0]
		if i := strings.LastIndexByte(first, ' '); i > len(first)/2 {
			first = first[:i+1]
		}
		out = append(out, strings.TrimRight(first, " "))
		s = s[len(first):]
	}
	return append(out, s)
}

// columns is how wide the sheet is: as the terminal, or as wide as lines are elsewhere.
func (p *sheet) columns() int {
	if _, terminal := p.s.out.(cleaner); terminal {
		return p.s.columns()
	}
	return textColumns
}

// print writes the sheet to stdout.
func (p *sheet) print() error {
	_, err := io.WriteString(p.s.drawing(), p.s.screen.mask(p.b.String()))
	return err
}

// indented is JSON over several lines; what is none stays as it is.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

// pretty is JSON as people read it; text is itself.
func pretty(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		return plainText(raw)
	}
	return indented(raw)
}

// present drops empty texts.
func present(parts ...string) []string {
	var out []string
	for _, part := range parts {
		if part != "" {
			out = append(out, part)
		}
	}
	return out
}
