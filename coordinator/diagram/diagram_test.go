package diagram_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/tuttirun/tutti/coordinator/diagram"
)

var update = flag.Bool("update", false, "rewrite the pictures in testdata")

// read makes a picture of lines such as "book tool sql.exec < invoice rules | if action == book | approval": an id (with *
// for a pile), a kind, a worker, what it comes after, its marks. ! before a mark is its undo, @ its state.
func read(t *testing.T, text string) diagram.Picture {
	t.Helper()
	p := diagram.Picture{Title: "a plan", Subtitle: "for a test"}
	index := map[string]int{}
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		head, after, _ := strings.Cut(parts[0], " < ")
		words := append(strings.Fields(head), "", "")
		b := diagram.Box{ID: strings.TrimSuffix(words[0], "*"), Many: strings.HasSuffix(words[0], "*"), Kind: diagram.Kind(words[1]), Worker: words[2]}
		for _, id := range strings.Fields(after) {
			i, ok := index[id]
			if !ok {
				t.Fatalf("no %q before %q", id, line)
			}
			b.After = append(b.After, i)
		}
		for _, mark := range parts[1:] {
			switch mark[0] {
			case '!':
				b.Undo = &diagram.Undo{Worker: mark[1:]}
			case '@':
				b.State, b.Status = diagram.State(mark[1:]), mark[1:]
			default:
				b.Marks = append(b.Marks, mark)
			}
		}
		index[b.ID] = len(p.Boxes)
		p.Boxes = append(p.Boxes, b)
	}
	return p
}

// TestPicturesAreAsExpected holds pictures for people to review. The first file of an archive is the plan.
func TestPicturesAreAsExpected(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p := read(t, string(archive.Files[0].Data))
			text, err := diagram.Text(p, diagram.TextOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "text", Data: []byte(text)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Files[1].Data); text != want {
				t.Errorf("\n%s\nwant\n%s", text, want)
			}
		})
	}
}

// plans draws random graphs: every step may come after any earlier one.
func plans(most int) *rapid.Generator[diagram.Picture] {
	return rapid.Custom(func(t *rapid.T) diagram.Picture {
		var p diagram.Picture
		n := rapid.IntRange(1, most).Draw(t, "steps")
		for i := range n {
			b := diagram.Box{ID: fmt.Sprintf("s%d", i), Kind: diagram.Tool, Worker: strings.Repeat("w", rapid.IntRange(0, 30).Draw(t, "width"))}
			if i > 0 {
				b.After = rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, min(i, 4), rapid.ID[int]).Draw(t, "after")
			}
			b.Many = rapid.Bool().Draw(t, "many")
			p.Boxes = append(p.Boxes, b)
		}
		return p
	})
}

func TestTooManyBoxesAreRefused(t *testing.T) {
	p := diagram.Picture{Boxes: make([]diagram.Box, diagram.MaxBoxes+1)}
	if _, err := diagram.Text(p, diagram.TextOptions{}); !errors.Is(err, diagram.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestACircleIsAnError(t *testing.T) {
	p := diagram.Picture{Boxes: []diagram.Box{{ID: "a", After: []int{1}}, {ID: "b", After: []int{0}}}}
	if _, err := diagram.Text(p, diagram.TextOptions{}); err == nil {
		t.Error("drawn")
	}
}

func TestAReducedPictureSaysTheSameOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plans(12).Draw(t, "plan")
		reduced, left := p.Reduced()
		if kept := lines(reduced); kept+left != lines(p) {
			t.Fatalf("%d lines, %d kept, %d left out", lines(p), kept, left)
		}
		for i := range p.Boxes {
			if a, b := fmt.Sprint(ancestors(p, i)), fmt.Sprint(ancestors(reduced, i)); a != b {
				t.Fatalf("%s waits for %s, then for %s", p.Boxes[i].ID, a, b)
			}
		}
	})
}

func lines(p diagram.Picture) (n int) {
	for _, b := range p.Boxes {
		n += len(b.After)
	}
	return n
}

func ancestors(p diagram.Picture, i int) map[int]bool {
	out := map[int]bool{}
	var visit func(int)
	visit = func(i int) {
		for _, j := range p.Boxes[i].After {
			out[j] = true
			visit(j)
		}
	}
	visit(i)
	return out
}
