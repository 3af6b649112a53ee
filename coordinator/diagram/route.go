package diagram

import (
	"cmp"
	"maps"
	"slices"
)

// portsOf gives each line that arrives at an item a column of its own at the item's upper edge: straight below where the
// line comes from if it can be, and never where a line of another box leaves the layer above. So no two lines share a column.
func portsOf(above, layer []*item, margin int) map[*item]map[*item]int {
	leaving := map[int]int{} // column to net
	for _, n := range above {
		if len(n.down) > 0 {
			leaving[n.center()] = n.net
		}
	}
	out := make(map[*item]map[*item]int, len(layer))
	for _, n := range layer {
		out[n] = n.ports(leaving, margin)
	}
	return out
}

func (n *item) ports(leaving map[int]int, margin int) map[*item]int {
	if n.passes() {
		return map[*item]int{n.up[0]: n.center()}
	}
	ups := slices.Clone(n.up)
	slices.SortFunc(ups, func(a, b *item) int { return cmp.Compare(a.center(), b.center()) })
	left, right := n.x+margin, n.x+2*n.middle-margin-1
	out := make(map[*item]int, len(ups))
	taken := map[int]bool{}
	for _, up := range ups {
		if c := up.center(); left <= c && c <= right {
			out[up], taken[c] = c, true
		}
	}
	for i, up := range ups {
		if _, straight := out[up]; straight {
			continue
		}
		wish := n.x + 2*n.middle*(i+1)/(len(ups)+1)
		c := nearest(wish, left, right, func(c int) bool {
			net, used := leaving[c]
			return !taken[c] && (!used || net == up.net)
		})
		out[up], taken[c] = c, true
	}
	return out
}

// nearest is the allowed number next to a wish; the wish itself when none is.
func nearest(wish, low, high int, allowed func(int) bool) int {
	for off := 0; off <= high-low; off++ {
		for _, c := range [2]int{wish - off, wish + off} {
			if low <= c && c <= high && allowed(c) {
				return c
			}
		}
	}
	return wish
}

// wire is what one item hands on to the layer below it.
type wire struct {
	net, from int   // column it comes from
	to        []int // columns it goes to
	low, high int   // its columns, from left to right
	track     int   // row of the channel with its horizontal part
}

func (w *wire) straight() bool { return w.low == w.high }

// wiresOf returns the wires between two layers, and how many rows they need.
func wiresOf(above []*item, ports map[*item]map[*item]int) ([]*wire, int) {
	var wires []*wire
	for _, n := range above {
		if len(n.down) == 0 {
			continue
		}
		w := &wire{net: n.net, from: n.center()}
		for _, m := range n.down {
			w.to = append(w.to, ports[m][n])
		}
		w.low, w.high = min(w.from, slices.Min(w.to)), max(w.from, slices.Max(w.to))
		wires = append(wires, w)
	}
	return wires, assignTracks(wires)
}

// assignTracks gives each bent wire a row, such that horizontal parts keep clear of each other, and a wire that leaves in
// a column is gone from there before another one arrives in it.
func assignTracks(wires []*wire) int {
	bent := slices.DeleteFunc(slices.Clone(wires), (*wire).straight)
	slices.SortStableFunc(bent, func(a, b *wire) int { return cmp.Compare(a.rank(), b.rank()) })
	leaves := map[int]*wire{}
	for _, w := range bent {
		leaves[w.from] = w
	}
	rows := []map[*wire]bool{}
	placed := map[*wire]bool{}
	var place func(w *wire)
	place = func(w *wire) {
		if placed[w] {
			return
		}
		placed[w] = true // in a circle, somebody has to be first
		first := 0
		for _, c := range w.to {
			if before := leaves[c]; before != nil && before != w {
				place(before)
				first = max(first, before.track+1)
			}
		}
		for w.track = first; w.track < len(rows) && w.clashes(rows[w.track]); {
			w.track++
		}
		for len(rows) <= w.track {
			rows = append(rows, map[*wire]bool{})
		}
		rows[w.track][w] = true
	}
	for _, w := range bent {
		place(w)
	}
	return len(rows)
}

// rank puts wires that lead left before those that lead right, each kind such that few of them cross.
func (w *wire) rank() int {
	sum := 0
	for _, c := range w.to {
		sum += c - w.from
	}
	if sum < 0 {
		return w.from
	}
	return 1<<30 - w.from
}

func (w *wire) clashes(row map[*wire]bool) bool {
	for other := range maps.Keys(row) {
		if w.low <= other.high && other.low <= w.high {
			return true
		}
	}
	return false
}
