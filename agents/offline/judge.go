package offline

import (
	"fmt"
	"slices"
	"strings"
)

// answer is what was found for a field.
type answer struct {
	value any // nil: nothing
	score float64
	note  string // for people: why this value, why not surer
}

// candidate is one reading of a field's value.
type candidate struct {
	key      string // equal for values that are the same
	value    any
	score    float64
	strength strength
	row      int
	phrase   string
	note     string
}

// decide takes the clearest candidate. What others say raises or lowers its score.
func decide(list []candidate) answer {
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.score <= 0 })
	if len(list) == 0 {
		return answer{}
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return a.row - b.row
	})
	best := list[0]
	out := answer{value: best.value, score: best.score, note: best.note}
	agreeing := 0
	rival := candidate{}
	for _, c := range list[1:] {
		switch {
		case c.key == best.key:
			if c.row != best.row {
				agreeing++
			}
		case c.against(best) > rival.against(best):
			rival = c
		}
	}
	if agreeing > 0 {
		out.score = min(out.score+0.02, 0.99)
		out.note += fmt.Sprintf(", and so %s", timesMore(agreeing))
	}
	if gap := out.score - rival.against(best); rival.key != "" && gap < 0.3 {
		out.note += fmt.Sprintf("; but %s: %s", rival.note, rival.key)
		if gap < 0.15 {
			out.score = min(out.score, 0.6)
		} else {
			out.score = min(out.score, 0.85)
		}
	}
	return out
}

// against is the weight of a rival: a weaker kind of label counts less.
func (c candidate) against(best candidate) float64 {
	return c.score - 0.2*float64(max(int(min(best.strength, strong))-int(min(c.strength, strong)), 0))
}

func timesMore(n int) string {
	if n == 1 {
		return "once more"
	}
	return fmt.Sprintf("%d times more", n)
}

// note says in a few words where a finding comes from.
func (f finding) note() string {
	where := map[placement]string{inline: "after", beside: "right of", under: "below", listed: "in a column below"}[f.place]
	return fmt.Sprintf("%s %q in line %d", where, f.label.cell.text[f.label.from:f.label.to], f.label.cell.row+1)
}

// findings lists what all labels of a concept point at. A value that another concept's label points at as clearly is
// not this one's alone.
func (p *page) findings(c concept, read reader) []finding {
	var out []finding
	for _, row := range p.rows {
		for _, cell := range row {
			for _, l := range cell.labels {
				if l.concept == c {
					out = append(out, p.point(l, read)...)
				}
			}
		}
	}
	for i := range out {
		if p.contested(out[i], read) {
			out[i].score *= 0.7
		}
	}
	return out
}

// contested reports a value below its label that stands beside a label of its own, or the other way round.
func (p *page) contested(f finding, read reader) bool {
	if f.place == inline {
		return false
	}
	for _, other := range p.near(f) {
		if other.concept == f.label.concept {
			continue
		}
		for _, g := range p.point(other, read) {
			if g.cell == f.cell && g.score > f.score-0.1 {
				return true
			}
		}
	}
	return false
}

// near lists the labels left of a value on its row and above it.
func (p *page) near(f finding) []label {
	var out []label
	for _, c := range p.rows[f.cell.row][:f.cell.at] {
		out = append(out, c.labels...)
	}
	for r := f.cell.row - 1; r >= max(f.cell.row-3, 0); r-- {
		for _, c := range p.rows[r] {
			if touches(c, f.cell) {
				out = append(out, c.labels...)
			}
		}
	}
	return out
}

// codes are the candidates of a number-like field: invoice, order, customer number.
func (p *page) codes(c concept) []candidate {
	var out []candidate
	for _, f := range p.findings(c, readCode) {
		_, to, _ := readCode(f.text)
		from := skipLabelMarks(f.text)
		text := f.text[from:to]
		score := f.score * codeFactor(text)
		trailing := !onlyFiller(f.text[to:])
		switch {
		case f.place != inline && trailing, cutOff(f.text[to:]):
			score *= 0.7
		case trailing && f.label.strength > weak && goesOn(f.text[to:]):
			score *= 0.9
		case f.label.strength == weak && trailing:
			score *= 0.8
		case f.label.strength == weak && f.place == inline && f.label.from == 0 && telling(text):
			score = min(score/0.8*0.92, 0.92) // "Invoice INV/2024/0815" as a title
		case f.label.strength == weak && f.place == under && p.headOfLabels(f.label):
			score = min(score/0.8*0.96, 0.94) // a heading among headings says what its column holds
		}
		out = append(out, candidate{key: strings.ToUpper(strings.Join(strings.Fields(text), "")), value: strings.Join(strings.Fields(text), " "),
			score: score, strength: f.label.strength, row: f.label.cell.row, phrase: f.label.phrase, note: f.note()})
	}
	return withoutSecondNames(out)
}

// withoutSecondNames drops numbers with a plain label ("Receipt number") where another says exactly what is looked for.
func withoutSecondNames(list []candidate) []candidate {
	if !slices.ContainsFunc(list, func(c candidate) bool { return c.strength >= strong && c.score >= 0.95 }) {
		return list
	}
	return slices.DeleteFunc(list, func(c candidate) bool { return c.strength == plain })
}

// telling reports a code that can hardly be anything else: letters, and at least four digits.
func telling(code string) bool {
	digits, letters := 0, 0
	for _, r := range code {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'A' && r <= 'Z':
			letters++
		}
	}
	return digits >= 4 && letters > 0 && !strings.Contains(code, " ")
}

// headOfLabels reports a label alone in its cell, in a row with at least two others like it.
func (p *page) headOfLabels(l label) bool {
	if l.before || !onlyFiller(l.cell.text[l.to:]) {
		return false
	}
	others := 0
	for _, c := range p.rows[l.cell.row] {
		if c != l.cell && len(c.labels) > 0 {
			others++
		}
	}
	return others >= 2
}

// codeFactor is how much a text looks like a code.
func codeFactor(text string) float64 {
	length := 0
	digits := 0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits++
			length++
		case r != ' ' && r != '-' && r != '/' && r != '.':
			length++
		}
	}
	if _, isIBAN := ibanAt(text, 0); isIBAN {
		return 0
	}
	switch all := dates(text); {
	case len(all) == 1 && all[0].to-all[0].from == len(text):
		return 0
	case len(all) > 0:
		return 0.7
	}
	factor := 1.0
	if vatPatterns.MatchString(compact(text)) && telling(text) {
		factor = 0.6
	}
	if a := amounts(text); len(a) == 1 && a[0].from == 0 && a[0].to == len(text) && a[0].decimals == 2 {
		factor = 0.5
	}
	switch {
	case length < 3:
		factor *= 0.85
	case length == 4 && digits == 4 && (strings.HasPrefix(text, "19") || strings.HasPrefix(text, "20")):
		factor *= 0.7 // a year
	}
	if first, _, spaced := strings.Cut(text, " "); spaced {
		factor *= 0.85
		if strings.ContainsAny(first, "0123456789") {
			factor *= 0.9
		}
	}
	return factor
}

// days are the candidates of a date field.
func (p *page) days(c concept) []candidate {
	var out []candidate
	for _, f := range p.findings(c, readDate) {
		all := dates(f.text)
		if len(all) == 0 {
			continue
		}
		d, sure := p.facts.read(all[0])
		score := f.score * sure
		if len(all) > 1 && onlyRange(f.text[all[0].to:all[1].from]) || openRange.MatchString(f.cell.text[:f.at]) {
			score *= 0.5
		}
		if p.tableHead(f.label.cell.row) && f.place >= under {
			score *= 0.5
		}
		if f.cell.row < p.facts.mailHead {
			score *= 0.7 // when it was sent is not when the document was issued
		}
		note := f.note()
		if f.label.strength == plain {
			if why := p.doubtfulDay(f, d); why != "" {
				score, note = score*0.85, note+"; "+why
			}
		}
		if sure < 0.9 {
			note += "; day and month could be exchanged"
		}
		out = append(out, candidate{key: d.iso(), value: d.iso(), score: score, strength: f.label.strength,
			row: f.label.cell.row, phrase: f.label.phrase, note: note})
	}
	return out
}

// daysBehindCodes are dates that follow a number: "Facture n° 123 du 01/02/2024".
func (p *page) daysBehindCodes(c concept) []candidate {
	var out []candidate
	for _, f := range p.findings(c, readCode) {
		_, to, _ := readCode(f.text)
		rest := f.text[to:]
		ws := words(rest)
		if f.place > beside || len(ws) == 0 || !datedWords[ws[0].folded] {
			continue
		}
		all := dates(rest)
		if len(all) == 0 || !onlyFiller(rest[ws[0].to:all[0].from]) {
			continue
		}
		d, sure := p.facts.read(all[0])
		out = append(out, candidate{key: d.iso(), value: d.iso(), score: f.score * sure * 0.98, strength: min(f.label.strength, strong),
			row: f.cell.row, note: "behind the number, " + f.note()})
	}
	return out
}

var datedWords = set("du vom dated of from van dd le date datum on")

func onlyRange(between string) bool {
	switch strings.TrimSpace(fold(between)) {
	case "-", "–", "to", "bis", "au", "t/m", "tot", "until", "through":
		return true
	}
	return false
}

// anyDay is a proposal where no label tells: the only day of the document, or else the first.
func (p *page) anyDay() answer {
	var first *date
	distinct := map[string]bool{}
	line := 0
	for r, row := range p.rows {
		for _, c := range row {
			for _, d := range dates(c.text) {
				d, _ = p.facts.read(d)
				if first == nil {
					first, line = &d, r+1
				}
				distinct[d.iso()] = true
			}
		}
	}
	switch {
	case first == nil:
		return answer{}
	case len(distinct) == 1:
		return answer{first.iso(), 0.6, fmt.Sprintf("the only date, in line %d", line)}
	}
	return answer{first.iso(), 0.3, fmt.Sprintf("the first of %d dates, in line %d", len(distinct), line)}
}

// matches are the candidates of a field whose form says what it is (IBAN, e-mail): labelled or not.
func (p *page) matches(c concept, read reader, key func(string) string) []candidate {
	var out []candidate
	labelled := map[string]bool{}
	for _, f := range p.findings(c, read) {
		from, to, _ := read(f.text)
		k := key(f.text[from:to])
		labelled[k] = true
		out = append(out, candidate{key: k, value: k, score: max(f.score, formScore(c)), strength: strong, row: f.cell.row, note: f.note()})
	}
	if c == vatID {
		return out // by its form alone it could be anyone's
	}
	for r, row := range p.rows {
		for _, cell := range row {
			if from, to, _ := read(cell.text); to > from {
				if k := key(cell.text[from:to]); !labelled[k] {
					out = append(out, candidate{key: k, value: k, score: formScore(c), strength: strong, row: r, note: fmt.Sprintf("by its form, in line %d", r+1)})
				}
			}
		}
	}
	return out
}

// formScore is how sure a value is by its form alone.
func formScore(c concept) float64 {
	if c == vatID {
		return 0
	}
	return 0.92
}

func compact(s string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "", "\u00a0", "").Replace(s))
}
