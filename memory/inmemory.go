package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// New returns a store in this process's memory: for hello world and tests. Nothing survives the process.
func New() Store { return NewWith(Options{}) }

// NewWith is New with settings, such as another clock.
func NewWith(o Options) Store {
	return &inMemory{
		opts: o.withDefaults(), runs: map[string]*mapped{}, waiting: map[string]*mapped{}, keys: map[string]record{},
		boards: map[Scope]map[string]Value{}, talks: map[string][]Message{}, listeners: map[*listener]bool{},
		watchers: map[*changes]watcher{},
	}
}

type inMemory struct {
	opts Options

	mu        sync.Mutex
	closed    bool
	last      time.Time // what now returned
	runs      map[string]*mapped
	waiting   map[string]*mapped // those with a due time or a lease: the ones Claim looks at
	keys      map[string]record
	boards    map[Scope]map[string]Value
	talks     map[string][]Message
	listeners map[*listener]bool
	watchers  map[*changes]watcher
}

// record is what is known of an idempotency key.
type record struct {
	run, digest string
	expires     time.Time // zero while the run goes on
}

// mapped is one run.
type mapped struct {
	id      string
	key     string
	created time.Time
	epoch   int64
	owner   string
	until   time.Time // of the lease
	claims  int
	batch   string // id of the last append
	ended   bool
	due     time.Time // while nobody owns it; zero: never by itself
	needs   []string
	summary Summary
	journal []line
	open    map[string][]byte // escalations, as JSON: callers must not share memory with the store
	taken   map[string]string // open escalations to who has taken them on
	denied  int               // Denied events
	decided map[string]int64  // escalation and decision id to seq
}

type line struct {
	at   time.Time
	json []byte
}

func (r *mapped) tail() int64 { return int64(len(r.journal)) }

func (r *mapped) held(now time.Time) bool { return r.owner != "" && r.until.After(now) }

// write appends lines whose times never run backwards.
func (r *mapped) write(entries []entry, now time.Time) {
	for _, e := range entries {
		at := now
		if e.at > 0 {
			at = fromMicros(e.at)
		}
		if n := len(r.journal); n > 0 && at.Before(r.journal[n-1].at) {
			at = r.journal[n-1].at
		}
		r.journal = append(r.journal, line{at: at, json: e.json})
	}
}

func (r *mapped) event(seq int64) (coordinator.Event, error) {
	l := r.journal[seq-1]
	return decode(r.id, seq, micros(l.at), l.json)
}

// enter locks the store for one operation. Every method calls it first and leaves with s.mu.Unlock.
func (s *inMemory) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	return nil
}

func (s *inMemory) now() time.Time {
	if now := s.opts.Now().UTC().Truncate(time.Microsecond); now.After(s.last) {
		s.last = now
	}
	return s.last
}

func (s *inMemory) Now(ctx context.Context) (time.Time, error) {
	if err := s.enter(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	return s.now(), nil
}

func (s *inMemory) Durability() Durability {
	return Durability{Text: "in this process's memory: nothing survives its end"}
}

func (s *inMemory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for l := range s.listeners {
		s.dismiss(l)
	}
	for _, w := range s.watchers {
		w.cancel()
	}
	return nil
}

func (s *inMemory) Create(ctx context.Context, n NewRun) (Created, error) {
	if err := checkNewRun(n); err != nil {
		return Created{}, err
	}
	entries, err := s.opts.encodeAll(n.ID, 0, n.Events)
	if err != nil {
		return Created{}, err
	}
	if err := s.enter(ctx); err != nil {
		return Created{}, err
	}
	defer s.mu.Unlock()
	now := s.now()
	if known, ok := s.keys[n.Key]; ok && n.Key != "" && (known.expires.IsZero() || known.expires.After(now)) {
		if known.digest != n.Digest {
			return Created{}, fmt.Errorf("idempotency key %q of run %s: %w", n.Key, known.run, ErrKeyReused)
		}
		return Created{Run: known.run, Existed: true, At: s.runs[known.run].created}, nil
	}
	if r, ok := s.runs[n.ID]; ok {
		return r.recreated(n)
	}
	return s.create(n, entries, now), nil
}

// recreated answers a creation without a key that is there already: its first answer was lost.
func (r *mapped) recreated(n NewRun) (Created, error) {
	c := Created{Run: r.id, Existed: true, At: r.created}
	if n.Owner != "" && r.owner == n.Owner && r.epoch == 1 {
		c.Existed, c.Lease = false, r.lease()
	}
	return c, nil
}

func (s *inMemory) create(n NewRun, entries []entry, now time.Time) Created {
	r := &mapped{
		id: n.ID, key: n.Key, created: now, summary: n.Summary.of(n.ID, now),
		open: map[string][]byte{}, taken: map[string]string{}, decided: map[string]int64{},
	}
	for i := range entries {
		entries[i].at = 0
	}
	r.write(entries, now)
	s.runs[n.ID], s.waiting[n.ID] = r, r
	if n.Key != "" {
		s.keys[n.Key] = record{run: n.ID, digest: n.Digest}
	}
	c := Created{Run: n.ID, At: now}
	if n.Owner == "" {
		r.due = now
		s.wake("", "")
		return c
	}
	r.epoch, r.claims, r.owner, r.until = 1, 1, n.Owner, now.Add(n.Lease)
	c.Lease = r.lease()
	return c
}

func (s *inMemory) Append(ctx context.Context, b Batch) error {
	if err := checkBatch(b); err != nil {
		return err
	}
	entries, err := s.opts.encodeAll(b.Run, b.Expect, b.Events)
	if err != nil {
		return err
	}
	questions, err := encodeQuestions(b)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[b.Run]
	if !ok {
		return fmt.Errorf("journal %s: %w", b.Run, ErrNotFound)
	}
	if known, err := r.admit(b, s.opts.MaxEvents); known || err != nil {
		return err
	}
	s.append(r, b, entries, questions)
	return nil
}

// admit decides about a batch in the order the contract names: known already, fence, sequence.
func (r *mapped) admit(b Batch, most int) (known bool, err error) {
	switch {
	case r.batch == b.ID && r.epoch == b.Epoch:
		return true, nil
	case r.epoch != b.Epoch || r.owner != b.Owner || r.batch == b.ID:
		return false, fmt.Errorf("journal %s: epoch %d of %s: %w", b.Run, b.Epoch, b.Owner, ErrFenced)
	case r.tail() != b.Expect:
		return false, fmt.Errorf("journal %s: at %d, not %d: %w", b.Run, r.tail(), b.Expect, ErrSequence)
	case r.ended && len(b.Events) > 0 && !reopens(b.Events):
		return false, fmt.Errorf("journal %s: %w", b.Run, ErrEnded)
	case !r.ended && reopens(b.Events):
		return false, fmt.Errorf("journal %s: %w", b.Run, ErrNotEnded)
	case r.tail()+int64(len(b.Events)) > int64(most) && len(b.Events) > 0 && !ends(b.Events):
		return false, fullError(b.Run, r.tail(), most)
	}
	return false, nil
}

func (s *inMemory) append(r *mapped, b Batch, entries []entry, questions map[string][]byte) {
	now := s.now()
	r.write(entries, now)
	for _, q := range b.Open {
		r.open[q.ID], r.taken[q.ID] = questions[q.ID], q.Claimed
	}
	for _, id := range b.Close {
		r.shut(id)
	}
	r.batch, r.claims, r.summary = b.ID, 0, b.Summary.of(r.id, r.created)
	if until := now.Add(b.Lease); b.Lease > 0 && until.After(r.until) {
		r.until = until
	}
	if reopens(b.Events) {
		s.reopen(r, now)
	}
	switch {
	case r.ended || ends(b.Events):
		s.end(r, b.Park, now)
	case b.Park:
		s.park(r, b, now)
	}
}

func (r *mapped) shut(question string) {
	delete(r.open, question)
	delete(r.taken, question)
}

func (s *inMemory) reopen(r *mapped, now time.Time) {
	r.ended = false
	s.waiting[r.id] = r
	if known, ok := s.keys[r.key]; ok && known.run == r.id && known.expires.After(now) { // else it is forgotten already
		known.expires = time.Time{}
		s.keys[r.key] = known
	}
}

func (s *inMemory) end(r *mapped, park bool, now time.Time) {
	r.ended = true
	if park {
		r.owner, r.until = "", time.Time{}
	}
	clear(r.open)
	clear(r.taken)
	delete(s.waiting, r.id)
	if known, ok := s.keys[r.key]; ok && known.run == r.id && known.expires.IsZero() {
		known.expires = now.Add(s.opts.KeyTTL)
		s.keys[r.key] = known
	}
}

func (s *inMemory) park(r *mapped, b Batch, now time.Time) {
	r.owner, r.until, r.due, r.needs = "", time.Time{}, fromMicros(microsUp(b.Due)), slices.Clone(b.Needs)
	if r.due.IsZero() {
		delete(s.waiting, r.id)
		return
	}
	if !r.due.After(s.earliest(now)) {
		s.wake("", "")
	}
}

func (s *inMemory) Read(ctx context.Context, run string, after int64) iter.Seq2[coordinator.Event, error] {
	return func(yield func(coordinator.Event, error) bool) {
		for seq := max(0, after) + 1; ; seq++ {
			e, ok, err := s.readOne(ctx, run, seq)
			if !ok && err == nil {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (s *inMemory) readOne(ctx context.Context, run string, seq int64) (coordinator.Event, bool, error) {
	if err := s.enter(ctx); err != nil {
		return coordinator.Event{}, false, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[run]
	switch {
	case !ok:
		return coordinator.Event{}, false, fmt.Errorf("journal %s: %w", run, ErrNotFound)
	case seq < 1 || seq > r.tail():
		return coordinator.Event{}, false, nil
	}
	e, err := r.event(seq)
	return e, true, err
}
