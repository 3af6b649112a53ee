package pdftext

import (
	"errors"
	"fmt"
	"math"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// glyph is one character on a page, in points. The origin is the bottom left, as in the PDF.
type glyph struct {
	char        rune
	left, right float64
	base        float64 // baseline
	size        float64 // height of its font's box
	turn        int     // quarter turns, counterclockwise
	made        bool    // put in by PDFium where it saw a gap; it is not in the document
}

// pageGlyphs lists the characters of a page in the order of the document, turned so that most of them stand upright.
func pageGlyphs(pdf pdfium.Pdfium, document references.FPDF_DOCUMENT, index, limit int) ([]glyph, error) {
	page := requests.Page{ByIndex: &requests.PageByIndex{Document: document, Index: index}}
	text, err := pdf.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	defer func() { _, _ = pdf.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) }()
	count, err := pdf.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text.TextPage})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if count.Count > limit {
		return nil, fmt.Errorf("%w: %d characters on one page", ErrLimit, count.Count)
	}
	glyphs := make([]glyph, 0, max(count.Count, 0))
	for i := range count.Count {
		g, err := readGlyph(pdf, text.TextPage, i)
		if err != nil {
			return nil, err
		}
		if g.char != 0 {
			glyphs = append(glyphs, g)
		}
	}
	return upright(glyphs), nil
}

func readGlyph(pdf pdfium.Pdfium, text references.FPDF_TEXTPAGE, i int) (glyph, error) {
	char, err1 := pdf.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text, Index: i})
	made, err2 := pdf.FPDFText_IsGenerated(&requests.FPDFText_IsGenerated{TextPage: text, Index: i})
	if err := errors.Join(err1, err2); err != nil {
		return glyph{}, err
	}
	g := glyph{char: rune(char.Unicode), made: made.IsGenerated}
	if g.made {
		return g, nil
	}
	origin, err1 := pdf.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: text, Index: i})
	box, err2 := pdf.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: text, Index: i})
	angle, err3 := pdf.FPDFText_GetCharAngle(&requests.FPDFText_GetCharAngle{TextPage: text, Index: i})
	if err := errors.Join(err1, err2, err3); err != nil {
		return glyph{}, err
	}
	g.turn = int(math.Round(float64(angle.CharAngle)/(math.Pi/2))) & 3
	left, right := float64(box.Rect.Left), float64(box.Rect.Right)
	bottom, top := float64(box.Rect.Bottom), float64(box.Rect.Top)
	switch g.turn { // its own axes: along the line, and up from the baseline
	case 0:
		g.left, g.right, g.base, g.size = left, right, origin.Y, top-bottom
	case 1:
		g.left, g.right, g.base, g.size = bottom, top, -origin.X, right-left
	case 2:
		g.left, g.right, g.base, g.size = -right, -left, -origin.Y, top-bottom
	case 3:
		g.left, g.right, g.base, g.size = -top, -bottom, origin.X, right-left
	}
	return g, nil
}

// upright orders the characters by direction: those of the page's own come first as they are; others (a note along the
// margin) would only tear the rows apart, so they are moved below the page.
func upright(glyphs []glyph) []glyph {
	var count [4]int
	for _, g := range glyphs {
		if !g.made {
			count[g.turn]++
		}
	}
	main := 0
	for turn, n := range count {
		if n > count[main] {
			main = turn
		}
	}
	lowest := math.Inf(1)
	for _, g := range glyphs {
		if !g.made && g.turn == main {
			lowest = min(lowest, g.base)
		}
	}
	out := make([]glyph, 0, len(glyphs))
	var others [4][]glyph
	last := main
	for _, g := range glyphs {
		if g.made {
			g.turn = last
		}
		last = g.turn
		if g.turn == main {
			out = append(out, g)
		} else {
			others[g.turn] = append(others[g.turn], g)
		}
	}
	for _, group := range others {
		out = append(out, below(group, &lowest)...)
	}
	return out
}

// below moves a group of characters under the lowest line so far.
func below(group []glyph, lowest *float64) []glyph {
	highest, bottom, size := math.Inf(-1), math.Inf(1), 0.0
	for _, g := range group {
		if !g.made {
			highest, bottom, size = max(highest, g.base), min(bottom, g.base), max(size, g.size)
		}
	}
	if math.IsInf(highest, 0) {
		return nil
	}
	shift := *lowest - 3*size - highest
	for i := range group {
		group[i].base += shift
	}
	*lowest = bottom + shift
	return group
}
