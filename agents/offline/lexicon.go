package offline

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// concept is what a label means, e.g. "invoice_number".
type concept string

// Concepts that rules speak about. labels.txt has some more, which only compete for values.
const (
	invoiceNumber  concept = "invoice_number"
	invoiceDate    concept = "invoice_date"
	dueDate        concept = "due_date"
	total          concept = "total"
	due            concept = "due"
	net            concept = "net"
	tax            concept = "tax"
	paid           concept = "paid"
	carried        concept = "carried"
	column         concept = "column"
	qualifierGross concept = "qualifier_gross"
	plusTax        concept = "plus_tax"
	currencyField  concept = "currency"
	iban           concept = "iban"
	bic            concept = "bic"
	vatID          concept = "vat_id"
	buyerVATID     concept = "buyer_vat_id"
	email          concept = "email"
	seller         concept = "seller"
	buyer          concept = "buyer"
)

// strength is how much a label says by itself.
type strength int

const (
	weak strength = iota + 1
	plain
	strong
	gross // of totals: strong, and says that tax is included
)

var strengths = map[string]strength{"weak": weak, "plain": plain, "strong": strong, "gross": gross}

// entry is the meaning of a label.
type entry struct {
	concept  concept
	strength strength
}

// lexicon maps labels, as folded words joined by spaces, to meanings.
type lexicon struct {
	entries map[string]entry
	longest int // words
}

//go:embed labels.txt
var labelsText string

// builtin is the lexicon of labels.txt.
var builtin = sync.OnceValue(func() *lexicon {
	lex := &lexicon{entries: map[string]entry{}}
	for line := range strings.Lines(labelsText) {
		head, list, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(head, "#") {
			continue
		}
		name, power, _ := strings.Cut(head, " ")
		for phrase := range strings.SplitSeq(list, " | ") {
			lex.add(phrase, entry{concept(name), strengths[power]})
		}
	}
	return lex
})

func (l *lexicon) add(phrase string, e entry) {
	words := foldedWords(phrase)
	if len(words) == 0 {
		return
	}
	l.entries[strings.Join(words, " ")] = e
	l.longest = max(l.longest, len(words))
}

// with returns a copy with more entries.
func (l *lexicon) with(more map[string]entry) *lexicon {
	if len(more) == 0 {
		return l
	}
	out := &lexicon{entries: make(map[string]entry, len(l.entries)+len(more)), longest: l.longest}
	for phrase, e := range l.entries {
		out.entries[phrase] = e
	}
	for phrase, e := range more {
		out.add(phrase, e)
	}
	return out
}

// lookup returns the meaning of a whole phrase.
func (l *lexicon) lookup(phrase string) (entry, bool) {
	e, ok := l.entries[strings.Join(foldedWords(phrase), " ")]
	return e, ok
}

// word is a run of letters and digits, or "#", in a text.
type word struct {
	folded   string // without case and accents
	from, to int    // bytes
	digits   bool   // has a digit
}

// words splits text. Everything else (punctuation, currency signs) only separates.
func words(text string) []word {
	var out []word
	from := -1
	digits := false
	flush := func(to int) {
		if from >= 0 {
			out = append(out, word{fold(text[from:to]), from, to, digits})
		}
		from, digits = -1, false
	}
	for i, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r):
			if from < 0 {
				from = i
			}
			digits = digits || unicode.IsDigit(r)
		case r == '#':
			flush(i)
			out = append(out, word{"#", i, i + 1, false})
		default:
			flush(i)
		}
	}
	flush(len(text))
	return out
}

func foldedWords(text string) []string {
	var out []string
	for _, w := range words(text) {
		out = append(out, w.folded)
	}
	return out
}

// fold removes case and accents: "Fälligkeit" and "FALLIGKEIT" are one word.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < 0x80
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case r == 'œ':
			b.WriteString("oe")
		case !unicode.Is(unicode.Mn, r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
