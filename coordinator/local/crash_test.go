package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/memory/memorytest"
)

// TestACrashAtAnyPointLosesAndRepeatsNothing enumerates a crash before and after every append and every effect of a run
// with calls, a fan-out, a sub-plan, an escalation, a failure and its undo. A second process takes over each time.
// A person who looks at the world before answering decides about effects in doubt.
func TestACrashAtAnyPointLosesAndRepeatsNothing(t *testing.T) {
	t.Run("maps", func(t *testing.T) {
		everyCrash(t, func(t *testing.T, _ string) memory.Store { return memory.New() })
	})
	t.Run("redis", func(t *testing.T) {
		url := memorytest.Redis(t)
		everyCrash(t, func(t *testing.T, workspace string) memory.Store {
			s, err := memory.Open(context.Background(), url, memory.Options{Workspace: workspace})
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
	})
}

func everyCrash(t *testing.T, open func(t *testing.T, workspace string) memory.Store) {
	calm := newWorld()
	appends := calm.play(t, open(t, "calm"), crash{})
	effects := int(calm.effects.Load())
	if appends < 20 || effects < 10 {
		t.Fatalf("the run is too small to tell anything: %d appends, %d effects", appends, effects)
	}
	t.Logf("%d appends and %d effects, a crash before and after each", appends, effects)
	for _, at := range []struct {
		what  string
		count int
	}{{"append", appends}, {"effect", effects}} {
		for n := 1; n <= at.count; n++ {
			for _, after := range []bool{false, true} {
				c := crash{what: at.what, n: n, after: after}
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					w := newWorld()
					w.play(t, open(t, strings.ReplaceAll(c.String(), " ", "-")), c)
					w.check(t)
				})
			}
		}
	}
}

// crash says when the first process dies.
type crash struct {
	what  string
	n     int
	after bool
}

func (c crash) String() string {
	if c.after {
		return fmt.Sprintf("after %s %d", c.what, c.n)
	}
	return fmt.Sprintf("before %s %d", c.what, c.n)
}

// world is what effects change: it outlives every process.
type world struct {
	effects atomic.Int64
	mu      sync.Mutex
	done    map[string]int    // unrepeatable effects by piece of work
	keys    map[string]string // key by path and generation of idempotent effects
	wrong   []string
}

func newWorld() *world { return &world{done: map[string]int{}, keys: map[string]string{}} }

// process is one life of a runtime; it can die at a chosen point.
type process struct {
	memory.Store
	world   *world
	crash   crash
	appends atomic.Int64
	dead    chan struct{}
	once    sync.Once
}

func (p *process) die() { p.once.Do(func() { close(p.dead) }) }

func (p *process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

var errDead = errors.New("the process is dead")

func (p *process) Append(ctx context.Context, b memory.Batch) error {
	n := p.appends.Add(1)
	here := p.crash.what == "append" && int(n) == p.crash.n
	if here && !p.crash.after {
		p.die()
	}
	if p.isDead() {
		return errDead
	}
	err := p.Store.Append(ctx, b)
	if here {
		p.die()
		return errDead
	}
	return err
}

func (p *process) Post(ctx context.Context, run string, e coordinator.Event) (coordinator.Event, error) {
	if p.isDead() {
		return e, errDead
	}
	return p.Store.Post(ctx, run, e)
}

// effect changes the world once per call, unless the process is dead.
func (p *process) effect(a coordinator.Attempt, kind coordinator.Effect) (coordinator.Result, error) {
	n := p.world.effects.Add(1)
	here := p.crash.what == "effect" && int(n) == p.crash.n
	if here && !p.crash.after {
		p.die()
	}
	if p.isDead() {
		return coordinator.Result{}, errDead
	}
	p.world.happens(a, kind)
	if here {
		p.die()
		return coordinator.Result{}, errDead
	}
	return coordinator.Result{Output: json.RawMessage(`{"id":7}`), Confidence: coordinator.Certain()}, nil
}

func (w *world) happens(a coordinator.Attempt, kind coordinator.Effect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if kind == coordinator.EffectUnrepeatable {
		w.done[piece(a.Path)]++
		return
	}
	attempt := fmt.Sprintf("%s@%d", a.Path, a.Generation)
	if known, ok := w.keys[attempt]; ok && known != a.Key {
		w.wrong = append(w.wrong, fmt.Sprintf("%s was called with keys %s and %s", attempt, known, a.Key))
	}
	w.keys[attempt] = a.Key
}

var generation = regexp.MustCompile(`@\d+`)

// piece is a path without generations: what must happen once, however often a person had it done again.
func piece(path string) string { return generation.ReplaceAllString(path, "") }

func (w *world) happened(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done[piece(path)] > 0
}

// person answers what is asked, after a look at the world where an effect is in doubt.
func (w *world) person(_ context.Context, q coordinator.Escalation) (coordinator.Decision, error) {
	d := coordinator.Decision{By: "ada", Verb: coordinator.Approve}
	if q.Reason == coordinator.ReasonInDoubt {
		d.Verb = coordinator.Redo
		if w.happened(q.Path) {
			d.Verb, d.Output = coordinator.Amend, json.RawMessage(`{"id":7}`)
		}
	}
	if q.Reason == coordinator.ReasonQuestion {
		d.Verb, d.Output = coordinator.Answer, json.RawMessage(`"yes"`)
	}
	return d, nil
}

func (p *process) workers() map[string]coordinator.Worker {
	effect := func(kind coordinator.Effect) worker {
		w := works(kind, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) { return p.effect(a, kind) })
		w.card.Timeout = attemptTime
		return w
	}
	agent := works(coordinator.EffectRead, func(_ context.Context, a coordinator.Attempt) (coordinator.Result, error) {
		if a.Turn == 1 {
			return coordinator.Result{Calls: []coordinator.Call{{Use: "pay", Input: json.RawMessage(`{}`)}, {Use: "put", Input: json.RawMessage(`{}`)}}}, nil
		}
		return coordinator.Result{Output: json.RawMessage(`"done"`), Confidence: &coordinator.Confidence{Score: 0.3}}, nil
	})
	agent.card.Calls = []string{"pay", "put"}
	sub := works(coordinator.EffectNone, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		return coordinator.Result{Plan: plan(coordinator.Step{ID: "inner", Use: "pay", Undo: &coordinator.Step{Use: "refund"}})}, nil
	})
	sub.card.Kind = "pipeline"
	fails := works(coordinator.EffectRead, func(context.Context, coordinator.Attempt) (coordinator.Result, error) {
		return coordinator.Result{}, coordinator.Permanent(errors.New("compliance says no"))
	})
	return map[string]coordinator.Worker{
		"pay": effect(coordinator.EffectUnrepeatable), "refund": effect(coordinator.EffectUnrepeatable),
		"put": effect(coordinator.EffectIdempotent), "drop": effect(coordinator.EffectIdempotent),
		"look": echo(coordinator.EffectRead), "agent": agent, "sub": sub, "fails": fails,
	}
}

// attemptTime bounds one attempt: a takeover waits that long before it asks about an unrepeatable one.
const attemptTime = 400 * time.Millisecond

// saga has twelve steps: reads, an agent with calls, a fan-out, a sub-plan, a question, a failure; and undo for what it did.
func saga() *coordinator.Plan {
	undo := func(use string) *coordinator.Step { return &coordinator.Step{Use: use} }
	return plan(
		coordinator.Step{ID: "s1", Use: "look"},
		coordinator.Step{ID: "s2", Use: "pay", Needs: []string{"s1"}, Undo: undo("refund")},
		coordinator.Step{ID: "s3", Use: "put", Needs: []string{"s1"}, Undo: undo("drop")},
		coordinator.Step{ID: "s4", Use: "agent", Needs: []string{"s2", "s3"}, Accept: coordinator.Accept{Threshold: 0.9}},
		coordinator.Step{ID: "s5", Use: "put", ForEach: "[1, 2, 3]", Parallel: 2, Needs: []string{"s4"}, Undo: undo("drop")},
		coordinator.Step{ID: "s6", Use: coordinator.Person, With: map[string]any{"question": "Go on?"}, Needs: []string{"s5"}},
		coordinator.Step{ID: "s7", Use: "sub", Needs: []string{"s6"}},
		coordinator.Step{ID: "s8", Use: "pay", Needs: []string{"s7"}, Approval: true, Undo: undo("refund")},
		coordinator.Step{ID: "s9", Use: "look", Needs: []string{"s8"}, If: "steps.s8.id == 8"},
		coordinator.Step{ID: "s10", Use: "look", Needs: []string{"s9"}},
		coordinator.Step{ID: "s11", Use: "put", Needs: []string{"s8"}},
		coordinator.Step{ID: "s12", Use: "fails", Needs: []string{"s11"}},
	)
}

// wanted are the unrepeatable effects that must have happened exactly once in the end.
var wanted = []string{"s2", "s2!undo", "s4#1/0.pay", "s7#1/inner", "s7#1/inner!undo", "s8", "s8!undo"}

// play runs the saga to its end, in a second process if the first one dies, and returns the appends of the first.
func (w *world) play(t *testing.T, store memory.Store, c crash) int {
	t.Cleanup(func() { store.Close() })
	p := &process{Store: store, world: w, crash: c, dead: make(chan struct{})}
	first := w.boot(t, p)
	id, err := first.Submit(t.Context(), local.Task{Plan: saga(), Key: "once"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		first.Wait(t.Context(), id)
		close(ended)
	}()
	select {
	case <-ended:
	case <-p.dead:
	}
	first.Kill()
	second := w.boot(t, &process{Store: store, world: w, dead: make(chan struct{})})
	run, err := waitEnded(t, second, id)
	second.Kill()
	if err != nil {
		t.Fatalf("%v\n%s", err, dump(second, id))
	}
	if run.Status() != coordinator.StatusFailed || run.Failure().Message != "step s12: compliance says no" {
		t.Fatalf("the run ended %s: %v", run.Status(), run.Failure())
	}
	return int(p.appends.Load())
}

// dump shows the journal of a run that went wrong.
func dump(rt *local.Runtime, id string) string {
	var b strings.Builder
	for e, err := range rt.Store().Read(context.Background(), id, 0) {
		e.Task, e.At = nil, time.Time{}
		raw, _ := json.Marshal(e)
		fmt.Fprintf(&b, "%s %v\n", raw, err)
	}
	return b.String()
}

func (w *world) boot(t *testing.T, p *process) *local.Runtime {
	rt, err := local.New(local.Options{Store: p, Workers: p.workers(), People: w.person, Lease: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func (w *world) check(t *testing.T) {
	for _, problem := range w.wrong {
		t.Error(problem)
	}
	for _, path := range wanted {
		if w.done[path] != 1 {
			t.Errorf("%s happened %d times", path, w.done[path])
		}
	}
	if len(w.done) != len(wanted) {
		t.Errorf("effects %v", w.done)
	}
}
