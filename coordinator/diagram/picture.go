package diagram

import (
	"errors"
	"fmt"
)

// Picture is what is to be drawn. Its texts may hold anything: control characters are made visible, markup is escaped.
type Picture struct {
	Title    string
	Subtitle string
	Boxes    []Box
}

// Box is a step.
type Box struct {
	ID     string   // shown as its name; unique
	Kind   Kind     // of its worker
	Worker string   // "" for a pure wait
	Marks  []string // conditions and rules, one line each: "if total > 100"
	After  []int    // indexes of the boxes that come before it
	Many   bool     // for_each: drawn as a pile
	State  State    // in a run; "" outside of one
	Status string   // words about the state: "done in 1.2s"
	Undo   *Undo
	Title  string // all there is to say, for a tooltip
}

// Undo is what takes a box's effect back.
type Undo struct {
	Worker string
	State  State
	Title  string
}

// Kind is who does a step.
type Kind string

// The kinds of workers; anything else is drawn as Unknown.
const (
	Agent    Kind = "agent"
	Tool     Kind = "tool"
	Pipeline Kind = "pipeline"
	Person   Kind = "person"
	Wait     Kind = "wait"
	Unknown  Kind = "unknown"
)

// State is how far a step is, in the words of coordinator.StepState, with "not reached" beside them.
type State string

var kinds = []Kind{Agent, Tool, Pipeline, Person, Wait, Unknown}

var kindSymbols = map[Kind]string{Agent: "◆", Tool: "■", Pipeline: "▤", Person: "●", Wait: "◷", Unknown: "?"}

func (k Kind) known() Kind {
	if kindSymbols[k] == "" {
		return Unknown
	}
	return k
}

func (k Kind) symbol() string { return kindSymbols[k.known()] }

// look is how a state is shown.
type look struct{ symbol, class string }

var looks = map[State]look{
	"done": {"✓", "done"}, "failed": {"✗", "failed"}, "asked": {"?", "asked"}, "skipped": {"–", "idle"}, "stopped": {"–", "idle"},
	"not reached": {"·", "idle"}, "running": {"▸", "busy"}, "working": {"▸", "busy"}, "waiting": {"·", "next"}, "ready": {"·", "next"},
}

func (s State) look() look {
	if l, ok := looks[s]; ok || s == "" {
		return l
	}
	return look{"?", "next"}
}

// MaxBoxes is how many steps a picture can have: nobody can read more.
const MaxBoxes = 400

// ErrTooLarge is wrapped by the error about a picture with more than MaxBoxes.
var ErrTooLarge = errors.New("too large to draw")

// check refuses pictures that cannot be drawn.
func (p *Picture) check() error {
	if n := len(p.Boxes); n > MaxBoxes {
		return fmt.Errorf("picture: %w: it has %d boxes, and %d is the limit", ErrTooLarge, n, MaxBoxes)
	}
	for i, b := range p.Boxes {
		for _, j := range b.After {
			if j < 0 || j >= len(p.Boxes) || j == i {
				return fmt.Errorf("picture: box %d (%s) comes after box %d, which there is not", i, b.ID, j)
			}
		}
	}
	return nil
}

// Reduced returns the picture without the lines that follow from others, and how many those were: where b comes after a,
// and c after b, nothing is lost by leaving out that c comes after a.
func (p Picture) Reduced() (Picture, int) {
	if p.check() != nil {
		return p, 0
	}
	order, ok := p.order()
	if !ok {
		return p, 0
	}
	before := make([]map[int]bool, len(p.Boxes)) // all that must be finished first, directly or not
	out, left := p, 0
	out.Boxes = append([]Box(nil), p.Boxes...)
	for _, i := range order {
		before[i] = map[int]bool{}
		implied := map[int]bool{}
		for _, j := range p.Boxes[i].After {
			for k := range before[j] {
				implied[k] = true
			}
		}
		var kept []int
		for _, j := range p.Boxes[i].After {
			before[i][j] = true
			if implied[j] {
				left++
				continue
			}
			kept = append(kept, j)
		}
		for k := range implied {
			before[i][k] = true
		}
		out.Boxes[i].After = kept
	}
	return out, left
}

// order returns the boxes such that each comes after those it waits for; false when they wait for each other.
func (p *Picture) order() ([]int, bool) {
	below := make([][]int, len(p.Boxes))
	missing := make([]int, len(p.Boxes))
	for i, b := range p.Boxes {
		for _, j := range b.After {
			below[j] = append(below[j], i)
			missing[i]++
		}
	}
	out := make([]int, 0, len(p.Boxes))
	for i, n := range missing {
		if n == 0 {
			out = append(out, i)
		}
	}
	for k := 0; k < len(out); k++ {
		for _, i := range below[out[k]] {
			if missing[i]--; missing[i] == 0 {
				out = append(out, i)
			}
		}
	}
	return out, len(out) == len(p.Boxes)
}
