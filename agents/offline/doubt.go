package offline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What the rest of a document says against a value that its label makes look sure.

// printedAmount is an amount of money anywhere on the page, labelled or not.
type printedAmount struct {
	cents    int64
	row      int
	labelled bool // its row has a label
	given    bool // its row says what was paid
}

// printed lists the amounts with cents, in order.
func (p *page) printed() []printedAmount {
	var out []printedAmount
	for r, row := range p.rows {
		at := printedAmount{row: r}
		for _, c := range row {
			for _, l := range c.labels {
				at.labelled = true
				at.given = at.given || l.concept == paid
			}
		}
		for _, c := range row {
			days := dates(c.text)
			for _, a := range amounts(c.text) {
				if a.decimals == 2 && !a.percent && !overlaps(days, a.span) {
					at.cents = a.cents
					out = append(out, at)
				}
			}
		}
	}
	return out
}

// nearTotal is how many rows below a total still belong to it.
const nearTotal = 12

// doubts lowers a total where amounts that no label explains could be the one to pay.
func (l *ledger) doubts(best evidence, limit func(float64, string)) {
	printed := l.printed
	proven := best.proven || l.untaxed(best.cents)
	for _, a := range printed {
		below := a.row > best.best.row
		unexplained := !proven && (below || !lowered(a.cents, best.cents, printed)) || below && !a.labelled
		if a.cents > best.cents && !a.given && unexplained {
			limit(0.85, fmt.Sprintf("but line %d has a larger amount: %s", a.row+1, money(a.cents)))
			break
		}
	}
	if rest, ok := reduced(best, printed); ok {
		limit(0.6, fmt.Sprintf("but line %d says what is left of it: %s", rest.row+1, money(rest.cents)))
	}
	same := 0
	for _, a := range printed {
		if a.cents == best.cents {
			same++
		}
	}
	if !proven && same < 2 && strings.Contains(best.best.amount.digits, " ") {
		limit(0.85, "its first digits could be a quantity")
	}
}

// lowered reports that the difference between a larger amount and the total is printed, as a discount is.
func lowered(from, to int64, printed []printedAmount) bool {
	return slices.ContainsFunc(printed, func(a printedAmount) bool { return abs64(a.cents) == from-to })
}

// reduced finds, below a total, an amount that something printed as negative leaves of it.
func reduced(best evidence, printed []printedAmount) (printedAmount, bool) {
	var below []printedAmount
	for _, a := range printed {
		if a.row > best.best.row && a.row <= best.best.row+nearTotal {
			below = append(below, a)
		}
	}
	for i, minus := range below {
		if minus.cents >= 0 {
			continue
		}
		for _, rest := range below[i+1:] {
			if rest.cents != 0 && !rest.labelled && rest.cents == best.cents+minus.cents {
				return rest, true
			}
		}
	}
	return printedAmount{}, false
}

// continues matches behind a code what says that the code goes on: a separator left open, or one with more digits.
var continues = regexp.MustCompile(`^[-/–—\\+*]|^\s*[-/–—\\+*:]\s*\d`)

// cutOff reports a code of which there is more, on the next line or behind a separator: "114 / 2019".
func cutOff(behind string) bool {
	at := continues.FindStringIndex(behind)
	if at == nil {
		return false
	}
	digits := at[1] - 1
	return !slices.ContainsFunc(dates(behind), func(d date) bool { return d.from == digits })
}

// openRange matches the first day of a range that ends in a date: "1 - 31 March 2021".
var openRange = regexp.MustCompile(`(?i)\b\d{1,2}(?:st|nd|rd|th|er|\.)?\s*(?:-|–|—|to|bis|au|tot|t/m)\s*$`)

// goesOn reports words behind a code that could belong to it ("4471 rev b"): neither in brackets nor about its date.
func goesOn(behind string) bool {
	ws := words(behind)
	if len(ws) == 0 || datedWords[ws[0].folded] || strings.TrimSpace(behind[:ws[0].from]) != "" {
		return false
	}
	return len(dates(behind)) == 0
}

// doubtfulDay says why a plain "Date" may not be that of the invoice; "" if nothing speaks against it.
func (p *page) doubtfulDay(f finding, d date) string {
	if r, ok := p.lastTotal(); ok && f.label.cell.row > r {
		return "it stands below the total"
	}
	if p.inOtherBlock(f.label) {
		return "it belongs to another paper: an order, a delivery"
	}
	if other, ok := p.bareDayAbove(f.cell.row, d); ok {
		return "a date without a label stands above it: " + other.iso()
	}
	return ""
}

// lastTotal is the last row with a clear label of a total.
func (p *page) lastTotal() (row int, ok bool) {
	for r, cells := range p.rows {
		for _, c := range cells {
			for _, l := range c.labels {
				if (l.concept == total || l.concept == due) && l.strength >= strong {
					row, ok = r, true
				}
			}
		}
	}
	return row, ok
}

// otherPapers are words in the labels of numbers whose date is not that of the invoice.
var otherPapers = []string{"delivery", "shipment", "lieferschein", "livraison", "pakbon", "quot", "angebot", "devis", "offerte", "contra", "vertrag"}

// inOtherBlock reports a label that follows that of another paper or its number, on a row without the invoice's.
func (p *page) inOtherBlock(of label) bool {
	var last label
	for _, c := range p.rows[of.cell.row] {
		for _, l := range c.labels {
			switch {
			case l.concept == invoiceNumber:
				return false
			case c == of.cell && l.to <= of.from && onlyFiller(c.text[l.to:of.from]): // "Last invoice date"
				return true
			case c.at < of.cell.at || c == of.cell && l.to <= of.from:
				last = l
			}
		}
	}
	return last.concept == "order_number" || last.concept == "other_number" &&
		slices.ContainsFunc(otherPapers, func(word string) bool { return strings.Contains(last.phrase, word) })
}

var dateConcepts = []concept{invoiceDate, dueDate, "delivery_date", "order_date", "other_date"}

// bareDayAbove finds another day above a row, outside a mail's head, that no label points at and that is no range.
func (p *page) bareDayAbove(row int, than date) (date, bool) {
	labelled := map[*cell]bool{}
	for _, c := range dateConcepts {
		for _, f := range p.findings(c, readDate) {
			labelled[f.cell] = true
		}
	}
	for r := p.facts.mailHead; r < row; r++ {
		for _, c := range p.rows[r] {
			days := dates(c.text)
			if len(days) != 1 || labelled[c] {
				continue
			}
			if d, _ := p.facts.read(days[0]); d.iso() != than.iso() {
				return d, true
			}
		}
	}
	return date{}, false
}
