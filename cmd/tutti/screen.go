package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/tuttirun/tutti/tools/secret"
)

// screen is stderr. On a terminal it keeps a block of lines at the bottom that is redrawn in place; lines printed
// meanwhile go above it. It is safe for concurrent use.
type screen struct {
	live  bool // a terminal that can redraw
	color bool
	size  func() (columns, lines int)

	mu     sync.Mutex
	hidden *secret.Set // never shown
	w      io.Writer
	block  []string
	drawn  int // lines of the block on the terminal
	paused bool
}

func newScreen(f *os.File, env func(string) string) *screen {
	s := &screen{w: f, size: func() (int, int) { return 80, 24 }}
	if !isTerminal(f) {
		return s
	}
	s.live = env("TERM") != "dumb"
	s.color = s.live && env("NO_COLOR") == ""
	s.size = func() (int, int) {
		columns, lines, err := term.GetSize(int(f.Fd()))
		if err != nil || columns < 20 || lines < 5 {
			return 80, 24
		}
		return columns, lines
	}
	return s
}

// Write prints text above the block; it makes a screen an io.Writer for cobra and flag errors.
func (s *screen) Write(p []byte) (int, error) {
	s.print(string(p))
	return len(p), nil
}

// hide keeps secrets off the screen. They come in as a whole: what is masked is one text that is printed.
func (s *screen) hide(hidden *secret.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = hidden
}

// mask replaces what is hidden, for texts that go elsewhere.
func (s *screen) mask(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden.Mask(text)
}

// println prints a line above the block. What is not known to be harmless must have gone through clean.
func (s *screen) println(line string) { s.print(line + "\n") }

func (s *screen) printf(format string, args ...any) { s.println(fmt.Sprintf(format, args...)) }

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	s.erase(&b)
	b.WriteString(s.hidden.Mask(text))
	s.redraw(&b)
	_, _ = s.w.Write(b.Bytes()) // nothing can be said when stderr is gone
}

// show replaces the block. One write per frame, so that nothing flickers.
func (s *screen) show(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block = lines
	if !s.live || s.paused {
		return
	}
	var b bytes.Buffer
	b.WriteString("\x1b[?2026h") // terminals that know it wait for the whole frame
	s.erase(&b)
	s.redraw(&b)
	b.WriteString("\x1b[?2026l")
	_, _ = s.w.Write(b.Bytes())
}

// erase goes back to the block's first line and clears what is below.
func (s *screen) erase(b *bytes.Buffer) {
	if s.drawn > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *screen) redraw(b *bytes.Buffer) {
	if !s.live || s.paused {
		return
	}
	columns, _ := s.size()
	for _, line := range s.block {
		b.WriteString(cut(s.hidden.Mask(line), columns-1))
		b.WriteString("\x1b[0m\n")
	}
	s.drawn = len(s.block)
}

// pause takes the block away while somebody is asked; resume brings it back.
func (s *screen) pause() {
	s.show(nil)
	s.mu.Lock()
	s.paused = true
	s.mu.Unlock()
}

func (s *screen) resume() {
	s.mu.Lock()
	s.paused = false
	s.mu.Unlock()
}

// finish leaves the block where it is and forgets it.
func (s *screen) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block, s.drawn = nil, 0
}

// Colours, by what they mean.
const (
	faint  = "\x1b[2m"
	strong = "\x1b[1m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	cyan   = "\x1b[36m"
)

func (s *screen) paint(style, text string) string {
	if !s.color || style == "" || text == "" {
		return text
	}
	return style + text + "\x1b[0m"
}

// clean makes text from outside harmless for a terminal: no escape sequences, no other control characters, and nothing
// that turns the direction of writing.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return '·'
		}
		return r
	}, s)
}

// line is clean on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cleaner is a terminal on stdout: what workers made is shown there, never obeyed.
type cleaner struct{ w io.Writer }

func (c cleaner) Write(p []byte) (int, error) {
	if _, err := io.WriteString(c.w, clean(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// columnsOf returns how many columns text takes; escape sequences take none.
func columnsOf(s string) int {
	n := 0
	walk(s, func(_ string, w int) bool { n += w; return true })
	return n
}

// cut shortens a line to so many columns. Escape sequences pass.
func cut(s string, columns int) string {
	if columnsOf(s) <= columns {
		return s
	}
	var b strings.Builder
	n := 0
	walk(s, func(piece string, w int) bool {
		if n+w > columns-1 {
			return false
		}
		n += w
		b.WriteString(piece)
		return true
	})
	return b.String() + "…"
}

// walk yields characters and escape sequences with the columns they take.
func walk(s string, yield func(piece string, columns int) bool) {
	for i := 0; i < len(s); {
		if s[i] == '\x1b' {
			end := strings.IndexFunc(s[i+1:], unicode.IsLetter)
			if end < 0 {
				return
			}
			if !yield(s[i:i+end+2], 0) {
				return
			}
			i += end + 2
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !yield(s[i:i+size], columnsOfRune(r)) {
			return
		}
		i += size
	}
}

func columnsOfRune(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// wrapped breaks a line into lines of so many columns.
func wrapped(s string, columns int) []string {
	var out []string
	var b strings.Builder
	n := 0
	walk(s, func(piece string, w int) bool {
		if n+w > columns {
			out = append(out, b.String())
			b.Reset()
			n = 0
		}
		n += w
		b.WriteString(piece)
		return true
	})
	return append(out, b.String())
}

// padded fills text up to so many columns and leaves what is longer.
func padded(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-columnsOf(s)))
}

// pad fills text up to so many columns, and cuts what is longer.
func pad(s string, columns int) string {
	return padded(cut(s, columns), columns)
}
