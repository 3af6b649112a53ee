package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// draw keeps a progress bar at the bottom of a terminal until the returned func is called.
func (m *many) draw() (stop func()) {
	if m.s.Quiet || !m.s.screen.live {
		return func() {}
	}
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		t := time.NewTicker(drawEvery)
		defer t.Stop()
		for {
			m.mu.Lock()
			m.frame++
			lines := m.lines(time.Since(m.begun))
			m.mu.Unlock()
			m.s.screen.show(lines)
			select {
			case <-over:
				return
			case <-t.C:
			}
		}
	}()
	return func() {
		close(over)
		<-gone
		m.s.screen.show(nil)
	}
}

const barColumns = 24

// lines is one frame: what it is about, the bar, and how fast it goes.
func (m *many) lines(elapsed time.Duration) []string {
	paint := m.s.screen.paint
	c := m.counts
	over := c.Runs - c.Left
	full := 0
	if c.Runs > 0 {
		full = barColumns * over / c.Runs
	}
	mark := string(spinner[m.frame%len(spinner)])
	parts := []string{
		paint(cyan, mark) + " " + paint(green, strings.Repeat("█", full)) + paint(faint, strings.Repeat("░", barColumns-full)) + fmt.Sprintf(" %d of %d", over, c.Runs),
		paint(green, fmt.Sprintf("%d done", c.Done)),
	}
	if c.Failed > 0 {
		parts = append(parts, paint(red, fmt.Sprintf("%d failed", c.Failed)))
	}
	if c.Waiting > 0 {
		parts = append(parts, paint(yellow, fmt.Sprintf("%d waiting", c.Waiting)))
	}
	parts = append(parts, fmt.Sprintf("%d left", c.Left))
	head := []string{paint(strong, m.title), took(elapsed), fmt.Sprintf("%d at once", m.parallel)}
	for _, more := range []string{speed(over-m.first, c.Left, elapsed), spent(m.usage())} {
		if more != "" {
			head = append(head, more)
		}
	}
	return []string{strings.Join(head, paint(faint, " · ")), strings.Join(parts, "  ")}
}

// estimateFrom is how many runs have to be over before a rate says anything.
const estimateFrom = 3

// speed words a rate and what it promises for the rest; "" while too little is known.
func speed(over, left int, elapsed time.Duration) string {
	if over < estimateFrom || elapsed <= 0 {
		return ""
	}
	rate := float64(over) / elapsed.Seconds()
	unit, shown := "s", rate
	if rate < 1 {
		unit, shown = "min", 60*rate
	}
	out := fmt.Sprintf("%.1f/%s", shown, unit)
	if left > 0 {
		out += ", about " + took((time.Duration(float64(left) / rate * float64(time.Second))).Round(time.Second)) + " to go"
	}
	return out
}

// tell says what became of a job: everything in a log, on a terminal only what went wrong. What was over before this command
// was told then.
func (m *many) tell(r result, took time.Duration) {
	if m.s.Quiet || r.Before || r.Status == "" {
		return
	}
	word, style := m.word(r)
	if m.s.screen.live && m.well(r) {
		return
	}
	m.s.screen.println(m.s.screen.paint(style, padded(word, 8)) + " " + m.about(r, took))
}

func (m *many) word(r result) (word, style string) {
	switch {
	case m.well(r):
		return string(m.goal()), green
	case r.Status == coordinator.StatusWaiting && len(r.Open) == 0:
		return "needs", yellow
	case r.Status == coordinator.StatusWaiting:
		return "asked", yellow
	}
	return string(r.Status), red
}

func (m *many) about(r result, elapsed time.Duration) string {
	parts := []string{r.name()}
	switch {
	case r.Error != "":
		parts = append(parts, line(r.Error))
	case len(r.Open) > 0:
		parts = append(parts, count(len(r.Open), "open question"))
	case len(r.Needs) > 0:
		parts = append(parts, strings.Join(r.Needs, ", "))
	case elapsed > 0:
		parts = append(parts, took(elapsed), spent(r.Usage))
	}
	return strings.TrimRight(strings.Join(parts, "  "), " ")
}

// listedInSummary is how many runs that failed, and how many that wait, a summary names; lists show them all.
const listedInSummary = 20

// summary is what a command over many runs ends with.
type summary struct {
	Batch    string `json:"batch,omitempty"`
	Pipeline string `json:"pipeline,omitempty"`
	tallied
	Usage   coordinator.Usage `json:"usage"`
	Seconds float64           `json:"seconds"`
	Error   string            `json:"error,omitempty"`  // why the rest was left
	Resume  string            `json:"resume,omitempty"` // the command that goes on with the rest
	Items   []result          `json:"items"`
}

// words are the commands that a summary names.
type words struct {
	failed  []string // that show the failed ones and do them again
	waiting []string // that show the open questions
}

// report prints the summary on stdout.
func (m *many) report(sum summary, w words) error {
	sum.tallied, sum.Usage, sum.Items = m.counts, m.usage(), m.results
	sum.Seconds = time.Since(m.begun).Round(time.Millisecond).Seconds()
	if m.s.wantsJSON() {
		return m.s.json(sum)
	}
	out := m.s.out
	fmt.Fprintln(out, m.s.screen.mask(m.headline(sum)))
	m.list("failed", m.failed(), w.failed)
	m.list("waiting", m.waiting(), w.waiting)
	if sum.Error != "" {
		m.s.screen.println(m.s.screen.paint(red, clean(sum.Error)))
	}
	if sum.Resume != "" {
		m.s.screen.println("Nothing is lost; this goes on with the rest:\n  " + sum.Resume)
	}
	return nil
}

func (m *many) headline(sum summary) string {
	c := m.counts
	parts := []string{fmt.Sprintf("%d %s", c.Done, m.goal())}
	for _, p := range []struct {
		n    int
		word string
	}{{c.Failed, "failed"}, {c.Waiting, "waiting"}, {c.Left, "left"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	text := fmt.Sprintf("%s: %s of %s after %s", m.title, strings.Join(parts, ", "), count(c.Runs, "run"), took(time.Since(m.begun)))
	if m.first > 0 {
		text += fmt.Sprintf("; %d were over before", m.first)
	}
	if used := spent(sum.Usage); used != "" {
		text += "; " + used
	}
	return text
}

func (m *many) list(title string, results []result, commands []string) {
	if len(results) == 0 {
		return
	}
	out := m.s.out
	fmt.Fprintln(out, "\n"+title)
	for i, r := range results {
		if i == listedInSummary {
			fmt.Fprintf(out, "  … and %d more\n", len(results)-i)
			break
		}
		text := m.about(r, 0)
		if len(r.Open) > 0 {
			text += "  " + m.s.command("inbox", "show", r.Open[0].ID)
		}
		fmt.Fprintln(out, "  "+m.s.screen.mask(text))
	}
	for _, c := range commands {
		fmt.Fprintln(out, "  → "+c)
	}
}
