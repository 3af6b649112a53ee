package offline

import (
	"strings"
	"unicode/utf8"
)

// cell is a piece of text on a row that stands by itself: two spaces or more separate it from its neighbours.
type cell struct {
	row, at  int // its row, and its place among the row's cells
	from, to int // columns, in characters
	text     string
	words    []word
	labels   []label
}

// page is a text as rows of cells. Several pages of a document are one page here.
type page struct {
	rows  [][]*cell // empty rows are kept: distance says what belongs together
	facts facts
}

// label is an occurrence of a label in a cell.
type label struct {
	entry
	cell     *cell
	phrase   string
	from, to int  // bytes of cell.text
	rest     int  // byte where the text after it ends: the next label, or the end of the cell
	before   bool // other words stand before it in the cell
}

// newPage reads a text. lex says which words are labels.
func newPage(text string, lex *lexicon) *page {
	p := &page{}
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "**", "") // Markdown's bold says nothing about values
		part, rest := cutLine(line)
		for p.add(part, lex); rest != ""; p.add(part, lex) {
			part, rest = cutLine(rest)
		}
	}
	p.facts = p.gatherFacts()
	return p
}

func (p *page) add(line string, lex *lexicon) {
	row := cellsOf(line, len(p.rows))
	for _, c := range row {
		c.words = words(c.text)
		c.labels = findLabels(c, lex)
	}
	p.rows = append(p.rows, row)
}

// maxLine is where longer lines are broken, in bytes: beyond any form, and short enough that rules which compare the
// labels of one row stay cheap.
const maxLine = 2000

// cutLine takes the first part of a line that is too long, up to a space if there is one.
func cutLine(line string) (part, rest string) {
	if len(line) <= maxLine {
		return line, ""
	}
	at := strings.LastIndexByte(line[:maxLine], ' ')
	if at < maxLine/2 {
		for at = maxLine; at > maxLine-utf8.UTFMax && !utf8.RuneStart(line[at]); at-- { // to the edge of a character
		}
	}
	return line[:at], line[at:]
}

// cellsOf splits a line at gaps of two spaces, tabs, bars and dot leaders.
func cellsOf(line string, row int) []*cell {
	var cells []*cell
	var current strings.Builder
	start, at, gap := 0, 0, 0
	flush := func() {
		if text := strings.TrimSpace(current.String()); text != "" {
			cells = append(cells, &cell{row: row, at: len(cells), from: start, to: start + utf8.RuneCountInString(text), text: text})
		}
		current.Reset()
	}
	dots := 0
	for _, r := range line {
		if r == '.' || r == '_' {
			dots++
		} else {
			if dots >= 4 {
				gap = 2
			}
			dots = 0
		}
		switch r {
		case '\t', '|', '\f', '\v':
			gap = 2
		case ' ':
			gap++
		default:
			if gap >= 2 {
				flush()
			}
			if current.Len() == 0 {
				start = at
			} else if gap == 1 {
				current.WriteByte(' ')
			}
			gap = 0
			if r == '\u00a0' || r == '\u202f' || r == '\u2009' { // printed as one space, and meant to bind
				r = '\u00a0'
			}
			current.WriteRune(r)
		}
		at++
		if r == '\t' {
			at += 7 - (at-1)%8
		}
	}
	flush()
	return trimLeaders(cells)
}

// trimLeaders takes dot leaders ("Total ......") off the ends of cells.
func trimLeaders(cells []*cell) []*cell {
	out := cells[:0]
	for _, c := range cells {
		if trimmed := strings.TrimRight(c.text, "._ "); len(c.text)-len(trimmed) >= 4 {
			c.text = trimmed
			c.to = c.from + utf8.RuneCountInString(trimmed)
		}
		if c.text != "" {
			c.at = len(out)
			out = append(out, c)
		}
	}
	return out
}

// findLabels finds the longest labels in a cell, from left to right. Percentages inside a label do not break it.
func findLabels(c *cell, lex *lexicon) []label {
	kept := make([]word, 0, len(c.words))
	for _, w := range c.words {
		if !isRate(c.text, w) {
			kept = append(kept, w)
		}
	}
	var labels []label
	for i := 0; i < len(kept); {
		e, phrase, n := longestMatch(kept[i:], lex)
		if n == 0 {
			i++
			continue
		}
		labels = append(labels, label{entry: e, cell: c, phrase: phrase, from: kept[i].from, to: kept[i+n-1].to, before: i > 0})
		i += n
	}
	return settle(c, labels)
}

// isRate reports a number that is part of a percentage, like 19 in "inkl. 19 % MwSt" or both of "5.5%".
func isRate(text string, w word) bool {
	if !w.digits || len(w.folded) > 3 {
		return false
	}
	rest := strings.TrimLeft(text[w.to:], " \u00a0")
	if strings.HasPrefix(rest, "%") {
		return true
	}
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		rest = strings.TrimLeft(rest[1:], "0123456789")
		return strings.HasPrefix(strings.TrimLeft(rest, " \u00a0"), "%")
	}
	return false
}

func longestMatch(ws []word, lex *lexicon) (e entry, phrase string, n int) {
	var b strings.Builder
	for i := 0; i < len(ws) && i < lex.longest; i++ {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(ws[i].folded)
		if found, ok := lex.entries[b.String()]; ok {
			e, phrase, n = found, b.String(), i+1
		}
	}
	return e, phrase, n
}

// settle joins labels that follow each other with nothing between ("Total (incl. VAT)", "Invoice no. / Rechnungsnr.")
// and says where the text of each ends.
func settle(c *cell, labels []label) []label {
	var out []label
	for _, l := range labels {
		if len(out) > 0 {
			prev := &out[len(out)-1]
			between := c.text[prev.to:l.from]
			if onlyFiller(between) && adjoin(prev, l) {
				continue
			}
			if strings.TrimSpace(between) == "/" && prev.concept == invoiceDate && l.concept == "delivery_date" { // one day for both
				prev.to = l.to
				continue
			}
		}
		out = append(out, l)
	}
	kept := out[:0]
	for _, l := range out {
		if l.concept == plusTax {
			l.concept = tax
		}
		if l.concept != qualifierGross {
			kept = append(kept, l)
		}
	}
	for i := range kept {
		kept[i].rest = len(c.text)
		if i+1 < len(kept) {
			kept[i].rest = kept[i+1].from
		}
	}
	return kept
}

// adjoin lets prev take up the label after it, if the two say one thing.
func adjoin(prev *label, l label) bool {
	switch {
	case l.concept == prev.concept:
		prev.strength = max(prev.strength, l.strength)
	case prev.concept == total && l.concept == qualifierGross:
		prev.strength = gross
	case prev.concept == total && (l.concept == net || l.concept == plusTax):
		prev.entry = entry{net, min(l.strength, strong)}
	case prev.concept == net && (l.concept == qualifierGross || l.concept == total || l.concept == plusTax):
	case prev.concept == qualifierGross && l.concept == total:
		prev.entry = entry{total, gross}
	case prev.concept == total && l.concept == due, prev.concept == due && l.concept == total:
		prev.strength = strong
	default:
		return false
	}
	prev.to = l.to
	return true
}

// onlyFiller reports text that carries no meaning of its own between a label and its value.
func onlyFiller(text string) bool {
	for _, w := range words(text) {
		if !fillers[w.folded] && !isRate(text, w) {
			return false
		}
	}
	return true
}

var fillers = set("no nr num number n nummer numero # is of the in on le la du de des der die das den am vom van het et and und en " +
	"eur euro euros usd gbp chf inr cad aud rs us dollars at as o your ist est bedraagt beträgt dd nos ref id inr")

func set(list string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		out[fold(w)] = true
	}
	return out
}

// right returns the cells of the row after c.
func (p *page) right(c *cell) []*cell { return p.rows[c.row][c.at+1:] }

// below returns the next cell under c, with at most two empty rows between.
func (p *page) below(c *cell) *cell {
	empty := 0
	for r := c.row + 1; r < len(p.rows) && empty <= 2; r++ {
		if len(p.rows[r]) == 0 {
			empty++
			continue
		}
		if under := p.under(c, p.rows[r]); under != nil {
			return under
		}
		if r > c.row+2+empty {
			return nil
		}
	}
	return nil
}

// under returns the cell of a row that stands under c and under none of c's neighbours more.
func (p *page) under(c *cell, row []*cell) *cell {
	var best *cell
	for _, d := range row {
		if touches(c, d) && (best == nil || distance(c, d) < distance(c, best)) {
			best = d
		}
	}
	if best == nil {
		return nil
	}
	for _, other := range p.rows[c.row] {
		if other != c && distance(other, best) < distance(c, best) {
			return nil
		}
	}
	return best
}

func touches(c, d *cell) bool { return d.from < c.to+2 && c.from < d.to+2 }

// distance is how badly two cells stand in one column: aligned left, right or centred is zero.
func distance(c, d *cell) int {
	return min(abs(c.from-d.from), abs(c.to-d.to), abs(c.from+c.to-d.from-d.to)/2)
}

func abs(n int) int { return max(n, -n) }
