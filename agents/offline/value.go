package offline

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The readers of each kind of value.

func readMoney(text string) (from, to int, ok bool) {
	for _, a := range amounts(text) {
		if a.percent {
			continue
		}
		if a.decimals > 2 || (a.decimals != 2 && a.currency == "" && !onlyFiller(text[:a.from])) || overlaps(dates(text), a.span) {
			return 0, 0, false
		}
		return a.from, a.to, onlyFiller(text[:a.from]) || harmless(text[:a.from])
	}
	return 0, 0, false
}

// harmless reports words between a label and an amount that do not change what it means, like a day.
func harmless(text string) bool {
	for _, d := range dates(text) {
		text = text[:d.from] + strings.Repeat(" ", d.to-d.from) + text[d.to:]
	}
	return onlyFiller(text)
}

func readNumber(text string) (from, to int, ok bool) {
	for _, a := range amounts(text) {
		if !a.percent && !overlaps(dates(text), a.span) {
			return a.from, a.to, onlyFiller(text[:a.from])
		}
	}
	return 0, 0, false
}

func readDate(text string) (from, to int, ok bool) {
	all := dates(text)
	if len(all) == 0 {
		return 0, 0, false
	}
	lead := text[:all[0].from]
	return all[0].from, all[0].to, onlyFiller(lead) || len(words(lead)) <= 1 // a city, a weekday
}

// readCode finds an invoice number and the like: a word with a digit, perhaps after a short prefix in capitals.
func readCode(text string) (from, to int, ok bool) {
	start := skipLabelMarks(text)
	end := start
	parts, digits := 0, false
	for at := start; at < len(text) && parts < 4; {
		token := text[at:]
		if i := strings.IndexFunc(token, unicode.IsSpace); i >= 0 {
			token = token[:i]
		}
		if !isCodePart(token) {
			break
		}
		parts++
		digits = digits || strings.ContainsAny(token, "0123456789")
		end = at + len(token)
		at = end + len(text[end:]) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
	}
	trimmed := strings.TrimRight(text[start:end], ".,;:)-/")
	return start, start + len(trimmed), digits && trimmed != ""
}

var labelMarks = regexp.MustCompile(`^(?i)[\s:;.#°º|=–—-]*(?:(?:no|nr|n|num|number|nummer|numero|numéro|id|is|ist|est)[\s.:°º#]+[\s:;.#°º-]*)?`)

func skipLabelMarks(text string) int { return len(labelMarks.FindString(text)) }

// isCodePart reports a token of a code: capitals and digits with the usual separators.
func isCodePart(token string) bool {
	letters, digits, lower := 0, 0, 0
	for _, r := range strings.TrimRight(token, ".,;:)") {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case unicode.IsLetter(r):
			letters++
			if unicode.IsLower(r) {
				lower++
			}
		case strings.ContainsRune("-/._#", r):
		default:
			return false
		}
	}
	if digits > 0 {
		return lower <= digits+4 && letters <= 12
	}
	return letters > 0 && letters <= 5 && lower == 0
}

func readIBAN(text string) (from, to int, ok bool) {
	for _, m := range ibanPattern.FindAllStringIndex(strings.ToUpper(text), -1) {
		if s, good := ibanAt(text, m[0]); good {
			return s.from, s.to, true
		}
	}
	return 0, 0, false
}

var ibanPattern = regexp.MustCompile(`\b[A-Z]{2}\d{2}[ \x{a0}]?[A-Z0-9]`)

// ibanAt returns the IBAN that begins at from: the length at which its check digits are right.
func ibanAt(text string, from int) (span, bool) {
	var code strings.Builder
	for i, r := range text[from:] {
		if r == ' ' || r == '\u00a0' {
			continue
		}
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) || code.Len() == 34 {
			break
		}
		code.WriteRune(unicode.ToUpper(r))
		s := code.String()
		if want := ibanLengths[s[:min(2, len(s))]]; len(s) == want && ibanValid(s) {
			return span{from, from + i + 1}, true
		}
	}
	return span{}, false
}

// ibanLengths are those of the countries whose accounts are seen in invoices of the four languages and their neighbours.
var ibanLengths = map[string]int{
	"AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27,
	"GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27,
	"MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26,
}

// ibanValid checks ISO 13616: the digits, letters as 10 to 35, are 1 modulo 97.
func ibanValid(s string) bool {
	var digits strings.Builder
	for _, r := range s[4:] + s[:4] {
		if r >= 'A' {
			digits.WriteString(big.NewInt(int64(r - 'A' + 10)).String())
		} else {
			digits.WriteRune(r)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

// vatPatterns are the forms of VAT numbers by country (EU Commission, VIES), blanks removed.
var vatPatterns = regexp.MustCompile(`^(?:ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CHE\d{9}(?:MWST|TVA|IVA)?|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}|` +
	`ES[A-Z0-9]\d{7}[A-Z0-9]|FI\d{8}|FR[A-Z0-9]{2}\d{9}|GB\d{9}(?:\d{3})?|HR\d{11}|HU\d{8}|IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2}|IT\d{11}|` +
	`LT(?:\d{9}|\d{12})|LU\d{8}|LV\d{11}|MT\d{8}|NL\d{9}B\d{2}|PL\d{10}|PT\d{9}|RO\d{2,10}|SE\d{12}|SI\d{8}|SK\d{10}|XI\d{9})$`)

func readVATID(text string) (from, to int, ok bool) {
	start := skipLabelMarks(text)
	var code strings.Builder
	best := 0
	for i, r := range text[start:] {
		if strings.ContainsRune(" .-\u00a0", r) {
			continue
		}
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) || code.Len() > 18 {
			break
		}
		code.WriteRune(unicode.ToUpper(r))
		if vatPatterns.MatchString(code.String()) {
			best = start + i + 1
		}
	}
	return start, best, best > 0
}

var (
	emailPattern = regexp.MustCompile(`[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24}`)
	bicPattern   = regexp.MustCompile(`^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$`)
	pathPattern  = regexp.MustCompile(`(?:[\pL\d_.~-]+/)*[\pL\d_.~-]*[\pL\d_~-]\.[A-Za-z][A-Za-z0-9]{0,5}\b|(?:[\pL\d_.~-]+/)+[\pL\d_.~-]*`)
	urlPattern   = regexp.MustCompile(`https?://[^\s<>"']{3,1000}`)
)

func readPattern(p *regexp.Regexp) reader {
	return func(text string) (from, to int, ok bool) {
		m := p.FindStringIndex(text)
		if m == nil {
			return 0, 0, false
		}
		return m[0], m[1], len(words(text[:m[0]])) <= 1
	}
}

func readBIC(text string) (from, to int, ok bool) {
	for _, w := range words(text) {
		if s := text[w.from:w.to]; bicPattern.MatchString(s) {
			return w.from, w.to, true
		}
	}
	return 0, 0, false
}

func readCurrency(text string) (from, to int, ok bool) {
	start := len(text) - len(strings.TrimLeft(text, " :.=-"))
	code, size, _ := currencyAfter(text[start:])
	return start, start + size, code != ""
}

// readLine takes what is left of a cell: names, subjects, free text.
func readLine(text string) (from, to int, ok bool) {
	start := len(text) - len(strings.TrimLeft(text, " :=–—-\u00a0"))
	return start, len(text), start < len(text) && len(words(text[start:])) > 0
}
