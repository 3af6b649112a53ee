package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// liveView draws the run as it stands, in place. It folds the same journal as the coordinator does.
type liveView struct {
	s     *app
	run   *coordinator.Run
	frame int
}

func (v *liveView) event(e coordinator.Event, _ bool) {
	if e.Seq == 1 {
		v.run = new(coordinator.Run)
	}
	if v.run == nil {
		return
	}
	if err := v.run.Apply(e); err != nil {
		v.run = nil // written by a newer version: better no picture than a wrong one
	}
}

func (v *liveView) tick() {
	v.frame++
	if v.run == nil {
		v.s.screen.show(nil)
		return
	}
	v.s.screen.show(v.lines(time.Now()))
}

func (v *liveView) end() {
	v.tick()
	v.s.screen.finish()
}

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// twig is a step with what hangs below it.
type twig struct {
	coordinator.StepState
	below []*twig
}

// lines is one frame: the run's head line, its steps, and below those at work what is going on in them.
func (v *liveView) lines(now time.Time) []string {
	open := map[string]coordinator.Escalation{}
	for _, q := range v.run.Open() {
		open[q.ID] = q
	}
	top := grow(stepsOf(v.run))
	_, height := v.s.screen.size()
	room := height - 3
	out := []string{v.head(now)}
	if hidden := len(top) - room; hidden > 0 { // the finished steps at the beginning make room
		n := 0
		for n < hidden+1 && n < len(top) && settled(top[n].State) {
			n++
		}
		if n > 0 {
			out = append(out, v.s.screen.paint(faint, fmt.Sprintf("  … %s before", count(n, "step"))))
			top = top[n:]
		}
	}
	room = max(room-len(top), 3)
	for _, t := range top {
		out = append(out, v.row(t, "  ", t.Path, open, now))
		leaves := busyLeaves(t)
		if len(leaves) == 1 && leaves[0] == t {
			continue
		}
		shown := leaves[:min(len(leaves), room)]
		room -= len(shown)
		for _, leaf := range shown {
			out = append(out, v.row(leaf, "    ", strings.TrimPrefix(strings.TrimPrefix(friendly(leaf.Path), t.Path), " › "), open, now))
		}
		if more := len(leaves) - len(shown); more > 0 {
			out = append(out, v.s.screen.paint(faint, fmt.Sprintf("    … and %d more", more)))
		}
	}
	return out[:min(len(out), height-1)]
}

func settled(state string) bool { return state == "done" || state == "skipped" }

func (v *liveView) head(now time.Time) string {
	until := now
	if v.run.Status().Final() {
		until = v.run.At()
	}
	parts := []string{v.s.screen.paint(strong, line(v.run.Task().Plan.Name)), string(v.run.Status()), took(until.Sub(v.run.SubmittedAt())), v.run.ID()}
	if used := spent(v.run.Spent().Usage); used != "" {
		parts = append(parts, used)
	}
	return strings.Join(parts, v.s.screen.paint(faint, " · "))
}

func (v *liveView) row(t *twig, indent, name string, open map[string]coordinator.Escalation, now time.Time) string {
	mark, style := v.mark(t)
	head := indent + v.s.screen.paint(style, mark) + " " + pad(name, 30-len(indent)) + " " + v.s.screen.paint(faint, pad(t.Use, 18))
	var parts []string
	if n := tally(t.below); n != "" {
		parts = append(parts, n)
	}
	if d := elapsed(t, now); d != "" {
		parts = append(parts, d)
	}
	parts = append(parts, v.remarks(t, open)...)
	return head + " " + strings.Join(parts, "  ")
}

func (v *liveView) mark(t *twig) (mark, style string) {
	switch t.State {
	case "done":
		return "✓", green
	case "failed":
		return "✗", red
	case "asked":
		return "?", yellow
	case "skipped", "stopped":
		return "–", faint
	case "running", "working":
		return string(spinner[v.frame%len(spinner)]), cyan
	case "waiting":
		if !t.Due.IsZero() {
			return "↻", yellow
		}
	}
	return "·", faint
}

func (v *liveView) remarks(t *twig, open map[string]coordinator.Escalation) []string {
	var out []string
	q, asking := open[t.Escalation]
	switch {
	case asking && t.State == "asked":
		out = append(out, v.s.screen.paint(yellow, "asks "+who(q.By)), sure(t.Confidence), q.ID)
	case t.State == "failed", !t.Due.IsZero():
		if t.Failure != nil {
			out = append(out, v.s.screen.paint(red, line(t.Failure.Message)))
		}
	case t.State == "skipped":
		out = append(out, v.s.screen.paint(faint, line(t.Reason)))
	default:
		out = append(out, sure(t.Confidence), spent(t.Usage), v.s.screen.paint(faint, line(t.Note)))
	}
	kept := out[:0]
	for _, p := range out {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return kept
}

func elapsed(t *twig, now time.Time) string {
	switch {
	case t.Begun.IsZero(), t.State == "asked", t.State == "skipped":
		return ""
	case !t.Ended.IsZero():
		return took(t.Ended.Sub(t.Begun))
	case t.State == "running" || t.State == "working":
		return took(now.Sub(t.Begun))
	}
	return ""
}

// tally counts the items of a fan-out by state; "" for everything else.
func tally(below []*twig) string {
	n := map[string]int{}
	items := 0
	for _, t := range below {
		if !strings.HasSuffix(t.Path, "]") {
			continue
		}
		items++
		state := t.State
		if waitsForPeople(t) {
			state = "asked"
		}
		n[state]++
	}
	if items == 0 {
		return ""
	}
	out := fmt.Sprintf("%d of %d done", n["done"]+n["skipped"], items)
	for _, state := range []string{"asked", "failed"} {
		if n[state] > 0 {
			out += fmt.Sprintf(", %d %s", n[state], state)
		}
	}
	return out
}

// waitsForPeople reports whether everything that goes on below is a question.
func waitsForPeople(t *twig) bool {
	if t.State != "working" {
		return false
	}
	leaves := busyLeaves(t)
	for _, l := range leaves {
		if l.State != "asked" {
			return false
		}
	}
	return len(leaves) > 0
}

// busyLeaves are the deepest steps of a twig at which something is going on.
func busyLeaves(t *twig) []*twig {
	var out []*twig
	for _, b := range t.below {
		out = append(out, busyLeaves(b)...)
	}
	if len(out) > 0 {
		return out
	}
	switch {
	case t.State == "running", t.State == "asked", t.State == "waiting" && !t.Due.IsZero():
		return []*twig{t}
	case t.State == "working" && len(t.below) == 0:
		return []*twig{t}
	}
	return nil
}

// grow makes a tree of the steps by their paths, and returns those at the top.
func grow(steps []coordinator.StepState) []*twig {
	twigs := make(map[string]*twig, len(steps))
	var top []*twig
	for _, s := range steps {
		twigs[s.Path] = &twig{StepState: s}
	}
	for _, s := range steps {
		t := twigs[s.Path]
		if parent := twigs[parentOf(s.Path)]; parent != nil && parent != t {
			parent.below = append(parent.below, t)
			continue
		}
		top = append(top, t)
	}
	return top
}

func listOf(raw json.RawMessage) []json.RawMessage {
	var items []json.RawMessage
	_ = json.Unmarshal(raw, &items) // what is no list counts as empty
	return items
}
