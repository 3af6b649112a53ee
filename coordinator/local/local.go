package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools/schema"
)

// Options configure a Runtime. The zero value works: in memory, no workers.
type Options struct {
	Workers     map[string]coordinator.Worker
	Store       memory.Store // nil: memory.New(), nothing survives the process
	Workspace   string       // part of every key; "": "default"
	Limits      coordinator.Limits
	Concurrency int           // attempts at once in this process; 0: 32
	Runs        int           // runs held at once; what else is due is left to other processes. 0: 256. Runs submitted or resumed here don't wait
	Lease       time.Duration // how long a run stays ours without a sign of life; 0: 15 s
	Patience    time.Duration // how long a store that does not answer is asked again before a run is let go; 0: 1 min
	// Passive runtimes work off only the runs they were asked to submit or resume, not what others left due.
	Passive bool
	// People answers escalations on the spot; an error leaves the question open. nil: questions stay in the inbox.
	People func(ctx context.Context, e coordinator.Escalation) (coordinator.Decision, error)
	// Rights says whether a person may decide; nil: everybody may.
	Rights func(by string, e coordinator.Escalation) error
	// May says whether a person may do something to a run as a whole; nil: everybody may.
	May func(by string, act Act, run memory.Summary) error
	// Judge decides whether a result is good enough; nil: coordinator.Judge.
	Judge func(a coordinator.Accept, c *coordinator.Confidence) coordinator.Verdict
	// Observe sees each event that is journaled while this process owns the run, answers of people included. What is posted
	// to a run that nobody owns it does not see; Watch does. It must not block.
	Observe func(run string, e coordinator.Event)
	Log     *slog.Logger // nil: discards
}

func (o Options) withDefaults() Options {
	if o.Store == nil {
		o.Store = memory.New()
	}
	if o.Workspace == "" {
		o.Workspace = "default"
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 32
	}
	if o.Runs <= 0 {
		o.Runs = 256
	}
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Judge == nil {
		o.Judge = coordinator.Judge
	}
	if o.Observe == nil {
		o.Observe = func(string, coordinator.Event) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}

// ErrClosed says that the runtime was closed and takes no more work.
var ErrClosed = errors.New("the runtime is closed")

// Runtime carries out runs in this process. Close it.
type Runtime struct {
	o       Options
	store   memory.Store
	ownsIt  bool // the store was made here
	owner   string
	cards   map[string]coordinator.Card
	inputs  map[string]*schema.Schema // of the workers that state one
	ctx     context.Context           // ends when the runtime is given up
	abandon context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	live    map[string]*live
	free    int                      // slots for attempts
	hungry  map[*live]struct{}       // runs that wait for a slot
	changed map[string]chan struct{} // closed when the run's journal grew here
	failed  map[string]error         // why a run was let go of here
	closing bool
	nudge   chan struct{} // the pump should look again
}

// New starts a runtime over the options' workers and store.
func New(o Options) (*Runtime, error) {
	own := o.Store == nil
	o = o.withDefaults()
	rt := &Runtime{
		o: o, store: o.Store, ownsIt: own, owner: ownerID(), free: o.Concurrency,
		cards: map[string]coordinator.Card{}, inputs: map[string]*schema.Schema{},
		live: map[string]*live{}, hungry: map[*live]struct{}{}, changed: map[string]chan struct{}{},
		failed: map[string]error{}, nudge: make(chan struct{}, 1),
	}
	if err := rt.register(); err != nil {
		return nil, err
	}
	rt.ctx, rt.abandon = context.WithCancel(context.Background())
	return rt, rt.startPump()
}

func ownerID() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s:%d:%s", strings.ReplaceAll(host, ":", "_"), os.Getpid(), rand.Text()[:10])
}

func (rt *Runtime) register() error {
	for name, w := range rt.o.Workers {
		if name == coordinator.Person {
			return fmt.Errorf("worker %q: the name is the core's own word for people; choose another", name)
		}
		card := w.Card()
		card.Name = name
		rt.cards[name] = card
		if len(card.Input) == 0 {
			continue
		}
		s, err := schema.Compile(card.Input)
		if err != nil {
			return fmt.Errorf("worker %q: input schema: %w", name, err)
		}
		rt.inputs[name] = s
	}
	return nil
}

// Card returns a worker's card.
func (rt *Runtime) Card(name string) (coordinator.Card, bool) {
	c, ok := rt.cards[name]
	return c, ok
}

// Store returns what the runtime keeps its journals in.
func (rt *Runtime) Store() memory.Store { return rt.store }

// Close stops claiming, awaits what is in flight until ctx ends, and gives the runs up so that others can take them.
// What is still in flight then is left to the lease.
func (rt *Runtime) Close(ctx context.Context) error {
	rt.mu.Lock()
	rt.closing = true
	for _, l := range rt.live {
		l.kick()
	}
	rt.mu.Unlock()
	idle := make(chan struct{})
	go func() { rt.awaitLive(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("runtime: closed with work in flight: %w", ctx.Err())
	}
	rt.abandon()
	gone := make(chan struct{})
	go func() { rt.running.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-ctx.Done():
		err = cmp.Or(err, fmt.Errorf("runtime: closed while a worker ignores that its time is over: %w", ctx.Err()))
	}
	if rt.ownsIt {
		err = cmp.Or(err, rt.store.Close())
	}
	return err
}

func (rt *Runtime) awaitLive() {
	for {
		var l *live
		rt.mu.Lock()
		for _, l = range rt.live {
			break
		}
		rt.mu.Unlock()
		if l == nil {
			return
		}
		<-l.done
	}
}

// takeSlot reserves the right to make one attempt; without one the run is kicked when a slot is free.
func (rt *Runtime) takeSlot(l *live) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.free == 0 {
		rt.hungry[l] = struct{}{}
		return false
	}
	rt.free--
	return true
}

func (rt *Runtime) freeSlot() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.free++
	for l := range rt.hungry {
		l.kick()
	}
	clear(rt.hungry)
}

func (rt *Runtime) isClosing() bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.closing
}
