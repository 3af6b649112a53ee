package report

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes in units of the picture, which scales with the page: at full width, one unit is about a pixel.
const (
	chartWidth  = 760
	plotHeight  = 260
	topMargin   = 14
	rightMargin = 12
	fontSize    = 12
	charWidth   = 6.6 // of text of that size, on average; wide enough for capitals in a mix
	barColor    = "#2f6f8f"
	belowColor  = "#b4543a"
	gridColor   = "#dde2e8"
	zeroColor   = "#8a95a3"
	textColor   = "#5b6675"
	inkColor    = "#1c2430"
)

// picture collects the elements of an SVG.
type picture struct{ b strings.Builder }

func newPicture(height float64, about string) *picture {
	p := &picture{}
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %s" role="img" aria-label="%s" font-family="inherit" font-size="%d">`,
		chartWidth, coordinate(height), html.EscapeString(about), fontSize)
	return p
}

func (p *picture) end() string { return p.b.String() + "</svg>" }

// coordinate writes a number with one decimal at most, so that equal charts are equal bytes everywhere.
func coordinate(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v+0), ".0")
}

func (p *picture) line(x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(&p.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`,
		coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), color)
}

func (p *picture) text(x, y float64, anchor, color, s string) {
	fmt.Fprintf(&p.b, `<text x="%s" y="%s" text-anchor="%s" fill="%s">%s</text>`, coordinate(x), coordinate(y), anchor, color, html.EscapeString(s))
}

// slanted is text that ends at a point, going up to it from the left.
func (p *picture) slanted(x, y float64, s string) {
	fmt.Fprintf(&p.b, `<text transform="translate(%s %s) rotate(-40)" text-anchor="end" fill="%s">%s</text>`,
		coordinate(x), coordinate(y), textColor, html.EscapeString(s))
}

func (p *picture) bar(x, y, w, h float64, color, title string) {
	fmt.Fprintf(&p.b, `<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s"><title>%s</title></rect>`,
		coordinate(x), coordinate(y), coordinate(max(w, 0.5)), coordinate(max(h, 0.5)), color, html.EscapeString(title))
}

func (p *picture) dot(x, y float64, title string) {
	fmt.Fprintf(&p.b, `<circle cx="%s" cy="%s" r="3.5" fill="%s"><title>%s</title></circle>`,
		coordinate(x), coordinate(y), barColor, html.EscapeString(title))
}

func (p *picture) path(points []string) {
	fmt.Fprintf(&p.b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>`,
		strings.Join(points, " "), barColor)
}

func textWidth(s string) float64 { return float64(utf8.RuneCountInString(s)) * charWidth }

// shorten cuts text to a width.
func shorten(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	most := max(int(width/charWidth)-1, 1)
	return strings.TrimSpace(string([]rune(s)[:most])) + "…"
}

func color(v float64) string {
	if v < 0 {
		return belowColor
	}
	return barColor
}
