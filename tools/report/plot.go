package report

import "fmt"

// plane is the area in which a chart is drawn, with its vertical axis.
type plane struct {
	left, right, top, bottom float64
	scale                    scale
}

func (p plane) y(v float64) float64 { return p.bottom - p.scale.part(v)*(p.bottom-p.top) }

// slot is how much room each label has.
func (p plane) slot(n int) float64 { return (p.right - p.left) / float64(n) }

// x is the middle of slot i of n.
func (p plane) x(i, n int) float64 { return p.left + (float64(i)+0.5)*p.slot(n) }

func (s *series) about() string {
	return fmt.Sprintf("chart of %s by label, %d values", s.name, len(s.values))
}

// lying reports whether the labels are too long to stand below columns.
func (s *series) lying() bool {
	room := float64(chartWidth-80) / float64(len(s.labels))
	for _, l := range s.labels {
		if textWidth(l) > max(room-8, 0) {
			return true
		}
	}
	return false
}

// plot draws the vertical axis with its grid, what draw adds, and the labels below.
func (s *series) plot(draw func(*picture, plane)) string {
	axis := newScale(s.values, 5)
	widest := 0.0
	for _, t := range axis.ticks() {
		widest = max(widest, textWidth(thousands(t, axis.decimals)))
	}
	top := float64(topMargin)
	if s.unit != "" {
		top += fontSize + 6 // the unit stands above the axis
	}
	area := plane{left: widest + 10, right: chartWidth - rightMargin, top: top, bottom: top + plotHeight, scale: axis}
	every, slant := s.labelling(area)
	below := 24.0
	if slant {
		below = 84
		area.left = max(area.left, slantedWidth) // the first label begins left of its slot
	}
	p := newPicture(area.bottom+below, s.about())
	if s.unit != "" {
		p.text(area.left-8, fontSize, "end", textColor, s.unit)
	}
	for _, t := range axis.ticks() {
		stroke := gridColor
		if t == 0 {
			stroke = zeroColor
		}
		p.line(area.left, area.y(t), area.right, area.y(t), stroke)
		p.text(area.left-8, area.y(t)+4, "end", textColor, thousands(t, axis.decimals))
	}
	draw(p, area)
	for i, l := range s.labels {
		switch x := area.x(i, len(s.labels)); {
		case i%every != 0:
		case slant:
			p.slanted(x+4, area.bottom+18, shorten(l, slantedText))
		default:
			p.text(x, area.bottom+18, "middle", textColor, l)
		}
	}
	return p.end()
}

// Slanted labels are cut to a length, and reach so far to the left.
const (
	slantedText  = 96
	slantedWidth = slantedText*0.77 - 8
)

// labelling leaves labels out where there are too many, and slants those that are too wide.
func (s *series) labelling(area plane) (every int, slant bool) {
	widest := 0.0
	for _, l := range s.labels {
		widest = max(widest, textWidth(l))
	}
	slot := area.slot(len(s.labels))
	const most = 12
	every = (len(s.labels) + most - 1) / most
	if widest+8 <= slot*float64(every) {
		for every > 1 && widest+14 <= slot*float64(every-1) {
			every--
		}
		return every, false
	}
	return every, true
}

// columns draws standing bars, with their values on top where there is room for all of them.
func (s *series) columns(p *picture, area plane) {
	slot := area.slot(len(s.values))
	width := min(slot*0.64, 64)
	digits, fits := s.fitting(slot - 4)
	for i, v := range s.values {
		x, zero, end := area.x(i, len(s.values)), area.y(0), area.y(v)
		p.bar(x-width/2, min(zero, end), width, max(zero-end, end-zero), color(v), s.labels[i]+": "+s.withUnit(v))
		switch {
		case !fits:
		case v < 0:
			p.text(x, end+fontSize+2, "middle", inkColor, thousands(v, digits))
		default:
			p.text(x, end-4, "middle", inkColor, thousands(v, digits))
		}
	}
}

// fitting says with how many decimals all values fit into a width, if they do.
func (s *series) fitting(width float64) (digits int, fits bool) {
	for _, digits := range []int{s.digits, 0} {
		fits = true
		for _, v := range s.values {
			fits = fits && textWidth(thousands(v, digits)) <= width
		}
		if fits {
			return digits, s.digits < 4 || digits == s.digits
		}
	}
	return 0, false
}

// curve draws a line, with dots where they don't run into each other.
func (s *series) curve(p *picture, area plane) {
	const room = 9
	points := make([]string, len(s.values))
	for i, v := range s.values {
		points[i] = coordinate(area.x(i, len(s.values))) + "," + coordinate(area.y(v))
	}
	p.path(points)
	if area.slot(len(s.values)) < room {
		return
	}
	for i, v := range s.values {
		p.dot(area.x(i, len(s.values)), area.y(v), s.labels[i]+": "+s.withUnit(v))
	}
}

// rows draws bars that lie on their side, each with its label before and its value behind it.
func (s *series) rows() string {
	const rowHeight, thickness = 30.0, 18.0
	label, value := 0.0, 0.0
	for i, l := range s.labels {
		label = max(label, textWidth(shorten(l, chartWidth*0.36)))
		value = max(value, textWidth(s.withUnit(s.values[i])))
	}
	low, high := extent(s.values) // the bars carry their values, so this axis needs no round ends
	axis := scale{low: low, high: high}
	left := label + 12
	if low < 0 { // values of bars to the left need room too
		left += value + 8
	}
	width := chartWidth - left - 12
	if high > 0 {
		width -= value
	}
	zero := left + axis.part(0)*width
	p := newPicture(rowHeight*float64(len(s.labels))+8, s.about())
	for i, l := range s.labels {
		v := s.values[i]
		y := 4 + rowHeight*float64(i)
		end := left + axis.part(v)*width
		middle := y + rowHeight/2 + 4
		p.text(0, middle, "start", inkColor, shorten(l, chartWidth*0.36))
		p.bar(min(zero, end), y+(rowHeight-thickness)/2, max(zero-end, end-zero), thickness, color(v), l+": "+s.withUnit(v))
		if v < 0 {
			p.text(end-6, middle, "end", textColor, s.withUnit(v))
		} else {
			p.text(end+6, middle, "start", textColor, s.withUnit(v))
		}
	}
	p.line(zero, 4, zero, 4+rowHeight*float64(len(s.labels)), zeroColor)
	return p.end()
}
