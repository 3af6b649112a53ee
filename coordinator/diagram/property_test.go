package diagram

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawnPlan is a random graph: every step may come after any earlier one.
func drawnPlan(t *rapid.T) Picture {
	var p Picture
	for i := range rapid.IntRange(1, 24).Draw(t, "steps") {
		b := Box{ID: fmt.Sprintf("s%d", i), Kind: Tool, Worker: strings.Repeat("w", rapid.IntRange(0, 30).Draw(t, "width"))}
		if i > 0 {
			b.After = rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, min(i, 4), rapid.ID[int]).Draw(t, "after")
		}
		b.Many = rapid.Bool().Draw(t, "many")
		p.Boxes = append(p.Boxes, b)
	}
	return p
}

func TestNothingOverlapsAndEveryEdgeGoesDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawnPlan(t)
		sizes := make([]size, len(p.Boxes))
		for i := range sizes {
			w := rapid.IntRange(3, 40).Draw(t, "w")
			sizes[i] = size{w, w / 2}
		}
		space := spacing{between: 3, bend: 1, margin: 1, width: rapid.SampledFrom([]int{0, 40, 120}).Draw(t, "most")}
		l, err := arrange(&p, sizes, space)
		if err != nil {
			t.Fatal(err)
		}
		reached := map[[2]int]bool{}
		seen := 0
		for i, layer := range l.layers {
			for k, n := range layer {
				if k > 0 && layer[k-1].x+layer[k-1].width >= n.x {
					t.Fatalf("layer %d: %d at %d..%d, then %d", i, layer[k-1].box, layer[k-1].x, layer[k-1].x+layer[k-1].width, n.x)
				}
				for _, m := range n.down {
					if n.layer != i || m.layer != i+1 {
						t.Fatalf("a link from layer %d to %d", n.layer, m.layer)
					}
					if !m.passes() {
						reached[[2]int{n.net, m.box}] = true
					}
				}
				if !n.passes() {
					seen++
				}
			}
		}
		if seen != len(p.Boxes) {
			t.Fatalf("%d boxes of %d", seen, len(p.Boxes))
		}
		links := 0
		for i, b := range p.Boxes {
			for _, j := range b.After {
				if links++; !reached[[2]int{j, i}] {
					t.Fatalf("no line from %d to %d", j, i)
				}
			}
		}
		if len(reached) != links {
			t.Fatalf("%d lines, %d wanted", len(reached), links)
		}
	})
}

func TestTextShowsEveryBoxWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawnPlan(t)
		text, err := Text(p, TextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		tips := 0
		for _, b := range p.Boxes {
			tips += len(b.After)
			if !strings.Contains(text, " "+b.ID+" ") {
				t.Fatalf("no %s in\n%s", b.ID, text)
			}
		}
		if n := strings.Count(text, "▼"); n != tips {
			t.Fatalf("%d tips for %d edges\n%s", n, tips, text)
		}
		if open, closed := strings.Count(text, "╗")+strings.Count(text, "╔"), strings.Count(text, "╚")+strings.Count(text, "╝"); open != closed {
			t.Fatalf("a pile is broken\n%s", text)
		}
	})
}

func TestSVGIsXMLWhateverItsTextsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawnPlan(t)
		nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"</text><script>", `" onload="x`, "a\x00b", "\ufffe", "]]>", "\xff"}))
		p.Title, p.Subtitle = nasty.Draw(t, "title"), nasty.Draw(t, "subtitle")
		for i := range p.Boxes {
			b := &p.Boxes[i]
			b.Worker, b.Title, b.Status, b.Marks = nasty.Draw(t, "worker"), nasty.Draw(t, "tooltip"), nasty.Draw(t, "status"), []string{nasty.Draw(t, "mark")}
			b.State, b.Kind = State(nasty.Draw(t, "state")), Kind(nasty.Draw(t, "kind"))
			b.Undo = &Undo{Worker: nasty.Draw(t, "undo")}
		}
		svg, err := SVG(p)
		if err != nil {
			t.Fatal(err)
		}
		boxes := 0
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, svg)
			}
			if e, ok := token.(xml.StartElement); ok {
				if e.Name.Local == "script" {
					t.Fatal("a text became an element")
				}
				for _, a := range e.Attr {
					if a.Value == "card" {
						boxes++
					}
					if strings.HasPrefix(a.Name.Local, "on") {
						t.Fatal("a text became an attribute")
					}
				}
			}
		}
		if boxes != len(p.Boxes) {
			t.Fatalf("%d boxes of %d", boxes, len(p.Boxes))
		}
	})
}
