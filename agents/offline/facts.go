package offline

import (
	"strings"
)

// facts are what the whole document says about how to read its parts.
type facts struct {
	language    string // "en", "de", "fr", "nl"; "other": one that the labels do not cover; "": too little text
	dayFirst    int    // dates that can only be day first
	monthFirst  int    // dates that can only be month first
	commas      int    // numbers that show a decimal comma
	points      int    // numbers that show a decimal point
	currencies  map[string]int
	india       bool
	america     bool
	kind        string // what it says it is instead of an invoice: "credit note", …; "" otherwise
	mentionsTax bool
	excludesTax bool // some text says that tax comes on top
	mailHead    int  // rows of a mail's head at the top
	carried     bool // it carries an amount over from another document or page
}

var stopWords = map[string]map[string]bool{
	"en":    set("the and of to for your you is with invoice this payment please amount from number date are we bill tax total account charges by"),
	"de":    set("der die das und von mit ist für sie wir bitte rechnung betrag bei auf den dem zu ihre uns im zur zum bis einer nicht mwst gmbh steuer summe"),
	"fr":    set("le la les et des du pour vous votre nous facture montant par sur dans est au une en avec numéro règlement tva client prix société ttc ht"),
	"nl":    set("het een van en de voor met uw wij u factuur bedrag bij op te zijn naar btw aantal klant dit door totaal onze nederland omschrijving"),
	"other": set("il di del della per con fattura importo totale data imponibile el los las para con factura fecha importe número iva cliente base cuota os da do fatura valor quantia faktura att och för med til og af betales beløb dato kwota numer sprzedawca nabywca razem suma nettó összesen számla uma não imposto quantidade importo partita pagamento scadenza forma pago vencimiento cantidad precio descripción nif cif domicilio codice fiscale datum splatnosti dph celkem faktury fakturanummer belopp moms"),
}

// otherKinds are titles of documents that look like invoices and are none, or mean the opposite.
var otherKinds = map[string]string{
	"credit note": "credit note", "credit memo": "credit note", "credit invoice": "credit note", "refund": "credit note", "gutschrift": "credit note",
	"rechnungskorrektur": "credit note", "stornorechnung": "credit note", "storno": "credit note", "avoir": "credit note", "facture d avoir": "credit note",
	"note de credit": "credit note", "creditnota": "credit note", "creditfactuur": "credit note", "credit factuur": "credit note", "korrekturrechnung": "credit note",
	"proforma": "proforma invoice", "pro forma": "proforma invoice", "proforma invoice": "proforma invoice", "pro forma invoice": "proforma invoice",
	"proforma rechnung": "proforma invoice", "proformarechnung": "proforma invoice", "facture proforma": "proforma invoice", "facture pro forma": "proforma invoice", "pro forma factuur": "proforma invoice",
	"quote": "quote", "quotation": "quote", "estimate": "quote", "angebot": "quote", "devis": "quote", "offerte": "quote", "kostenvoranschlag": "quote",
	"order confirmation": "order confirmation", "auftragsbestatigung": "order confirmation", "confirmation de commande": "order confirmation", "orderbevestiging": "order confirmation",
	"delivery note": "delivery note", "lieferschein": "delivery note", "bon de livraison": "delivery note", "pakbon": "delivery note",
	"reminder": "reminder", "payment reminder": "reminder", "mahnung": "reminder", "zahlungserinnerung": "reminder", "rappel": "reminder", "relance": "reminder",
	"herinnering": "reminder", "aanmaning": "reminder", "betalingsherinnering": "reminder", "dunning letter": "reminder", "1 mahnung": "reminder", "2 mahnung": "reminder",
	"account statement": "statement", "statement of account": "statement", "kontoauszug": "statement", "releve de compte": "statement", "rekeningoverzicht": "statement",
}

var taxWords = set("vat tax gst hst mwst ust mehrwertsteuer umsatzsteuer tva btw taxes cgst sgst igst ht ttc")

const maxFactWords = 20_000 // of a text that are looked at for its language

func (p *page) gatherFacts() facts {
	f := facts{currencies: map[string]int{}}
	count := map[string]int{}
	seen := 0
	for _, row := range p.rows {
		for _, c := range row {
			f.addNumbers(c)
			f.addKind(c, len(row))
			f.excludesTax = f.excludesTax || excludesTax(c.words)
			if seen += len(c.words); seen > maxFactWords {
				continue
			}
			for _, w := range c.words {
				f.addWord(w.folded, count)
			}
			for _, l := range c.labels {
				f.carried = f.carried || l.concept == carried
			}
		}
	}
	f.language = strongest(count)
	f.mailHead = p.mailHead()
	return f
}

// exclusions are words that, shortly before one for tax, say that prices are without it.
var exclusions = set("excl excluding exclude excludes excluded exclusive exclusief exkl exklusive zzgl zuzüglich plus hors without ohne zonder")

const nearExclusion = 5 // words

func excludesTax(ws []word) bool {
	for i, w := range ws {
		if !exclusions[w.folded] {
			continue
		}
		for _, next := range ws[i+1 : min(i+1+nearExclusion, len(ws))] {
			if taxWords[next.folded] {
				return true
			}
		}
	}
	return false
}

// mailHead counts the rows of "From: … Subject: …" with which a mail begins.
func (p *page) mailHead() int {
	from, subject := false, false
	begun := false
	for r, row := range p.rows {
		if len(row) == 0 {
			if begun && from && subject {
				return r
			}
			if begun {
				return 0
			}
			continue
		}
		begun = true
		from = from || strings.HasPrefix(row[0].text, "From:")
		subject = subject || strings.HasPrefix(row[0].text, "Subject:")
	}
	return 0
}

func (f *facts) addWord(w string, count map[string]int) {
	for language, list := range stopWords {
		if list[w] {
			count[language]++
		}
	}
	switch w {
	case "gstin", "cgst", "sgst", "igst", "rupees", "inr", "india":
		f.india = true
	case "usa", "america":
		f.america = true
	}
	f.mentionsTax = f.mentionsTax || taxWords[w]
}

func (f *facts) addNumbers(c *cell) {
	for _, a := range amounts(c.text) {
		switch a.style {
		case ',':
			f.commas++
		case '.':
			f.points++
		}
		if a.currency != "" {
			f.currencies[a.currency]++
		}
		f.india = f.india || a.currency == "INR"
	}
	for _, d := range dates(c.text) {
		if d.numeric && !d.yearFirst && !d.unclear() && d.day != d.month {
			if isMonthFirst(c.text[d.from:d.to], d) {
				f.monthFirst++
			} else {
				f.dayFirst++
			}
		}
	}
}

// isMonthFirst tells from the printed form which number was the month.
func isMonthFirst(printed string, d date) bool { return atoi(leadingDigits(printed)) == d.month }

func leadingDigits(s string) string { return s[:digitsAt(s, 0)] }

// addKind looks for titles: cells that say what the document is and nothing more, or a number with it.
func (f *facts) addKind(c *cell, cells int) {
	if f.kind != "" || len(c.words) > 5 {
		return
	}
	var kept []string
	for _, w := range c.words {
		if !w.digits || len(kept) == 0 {
			kept = append(kept, w.folded)
		}
	}
	for n := min(len(kept), 3); n > 0; n-- {
		head := strings.Join(kept[:n], " ")
		kind := otherKinds[head]
		onlyNumber := onlyFiller(strings.Join(kept[n:], " "))
		if kind != "" && onlyNumber {
			if f.kind = kind; kind == "delivery note" && (len(c.words) > n || cells > 2) { // "Delivery note 123", or one of several heads: a reference
				f.kind = ""
			}
			return
		}
	}
}

// strongest is the language with most of its words in the text, if there are enough and it leads.
func strongest(count map[string]int) string {
	best, second := "", 0
	for _, language := range []string{"en", "de", "fr", "nl", "other"} {
		switch n := count[language]; {
		case best == "" || n > count[best]:
			if best != "" {
				second = count[best]
			}
			best = language
		case n > second:
			second = n
		}
	}
	switch {
	case count[best] < 3:
		return ""
	case best == "other" && count[best] < second+2:
		return "" // the words of the others are many and short: they win only clearly
	}
	return best
}

// read says how sure the reading of a date is, and the date as the document's habit reads it.
func (f *facts) read(d date) (date, float64) {
	sure := 1.0
	if d.shortYear && d.sep != '.' && d.numeric {
		sure = 0.9 // some write the year first
	}
	if !d.unclear() {
		return d, sure
	}
	switch {
	case f.dayFirst > 0 && f.monthFirst > 0:
		return d, 0.5
	case f.monthFirst > 0:
		return d.swapped(), 0.96 * sure
	case f.dayFirst > 0, d.sep == '.':
		return d, 0.98 * sure
	case f.currencies["USD"] > 0 && f.language != "en" && f.language != "", f.currencies["USD"] > 0 && f.india:
		return d, 0.8 * sure // whoever bills in dollars may write the month first in any language
	case f.language == "de", f.language == "fr", f.language == "nl":
		return d, 0.98 * sure
	case f.india:
		return d, 0.96 * sure
	case f.currencies["GBP"] > 0 && f.currencies["USD"] == 0, f.currencies["EUR"] > 0 && f.currencies["USD"] == 0:
		return d, 0.9 * sure // day first is the habit there, but an English text may follow another
	case f.america, f.currencies["USD"] > 0:
		return d.swapped(), 0.85 * sure
	}
	return d, 0.6
}

// readAmount says how sure the reading of a number is: "1.234" is a thousand where others have a decimal comma.
func (f *facts) readAmount(a amount) (amount, float64) {
	if !a.unclear {
		return a, 1
	}
	point := strings.ContainsRune(a.digits, '.')
	switch {
	case point && f.commas > 0 && f.points == 0, !point && f.points > 0 && f.commas == 0:
		return a, 0.95
	case point && f.points > 0 && f.commas == 0, !point && f.commas > 0 && f.points == 0:
		return a, 0.5
	}
	return a, 0.6
}
