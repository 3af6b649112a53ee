package offline

import "strings"

// placement is where a value stands to its label.
type placement int

const (
	inline placement = iota // in the same cell
	beside                  // to the right on the same row
	under                   // in the row below
	listed                  // first of several below: a column of a table
)

// finding is a value that a label points at.
type finding struct {
	label label
	place placement
	text  string // the cell or the rest of a cell that holds the value
	cell  *cell
	at    int     // where in cell.text the text begins
	score float64 // how clearly the label points at it
}

// reader finds the first value in a text; ok also demands that it is the first thing in it, whole that it is the only one.
// It is one per kind of value.
type reader func(text string) (from, to int, ok bool)

// point follows a label to the values of one kind that it can mean. What lies next to it comes first; only when there
// is nothing does the row below count.
func (p *page) point(l label, read reader) []finding {
	base := labelScore(l)
	if base == 0 {
		return nil
	}
	rest := l.cell.text[l.to:l.rest]
	if from, to, ok := read(rest); ok {
		gap := gapFactor(rest[:from])
		if isSentence(rest[:from], rest[to:]) {
			gap = min(gap, 0.85)
		}
		return []finding{{label: l, place: inline, text: rest[from:], cell: l.cell, at: l.to + from, score: base * gap}}
	}
	if l.rest < len(l.cell.text) { // another label follows in the cell: what comes then is its own
		return nil
	}
	base *= gapFactor(rest)
	if found := p.pointRight(l, read, base); len(found) > 0 {
		return found
	}
	return p.pointDown(l, read, base)
}

func (p *page) pointRight(l label, read reader, base float64) []finding {
	var found []finding
	for _, c := range p.right(l.cell) {
		if len(c.labels) > 0 {
			break
		}
		from, to, ok := read(c.text)
		if !ok || !onlyFiller(c.text[:from]) || (len(found) > 0 && !onlyFiller(c.text[to:])) {
			if onlyFiller(c.text) || isPercent(c.text) {
				continue
			}
			break
		}
		found = append(found, finding{label: l, place: beside, text: c.text[from:], cell: c, at: from, score: base * 0.99})
	}
	return found
}

func (p *page) pointDown(l label, read reader, base float64) []finding {
	c := p.below(l.cell)
	if c == nil || len(c.labels) > 0 || l.before {
		return nil
	}
	from, to, ok := read(c.text)
	if !ok || !onlyFiller(c.text[:from]) || !onlyFiller(c.text[to:]) {
		return nil
	}
	f := finding{label: l, place: under, text: c.text[from:], cell: c, at: from, score: base * 0.97}
	if next := p.below(c); next != nil {
		if from, to, ok := read(next.text); ok && onlyFiller(next.text[:from]) && onlyFiller(next.text[to:]) {
			f.place, f.score = listed, base*0.5
		}
	}
	return []finding{f}
}

// labelScore is how clear a label is before one looks at what it points at.
func labelScore(l label) float64 {
	score := map[strength]float64{weak: 0.8, plain: 0.94, strong: 0.98, gross: 0.98}[l.strength]
	if l.before && !onlyFiller(leadingText(l)) {
		score *= 0.6 // inside a sentence, or a longer label that we do not know
	}
	return score
}

// leadingText is what stands in the cell between the label before and this one. Behind a value a new label may start.
func leadingText(l label) string {
	start := 0
	for _, other := range l.cell.labels {
		if other.to <= l.from {
			start = other.to
		}
	}
	text := l.cell.text[start:l.from]
	if start > 0 {
		for _, w := range words(text) {
			if w.digits {
				return "" // the label before has had its value
			}
		}
	}
	return text
}

// isSentence reports a value in the middle of a text: no mark between label and value, and the text goes on.
func isSentence(between, after string) bool {
	return !strings.ContainsAny(between, ":=#°º|") && unknownWords(after) >= 3
}

// gapFactor lowers the score for words between a label and its value that say who knows what.
func gapFactor(text string) float64 {
	open := strings.IndexByte(text, '(')
	if end := strings.IndexByte(text, ')'); open >= 0 && end > open {
		text = text[:open] + text[end+1:]
	}
	switch unknownWords(text) {
	case 0:
		return 1
	case 1:
		return 0.85
	}
	return 0.6
}

// unknownWords counts the words that are neither filler nor part of a number or a date.
func unknownWords(text string) int {
	n := 0
	for _, w := range words(text) {
		if !fillers[w.folded] && !w.digits && months[w.folded] == 0 {
			n++
		}
	}
	return n
}

func isPercent(text string) bool {
	all := amounts(text)
	return len(all) == 1 && all[0].percent && all[0].from == 0
}

// tableHead reports a row that names the columns of a table of lines.
func (p *page) tableHead(row int) bool {
	heads := 0
	for _, c := range p.rows[row] {
		for _, l := range c.labels {
			if l.concept == column {
				heads++
			}
		}
	}
	return heads >= 2 || heads == 1 && len(p.rows[row]) >= 4
}
