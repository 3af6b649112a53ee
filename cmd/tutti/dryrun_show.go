package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// walkItems is how many items of a fan-out are shown one by one.
const walkItems = 3

// walkFields is how many values of one input are shown.
const walkFields = 20

// branch is a step of a walk with what hangs below it.
type branch struct {
	walked
	below []*branch
}

// printWalk prints a dry run for people.
func (s *session) printWalk(w *dryWalk) error {
	p := &walkPage{sheet{s: s}}
	p.linef("%s  %s", p.tint(strong, "dry run of "+cmp.Or(line(w.Pipeline), "a plan")), p.tint(faint, "nothing is carried out, nothing is written"))
	p.linef("")
	p.branches(branchesOf(w.Steps), 1)
	p.linef("")
	p.summary(w)
	if len(w.Output) > 0 && w.Status == coordinator.StatusDone {
		p.linef("")
		p.linef("output%s", p.madeUp(w.MadeUp))
		for _, l := range strings.Split(strings.TrimRight(pretty(w.Output), "\n"), "\n") {
			p.linef("  %s", clean(l))
		}
	}
	return p.print()
}

func branchesOf(steps []walked) []*branch {
	all := make(map[string]*branch, len(steps))
	for _, st := range steps {
		all[st.Path] = &branch{walked: st}
	}
	var top []*branch
	for _, st := range steps {
		b := all[st.Path]
		if above := all[parentOf(st.Path)]; above != nil && above != b && !isUndo(st.Path) {
			above.below = append(above.below, b)
			continue
		}
		top = append(top, b)
	}
	return top
}

// walkPage is a walk as people see it.
type walkPage struct{ sheet }

func (p *walkPage) branches(all []*branch, depth int) {
	shown := 0
	var left []*branch
	for _, b := range all {
		if strings.HasSuffix(b.Path, "]") {
			if shown++; shown > walkItems {
				left = append(left, b)
				continue
			}
		}
		p.step(b, depth)
		p.branches(b.below, depth+1)
	}
	if len(left) > 0 {
		p.linef("%s… and %s: %s", strings.Repeat("  ", depth), count(len(left), "more item"), sumOf(left))
	}
}

// sumOf words what would be done below some branches.
func sumOf(all []*branch) string {
	var w would
	var add func(all []*branch)
	skipped, failed := 0, 0
	add = func(all []*branch) {
		for _, b := range all {
			w.add(b.walked)
			switch b.State {
			case "skipped":
				skipped++
			case "failed":
				failed++
			}
			add(b.below)
		}
	}
	add(all)
	parts := []string{tallyOf(w.Effects), tallyOf(w.Models)}
	for _, n := range []struct {
		n    int
		text string
	}{{w.Asks, "question"}, {skipped, "skipped"}, {failed, "failed"}} {
		switch {
		case n.n == 0:
		case n.text == "question":
			parts = append(parts, count(n.n, n.text))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.text))
		}
	}
	return cmp.Or(strings.Join(present(parts...), ", "), "nothing that changes the world")
}

const nameColumns = 22

func (p *walkPage) step(b *branch, depth int) {
	indent := strings.Repeat("  ", depth)
	mark, style, words := p.verdict(b)
	name := shortName(b.Path)
	wide := max(nameColumns-2*(depth-1), 8)
	p.linef("%s%s %s  %s  %s", indent, p.tint(style, mark), padded(name, wide), p.tint(faint, padded(line(b.Use), 14)), p.tint(style, words))
	inner := indent + "    "
	if b.After != "" && !isPart(b.Path) && mark != "·" && mark != "–" {
		p.linef("%s%s", inner, p.tint(yellow, "◷ would wait "+b.After+" first"))
	}
	p.asks(b, inner, true)
	p.input(b, inner)
	p.output(b, inner)
	p.asks(b, inner, false)
	p.doubt(b, inner)
}

// verdict says in a mark and a few words what a step would do.
func (p *walkPage) verdict(b *branch) (mark, style, words string) {
	switch {
	case b.State == "not reached", b.State == "stopped":
		return "·", faint, b.State
	case b.Would == "call" && b.Effect == coordinator.EffectUnrepeatable:
		return "!", red, "would change the world, each time"
	case b.Would == "call":
		return "!", yellow, "would change the world"
	case b.Would == "ask":
		return "$", yellow, "would ask a model that costs money"
	case b.State == "failed":
		return "✗", red, line(b.Error)
	case b.State == "skipped":
		return "–", faint, "skipped: " + line(b.Reason)
	case b.Kind == "person":
		return "?", yellow, "people would be asked"
	case b.MadeUp != "":
		return "~", yellow, line(b.MadeUp)
	case b.Called && b.Kind == "pipeline":
		return "✓", green, "its steps:"
	case b.Called:
		return "✓", green, strings.Join(present("really called", string(b.Effect), sure(b.Confidence)), ", ")
	case len(b.below) > 0 && strings.HasSuffix(b.below[0].Path, "]"):
		return "✓", green, count(len(b.below), "item") + p.madeUp(b.FromMadeUp)
	}
	return "✓", green, strings.TrimSpace(map[string]string{"done": "", "working": ""}[b.State] + p.madeUp(b.FromMadeUp))
}

// madeUp marks what depends on made-up values.
func (p *walkPage) madeUp(tainted bool) string {
	if !tainted {
		return ""
	}
	return p.tint(yellow, " (from made-up values)")
}

// asks lists the questions that come before a step is begun, or those after it.
func (p *walkPage) asks(b *branch, indent string, before bool) {
	for _, a := range b.Asks {
		if before != (a.Reason == coordinator.ReasonApproval || a.Reason == coordinator.ReasonQuestion) {
			continue
		}
		p.linef("%s%s", indent, p.tint(yellow, "? would ask "+askedWords(a.reviewed)+": "+reasonWords(a.Reason)))
		if a.Asked != "" {
			p.linef("%s  “%s”", indent, line(a.Asked))
		} else {
			p.linef("%s  %s", indent, line(a.Question))
		}
		p.linef("%s  %s", indent, p.tint(faint, "answered here: "+answerWords(a)))
	}
}

// doubt says what a made-up answer leaves open: a real one may not be sure enough.
func (p *walkPage) doubt(b *branch, indent string) {
	if b.Accept == 0 || b.Would != "ask" {
		return
	}
	review := reviewed{}
	if b.Review != nil {
		review = *b.Review
	}
	p.linef("%s%s", indent, p.tint(yellow, fmt.Sprintf("? below %.0f %% sure: would ask %s", 100*b.Accept, askedWords(review))))
}

func reasonWords(r coordinator.Reason) string { return strings.ReplaceAll(string(r), "_", " ") }

func askedWords(r reviewed) string {
	out := who(r.By)
	if r.Within != "" {
		out += ", within " + r.Within
		if r.Then != "" {
			out += ", then " + line(r.Then)
		}
	}
	if r.FourEyes {
		out += ", not who asked for the run"
	}
	return out
}

func answerWords(a asking) string {
	if a.Answer == "" {
		return "no made-up answer fits, so it stays open"
	}
	out := string(a.Answer)
	if len(a.Output) > 0 {
		out += " " + line(plainText(a.Output))
	}
	if a.MadeUp {
		out += " (made up)"
	}
	return out
}

// input shows what a worker gets: value by value where it would be called, on one line where it really was.
func (p *walkPage) input(b *branch, indent string) {
	if len(b.Input) == 0 || string(b.Input) == "null" || b.Kind == "person" || b.State == "skipped" {
		return
	}
	fields := fieldsOf("", b.Input)
	if b.Would == "" || fields == nil {
		if b.Called || b.Would != "" || b.MadeUp != "" || b.State == "failed" {
			tag := p.madeUp(b.FromMadeUp)
			p.linef("%s%s %s%s", indent, p.tint(faint, "in "), cut(line(plainText(b.Input)), p.room(indent, tag)), tag)
		}
		return
	}
	p.linef("%s%s%s", indent, p.tint(faint, "with"), p.madeUp(b.FromMadeUp))
	wide := 0
	for _, f := range fields {
		wide = max(wide, min(columnsOf(f.name), nameColumns))
	}
	for i, f := range fields {
		if i == walkFields {
			p.linef("%s  … %s, in full with -o json", indent, count(len(fields)-i, "more value"))
			break
		}
		top, _, _ := strings.Cut(f.name, ".")
		mark := " "
		if _, ok := b.Authority[top]; ok {
			mark = p.tint(red, "▸") // authority
		}
		p.linef("%s%s %s  %s", indent, mark, padded(line(f.name), wide), line(f.text))
	}
}

// output shows what the steps after it go on with.
func (p *walkPage) output(b *branch, indent string) {
	if len(b.Output) == 0 || string(b.Output) == "null" || len(b.below) > 0 || b.Kind == "person" {
		return
	}
	tag := p.madeUp(b.Tainted)
	if b.MadeUp != "" {
		tag = p.tint(yellow, " (made up)")
	}
	p.linef("%s%s %s%s", indent, p.tint(faint, "out"), short(b.Output, p.room(indent, tag)), tag)
}

// room is what is left for a value on a line, beside a word of three letters.
func (p *walkPage) room(indent, tag string) int {
	return max(p.columns()-columnsOf(indent)-len("out ")-columnsOf(tag), 20)
}

// summary says in a few lines what the run would do.
func (p *walkPage) summary(w *dryWalk) {
	if w.Error != "" {
		for i, l := range filled(clean(w.Error), p.columns()-18) {
			p.linef("%s%s", []string{p.tint(red, "✗ it would fail: "), strings.Repeat(" ", 17)}[min(i, 1)], l)
		}
		if w.doubtful {
			p.linef("  %s", p.tint(faint, "Some values are made up; that may be why."))
		}
	}
	o := w.Would
	changes := "would change nothing in the world"
	if o.Changes > 0 {
		changes = fmt.Sprintf("would change the world %s: %s", count(o.Changes, "time"), tallyOf(o.Effects))
	}
	if o.Undone > 0 {
		changes += fmt.Sprintf(" (%d to undo)", o.Undone)
	}
	p.linef("%s", p.tint(strong, changes))
	if o.Asks > 0 {
		p.linef("would ask people %s", count(o.Asks, "time"))
	}
	if o.StandsOpen > 0 {
		p.linef("%s", p.tint(yellow, fmt.Sprintf("stops at %s: no made-up answer fits", count(o.StandsOpen, "question"))))
	}
	if o.MayAsk > 0 {
		p.linef("may ask people %s: results made up here may not be sure enough", count(o.MayAsk, "more time"))
	}
	if len(o.Models) > 0 {
		p.linef("would ask models that cost money: %s (--ask-models asks them)", tallyOf(o.Models))
	}
	if o.Wait != "" {
		p.linef("would wait %s", o.Wait)
	}
	if w.Usage != nil && spent(*w.Usage) != "" {
		p.linef("this dry run used %s", spent(*w.Usage))
	}
	if hasAuthority(w.Steps) {
		p.linef("%s", p.tint(faint, "▸ carries authority: a recipient, a path, an amount"))
	}
}

func hasAuthority(steps []walked) bool {
	for _, st := range steps {
		if st.Would != "" && len(st.Authority) > 0 {
			return true
		}
	}
	return false
}
