package diagram

import (
	_ "embed"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"
)

// Sizes of the SVG, in pixels.
const (
	svgLayer    = 1180 // widest layer
	svgMargin   = 28
	svgGap      = 34 // between boxes
	svgBend     = 14 // for a line that passes between them
	svgChannel  = 44 // between layers, at least
	svgPad      = 14 // inside a box
	svgName     = 21 // line heights
	svgWorker   = 18
	svgMark     = 17
	svgPile     = 4  // offset of the sheets behind a pile
	svgUndoGap  = 26 // the dashed line to an undo
	svgUndo     = 28 // its height
	svgHead     = 78 // with a title
	svgLegend   = 44
	svgMinBox   = 150
	svgMinWidth = 420
	svgLabel    = 44 // characters in a line
)

//go:embed svg.css
var svgStyle string

// SVG draws a picture as an SVG document with light and dark colours; what is cut short stands in full in tooltips.
func SVG(p Picture) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	d := &svgDrawing{picture: &p}
	for _, b := range p.Boxes {
		d.boxes = append(d.boxes, measure(b))
	}
	sizes := make([]size, len(p.Boxes))
	for i, b := range d.boxes {
		sizes[i] = size{b.width + b.beside(), b.width / 2}
	}
	l, err := arrange(&p, sizes, spacing{between: svgGap, bend: svgBend, margin: 22, width: svgLayer})
	if err != nil {
		return "", err
	}
	return d.draw(l), nil
}

// svgBox is a box with its texts and measures.
type svgBox struct {
	Box
	name, worker string
	marks        []string
	undo         string
	width        int // of the box alone
	height       int
	undoWidth    int
}

func measure(b Box) svgBox {
	out := svgBox{Box: b, name: shortened(b.ID), worker: shortened(b.Worker)}
	for _, m := range b.Marks {
		out.marks = append(out.marks, shortened(m))
	}
	if b.Status != "" {
		out.Status = shortened(b.Status)
	}
	w := max(svgMinBox, 38+textWidth(out.name, 8.2)+26, 38+textWidth(out.worker, 7.3)+10)
	w = max(w, 2*svgPad+textWidth(out.Status, 7.7))
	for _, m := range out.marks {
		w = max(w, 2*svgPad+textWidth(m, 6.7))
	}
	out.width = w + w%2
	out.height = 2*11 + svgName
	if out.worker != "" {
		out.height += svgWorker
	}
	if len(out.marks) > 0 {
		out.height += 6 + svgMark*len(out.marks)
	}
	if out.Status != "" {
		out.height += 6 + svgMark
	}
	if b.Undo != nil {
		out.undo = shortened(b.Undo.Worker)
		out.undoWidth = 40 + textWidth(out.undo, 6.7)
	}
	return out
}

// beside is what hangs at the right of a box.
func (b svgBox) beside() int {
	w := 0
	if b.Many {
		w = 2 * svgPile
	}
	if b.Undo != nil {
		w += svgUndoGap + b.undoWidth
	}
	return w
}

// shortened is a text that fits into a box.
func shortened(s string) string {
	r := []rune(printable(s))
	if len(r) > svgLabel {
		return string(r[:svgLabel-1]) + "…"
	}
	return string(r)
}

// textWidth guesses how wide a text is; wide scripts take twice as much.
func textWidth(s string, each float64) int {
	n := 0.0
	for _, r := range s {
		n += each
		if r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r > 0x1F000 {
			n += each
		}
	}
	return int(n + 0.5)
}

// printable leaves nothing that XML forbids.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF {
			return '·'
		}
		return r
	}, visible(strings.ToValidUTF8(s, "·")))
}

func escaped(s string) string { return html.EscapeString(printable(s)) }

type svgDrawing struct {
	picture *Picture
	boxes   []svgBox
	b       strings.Builder
}

func (d *svgDrawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *svgDrawing) draw(l *layout) string {
	tops, heights, bottom := d.rows(l)
	width := 0
	for _, layer := range l.layers {
		if n := len(layer); n > 0 {
			width = max(width, layer[n-1].x+layer[n-1].width)
		}
	}
	shift := svgMargin
	if full := width + 2*svgMargin; full < svgMinWidth {
		shift += (svgMinWidth - full) / 2
	}
	for _, layer := range l.layers {
		for _, n := range layer {
			n.x += shift
		}
	}
	width = max(width+2*svgMargin, svgMinWidth)
	height := bottom + svgLegend
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%d" role="img" aria-label="%s">`, width, height, escaped(d.picture.Title))
	d.printf("<style>\n%s</style>", svgStyle)
	d.printf(`<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0.5 0.8 L7.5 4 L0.5 7.2 Z"/></marker></defs>`)
	d.printf(`<rect class="page" width="%d" height="%d" rx="14"/>`, width, height)
	d.head(width)
	d.lines(l, tops, heights)
	for i, layer := range l.layers {
		for _, n := range layer {
			if !n.passes() {
				d.box(d.boxes[n.box], n.x, tops[i])
			}
		}
	}
	d.legend(height - svgLegend + 16)
	d.printf("</svg>")
	return d.b.String()
}

// rows returns where each layer begins and how high it is, and where the last one ends.
func (d *svgDrawing) rows(l *layout) (tops, heights []int, bottom int) {
	y := svgMargin
	if d.picture.Title != "" {
		y = svgHead
	}
	for i, layer := range l.layers {
		height, reach := 0, 0
		for _, n := range layer {
			if !n.passes() {
				height = max(height, d.boxes[n.box].height)
			}
			for _, m := range n.down {
				reach = max(reach, m.center()-n.center(), n.center()-m.center())
			}
		}
		tops, heights = append(tops, y), append(heights, height)
		y += height
		if i < len(l.layers)-1 {
			y += svgChannel + min(reach/12, svgChannel)
		}
	}
	return tops, heights, y
}

func (d *svgDrawing) head(width int) {
	if d.picture.Title == "" {
		return
	}
	d.printf(`<text class="title" x="%d" y="34">%s</text>`, svgMargin, escaped(cutTo(d.picture.Title, (width-2*svgMargin)/9)))
	if s := d.picture.Subtitle; s != "" {
		d.printf(`<text class="subtitle" x="%d" y="54">%s<title>%s</title></text>`, svgMargin, escaped(cutTo(s, (width-2*svgMargin)/7)), escaped(s))
	}
}

func cutTo(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:max(most-1, 0)]) + "…"
	}
	return s
}

// lines draws what leads from layer to layer.
func (d *svgDrawing) lines(l *layout, tops, heights []int) {
	var above []*item
	for i, layer := range l.layers {
		ports := portsOf(above, layer, l.space.margin)
		for _, n := range layer {
			if n.passes() {
				d.printf(`<path class="line" d="M%d %d V%d"/>`, n.center(), tops[i], tops[i]+heights[i])
			}
			for _, from := range n.up { // in order: equal pictures give equal documents
				d.curve(from, n, ports[n][from], tops, heights)
			}
		}
		above = layer
	}
}

func (d *svgDrawing) curve(from, to *item, x int, tops, heights []int) {
	start, bent, end := tops[from.layer]+heights[from.layer], tops[from.layer]+heights[from.layer], tops[to.layer]
	if !from.passes() {
		start = tops[from.layer] + d.boxes[from.box].height
	}
	tip := ""
	if !to.passes() {
		tip = ` marker-end="url(#tip)"`
		end--
	}
	half := (bent + end) / 2
	path := fmt.Sprintf("M%d %d V%d C%[1]d %[4]d %[5]d %[4]d %[5]d %[6]d", from.center(), start, bent, half, x, end)
	if from.center() == x {
		path = fmt.Sprintf("M%d %d V%d", x, start, end)
	}
	d.printf(`<path class="line" d="%s"%s/>`, path, tip)
}

func (d *svgDrawing) box(b svgBox, x, y int) {
	state := b.State.look().class
	d.printf(`<g class="box %s %s" transform="translate(%d %d)"><title>%s</title>`, b.Kind.known(), state, x, y, escaped(orElse(b.Title, b.ID)))
	if b.Undo != nil {
		d.undo(b)
	}
	if b.Many {
		for i := 2; i > 0; i-- {
			d.printf(`<rect class="sheet" x="%d" y="%d" width="%d" height="%d" rx="10"/>`, i*svgPile, i*svgPile, b.width, b.height)
		}
	}
	d.printf(`<rect class="card" width="%d" height="%d" rx="10"/>`, b.width, b.height)
	d.printf(`<g class="icon" transform="translate(%d 12)">%s</g>`, svgPad, icons[b.Kind.known()])
	line := 11 + 15
	d.printf(`<text class="name" x="38" y="%d">%s</text>`, line, html.EscapeString(b.name))
	if b.worker != "" {
		line += svgWorker
		d.printf(`<text class="worker" x="38" y="%d">%s</text>`, line, html.EscapeString(b.worker))
	}
	line += 6
	for _, m := range b.marks {
		line += svgMark
		d.printf(`<text class="mark" x="%d" y="%d">%s</text>`, svgPad, line, html.EscapeString(m))
	}
	if b.Status != "" {
		d.printf(`<text class="status" x="%d" y="%d">%s</text>`, svgPad, b.height-12, html.EscapeString(b.Status))
	}
	if s := b.State.look(); s.symbol != "" {
		d.printf(`<circle class="badge" cx="%d" cy="20" r="9"/><text class="symbol" x="%[1]d" y="24">%s</text>`, b.width-19, s.symbol)
	}
	d.printf(`</g>`)
}

// undo draws what takes a box back, beside it, on a dashed line.
func (d *svgDrawing) undo(b svgBox) {
	x, y := b.width+svgUndoGap, b.height/2-svgUndo/2
	if b.Many {
		x += 2 * svgPile
	}
	d.printf(`<g class="undo %s"><title>%s</title>`, b.Undo.State.look().class, escaped(orElse(b.Undo.Title, "undo: "+b.Undo.Worker)))
	d.printf(`<path class="back" d="M%d %d H%d"/>`, b.width, b.height/2, x)
	d.printf(`<rect class="chip" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, x, y, b.undoWidth, svgUndo)
	symbol := orElse(b.Undo.State.look().symbol, "↶")
	d.printf(`<text class="mark" x="%d" y="%d">%s %s</text></g>`, x+12, y+18, symbol, html.EscapeString(b.undo))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// legend explains the icons in use.
func (d *svgDrawing) legend(y int) {
	x := svgMargin
	for _, k := range kinds {
		if !slices.ContainsFunc(d.boxes, func(b svgBox) bool { return b.Kind.known() == k }) {
			continue
		}
		d.printf(`<g class="legend %s" transform="translate(%d %d)"><g class="icon">%s</g><text class="mark" x="22" y="13">%[1]s</text></g>`, k, x, y, icons[k])
		x += 44 + textWidth(string(k), 6.7)
	}
}

// icons are 16 by 16 pixels.
var icons = map[Kind]string{
	Agent:    `<path d="M8 0.5 L10 6 L15.5 8 L10 10 L8 15.5 L6 10 L0.5 8 L6 6 Z"/>`,
	Tool:     `<path fill-rule="evenodd" d="M4.5 1.5 h7 L15 8 l-3.5 6.5 h-7 L1 8 Z M8 5.2 a2.8 2.8 0 1 0 0.01 0 Z"/>`,
	Pipeline: `<path d="M1 1.5 h6 v4.5 h-6 Z M9 10 h6 v4.5 h-6 Z M3.3 6 h1.4 v5.5 h4.3 v1.4 h-5.7 Z"/>`,
	Person:   `<path d="M8 1 a3.4 3.4 0 1 0 0.01 0 Z M1.5 15 c0 -7.5 13 -7.5 13 0 Z"/>`,
	Wait:     `<path fill-rule="evenodd" d="M8 0.8 a7.2 7.2 0 1 0 0.01 0 Z M8 2.6 a5.4 5.4 0 1 1 -0.01 0 Z M7.2 4.5 h1.5 v3.4 l2.5 1.5 -0.8 1.3 -3.2 -2 Z"/>`,
	Unknown:  `<path fill-rule="evenodd" d="M8 0.8 a7.2 7.2 0 1 0 0.01 0 Z M8 2.6 a5.4 5.4 0 1 1 -0.01 0 Z M7.2 11 h1.6 v1.6 h-1.6 Z M7.2 9.8 c0 -2.4 2 -1.8 2 -3.4 c0 -1.5 -2.4 -1.5 -2.4 0.2 h-1.6 c0 -3.8 5.6 -3.7 5.6 -0.2 c0 2.3 -2 1.9 -2 3.4 Z"/>`,
}
