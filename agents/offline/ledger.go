package offline

import (
	"fmt"
	"slices"
)

// posting is a labelled amount of a document.
type posting struct {
	label  label
	cents  int64
	amount amount
	place  placement
	score  float64
	row    int
	note   string
}

// ledger is what a document says about money, by concept.
type ledger struct {
	by      map[concept][]posting
	page    *page
	printed []printedAmount
	proof   map[int64]sum // totals that net and tax add up to
}

const otherAmount concept = "other_amount"

var moneyConcepts = []concept{total, due, net, tax, paid, carried, otherAmount}

func (p *page) ledger() *ledger {
	l := &ledger{by: map[concept][]posting{}, page: p, printed: p.printed(), proof: map[int64]sum{}}
	for _, c := range moneyConcepts {
		byLabel := map[label][]finding{}
		var order []label
		for _, f := range p.findings(c, readMoney) {
			if byLabel[f.label] == nil {
				order = append(order, f.label)
			}
			byLabel[f.label] = append(byLabel[f.label], f)
		}
		for _, label := range order {
			l.post(label, byLabel[label])
		}
	}
	l.prove()
	l.proveByRates()
	l.proveByTax()
	return l
}

// maxPostings of one concept are compared with each other; a document with more has no one total anyway.
const maxPostings = 300

// post enters what a label points at. Of several amounts on a row none is clear, unless they add up.
func (l *ledger) post(of label, found []finding) {
	var list []posting
	for _, f := range found {
		several := of.concept != tax && numbers(f.text) > 1
		for i, a := range amounts(f.text) {
			if a.percent || !a.money() && a.decimals != 0 || i > 0 && (f.place != inline || of.concept != tax) {
				continue
			}
			a, sure := l.page.facts.readAmount(a)
			score := f.score * sure
			if i > 0 || several || a.decimals == 0 && a.currency == "" {
				score *= 0.85
			}
			list = append(list, posting{label: of, cents: a.cents, amount: a, place: f.place, score: score * l.tableFactor(f), row: f.cell.row, note: f.note()})
		}
	}
	if n := len(list); n > 1 {
		rest := int64(0)
		for _, p := range list[:n-1] {
			rest += p.cents
		}
		switch {
		case n == 3 && of.concept == total && rest == list[2].cents && list[1].cents != 0:
			l.proof[rest] = sum{net: list[0].cents, tax: list[1].cents}
			list = list[2:]
		default:
			for i := range list {
				list[i].score *= 0.6
			}
		}
	}
	if len(l.by[of.concept]) < maxPostings {
		l.by[of.concept] = append(l.by[of.concept], list...)
	}
}

// tableFactor is for amounts below the head of a table of lines: they are lines, not sums.
func (l *ledger) tableFactor(f finding) float64 {
	if f.place < under {
		return 1
	}
	if l.page.tableHead(f.label.cell.row) {
		return 0.45
	}
	return 1
}

// numbers counts those of a text that are neither percentages nor days.
func numbers(text string) int {
	n := 0
	days := dates(text)
	for _, a := range amounts(text) {
		if !a.percent && !overlaps(days, a.span) {
			n++
		}
	}
	return n
}

func (l *ledger) distinct(c concept) []int64 {
	var out []int64
	for _, p := range l.by[c] {
		if p.score >= 0.3 && !slices.Contains(out, p.cents) {
			out = append(out, p.cents)
		}
	}
	return out
}

func abs64(n int64) int64 { return max(n, -n) }

// evidence is all that speaks for one amount as the total.
type evidence struct {
	cents   int64
	best    posting
	score   float64
	phrases map[string]bool
	rows    map[int]bool
	proven  bool
	dueOnly bool
}

// total judges which amount the document asks for, tax included.
func (l *ledger) total() answer {
	list := l.evidence()
	if len(list) == 0 {
		return answer{}
	}
	best := list[0]
	out := answer{value: best.best.amount, score: best.score, note: best.best.note}
	switch {
	case best.proven:
		s := l.proof[best.cents]
		out.score = max(out.score, min(best.best.score, 0.97))
		out.note += fmt.Sprintf(", and net %s and tax %s add up to it", money(s.net), money(s.tax))
		if s.extra {
			out.note += ", with shipping or a discount"
		}
	case l.untaxed(best.cents):
		out.score = max(out.score, min(best.best.score, 0.95))
		out.note += ", and net is the same and tax is zero"
	case len(best.phrases) > 1:
		out.score = max(out.score, 0.95)
		out.note += ", and other labels agree"
	case len(best.rows) > 1:
		out.score += 0.01
	}
	limit := func(to float64, why string) {
		if out.score > to {
			out.score = to
			out.note += "; " + why
		}
	}
	if !best.proven && !l.untaxed(best.cents) {
		l.unproven(best, limit)
	}
	l.doubts(best, limit)
	for _, other := range list[1:] {
		l.rivalry(best, other, limit)
	}
	if best.cents <= 0 {
		limit(0.6, "it is not above zero")
	}
	if best.dueOnly && l.page.facts.carried {
		limit(0.5, "it may hold an earlier balance")
	}
	if best.dueOnly && !best.proven && slices.ContainsFunc(l.by[paid], func(p posting) bool { return p.cents != 0 }) {
		limit(0.6, "it may be what is left after a payment")
	}
	return out
}

// evidence gathers the amounts that could be the total, the likeliest first.
func (l *ledger) evidence() []evidence {
	byCents := map[int64]*evidence{}
	var order []int64
	for _, c := range []concept{total, due} {
		for _, p := range l.by[c] {
			if p.score < 0.3 {
				continue
			}
			e := byCents[p.cents]
			if e == nil {
				e = &evidence{cents: p.cents, phrases: map[string]bool{}, rows: map[int]bool{}, dueOnly: true}
				byCents[p.cents] = e
				order = append(order, p.cents)
			}
			e.add(p)
		}
	}
	list := make([]evidence, 0, len(order))
	for _, cents := range order {
		e := byCents[cents]
		_, e.proven = l.proof[cents]
		list = append(list, *e)
	}
	slices.SortStableFunc(list, func(a, b evidence) int {
		switch x, y := a.weight(), b.weight(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return list
}

func (e *evidence) add(p posting) {
	score := min(p.score, 0.93)
	switch {
	case p.label.concept == due && p.label.strength == plain:
		score = min(p.score, 0.85)
	case p.label.concept == due:
		score = min(p.score, 0.9)
	case p.label.strength == plain:
		score = min(p.score, 0.88)
	}
	if score > e.score {
		e.score, e.best = score, p
	}
	if p.score >= 0.5 {
		e.phrases[p.label.phrase] = true
		e.rows[p.label.cell.row] = true
	}
	e.dueOnly = e.dueOnly && p.label.concept == due
}

func (e evidence) weight() float64 {
	w := e.score
	if e.proven {
		w += 0.3
	}
	if e.dueOnly {
		w -= 0.05
	}
	if e.best.label.strength == gross {
		w += 0.05
	}
	if e.cents <= 0 {
		w -= 0.5
	}
	return w + 0.02*float64(min(len(e.phrases), 3))
}

// unproven lowers a total that nothing adds up to although it should.
func (l *ledger) unproven(best evidence, limit func(float64, string)) {
	taxed := false
	for _, p := range l.by[tax] {
		taxed = taxed || p.cents != 0 && p.score >= 0.5
	}
	explicit := best.best.label.strength == gross
	switch {
	case taxed && explicit:
		limit(0.85, "net and tax do not add up to it")
	case taxed:
		limit(0.8, "net and tax do not add up to it: it may be without tax")
	case l.page.facts.excludesTax && !explicit:
		limit(0.85, "tax is said to come on top")
	case l.page.facts.mentionsTax && !explicit && best.best.label.strength == plain && len(best.phrases) < 2:
		limit(0.85, "it may be without tax")
	}
}

// clearLabel is the score from which a label has no unknown words around it.
const clearLabel = 0.85

// rivalry lowers a total for another amount that claims to be it and is not explained.
func (l *ledger) rivalry(best, other evidence, limit func(float64, string)) {
	if other.score < 0.4 || l.explained(best, other) {
		return
	}
	why := fmt.Sprintf("but %s: %s", other.best.note, money(other.cents))
	switch {
	case best.proven && other.cents < best.cents && other.best.place == listed: // the first line of a table
	case other.proven || other.best.label.strength >= strong && !other.dueOnly:
		limit(0.5, why)
	case best.proven && other.cents < best.cents && other.score < clearLabel: // "Total calls" of a telephone bill
	case best.proven && other.cents < best.cents && !other.dueOnly:
		limit(0.85, why)
	default:
		limit(0.6, why)
	}
}

// explained reports an amount called total or due that is known to be something else.
func (l *ledger) explained(best, other evidence) bool {
	proof := l.proof[best.cents]
	if best.proven && (other.cents == proof.net || other.cents == proof.tax) {
		return true
	}
	if other.cents == 0 && (other.dueOnly || best.proven) { // all is paid
		return true
	}
	for _, p := range l.by[paid] {
		if other.dueOnly && other.cents == best.cents-abs64(p.cents) {
			return true
		}
	}
	for _, p := range l.by[carried] {
		if other.dueOnly && best.proven && other.cents == best.cents+p.cents {
			return true
		}
	}
	return false
}

// part judges the net amount or the tax: sure where both add up to the total.
func (l *ledger) part(c concept) answer {
	grand := l.total()
	if a, ok := grand.value.(amount); ok && grand.score >= 0.9 {
		s, proven := l.proof[a.cents]
		if l.untaxed(a.cents) {
			s, proven = sum{net: a.cents}, true
		}
		value := s.tax
		if c == net {
			value = s.net
		}
		if proven && !(s.extra && c == net) {
			return answer{cents(value, a), grand.score, fmt.Sprintf("net %s and tax %s add up to the total", money(s.net), money(s.tax))}
		}
	}
	var list []candidate
	for _, p := range l.by[c] {
		list = append(list, candidate{key: money(p.cents), value: p.amount, score: min(p.score, 0.88), strength: p.label.strength, row: p.label.cell.row, note: p.note})
	}
	return decide(list)
}

// simple judges an amount that stands by itself.
func (l *ledger) simple(c concept) answer {
	var list []candidate
	for _, p := range l.by[c] {
		list = append(list, candidate{key: money(p.cents), value: p.amount, score: min(p.score, 0.93), strength: p.label.strength, row: p.label.cell.row, note: p.note})
	}
	return decide(list)
}

func cents(value int64, like amount) amount {
	return amount{cents: value, micros: value * 10000, decimals: 2, currency: like.currency, symbol: like.symbol}
}

func money(c int64) string {
	minus := ""
	if c < 0 {
		minus = "-"
	}
	return fmt.Sprintf("%s%d.%02d", minus, abs64(c)/100, abs64(c)%100)
}
