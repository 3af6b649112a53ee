package offline

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// amount is a number in a text.
type amount struct {
	span
	digits   string // as printed
	cents    int64  // the value times 100
	micros   int64  // the value times 1e6, for numbers that are no money
	decimals int    // printed
	currency string // printed beside it, ISO 4217; "" if none
	symbol   string // the symbol as printed, when it stands for more than one currency: "$"
	unclear  bool   // "1.234": a thousand or a fraction
	style    byte   // the decimal separator if the number shows it: '.' or ',', else 0
	percent  bool
}

// span is a place in a text, in bytes.
type span struct{ from, to int }

// money reports a number that looks like an amount of money by itself.
func (a amount) money() bool {
	return !a.percent && (a.decimals == 2 || (a.decimals == 0 && a.currency != ""))
}

const maxDigits = 15

// amounts finds the numbers of a text. Digits inside words, dates, phone numbers and the like are none.
func amounts(text string) []amount {
	var out []amount
	for i := 0; i < len(text); {
		if text[i] < '0' || text[i] > '9' {
			i++
			continue
		}
		n := scanNumber(text, i)
		if a, ok := n.amount(text); ok && !inWord(text, n.span) {
			a = a.decorated(text)
			out = append(out, a)
			n.to = max(n.to, a.to)
		}
		i = n.to
	}
	return out
}

// number is a run of digit groups and the separators between them.
type number struct {
	span
	groups []string
	seps   []rune
}

func scanNumber(text string, from int) number {
	n := number{span: span{from, from}}
	for {
		end := n.to
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		n.groups = append(n.groups, text[n.to:end])
		n.to = end
		sep, size := utf8.DecodeRuneInString(text[end:])
		if !strings.ContainsRune(".,'’ \u00a0/:-", sep) || size == 0 || len(n.groups) > 8 {
			return n
		}
		next := digitsAt(text, end+size)
		if next == 0 {
			return n
		}
		if (sep == ' ' || sep == '\u00a0') && (next != 3 || len(n.groups[len(n.groups)-1]) > 3) {
			return n
		}
		n.seps = append(n.seps, sep)
		n.to = end + size
	}
}

func digitsAt(text string, i int) int {
	n := 0
	for i+n < len(text) && text[i+n] >= '0' && text[i+n] <= '9' {
		n++
	}
	return n
}

// amount reads the groups as one number, if they are written like one.
func (n number) amount(text string) (amount, bool) {
	a := amount{span: n.span, digits: text[n.from:n.to]}
	whole, fraction := n.groups, ""
	if last := len(n.seps) - 1; last >= 0 {
		sep, size := n.seps[last], len(n.groups[last+1])
		point := sep == '.' || sep == ','
		alone := last == 0
		switch {
		case point && size != 3 && (alone || n.seps[0] != sep),
			point && size == 3 && !alone && n.seps[0] != sep,
			point && size == 3 && alone && strings.Trim(n.groups[0], "0") == "":
			whole, fraction = n.groups[:last+1], n.groups[last+1]
			a.style = byte(sep)
		case point && size == 3 && alone:
			a.unclear = true
		}
		if !thousands(whole, n.seps[:len(whole)-1]) {
			return amount{}, false
		}
		if a.style == 0 && !a.unclear && (n.seps[0] == '.' || n.seps[0] == ',') {
			a.style = '.' + ',' - byte(n.seps[0])
		}
	}
	digits := strings.Join(whole, "")
	if len(digits)+2 > maxDigits-6 && len(digits) > 12 || len(fraction) > 6 {
		return amount{}, false
	}
	a.decimals = len(fraction)
	value := int64(0)
	for _, d := range digits + (fraction + "000000")[:6] {
		value = value*10 + int64(d-'0')
	}
	a.micros = value
	return a, true
}

// thousands reports whether groups are grouped as people group digits: by three, or by two and three (India).
func thousands(groups []string, seps []rune) bool {
	for _, s := range seps {
		if s != seps[0] || s == '/' || s == ':' || s == '-' {
			return false
		}
	}
	for i, g := range groups {
		switch {
		case i == 0 && (len(groups) == 1 || len(g) <= 3):
		case i == len(groups)-1 && len(g) == 3:
		case i > 0 && i < len(groups)-1 && (len(g) == 3 || len(g) == 2 && seps[0] == ','):
		default:
			return false
		}
	}
	return true
}

// inWord reports digits that are part of a word, a code, a date or a path.
func inWord(text string, s span) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:s.from])
	after, size := utf8.DecodeRuneInString(text[s.to:])
	if s.from > 0 && (unicode.IsLetter(before) || strings.ContainsRune("/_\\:", before)) && !endsWithCurrency(text[:s.from]) {
		return true
	}
	if s.from > 0 && (before == '-' || before == '.') && s.from > 1 {
		if two, _ := utf8.DecodeLastRuneInString(text[:s.from-1]); unicode.IsLetter(two) && !endsWithCurrency(text[:s.from-1]) || unicode.IsDigit(two) {
			return true
		}
	}
	if s.to < len(text) && unicode.IsLetter(after) && !startsWithCurrency(text[s.to:]) {
		return true
	}
	if after == '/' || after == '_' || after == '-' && digitsAt(text, s.to+size) > 0 {
		return true
	}
	return false
}

// currencies are what is printed beside amounts. Longer ones come first.
var currencies = []struct {
	mark string
	code string
	sure bool
}{
	{"US$", "USD", true}, {"CA$", "CAD", true}, {"AU$", "AUD", true}, {"A$", "AUD", true}, {"C$", "CAD", true},
	{"HK$", "HKD", true}, {"NZ$", "NZD", true}, {"S$", "SGD", true}, {"R$", "BRL", true}, {"MX$", "MXN", true},
	{"EUROS", "EUR", true}, {"EURO", "EUR", true}, {"EUR", "EUR", true}, {"USD", "USD", true}, {"GBP", "GBP", true}, {"CHF", "CHF", true},
	{"INR", "INR", true}, {"CAD", "CAD", true}, {"AUD", "AUD", true}, {"JPY", "JPY", true}, {"CNY", "CNY", true},
	{"SEK", "SEK", true}, {"NOK", "NOK", true}, {"DKK", "DKK", true}, {"PLN", "PLN", true}, {"CZK", "CZK", true},
	{"HUF", "HUF", true}, {"SGD", "SGD", true}, {"HKD", "HKD", true}, {"NZD", "NZD", true}, {"ZAR", "ZAR", true},
	{"BRL", "BRL", true}, {"MXN", "MXN", true}, {"AED", "AED", true}, {"TRY", "TRY", true}, {"RUB", "RUB", true},
	{"Rs.", "INR", true}, {"Rs", "INR", true}, {"₹", "INR", true}, {"€", "EUR", true}, {"£", "GBP", true},
	{"¥", "JPY", false}, {"$", "USD", false}, {"zł", "PLN", true}, {"₽", "RUB", true}, {"kr", "SEK", false},
}

func endsWithCurrency(text string) bool {
	code, _, _ := currencyBefore(text)
	return code != ""
}

func startsWithCurrency(text string) bool {
	code, _, _ := currencyAfter(text)
	return code != ""
}

func currencyBefore(text string) (code string, size int, sure bool) {
	for _, c := range currencies {
		if rest, ok := cutFold(text, c.mark, true); ok && !(isLetter(c.mark[0]) && endsInLetter(rest)) {
			return c.code, len(c.mark), c.sure
		}
	}
	return "", 0, false
}

func currencyAfter(text string) (code string, size int, sure bool) {
	for _, c := range currencies {
		rest, ok := cutFold(text, c.mark, false)
		if r, _ := utf8.DecodeRuneInString(rest); ok && !(isLetter(c.mark[len(c.mark)-1]) && unicode.IsLetter(r)) {
			return c.code, len(c.mark), c.sure
		}
	}
	return "", 0, false
}

func cutFold(text, mark string, suffix bool) (rest string, ok bool) {
	if len(text) < len(mark) {
		return text, false
	}
	if suffix {
		at := len(text) - len(mark)
		return text[:at], strings.EqualFold(text[at:], mark)
	}
	return text[len(mark):], strings.EqualFold(text[:len(mark)], mark)
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0x80 }

func endsInLetter(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r)
}

// decorated adds what stands around a number: currency, sign, percent. The span grows over it.
func (a amount) decorated(text string) amount {
	digitsEnd := a.to
	a = a.withSign(text[:a.from])
	before := strings.TrimRight(text[:a.from], " \u00a0")
	near := a.from-len(before) <= 3
	if code, size, sure := currencyBefore(before); code != "" && near {
		a.currency, a.from = code, len(before)-size
		if !sure {
			a.symbol = text[a.from : a.from+size]
		}
		if !a.negative() {
			a = a.withSign(text[:a.from])
		}
	}
	after := strings.TrimLeft(text[a.to:], " \u00a0")
	gap := len(text) - a.to - len(after)
	if strings.HasPrefix(after, "%") {
		a.percent = true
	}
	if code, size, sure := currencyAfter(after); code != "" && gap <= 3 && a.currency == "" {
		a.currency = code
		a.to += gap + size
		if gap == 0 && a.decimals == 0 && digitsAt(text, a.to) == 2 { // "29€99"
			a.decimals = 2
			a.micros += sign(a.micros) * int64(atoi(text[a.to:a.to+2])) * 10_000
			a.to += 2
		}
		if !sure {
			a.symbol = after[:size]
		}
	}
	if rest := text[digitsEnd:]; a.decimals == 0 && (strings.HasPrefix(rest, ",-") || strings.HasPrefix(rest, ".-") || strings.HasPrefix(rest, ",--")) {
		a.decimals, a.to = 2, max(a.to, digitsEnd+2) // "€ 25,-"
	} else if strings.HasPrefix(rest, "-") && !a.negative() && a.decimals == 2 {
		a.micros, a.to = -a.micros, max(a.to, digitsEnd+1) // accountants write the sign behind
	}
	if open := strings.TrimRight(text[:a.from], " "); strings.HasSuffix(open, "(") && strings.HasPrefix(strings.TrimLeft(text[a.to:], " "), ")") && a.money() && !a.negative() {
		a.micros = -a.micros
	}
	a.cents = (a.micros + sign(a.micros)*5000) / 10000
	return a
}

func (a amount) negative() bool { return a.micros < 0 }

func (a amount) withSign(before string) amount {
	for _, minus := range []string{"-", "−", "–"} {
		if rest, ok := strings.CutSuffix(before, minus); ok && !endsInWord(rest) {
			a.micros, a.from = -a.micros, len(rest)
			return a
		}
	}
	return a
}

// endsInWord keeps the dash of "ABC-123" and "10-20" from being a minus.
func endsInWord(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}
