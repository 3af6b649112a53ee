package main

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// sampleTexts are texts of JSON Schema's formats that nobody takes for real: the addresses are reserved (RFC 2606, 5737, 3849).
var sampleTexts = map[string]string{
	"date": "2000-01-01", "time": "12:00:00Z", "date-time": "2000-01-01T12:00:00Z", "duration": "P1D",
	"email": "made-up@example.invalid", "idn-email": "made-up@example.invalid",
	"hostname": "made-up.example.invalid", "idn-hostname": "made-up.example.invalid",
	"ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uuid": "00000000-0000-4000-8000-000000000000",
	"uri": "https://made-up.example.invalid/", "iri": "https://made-up.example.invalid/",
	"uri-reference": "made-up", "iri-reference": "made-up", "uri-template": "made-up",
	"json-pointer": "/made-up", "relative-json-pointer": "0", "regex": "made-up", "path": "made-up.txt",
}

// inventText is a text for a schema. It says that it is made up wherever the schema leaves it the freedom.
func inventText(s map[string]any, name string) string {
	if pattern, ok := s["pattern"].(string); ok {
		if text, ok := matching(pattern); ok {
			return fitted(text, s)
		}
	}
	format, _ := s["format"].(string)
	if text, ok := sampleTexts[format]; ok {
		return text
	}
	return fitted("made-up "+name, s)
}

// fitted makes a text as long as a schema wants it.
func fitted(text string, s map[string]any) string {
	if short := intOf(s["minLength"], 0) - utf8.RuneCountInString(text); short > 0 {
		last, _ := utf8.DecodeLastRuneInString("x" + text) // repeated, for the sake of a pattern that ends in a class
		text += strings.Repeat(string(last), short)
	}
	if most := intOf(s["maxLength"], madeUpValues); utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return text
}

// matching is the shortest text that a regular expression takes, as far as that is easily told.
func matching(pattern string) (string, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	match(&b, re)
	return b.String(), b.Len() <= madeUpValues
}

func match(b *strings.Builder, re *syntax.Regexp) {
	times := 1
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(member(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpStar, syntax.OpQuest:
		return
	case syntax.OpRepeat:
		times = re.Min
	case syntax.OpAlternate:
		match(b, re.Sub[0])
		return
	}
	for range times {
		for _, sub := range re.Sub {
			if b.Len() > madeUpValues {
				return
			}
			match(b, sub)
		}
	}
}

// member is a character of a class, given as pairs of first and last ones: a letter or digit, if there is one.
func member(ranges []rune) rune {
	for _, liked := range "aA1x0" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= liked && liked <= ranges[i+1] {
				return liked
			}
		}
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		if c := max(ranges[i], ' '); c <= ranges[i+1] {
			return c
		}
	}
	return 'x'
}
