package offline

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// extraction is the answer to a schema.
type extraction struct {
	value      any
	confidence *coordinator.Confidence
	missing    []string // required fields that were not found
}

// extract fills a schema from a text.
func extract(raw json.RawMessage, text string) (*extraction, error) {
	w, err := readSchema(raw)
	if err != nil {
		return nil, err
	}
	d := &document{page: newPage(text, builtin().with(w.labels))}
	answers := make(map[*field]answer, len(w.fields))
	for _, f := range w.fields {
		answers[f] = d.field(f)
	}
	d.orderDates(w.fields, answers)
	out := &extraction{confidence: &coordinator.Confidence{Score: 1}}
	judged := false
	for _, f := range w.fields {
		a := answers[f]
		if isEnvelopeScore(w.root, f) {
			continue
		}
		if a.value == nil {
			a.score = 0
			if f.required {
				out.missing = append(out.missing, f.name())
			}
			if a.note == "" {
				a.note = "not found"
			}
		}
		out.confidence.Signals = append(out.confidence.Signals, coordinator.Signal{Name: "field", Field: f.name(), Score: round(a.score), Note: a.note})
		if f.required {
			judged = true
			out.confidence.Score = min(out.confidence.Score, a.score)
		}
	}
	if !judged {
		out.confidence.Score = leastFound(w.fields, answers)
	}
	out.confidence.Score = round(out.confidence.Score)
	if len(out.missing) > 0 {
		out.confidence.Veto = strings.Join(out.missing, ", ") + " not found"
	}
	out.value = w.assemble(w.root, nil, answers, out.confidence.Score)
	return out, nil
}

// leastFound is the score of an answer none of whose fields is required: its least sure value, or 0 if there is none.
func leastFound(fields []*field, answers map[*field]answer) float64 {
	least, any := 1.0, false
	for _, f := range fields {
		if a := answers[f]; a.value != nil {
			least, any = min(least, a.score), true
		}
	}
	if !any {
		return 0
	}
	return least
}

func round(score float64) float64 { return math.Round(score*1000) / 1000 }

// isEnvelopeScore recognises the number that an agent's envelope {"answer", "confidence"} asks for.
func isEnvelopeScore(root *node, f *field) bool {
	return len(root.Properties) == 2 && root.Properties["answer"] != nil && len(f.path) == 1 && f.path[0] == "confidence"
}

// assemble builds the value of a node. What was not found is null where the schema allows it, else left out.
func (w *wanted) assemble(n *node, path []string, answers map[*field]answer, score float64) any {
	n, _ = w.resolve(n, maxNested)
	if len(n.Properties) == 0 {
		return w.leaf(path, answers, score)
	}
	out := map[string]any{}
	for name, property := range n.Properties {
		inner := append(slices.Clone(path), name)
		value := w.assemble(property, inner, answers, score)
		if object, ok := value.(map[string]any); ok && len(object) == 0 && !slices.Contains(n.Required, name) {
			continue
		}
		if value != nil || w.nullable(inner) {
			out[name] = value
		}
	}
	return out
}

func (w *wanted) leaf(path []string, answers map[*field]answer, score float64) any {
	for _, f := range w.fields {
		if slices.Equal(f.path, path) {
			if isEnvelopeScore(w.root, f) {
				return score
			}
			return answers[f].value
		}
	}
	return nil
}

func (w *wanted) nullable(path []string) bool {
	for _, f := range w.fields {
		if slices.Equal(f.path, path) {
			return f.nullable
		}
	}
	return false
}

// document is a page together with what was worked out about it.
type document struct {
	page  *page
	money *ledger
}

func (d *document) ledger() *ledger {
	if d.money == nil {
		d.money = d.page.ledger()
	}
	return d.money
}

// field finds one value and puts it into the schema's type.
func (d *document) field(f *field) answer {
	a := d.find(f)
	if a.value == nil {
		return a
	}
	a = fit(f, d.cautious(f, a))
	if text, ok := a.value.(string); ok && f.pattern != nil && !f.pattern.MatchString(text) {
		return answer{note: fmt.Sprintf("%q (%s) does not match the pattern", text, a.note)}
	}
	return a
}

// cautious lowers what the whole document makes doubtful.
func (d *document) cautious(f *field, a answer) answer {
	if strings.HasPrefix(string(f.concept), "field:") {
		return a
	}
	limit := 1.0
	switch f.concept {
	case iban, bic, email, currencyField:
		return a
	}
	if d.page.facts.kind != "" {
		limit = 0.6
		a.note += "; the document is a " + d.page.facts.kind
	}
	if d.page.facts.language == "other" {
		limit = min(limit, 0.7)
		a.note += "; its language is not one of those known here"
	}
	a.score = min(a.score, limit)
	return a
}

func (d *document) find(f *field) answer {
	switch {
	case len(f.node.Enum) > 0:
		return d.choice(f)
	case slices.Equal(f.node.Type, types{"array"}), slices.Equal(f.node.Type, types{"object"}):
		return answer{note: "lists are beyond these rules"}
	}
	switch f.concept {
	case total:
		return d.ledger().total()
	case net, tax:
		return d.ledger().part(f.concept)
	case due, paid, carried, "other_amount":
		return d.ledger().simple(f.concept)
	case invoiceDate:
		list := append(d.page.days(f.concept), d.page.daysBehindCodes(invoiceNumber)...)
		if len(list) > 0 {
			return decide(list)
		}
		return d.page.anyDay()
	case dueDate, "delivery_date", "order_date", "other_date":
		return decide(d.page.days(f.concept))
	case iban:
		return decide(d.page.matches(f.concept, readIBAN, compact))
	case bic:
		return decide(d.page.matches(f.concept, readBIC, compact))
	case vatID, buyerVATID:
		return decide(d.page.matches(vatID, readVATID, compact))
	case email:
		return decide(d.page.matches(f.concept, readPattern(emailPattern), strings.ToLower))
	case currencyField:
		return d.currency()
	case seller, buyer:
		return d.party(f.concept)
	}
	if strings.HasSuffix(string(f.concept), "_number") {
		return decide(d.page.codes(f.concept))
	}
	return d.own(f)
}

// currency is that of the total, or of all amounts if there is only one.
func (d *document) currency() answer {
	var list []candidate
	for _, f := range d.page.findings(currencyField, readCurrency) {
		from, to, _ := readCurrency(f.text)
		code, _, _ := currencyAfter(f.text[from:to])
		list = append(list, candidate{key: code, value: code, score: f.score, strength: strong, row: f.cell.row, note: f.note()})
	}
	all := sortedKeys(d.page.facts.currencies)
	for _, code := range all {
		score, note := 0.95, "the only currency of the document"
		if len(all) > 1 {
			score, note = 0.5, "one of several currencies"
		}
		if code == "USD" && d.onlyDollarSigns() {
			score, note = 0.8, "a dollar sign, which other dollars have too"
		}
		list = append(list, candidate{key: code, value: code, score: score, strength: strong, note: note})
	}
	if len(all) == 0 { // a code at the label: "Total EUR   34,73"
		for _, p := range d.ledger().by[total] {
			printed := p.label.cell.text[p.label.to:]
			if code, _, _ := currencyAfter(strings.TrimLeft(printed, " (in")); code != "" {
				list = append(list, candidate{key: code, value: code, score: 0.95, strength: strong, row: p.row, note: "at the total"})
			}
		}
	}
	return decide(list)
}

func (d *document) onlyDollarSigns() bool {
	for _, row := range d.page.rows {
		for _, c := range row {
			for i, w := range c.words {
				if w.folded == "usd" || w.folded == "us" && i+1 < len(c.words) && strings.HasPrefix(c.words[i+1].folded, "dollar") {
					return false
				}
			}
		}
	}
	return true
}

// orderDates lowers an invoice and its due date if the second is before the first.
func (d *document) orderDates(fields []*field, answers map[*field]answer) {
	var issued, payable *field
	for _, f := range fields {
		switch f.concept {
		case invoiceDate:
			issued = f
		case dueDate:
			payable = f
		}
	}
	if issued == nil {
		return
	}
	until := answer{}
	if payable != nil {
		until = answers[payable]
	} else {
		until = decide(d.page.days(dueDate))
	}
	from, ok1 := answers[issued].value.(string)
	to, ok2 := until.value.(string)
	if !ok1 || !ok2 || from <= to || until.score < 0.5 {
		return
	}
	for _, f := range []*field{issued, payable} {
		if f != nil {
			a := answers[f]
			a.score, a.note = min(a.score, 0.7), a.note+fmt.Sprintf("; but it would be due before, on %s", to)
			answers[f] = a
		}
	}
}
