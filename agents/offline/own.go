package offline

import (
	"fmt"
	"strings"
)

// own finds a field that only its own labels describe, by the schema's type.
func (d *document) own(f *field) answer {
	switch {
	case f.node.Format == "date" || f.node.Format == "date-time":
		return decide(d.page.days(f.concept))
	case f.node.Format == "email":
		return decide(d.page.matches(f.concept, readPattern(emailPattern), strings.ToLower))
	case f.node.Format == "uri" || f.node.Format == "url":
		return decide(d.page.matches(f.concept, readPattern(urlPattern), strings.TrimSpace))
	case f.node.Format == "path":
		return decide(d.page.matches(f.concept, readPattern(pathPattern), strings.TrimSpace))
	case f.is("string"):
		return decide(d.page.lines(f.concept))
	case f.is("number"), f.is("integer"):
		return decide(d.page.numbers(f.concept))
	case f.is("boolean"):
		return d.yesOrNo(f)
	}
	return answer{}
}

// numbers are the candidates of a plain number.
func (p *page) numbers(c concept) []candidate {
	var out []candidate
	for _, f := range p.findings(c, readNumber) {
		for _, a := range amounts(f.text)[:1] {
			a, sure := p.facts.readAmount(a)
			out = append(out, candidate{key: money(a.cents), value: a, score: f.score * sure, strength: f.label.strength, row: f.label.cell.row, note: f.note()})
		}
	}
	return out
}

// lines are the candidates of free text: what stands after its label. Below a label it may be anything.
func (p *page) lines(c concept) []candidate {
	var out []candidate
	for _, f := range p.findings(c, readLine) {
		from, to, _ := readLine(f.text)
		text := strings.TrimSpace(f.text[from:to])
		if f.place == inline {
			text = strings.TrimSpace(f.cell.text[f.at:f.label.rest])
		}
		score := f.score
		switch {
		case f.place >= under:
			score = min(score, 0.75)
		case f.place == inline && !strings.ContainsAny(f.cell.text[f.label.to:f.at], ":="):
			score = min(score, 0.6) // a sentence that begins with the word
		}
		out = append(out, candidate{key: fold(text), value: text, score: score, strength: f.label.strength, row: f.label.cell.row, note: f.note()})
	}
	return out
}

var yes, no = set("yes true ja oui si vrai wahr waar x checked"), set("no false nein non nee faux falsch onwaar unchecked")

func (d *document) yesOrNo(f *field) answer {
	var list []candidate
	for _, line := range d.page.lines(f.concept) {
		ws := foldedWords(line.value.(string))
		if len(ws) == 0 || !yes[ws[0]] && !no[ws[0]] {
			continue
		}
		line.value, line.key = yes[ws[0]], fmt.Sprint(yes[ws[0]])
		list = append(list, line)
	}
	return decide(list)
}

// choice finds which of a schema's values the text names: after the field's label, or anywhere if only one is named.
func (d *document) choice(f *field) answer {
	var list []candidate
	for _, line := range d.page.lines(f.concept) {
		if v, n := named(f.node.Enum, line.value.(string)); n == 1 {
			line.value, line.key = v, fmt.Sprint(v)
			list = append(list, line)
		}
	}
	if len(list) > 0 {
		return decide(list)
	}
	var all []string
	for _, row := range d.page.rows {
		for _, c := range row {
			all = append(all, c.text)
		}
	}
	switch v, n := named(f.node.Enum, strings.Join(all, "\n")); n {
	case 0:
		return answer{}
	case 1:
		return answer{v, 0.75, "the only one of the choices that the text names"}
	default:
		return answer{v, 0.4, fmt.Sprintf("the text names %d of the choices", n)}
	}
}

// named counts the choices that a text names, and returns the first.
func named(choices []any, text string) (first any, n int) {
	have := " " + strings.Join(foldedWords(text), " ") + " "
	for _, choice := range choices {
		s, ok := choice.(string)
		if ok && s != "" && strings.Contains(have, " "+strings.Join(foldedWords(s), " ")+" ") {
			if n++; n == 1 {
				first = choice
			}
		}
	}
	return first, n
}
