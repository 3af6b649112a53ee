package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// runnerFlags are what tutti runner can be told.
type runnerFlags struct {
	concurrency int
	runs        int
	once        bool
	health      time.Duration
	drain       time.Duration
}

const (
	defaultConcurrency = 32 // that of local.Options
	defaultRuns        = 64
	defaultHealth      = time.Minute
	defaultDrain       = 30 * time.Second
)

func (a *app) runnerCommand() *cobra.Command {
	var f runnerFlags
	c := &cobra.Command{
		Use:   "runner",
		Short: "Work off runs until told to stop",
		Long: `Work off the runs of this workspace that nobody works on: those submitted with --detach, those whose questions were answered
elsewhere, those whose timers are over, and those whose process died. Any number of runners share one Redis.

A line tells of each run that has ended or waits, and now and then how it goes. With -o json every line is a JSON document.
Nobody is asked here: questions wait in the inbox.

Ctrl-C or SIGTERM takes no new work and awaits what is in flight, up to --drain; others go on with what is left. A second one
stops at once.

Exit codes: 0 stopped as it was told, or with --once nothing was left to do; 1 something went wrong.`,
		Example: `  tutti runner
  tutti runner --concurrency 4 --redis redis://localhost:6379/0
  tutti runner --once -o json | jq -r 'select(.status == "failed") | .run'`,
		Args: arguments,
		RunE: action(func(c *cobra.Command, _ []string) error { return a.runner(c.Context(), f) }),
	}
	fl := c.Flags()
	fl.IntVar(&f.concurrency, "concurrency", defaultConcurrency, "how many attempts at once in this process")
	fl.IntVar(&f.runs, "runs", defaultRuns, "how many runs to hold at once; what is due beyond is left to other runners")
	fl.BoolVar(&f.once, "once", false, "stop when nothing is left to do now")
	fl.DurationVar(&f.health, "health", defaultHealth, "how often to say how it goes; 0: never")
	fl.DurationVar(&f.drain, "drain", defaultDrain, "how long what is in flight is awaited when told to stop")
	return c
}

func (a *app) runner(ctx context.Context, f runnerFlags) error {
	if f.concurrency < 1 || f.runs < 1 || f.health < 0 || f.drain <= 0 {
		return usage(errors.New("--concurrency and --runs are at least 1, --drain longer than nothing, --health not negative"))
	}
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := a.wire(ws)
	s.drain = f.drain
	r := &runner{session: s, flags: f, holds: newHoldings()}
	s.tune = func(o *local.Options) {
		r.holds.Store = o.Store
		o.Store, o.Passive, o.Concurrency, o.Runs = r.holds, false, f.concurrency, f.runs
	}
	err = s.during(ctx, 0, r.work)
	r.rest()
	return err
}

// runner works off runs and tells of them.
type runner struct {
	*session
	flags runnerFlags
	holds *holdings
}

// lookForWork is how often --once looks whether something is left to do.
const lookForWork = 100 * time.Millisecond

func (r *runner) work(ctx context.Context) error {
	if r.broken != nil {
		return r.broken
	}
	if err := r.start(ctx, nil); err != nil {
		return err
	}
	if !r.store.Durability().Survives {
		return usage(errors.New("a runner needs a store that it shares with others: install redis-server, or name a Redis with --redis"))
	}
	r.sayDurability()
	if !r.Quiet && !r.wantsJSON() {
		r.screen.printf("runner of %s, %d attempts at once; Ctrl-C stops it", r.ws.Name, r.flags.concurrency)
	}
	health := time.NewTicker(max(r.flags.health, time.Second))
	defer health.Stop()
	look := time.NewTicker(lookForWork)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.holds.news:
			r.tell()
		case <-health.C:
			if r.flags.health > 0 {
				r.sayHealth(ctx)
			}
		case <-look.C:
			if !r.flags.once {
				continue
			}
			if idle, err := r.idle(ctx); idle || err != nil {
				return err
			}
		}
	}
}

// idle reports whether nothing is due and this process holds nothing.
func (r *runner) idle(ctx context.Context) (bool, error) {
	behind, busy, err := r.backlog(ctx)
	if errors.Is(err, memory.ErrUnavailable) {
		return false, nil // the runtime asks again; so does the next look
	}
	return err == nil && !busy && behind < 0, err
}

// backlog is how long the oldest run has been due that nobody has taken, negative when none is; busy tells that this process
// holds runs, or did a moment ago.
func (r *runner) backlog(ctx context.Context) (behind time.Duration, busy bool, err error) {
	_, before, _ := r.holds.now()
	now, err := r.store.Now(ctx)
	if err != nil {
		return 0, false, err
	}
	due, err := r.store.NextDue(ctx)
	if err != nil {
		return 0, false, err
	}
	behind = -1
	if !due.IsZero() && !due.After(now) {
		behind = now.Sub(due)
	}
	held, claimed, claiming := r.holds.now()
	return behind, held > 0 || claiming || claimed != before, nil
}

// parting is a run that this process has let go of, for people and scripts.
type parting struct {
	At       time.Time          `json:"at"`
	Run      string             `json:"run"`
	Pipeline string             `json:"pipeline,omitempty"`
	Batch    string             `json:"batch,omitempty"`
	Status   coordinator.Status `json:"status"`
	Open     int                `json:"open,omitempty"`
	Needs    []string           `json:"needs,omitempty"`
	Due      time.Time          `json:"due,omitzero"`
	Error    string             `json:"error,omitempty"`
	Usage    *coordinator.Usage `json:"usage,omitempty"`
}

// tell prints what the runs were let go with since the last time.
func (r *runner) tell() {
	for _, b := range r.holds.take() {
		r.tellOf(b)
	}
}

func (r *runner) tellOf(b memory.Batch) {
	sum := b.Summary
	p := parting{
		At: sum.Updated, Run: b.Run, Pipeline: sum.Pipeline, Batch: sum.Batch, Status: sum.Status,
		Open: sum.Open, Needs: b.Needs, Due: b.Due, Error: sum.Error,
	}
	if sum.Usage != (coordinator.Usage{}) {
		p.Usage = &sum.Usage
	}
	if r.wantsJSON() {
		_ = r.jsonLine(p) // a reader that went away shows at exit
		return
	}
	if r.Quiet {
		return
	}
	word, style, rest := r.wording(p)
	parts := []string{r.screen.paint(style, padded(word, 8)), p.Run, line(p.Pipeline), rest, spent(sum.Usage)}
	r.screen.println(strings.TrimRight(strings.Join(parts, "  "), " "))
}

func (r *runner) wording(p parting) (word, style, rest string) {
	switch {
	case p.Status == coordinator.StatusDone:
		return "done", green, ""
	case p.Status == coordinator.StatusQuarantined, p.Status.Final():
		return string(p.Status), red, line(p.Error)
	case len(p.Needs) > 0:
		return "needs", yellow, strings.Join(p.Needs, ", ")
	case p.Open > 0:
		return "asked", yellow, count(p.Open, "open question") + "  " + r.command("inbox", "list", "--run", p.Run)
	case !p.Due.IsZero():
		return "later", faint, "goes on at " + clock(p.Due)
	}
	return string(p.Status), "", ""
}

// sayHealth says how it goes.
func (r *runner) sayHealth(ctx context.Context) {
	c := r.holds.counted()
	held, _, _ := r.holds.now()
	behind, _, err := r.backlog(ctx)
	if r.wantsJSON() {
		h := map[string]any{"health": "ok", "held": held, "done": c.Done, "failed": c.Failed, "parked": c.Parked}
		if behind >= 0 {
			h["behind_seconds"] = behind.Seconds()
		}
		if err != nil {
			h["health"], h["error"] = "no store", err.Error()
		}
		_ = r.jsonLine(h) // as in tellOf
		return
	}
	if r.Quiet {
		return
	}
	text := fmt.Sprintf("%d held, %d done, %d failed, %d parked", held, c.Done, c.Failed, c.Parked)
	switch {
	case err != nil:
		text += "; the store does not answer: " + line(err.Error())
	case behind >= 0:
		text += "; the oldest run that is due waits since " + took(behind)
	default:
		text += "; nothing is due"
	}
	r.screen.println(r.screen.paint(faint, pad("health", 8)+" "+text))
}

// rest tells what was let go while the runtime closed, and what came of it all.
func (r *runner) rest() {
	r.tell()
	c := r.holds.counted()
	if !r.Quiet && !r.wantsJSON() && r.rt != nil {
		r.screen.printf("runner of %s: %d done, %d failed, %d parked", r.ws.Name, c.Done, c.Failed, c.Parked)
	}
}
