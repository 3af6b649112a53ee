package pdftext

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Gaps between characters, in parts of the font's height.
const (
	wordGap   = 0.17 // wider: another word, even without a space character
	columnGap = 0.62 // wider: another column, unless the document itself has a space there
	spacedGap = 1.15 // wider: another column in any case
	maxBlank  = 2    // empty lines kept for a vertical gap
)

// piece is a run of text on one line that belongs together: a table's cell, a label, a line of a paragraph.
type piece struct {
	text        string
	left, right float64
	base, size  float64
	last        float64 // left edge of its last character
}

// row is one line of a page: pieces from left to right.
type row struct {
	pieces []piece
	base   float64
	size   float64
}

// layout writes the characters of a page as text in which columns stand below each other.
func layout(glyphs []glyph) string {
	rows := toRows(toWords(glyphs))
	if len(rows) == 0 {
		return ""
	}
	columns := placeColumns(rows, charWidth(rows))
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteString(strings.Repeat("\n", 1+blankLines(rows[i-1], r)))
		}
		column := 0
		for _, p := range r.pieces {
			b.WriteString(strings.Repeat(" ", max(columns[key(p.left)]-column, 0)))
			b.WriteString(p.text)
			column = max(columns[key(p.left)], column) + utf8.RuneCountInString(p.text)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// word is a piece together with how it begins: after a space that the document itself holds or not.
type word struct {
	piece
	spaced bool
}

// toWords joins characters that follow each other in the document and on the line.
func toWords(glyphs []glyph) []word {
	var words []word
	var current *word
	spaced := false
	for _, g := range glyphs {
		if unicode.IsSpace(g.char) || unicode.IsControl(g.char) {
			spaced = spaced || (!g.made && g.char != '\r' && g.char != '\n')
			current = nil
			continue
		}
		if g.size <= 0 || math.IsNaN(g.left+g.right+g.base) || math.IsInf(g.left+g.right+g.base, 0) {
			continue
		}
		if current != nil && follows(current.piece, g) {
			current.text += string(g.char)
			current.right, current.last = max(current.right, g.right), g.left
			current.size = max(current.size, g.size)
		} else {
			p := piece{text: string(g.char), left: g.left, right: g.right, base: g.base, size: g.size, last: g.left}
			words = append(words, word{piece: p, spaced: spaced})
			current = &words[len(words)-1]
		}
		spaced = false
	}
	return words
}

func follows(p piece, g glyph) bool {
	size := min(p.size, g.size)
	gap := g.left - p.right
	inOrder := gap > -0.5*size || g.left > p.last-0.1*size // the letters of a ligature share one box
	return math.Abs(g.base-p.base) < 0.3*size && gap < wordGap*size && inOrder
}

// toRows sorts words into lines by their baselines and joins them to pieces.
func toRows(words []word) []row {
	slices.SortStableFunc(words, func(a, b word) int { return cmp.Compare(b.base, a.base) })
	var lines [][]word
	var heads []piece // the first word of each line
	for _, w := range words {
		best := -1
		for i := len(lines) - 1; i >= 0 && i >= len(lines)-4; i-- { // words come from top to bottom: older lines are out of reach
			distance := math.Abs(heads[i].base - w.base)
			if distance < 0.42*min(heads[i].size, w.size) && (best < 0 || distance < math.Abs(heads[best].base-w.base)) {
				best = i
			}
		}
		if best < 0 {
			lines, heads = append(lines, nil), append(heads, w.piece)
			best = len(lines) - 1
		}
		lines[best] = append(lines[best], w)
	}
	rows := make([]row, len(lines))
	for i, line := range lines {
		rows[i] = row{pieces: toPieces(line), base: heads[i].base, size: heads[i].size}
	}
	return rows
}

// toPieces joins the words of a line that stand close together. Words printed twice (a cheap bold) are taken once.
func toPieces(line []word) []piece {
	slices.SortStableFunc(line, func(a, b word) int { return cmp.Compare(a.left, b.left) })
	var pieces []piece
	var last word
	for i, w := range line {
		if i > 0 && w.text == last.text && math.Abs(w.left-last.left) < 0.2*w.size {
			continue
		}
		gap, size := math.Inf(1), min(w.size, last.size)
		if i > 0 {
			gap = w.left - last.right
		}
		limit := columnGap
		if w.spaced {
			limit = spacedGap
		}
		switch {
		case gap > limit*size:
			pieces = append(pieces, w.piece)
		case gap > wordGap*size || w.spaced:
			join(&pieces[len(pieces)-1], " ", w.piece)
		default:
			join(&pieces[len(pieces)-1], joint(last.piece, w.piece), w.piece)
		}
		last = w
	}
	return pieces
}

// joint is what stands between two words without a gap. Words that overlap are two texts on one spot: keep them apart.
func joint(a, b piece) string {
	if b.left-a.right < -0.3*min(a.size, b.size) {
		return " "
	}
	return ""
}

func join(p *piece, between string, next piece) {
	p.text += between + next.text
	p.right = max(p.right, next.right)
	p.size = max(p.size, next.size)
}

// charWidth is the width of a character that half of the page's text is narrower than.
func charWidth(rows []row) float64 {
	type sample struct {
		width float64
		count int
	}
	var samples []sample
	total := 0
	for _, r := range rows {
		for _, p := range r.pieces {
			n := utf8.RuneCountInString(p.text)
			if w := (p.right - p.left) / float64(n); w > 0 {
				samples = append(samples, sample{w, n})
				total += n
			}
		}
	}
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.width, b.width) })
	seen := 0
	for _, s := range samples {
		if seen += s.count; seen*2 >= total {
			return s.width
		}
	}
	return 5
}

// key quantizes a position: pieces whose left edges differ by less than half a point stand in one column.
func key(x float64) int { return int(math.Round(x * 2)) }

// placeColumns gives each left edge a text column, the same on all rows, such that the order of edges is kept and no
// piece runs into the next one of its row.
func placeColumns(rows []row, width float64) map[int]int {
	type cell struct{ row, at, edge int }
	var cells []cell
	start := math.MaxInt
	for i, r := range rows {
		for j, p := range r.pieces {
			cells = append(cells, cell{i, j, key(p.left)})
			start = min(start, key(p.left))
		}
	}
	slices.SortStableFunc(cells, func(a, b cell) int { return cmp.Compare(a.edge, b.edge) })
	columns := map[int]int{}
	ends := make([]int, len(rows)) // first free column of each row
	previous := 0
	for i := 0; i < len(cells); {
		next := i
		column := max(previous, min(int(math.Round(float64(cells[i].edge-start)/2/width)), maxColumns))
		for ; next < len(cells) && cells[next].edge == cells[i].edge; next++ {
			column = max(column, ends[cells[next].row])
		}
		columns[cells[i].edge], previous = column, column
		for ; i < next; i++ {
			c := cells[i]
			ends[c.row] = column + utf8.RuneCountInString(rows[c.row].pieces[c.at].text) + 2
		}
	}
	return columns
}

// maxColumns keeps a stray character far off the page from filling the text with spaces.
const maxColumns = 400

func blankLines(above, below row) int {
	height := max(min(above.size, below.size), 1)
	return min(max(int((above.base-below.base)/(2*height)), 0), maxBlank)
}
