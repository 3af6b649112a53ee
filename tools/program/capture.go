package program

import (
	"bytes"
	"strings"
	"unicode"
)

// bounded keeps standard output as far as it may go.
type bounded struct {
	limit int
	full  func() // called once, when it is too much
	data  bytes.Buffer
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.data.Len()
	if len(p) <= room {
		return b.data.Write(p)
	}
	b.data.Write(p[:room])
	if !b.over {
		b.over = true
		b.full()
	}
	return room, errTooMuch // which closes the pipe
}

// tail keeps the end of standard error.
type tail struct {
	limit int
	data  []byte // at most twice the limit, so that it moves seldom
	lost  bool   // something was dropped
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > t.limit {
		p, t.lost = p[len(p)-t.limit:], true
	}
	t.data = append(t.data, p...)
	if len(t.data) > 2*t.limit {
		t.data, t.lost = append(t.data[:0], t.data[len(t.data)-t.limit:]...), true
	}
	return n, nil
}

// readable is the end of standard error as people may see it: no secrets, no control characters, not too long. What was cut in
// the middle of a secret is dropped with it.
func (p *program) readable(t *tail) string {
	data, lost := t.data, t.lost
	if len(data) > t.limit {
		data, lost = data[len(data)-t.limit:], true
	}
	text := p.hidden.Mask(string(data))
	if lost {
		text = text[min(p.longest, len(text)):]
	}
	return p.hidden.Mask(clean(end(text, p.MaxStderr, lost))) // again: a secret with control characters in it was not one before
}

// end is the end of a text, from a whole line on if that leaves most of it.
func end(text string, limit int, lost bool) string {
	if len(text) > limit {
		text, lost = text[len(text)-limit:], true
	}
	if !lost {
		return text
	}
	if i := strings.IndexByte(text, '\n'); i >= 0 && i < len(text)/4 {
		text = text[i+1:]
	}
	return "… " + text
}

// clean makes a program's text fit for a terminal.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(text)
}
