package diagram

import (
	"strings"
	"unicode"
)

// TextOptions say how a picture is drawn in characters. The zero value fits 100 columns, without colours.
type TextOptions struct {
	Columns int                             // the widest picture; a layer that is wider is spread over several; 0: 100
	Paint   func(s State, t string) string  // colours what belongs to a box in this state; nil: not at all
	Width   func(text string) (columns int) // of a text on the terminal; nil: one per character
}

const (
	textColumns = 100
	maxLabel    = 34 // columns inside a box
	minLabel    = 8
)

// Text draws a picture with box-drawing characters, one line per row.
func Text(p Picture, o TextOptions) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	if o.Columns <= 0 {
		o.Columns = textColumns
	}
	if o.Width == nil {
		o.Width = func(s string) int { return len([]rune(s)) }
	}
	d := &textDrawing{o: o}
	sizes := make([]size, len(p.Boxes))
	for i, b := range p.Boxes {
		d.labels = append(d.labels, d.label(b))
		w := d.width(d.labels[i])
		sizes[i] = size{w, w / 2}
	}
	l, err := arrange(&p, sizes, spacing{between: 3, bend: 1, margin: 1, width: o.Columns})
	if err != nil {
		return "", err
	}
	d.draw(&p, l)
	return d.canvas.text(p.Boxes, o), nil
}

// textDrawing is a picture on its way to the canvas.
type textDrawing struct {
	o      TextOptions
	labels [][]string // lines inside each box
	canvas canvas
}

// label returns the lines inside a box.
func (d *textDrawing) label(b Box) []string {
	name := b.ID
	if s := b.State.look().symbol; s != "" {
		name = s + " " + name
	}
	lines := []string{name}
	if b.Worker != "" || b.Kind == Wait {
		lines = append(lines, strings.TrimRight(b.Kind.symbol()+" "+b.Worker, " "))
	}
	lines = append(lines, b.Marks...)
	if b.Undo != nil {
		lines = append(lines, "╌ undo: "+strings.TrimPrefix(b.Undo.State.look().symbol+" ", " ")+b.Undo.Worker)
	}
	if b.Status != "" {
		lines = append(lines, b.Status)
	}
	for i, line := range lines {
		lines[i] = d.cut(visible(line), min(maxLabel, d.o.Columns-4))
	}
	return lines
}

func (d *textDrawing) width(lines []string) int {
	w := minLabel
	for _, line := range lines {
		w = max(w, d.o.Width(line))
	}
	return w + 4
}

func (d *textDrawing) cut(s string, columns int) string {
	if d.o.Width(s) <= columns {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && d.o.Width(string(r)) > columns-1 {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func (d *textDrawing) draw(p *Picture, l *layout) {
	y := 0
	var above []*item
	for _, layer := range l.layers {
		ports := portsOf(above, layer, l.space.margin)
		y += d.canvas.channel(above, ports, y)
		height := 1
		for _, n := range layer {
			if !n.passes() {
				height = max(height, len(d.labels[n.box])+2)
			}
		}
		for _, n := range layer {
			d.item(p, n, ports[n], y, height)
		}
		y += height
		above = layer
	}
}

// item draws a box, and the line from it to its layer's lower edge; or the line that passes the layer.
func (d *textDrawing) item(p *Picture, n *item, ports map[*item]int, y, height int) {
	if n.passes() {
		d.canvas.vertical(n.center(), y, y+height, n.net)
		return
	}
	lines := d.labels[n.box]
	d.canvas.frame(n, y, len(lines)+2, p.Boxes[n.box].Many)
	for _, column := range ports {
		d.canvas.set(column, y, "▼", n.box)
	}
	for i, line := range lines {
		d.canvas.write(n.x+2, y+1+i, line, n.box, d.o.Width)
	}
	if len(n.down) > 0 {
		leaves := "┬"
		if p.Boxes[n.box].Many {
			leaves = "╤"
		}
		d.canvas.set(n.center(), y+len(lines)+1, leaves, n.box)
		d.canvas.vertical(n.center(), y+len(lines)+2, y+height, n.net)
	}
}

// visible makes control characters harmless.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return '·'
		}
		return r
	}, s)
}
