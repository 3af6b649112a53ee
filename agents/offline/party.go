package offline

import (
	"fmt"
	"regexp"
	"strings"
)

// company matches a name that ends in a legal form.
var company = regexp.MustCompile(`(?:[\pL\d&.'’-]+ ){0,5}[\pL\d&.'’-]+,? (?:GmbH & Co\. KG|GmbH|AG|KG|UG|OHG|e\.K\.|SE|Ltd|Limited|Inc|LLC|Corp|PLC|plc|B\.V|BV|N\.V|NV|VOF|` +
	`S\.A\.R\.L|SARL|SAS|S\.A\.S|S\.A|SA|EURL|SRL|SPRL|S\.r\.l|Pvt\.? Ltd|Private Limited)(?:$|\.|[\s,;·|<–-])`)

// registered are words of the lines in which a company says who it is: registers, tax numbers, accounts.
var registered = set("registered registration registergericht amtsgericht handelsregister hrb hra kvk rcs rsc siret siren capital uid " +
	"geschaftsfuhrer vorstand ustid iban")

// firm is a company named in the document, and what speaks for it as the seller.
type firm struct {
	name     string
	line     int // first one, from 1
	rows     map[int]bool
	labelled bool // by a label like "seller" or "from", or the sender of the mail
	legal    bool // in a line about registers, tax numbers or accounts, or above one
	customer bool
	online   bool // its name is in an address of the document
}

// party is who sells or buys.
func (d *document) party(c concept) answer {
	labelled := d.page.lines(c)
	if c == buyer {
		return decide(labelled)
	}
	firms := d.page.firms()
	others, customers := 0, 0
	for _, f := range firms {
		if f.customer {
			customers++
		} else {
			others++
		}
	}
	for _, l := range labelled {
		name, _, _ := strings.Cut(l.value.(string), " <")
		d.page.mark(firms, name, func(f *firm) { f.labelled = true })
	}
	hosts := d.page.hosts()
	var list []candidate
	for i, f := range firms {
		f.online = len(words(f.name)) > 0 && namedIn(hosts, foldedWords(f.name)[0])
		score, note := f.score(i == 0, others == 1 && customers > 0)
		list = append(list, candidate{key: fold(f.name), value: f.name, score: score, strength: strong, row: f.line - 1, note: note})
	}
	if len(firms) == 0 {
		for _, l := range labelled {
			name, _, _ := strings.Cut(l.value.(string), " <")
			l.value, l.key, l.score = strings.TrimSpace(name), fold(name), min(l.score, 0.75)
			list = append(list, l)
		}
	}
	return decide(list)
}

var hostPattern = regexp.MustCompile(`(?:@|www\.|https?://)([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5})`)

// hosts are the addresses of the document: of mail and of pages.
func (p *page) hosts() []string {
	var out []string
	for _, row := range p.rows {
		for _, c := range row {
			for _, m := range hostPattern.FindAllStringSubmatch(c.text, 4) {
				out = append(out, fold(m[1]))
			}
		}
	}
	return out
}

func namedIn(hosts []string, name string) bool {
	const short = 4 // letters: "the" or "bau" are in many addresses
	for _, h := range hosts {
		if len(name) >= short && strings.Contains(h, name) {
			return true
		}
	}
	return false
}

// score adds up what speaks for a company. A name alone, at the top or not, is never enough.
func (f firm) score(first, only bool) (float64, string) {
	score, note := 0.5, fmt.Sprintf("a company, in line %d", f.line)
	add := func(more float64, why string, holds bool) {
		if holds {
			score += more
			note += ", " + why
		}
	}
	add(0.1, "the first one", first)
	add(0.15, "named again", len(f.rows) > 1)
	add(0.1, "the only one besides the customer", only)
	add(0.2, "with its registration", f.legal)
	add(0.2, "called the seller", f.labelled)
	add(0.2, "with its own address on the net", f.online)
	if f.customer {
		return 0.2, note + ", but as the customer"
	}
	return min(score, 0.95), note
}

const maxFirms = 100

// firms lists the companies of the document in their order.
func (p *page) firms() []*firm {
	var firms []*firm
	for r, row := range p.rows {
		for _, c := range row {
			for _, m := range company.FindAllStringIndex(c.text, 4) {
				name := companyName(c.text[m[0]:m[1]])
				if name == "" || len(firms) == maxFirms {
					continue
				}
				if !p.mark(firms, name, func(f *firm) { f.rows[r] = true; p.circumstances(f, c, m[0]) }) {
					f := &firm{name: name, line: r + 1, rows: map[int]bool{r: true}}
					p.circumstances(f, c, m[0])
					firms = append(firms, f)
				}
			}
		}
	}
	return firms
}

// companyName trims a match to the name: no punctuation at the end, no code before the legal form.
func companyName(match string) string {
	name := strings.TrimRight(match, " ,;·|<–-")
	if !strings.HasSuffix(name, ".V.") && !strings.HasSuffix(name, ".A.") && !strings.HasSuffix(name, ".L.") && !strings.HasSuffix(name, "Inc.") && !strings.HasSuffix(name, ".S.") {
		name = strings.TrimRight(name, ".")
	}
	ws := words(name)
	if len(ws) < 2 || ws[len(ws)-2].digits {
		return ""
	}
	return name
}

// mark finds the firm that a name means, also inside a longer text ("transfer to Example Ltd"), and tells it.
func (p *page) mark(firms []*firm, name string, tell func(*firm)) bool {
	key := strings.Join(foldedWords(name), " ")
	for _, f := range firms {
		known := strings.Join(foldedWords(f.name), " ")
		if key == known || strings.HasSuffix(key, " "+known) {
			tell(f)
			return true
		}
	}
	return false
}

// circumstances notes what stands around a company's name.
func (p *page) circumstances(f *firm, c *cell, at int) {
	for _, l := range c.labels {
		if l.to <= at {
			f.note(l)
		}
	}
	if before := foldedWords(c.text[:at]); len(before) > 0 && toWords[before[len(before)-1]] && strings.Contains(c.text[:at], ":") {
		f.customer = true
	}
	for _, l := range p.above(c) {
		f.note(l)
	}
	if c.at > 0 {
		if left := p.rows[c.row][c.at-1]; len(left.labels) > 0 && onlyFiller(left.text[left.labels[0].to:]) {
			f.note(left.labels[0])
		}
	}
	f.legal = f.legal || isLegal(c) || p.legalBelow(c)
}

// toWords stand before whom a letter is for.
var toWords = set("to an à a aan für for attn kunde client klant")

func (f *firm) note(l label) {
	switch l.concept {
	case seller:
		f.labelled = true
	case buyer, "customer_number":
		f.customer = true
	}
}

// above returns the label that heads the block in which a cell is the first line.
func (p *page) above(c *cell) []label {
	for r := c.row - 1; r >= max(c.row-3, 0); r-- {
		for _, d := range p.rows[r] {
			if touches(d, c) {
				return d.labels
			}
		}
	}
	return nil
}

func isLegal(c *cell) bool {
	for _, w := range c.words {
		if _, _, isVAT := readVATID(c.text[w.from:]); isVAT || registered[w.folded] {
			return true
		}
	}
	for _, l := range c.labels {
		if l.concept == vatID || l.concept == iban {
			return true
		}
	}
	return false
}

// legalBelow reports a line about registers or tax numbers in the block under a name, as in a letterhead.
func (p *page) legalBelow(c *cell) bool {
	for steps := 0; steps < 4; steps++ {
		next := p.below(c)
		if next == nil || next.row > c.row+2 {
			return false
		}
		if isLegal(next) {
			return true
		}
		for _, l := range next.labels {
			if l.concept == buyer || l.concept == buyerVATID {
				return false
			}
		}
		c = next
	}
	return false
}
