package offline

import (
	"math"
	"slices"
)

// sum is a net amount and the tax on it.
type sum struct {
	net, tax int64
	extra    bool // with shipping, a discount or the like: net is not yet the whole net amount
}

// maxSummands bounds the taxes that are added up in all ways.
const maxSummands = 6

// prove finds the totals that a net amount and taxes add up to, shipping and discounts included.
func (l *ledger) prove() {
	taxes := l.taxes()
	extras := l.extras()
	if len(taxes)+len(extras) > maxSummands {
		extras = nil
		taxes = taxes[:min(len(taxes), maxSummands)]
	}
	parts := append(slices.Clone(taxes), extras...)
	for _, n := range l.distinct(net) {
		for subset := 1; subset < 1<<len(parts); subset++ {
			s := sum{net: n, extra: subset>>len(taxes) != 0}
			whole := n
			for i, part := range parts {
				if subset>>i&1 == 1 {
					whole += part
					if i < len(taxes) {
						s.tax += part
					}
				}
			}
			if known, ok := l.proof[whole]; n != 0 && abs64(whole-n) < abs64(n) && (!ok || known.extra) {
				l.proof[whole] = s
			}
		}
	}
}

// proveByRates finds the total that the rows of a table of taxes add up to, whatever they are called: "19 %  38.65  7.34".
// Each such row proves itself by its rate. Only all of them together prove a total.
func (l *ledger) proveByRates() {
	type pair struct{ net, tax int64 }
	seen := map[pair]bool{}
	var all sum
	for _, row := range l.page.rows {
		if n, t, ok := taxedRow(row); ok && !seen[pair{n, t}] {
			seen[pair{n, t}] = true
			all.net += n
			all.tax += t
		}
	}
	if _, known := l.proof[all.net+all.tax]; len(seen) > 0 && !known {
		l.proof[all.net+all.tax] = all
	}
}

// taxedRow finds in a row two amounts of which the second is a printed percentage of the first.
func taxedRow(row []*cell) (net, tax int64, ok bool) {
	var rates, cents []int64
	for _, c := range row {
		for _, a := range amounts(c.text) {
			switch {
			case a.percent && a.micros > 0:
				rates = append(rates, a.micros)
			case a.decimals == 2 && a.cents > 0:
				cents = append(cents, a.cents)
			}
		}
	}
	if len(rates) != 1 {
		return 0, 0, false
	}
	for i := 1; i < len(cents); i++ {
		if onRate(cents[i-1], cents[i], rates[0]) {
			return cents[i-1], cents[i], true
		}
	}
	return 0, 0, false
}

// proveByTax finds totals that are the sum of all taxes and of an amount above them without a label of its own, as on a
// receipt: the article, the tax, the total.
func (l *ledger) proveByTax() {
	taxed := int64(0)
	for _, t := range l.taxes() {
		taxed += t
	}
	if taxed < leastTax {
		return
	}
	for _, p := range l.by[total] {
		n := p.cents - taxed
		if _, known := l.proof[p.cents]; known || p.score < clearLabel || n <= taxed {
			continue
		}
		if slices.ContainsFunc(l.printed, func(a printedAmount) bool { return a.cents == n && a.row < p.row }) {
			l.proof[p.cents] = sum{net: n, tax: taxed}
		}
	}
}

// leastTax is the tax, in cents, from which a rate says something: a cent is a percentage of many things.
const leastTax = 20

// onRate reports that tax is rate millionths of a percent of net, to the cent.
func onRate(net, tax, rate int64) bool {
	const whole = 100_000_000
	if tax < leastTax || rate >= whole || net > math.MaxInt64/whole/2 {
		return false
	}
	return abs64((net*rate+whole/2)/whole-tax) <= 1
}

// taxes are the amounts of tax. Two taxes of the same amount, like CGST and SGST, are two.
func (l *ledger) taxes() []int64 {
	type key struct {
		cents  int64
		phrase string
	}
	seen := map[key]bool{}
	var out []int64
	for _, p := range l.by[tax] {
		if k := (key{p.cents, p.label.phrase}); p.cents != 0 && p.score >= 0.3 && !seen[k] {
			seen[k] = true
			out = append(out, p.cents)
		}
	}
	return out
}

// extraWords are in the labels of what comes between the lines and the total.
var (
	addedWords   = set("shipping delivery freight postage handling versand versandkosten lieferkosten porto verpackung livraison port verzendkosten bezorgkosten portokosten vervoerkosten rounding rounded afronding rundung round")
	reducedWords = set("discount discounts rabatt nachlass remise korting rebate")
)

// extras are shipping, discounts and the like, with the sign with which they count.
func (l *ledger) extras() []int64 {
	var out []int64
	for _, p := range l.by[otherAmount] {
		if p.cents == 0 || p.score < 0.5 {
			continue
		}
		for _, w := range foldedWords(p.label.phrase) {
			if addedWords[w] {
				out = append(out, p.cents)
				break
			}
			if reducedWords[w] {
				out = append(out, -abs64(p.cents))
				break
			}
		}
	}
	return out
}

// untaxed reports that a net amount of this size and a tax of zero are printed.
func (l *ledger) untaxed(cents int64) bool {
	return slices.Contains(l.distinct(net), cents) && slices.Equal(l.distinct(tax), []int64{0})
}
