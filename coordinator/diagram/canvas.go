package diagram

import "strings"

// canvas is a grid of characters that grows as it is drawn on.
type canvas struct{ rows [][]cell }

// cell is one column of one row.
type cell struct {
	text  string // "": nothing drawn, or a part of the wide character to the left
	box   int    // whose it is, plus 1; 0: nobody's
	wide  bool   // a part of the character to the left
	lines sides  // of a line
	net   int    // the line's
}

// sides are the directions in which a line leaves a cell.
type sides uint8

const (
	up sides = 1 << iota
	down
	left
	right
)

var corners = map[sides]string{
	up | down: "│", up: "│", down: "│", left | right: "─", left: "─", right: "─",
	down | right: "╭", down | left: "╮", up | right: "╰", up | left: "╯",
	up | down | right: "├", up | down | left: "┤", down | left | right: "┬", up | left | right: "┴", up | down | left | right: "┼",
}

func (c *canvas) at(x, y int) *cell {
	for len(c.rows) <= y {
		c.rows = append(c.rows, nil)
	}
	for len(c.rows[y]) <= x {
		c.rows[y] = append(c.rows[y], cell{})
	}
	return &c.rows[y][x]
}

func (c *canvas) set(x, y int, text string, box int) { *c.at(x, y) = cell{text: text, box: box + 1} }

// write puts a text into a row; width tells how many columns its characters take.
func (c *canvas) write(x, y int, text string, box int, width func(string) int) {
	for _, r := range text {
		w := width(string(r))
		if w == 0 {
			c.at(max(x-1, 0), y).text += string(r)
			continue
		}
		c.set(x, y, string(r), box)
		for i := 1; i < w; i++ {
			*c.at(x+i, y) = cell{wide: true, box: box + 1}
		}
		x += w
	}
}

func (c *canvas) frame(n *item, y, height int, many bool) {
	s := []rune("╭─╮│╰╯")
	if many {
		s = []rune("╔═╗║╚╝")
	}
	last := n.x + n.width - 1
	for x := n.x; x <= last; x++ {
		c.set(x, y, string(s[1]), n.box)
		c.set(x, y+height-1, string(s[1]), n.box)
	}
	for row := y; row < y+height; row++ {
		c.set(n.x, row, string(s[3]), n.box)
		c.set(last, row, string(s[3]), n.box)
	}
	c.set(n.x, y, string(s[0]), n.box)
	c.set(last, y, string(s[2]), n.box)
	c.set(n.x, y+height-1, string(s[4]), n.box)
	c.set(last, y+height-1, string(s[5]), n.box)
}

// line adds to the line in a cell. Where two lines cross, the horizontal one goes under the other.
func (c *canvas) line(x, y int, s sides, net int) {
	at := c.at(x, y)
	if at.lines != 0 && at.net != net && (at.lines|s) == up|down|left|right && (s == up|down || s == left|right) {
		if s == left|right {
			return
		}
		at.lines = 0
	}
	at.lines |= s
	at.net = net
	at.text = corners[at.lines]
}

// vertical draws a line through the rows from y to end, exclusive.
func (c *canvas) vertical(x, y, end, net int) {
	for ; y < end; y++ {
		c.line(x, y, up|down, net)
	}
}

// channel draws the wires between two layers from row y on, and returns how many rows they take.
func (c *canvas) channel(above []*item, ports map[*item]map[*item]int, y int) int {
	wires, height := wiresOf(above, ports)
	if len(above) == 0 {
		return 0
	}
	height = max(height, 1)
	for _, w := range wires {
		c.wire(w, y, y+height)
	}
	return height
}

func (c *canvas) wire(w *wire, y, end int) {
	if w.straight() {
		c.vertical(w.from, y, end, w.net)
		return
	}
	row := y + w.track
	c.vertical(w.from, y, row, w.net)
	for x := w.low; x <= w.high; x++ {
		var s sides
		if x > w.low {
			s |= left
		}
		if x < w.high {
			s |= right
		}
		if x == w.from {
			s |= up
		}
		for _, to := range w.to {
			if x == to {
				s |= down
			}
		}
		c.line(x, row, s, w.net)
	}
	for _, to := range w.to {
		c.vertical(to, row+1, end, w.net)
	}
}

// text returns the rows, without blanks at their ends.
func (c *canvas) text(boxes []Box, o TextOptions) string {
	var out strings.Builder
	for _, row := range c.rows {
		last := len(row)
		for last > 0 && row[last-1].text == "" && !row[last-1].wide {
			last--
		}
		for i := 0; i < last; {
			j := i
			var part strings.Builder
			for ; j < last && row[j].box == row[i].box; j++ {
				switch {
				case row[j].wide:
				case row[j].text == "":
					part.WriteByte(' ')
				default:
					part.WriteString(row[j].text)
				}
			}
			text := part.String()
			if row[i].box > 0 && o.Paint != nil {
				text = o.Paint(boxes[row[i].box-1].State, text)
			}
			out.WriteString(text)
			i = j
		}
		out.WriteByte('\n')
	}
	return out.String()
}
