package diagram

import (
	"errors"
	"math"
	"slices"
)

// spacing is what a layout keeps free, in the unit of the boxes' widths.
type spacing struct {
	between int // boxes
	bend    int // what a line takes where it passes between boxes
	margin  int // at a box's upper edge, where no line arrives
	width   int // of a layer: boxes that do not fit go further down; 0: any
}

// item is a box in its layer, or the place where a line passes a layer.
type item struct {
	box       int // index; -1 for a passing line
	net       int // whose line it is: the box that the line comes from
	layer, at int // at: place in the layer
	width, x  int // x: left edge
	middle    int // from the left edge: where lines leave and, unless they have a place of their own, arrive
	up, down  []*item
}

// size is a box's width, and where in it lines leave.
type size struct{ width, middle int }

func (n *item) passes() bool { return n.box < 0 }

func (n *item) center() int { return n.x + n.middle }

// layout is boxes and passing lines in layers, from above. Every link goes from a layer to the next one.
type layout struct {
	layers [][]*item
	space  spacing
}

var errCircle = errors.New("picture: the boxes wait for each other")

// arrange puts the boxes of a picture, which must have passed check, into layers and columns.
func arrange(p *Picture, sizes []size, s spacing) (*layout, error) {
	order, ok := p.order()
	if !ok {
		return nil, errCircle
	}
	l := &layout{space: s}
	l.connect(p, l.place(p, order, sizes))
	l.uncross()
	l.align()
	return l, nil
}

// place gives each box the highest layer below all it waits for that has room.
func (l *layout) place(p *Picture, order []int, sizes []size) []*item {
	items := make([]*item, len(p.Boxes))
	var used []int
	for _, i := range order {
		layer := 0
		for _, j := range p.Boxes[i].After {
			layer = max(layer, items[j].layer+1)
		}
		need := sizes[i].width + l.space.between
		for layer < len(used) && used[layer] > 0 && l.space.width > 0 && used[layer]+need > l.space.width+l.space.between {
			layer++
		}
		for len(used) <= layer {
			used = append(used, 0)
			l.layers = append(l.layers, nil)
		}
		used[layer] += need
		items[i] = &item{box: i, net: i, layer: layer, width: sizes[i].width, middle: sizes[i].middle}
	}
	for _, n := range items { // within a layer, as in the plan
		l.add(n)
	}
	return items
}

func (l *layout) add(n *item) {
	n.at = len(l.layers[n.layer])
	l.layers[n.layer] = append(l.layers[n.layer], n)
}

// connect links the boxes. Lines over several layers pass those between them; all lines of one box share their way.
func (l *layout) connect(p *Picture, items []*item) {
	trunks := make([]map[int]*item, len(items)) // by source, by layer
	for i, b := range p.Boxes {
		for _, j := range slices.Compact(slices.Sorted(slices.Values(b.After))) {
			if trunks[j] == nil {
				trunks[j] = map[int]*item{items[j].layer: items[j]}
			}
			last := items[j]
			for layer := items[j].layer + 1; layer < items[i].layer; layer++ {
				next := trunks[j][layer]
				if next == nil {
					next = &item{box: -1, net: j, layer: layer, width: l.space.bend, middle: l.space.bend / 2}
					trunks[j][layer] = next
					l.add(next)
					link(last, next)
				}
				last = next
			}
			link(last, items[i])
		}
	}
}

func link(above, below *item) {
	above.down = append(above.down, below)
	below.up = append(below.up, above)
}

// sweeps is how often the order is improved, down and up by turns.
const sweeps = 16

// uncross orders each layer by the barycenters of what it is linked to, and keeps the order with the fewest crossings.
func (l *layout) uncross() {
	best, fewest := l.orders(), l.crossings()
	for round := 0; round < sweeps && fewest > 0; round++ {
		down := round%2 == 0
		for i := range l.layers {
			if !down {
				i = len(l.layers) - 1 - i
			}
			l.sortLayer(l.layers[i], down)
		}
		if n := l.crossings(); n < fewest {
			best, fewest = l.orders(), n
		}
	}
	for i, layer := range best {
		l.layers[i] = layer
		renumber(layer)
	}
}

func (l *layout) orders() [][]*item {
	out := make([][]*item, len(l.layers))
	for i, layer := range l.layers {
		out[i] = slices.Clone(layer)
	}
	return out
}

func (l *layout) sortLayer(layer []*item, down bool) {
	weight := make(map[*item]float64, len(layer))
	for _, n := range layer {
		near := n.down
		if down {
			near = n.up
		}
		weight[n] = float64(n.at)
		if len(near) > 0 {
			sum := 0
			for _, m := range near {
				sum += m.at
			}
			weight[n] = float64(sum) / float64(len(near))
		}
	}
	slices.SortStableFunc(layer, func(a, b *item) int {
		switch {
		case weight[a] < weight[b]:
			return -1
		case weight[a] > weight[b]:
			return 1
		}
		return 0
	})
	renumber(layer)
}

func renumber(layer []*item) {
	for i, n := range layer {
		n.at = i
	}
}

// crossings counts the links that cross, over all layers.
func (l *layout) crossings() int {
	total := 0
	for _, layer := range l.layers {
		var ends []int
		for _, n := range layer {
			var own []int
			for _, m := range n.down {
				own = append(own, m.at)
			}
			slices.Sort(own)
			ends = append(ends, own...)
		}
		total += inversions(ends)
	}
	return total
}

// inversions counts the pairs that stand in the wrong order, with a Fenwick tree.
func inversions(list []int) int {
	if len(list) == 0 {
		return 0
	}
	tree := make([]int, slices.Max(list)+2)
	total := 0
	for seen, v := range list {
		notLarger := 0
		for i := v + 1; i > 0; i -= i & -i {
			notLarger += tree[i]
		}
		total += seen - notLarger
		for i := v + 1; i < len(tree); i += i & -i {
			tree[i]++
		}
	}
	return total
}

// straightness is how much more a passing line wants to be straight than a box wants to be near its neighbours.
const straightness = 8

// align moves every item as near to its neighbours as its layer's order and the spacing allow.
func (l *layout) align() {
	for _, layer := range l.layers {
		x := 0
		for _, n := range layer {
			n.x = x
			x += n.width + l.space.between
		}
	}
	for round := range sweeps {
		for i := range l.layers {
			if round%2 == 1 {
				i = len(l.layers) - 1 - i
			}
			l.alignLayer(l.layers[i], round)
		}
	}
	left := math.MaxInt
	for _, layer := range l.layers {
		left = min(left, layer[0].x)
	}
	for _, layer := range l.layers {
		for _, n := range layer {
			n.x -= left
		}
	}
}

// alignLayer is a least squares fit: pool adjacent violators, on the positions less what must lie to the left of them.
func (l *layout) alignLayer(layer []*item, round int) {
	type block struct {
		sum, weight float64
		items       int
	}
	var blocks []block
	offset := 0
	for i, n := range layer {
		if i > 0 {
			offset += layer[i-1].width + l.gap(layer[i-1], n)
		}
		wish, weight := wishOf(n, round)
		b := block{(wish - float64(offset)) * weight, weight, 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].sum/blocks[len(blocks)-1].weight > b.sum/b.weight {
			last := blocks[len(blocks)-1]
			b = block{b.sum + last.sum, b.weight + last.weight, b.items + last.items}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	i, offset := 0, 0
	for _, b := range blocks {
		at := int(math.Round(b.sum / b.weight))
		for range b.items {
			if i > 0 {
				offset += layer[i-1].width + l.gap(layer[i-1], layer[i])
			}
			layer[i].x = at + offset
			i++
		}
	}
}

func (l *layout) gap(a, b *item) int {
	if a.passes() && b.passes() {
		return max(1, l.space.between/2)
	}
	return l.space.between
}

// wishOf is the left edge that an item would like, and how much. Even rounds look up, odd ones down, the last ones both ways.
func wishOf(n *item, round int) (x, weight float64) {
	near := n.up
	switch {
	case round >= sweeps-4:
		near = slices.Concat(n.up, n.down)
	case round%2 == 1:
		near = n.down
	}
	if len(near) == 0 {
		return float64(n.x), 0.1
	}
	sum, total := 0.0, 0.0
	for _, m := range near {
		w := 1.0
		if m.passes() || n.passes() {
			w = straightness
		}
		sum += w * float64(m.center()-n.middle)
		total += w
	}
	return sum / total, total
}
