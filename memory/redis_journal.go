package memory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tuttirun/tutti/coordinator"
)

type createHeader struct {
	Run    string   `json:"run"`
	Digest string   `json:"digest"`
	Owner  string   `json:"owner"`
	Lease  int64    `json:"lease"`
	Lists  []string `json:"lists"`
	Wake   string   `json:"wake"`
	Record string   `json:"record"`
}

func (s *redisStore) Create(ctx context.Context, n NewRun) (Created, error) {
	if err := checkNewRun(n); err != nil {
		return Created{}, err
	}
	entries, err := s.opts.encodeAll(n.ID, 0, n.Events)
	if err != nil {
		return Created{}, err
	}
	n.Summary.Run = n.ID
	summary, err := marshal(n.Summary)
	if err != nil {
		return Created{}, fmt.Errorf("run %s: summary: %w", n.ID, err)
	}
	if err := s.ready(ctx); err != nil {
		return Created{}, err
	}
	shard := s.keys.of(n.ID)
	run := shard.run(n.ID)
	h := createHeader{Run: n.ID, Digest: n.Digest, Owner: n.Owner, Lease: n.Lease.Microseconds(), Lists: shard.listsOf(n.Summary), Wake: s.keys.wakeAll()}
	c := call{script: createScript, keys: []string{run.head(), run.journal(), run.blobs(), shard.due(), shard.leases()}}
	if n.Key != "" {
		h.Record = shard.record(n.Key)
		c.keys = append(c.keys, h.Record)
	}
	c.args = []any{header(h), summary}
	for _, e := range entries {
		c.args = append(c.args, e.blob, e.json)
	}
	a, err := s.eval(ctx, c)
	if err != nil {
		return Created{}, fmt.Errorf("journal %s: %w", n.ID, err)
	}
	return createdFrom(n, a)
}

func createdFrom(n NewRun, a answer) (Created, error) {
	c := Created{Run: a.text(2), At: fromMicros(a.number(3))}
	lease := Lease{
		Run: c.Run, Owner: a.text(4), Epoch: a.number(5), Tail: a.number(6), Until: fromMicros(a.number(7)), Claims: int(a.number(8)),
	}
	switch a.what() {
	case "reused":
		return Created{}, fmt.Errorf("idempotency key %q of run %s: %w", n.Key, c.Run, ErrKeyReused)
	case "existed":
		c.Existed = true
	case "repeated":
		c.Existed = n.Owner == "" || lease.Owner != n.Owner || lease.Epoch != 1
		if !c.Existed {
			c.Lease = lease
		}
	case "new":
		if n.Owner != "" {
			c.Lease = lease
		}
	}
	return c, nil
}

type appendHeader struct {
	Run    string     `json:"run"`
	ID     string     `json:"id"`
	Epoch  int64      `json:"epoch"`
	Owner  string     `json:"owner"`
	Expect int64      `json:"expect"`
	Events int        `json:"events"`
	Most   int        `json:"most"`
	Lease  int64      `json:"lease"`
	Park   bool       `json:"park"`
	Due    int64      `json:"due"`
	Rerun  bool       `json:"rerun"`
	Ended  bool       `json:"ended"`
	TTL    int64      `json:"ttl"`
	Lists  []string   `json:"lists"`
	Needs  []string   `json:"needs,omitempty"`
	Wake   string     `json:"wake"`
	Open   []question `json:"open,omitempty"`
	Close  []string   `json:"close,omitempty"`
}

// question says where an open escalation stands in the inbox.
type question struct {
	ID    string   `json:"id"`
	Place string   `json:"place"`
	Boxes []string `json:"boxes"`
	Taken string   `json:"taken"`
}

func (s *redisStore) Append(ctx context.Context, b Batch) error {
	if err := checkBatch(b); err != nil {
		return err
	}
	c, size, err := s.appendCall(b)
	if err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	a, err := s.commits.commit(ctx, c, size)
	if err != nil {
		return fmt.Errorf("journal %s: %w", b.Run, err)
	}
	return s.appended(b, a)
}

func (s *redisStore) appendCall(b Batch) (c call, size int, err error) {
	entries, err := s.opts.encodeAll(b.Run, b.Expect, b.Events)
	if err != nil {
		return c, 0, err
	}
	b.Summary.Run = b.Run
	summary, err := marshal(b.Summary)
	if err != nil {
		return c, 0, fmt.Errorf("run %s: summary: %w", b.Run, err)
	}
	shard := s.keys.of(b.Run)
	run := shard.run(b.Run)
	h := s.appendHeader(b, shard)
	c = call{script: appendScript, keys: []string{
		run.head(), run.journal(), run.blobs(), run.open(), run.places(), run.taken(), shard.due(), shard.leases(),
	}}
	c.args = []any{header(h), summary}
	for _, e := range entries {
		c.args = append(c.args, e.at, e.blob, e.json)
		size += len(e.json)
	}
	questions, err := encodeQuestions(b)
	if err != nil {
		return c, 0, err
	}
	for _, q := range b.Open {
		c.args = append(c.args, questions[q.ID])
		size += len(questions[q.ID])
	}
	return c, size, nil
}

func (s *redisStore) appendHeader(b Batch, shard shardKeys) appendHeader {
	h := appendHeader{
		Run: b.Run, ID: b.ID, Epoch: b.Epoch, Owner: b.Owner, Expect: b.Expect, Events: len(b.Events), Most: s.opts.MaxEvents,
		Lease: b.Lease.Microseconds(), Park: b.Park, Due: microsUp(b.Due), Rerun: reopens(b.Events), Ended: ends(b.Events), TTL: s.opts.KeyTTL.Milliseconds(),
		Lists: shard.listsOf(b.Summary), Wake: s.keys.wakeAll(), Close: b.Close,
	}
	for _, worker := range b.Needs {
		h.Needs = append(h.Needs, shard.needs(worker))
	}
	for _, q := range b.Open {
		h.Open = append(h.Open, question{
			ID: q.ID, Place: placeOfQuestion(q), Boxes: []string{shard.inbox(), shard.inboxOf(q.By)}, Taken: q.Claimed,
		})
	}
	return h
}

func (s *redisStore) appended(b Batch, a answer) error {
	switch a.what() {
	case "ok":
		return nil
	case "fenced":
		return fmt.Errorf("journal %s: epoch %d of %s: %w", b.Run, b.Epoch, b.Owner, ErrFenced)
	case "sequence":
		return fmt.Errorf("journal %s: at %d, not %d: %w", b.Run, a.number(2), b.Expect, ErrSequence)
	case "running":
		return fmt.Errorf("journal %s: %w", b.Run, ErrNotEnded)
	}
	return s.refused(b.Run, a)
}

// refused explains the answers that append and post share.
func (s *redisStore) refused(run string, a answer) error {
	switch a.what() {
	case "ended":
		return fmt.Errorf("journal %s: %w", run, ErrEnded)
	case "full":
		return fullError(run, a.number(2), s.opts.MaxEvents)
	case "missing":
		return missing(run)
	case "broken":
		return fmt.Errorf("journal %s: it does not end at event %d: %w", run, a.number(2), errBroken)
	}
	return fmt.Errorf("journal %s: unexpected answer %q", run, a.what())
}

func missing(run string) error {
	return fmt.Errorf("journal %s: %w (if it was there before, Redis was restarted without its data)", run, ErrNotFound)
}

type postHeader struct {
	Run        string           `json:"run"`
	Kind       coordinator.Kind `json:"kind"`
	By         string           `json:"by"`
	Escalation string           `json:"escalation"`
	Decision   string           `json:"decision"`
	Quiet      bool             `json:"quiet"`
	Most       int              `json:"most"`
	Denied     int              `json:"denied"`
	Wake       string           `json:"wake"`
}

func (s *redisStore) Post(ctx context.Context, run string, e coordinator.Event) (coordinator.Event, error) {
	if err := checkPost(run, e); err != nil {
		return e, err
	}
	e.At = time.Time{}
	entry, err := s.opts.encode(run, e)
	if err != nil {
		return e, err
	}
	if err := s.ready(ctx); err != nil {
		return e, err
	}
	h := postHeader{
		Run: run, Kind: e.Kind, By: e.By, Escalation: asks(e), Decision: decisionKey(e), Quiet: changesNothing(e.Kind),
		Most: s.opts.MaxEvents, Denied: s.opts.MaxDenied, Wake: s.keys.wakeAll(),
	}
	shard := s.keys.of(run)
	r := shard.run(run)
	a, err := s.eval(ctx, call{
		script: postScript,
		keys:   []string{r.head(), r.journal(), r.blobs(), r.open(), r.places(), r.taken(), r.decided(), shard.due()},
		args:   []any{header(h), entry.blob, entry.json},
	})
	if err != nil {
		return e, fmt.Errorf("journal %s: %w", run, err)
	}
	return s.posted(ctx, run, e, a)
}

func (s *redisStore) posted(ctx context.Context, run string, e coordinator.Event, a answer) (coordinator.Event, error) {
	switch a.what() {
	case "ok", "again":
		raw, err := s.body(ctx, run, a.text(4), a.text(5))
		if err != nil {
			return e, err
		}
		return decode(run, a.number(2), a.number(3), raw)
	case "stands":
		e.Seq = 0
		return e, nil
	case "closed":
		return e, fmt.Errorf("escalation %s: %w", e.ID, ErrNotOpen)
	case "taken":
		return e, claimedError(e.ID, e.By)
	case "denied":
		return e, deniedError(run, s.opts.MaxDenied)
	}
	return e, s.refused(run, a)
}

// body returns an event's JSON, from the journal or from beside it.
func (s *redisStore) body(ctx context.Context, run, hash, inline string) ([]byte, error) {
	if hash == "" || inline != "" {
		return []byte(inline), nil
	}
	raw, err := s.client.HGet(ctx, s.keys.of(run).run(run).blobs(), hash).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("journal %s: the long event %s is gone: %w", run, hash, errBroken)
	}
	return raw, s.failure(ctx, "journal "+run, err)
}

// readPage is how many entries one round trip fetches: at most so many times Options.Inline bytes.
const readPage = 256

func (s *redisStore) Read(ctx context.Context, run string, after int64) iter.Seq2[coordinator.Event, error] {
	return func(yield func(coordinator.Event, error) bool) {
		if err := checkRunID(run); err != nil {
			yield(coordinator.Event{}, err)
			return
		}
		seq := max(0, after)
		for {
			tail, page, err := s.page(ctx, run, seq)
			if err != nil {
				yield(coordinator.Event{}, err)
				return
			}
			for _, message := range page {
				e, err := s.restore(ctx, run, seq+1, message)
				if !yield(e, err) || err != nil {
					return
				}
				seq++
			}
			if len(page) == readPage {
				continue
			}
			if seq < tail {
				yield(coordinator.Event{}, fmt.Errorf("journal %s: ends at event %d of %d: %w", run, seq, tail, errBroken))
			}
			return
		}
	}
}

// page fetches the entries after seq, and the tail as it stood before.
func (s *redisStore) page(ctx context.Context, run string, seq int64) (tail int64, page []redis.XMessage, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, nil, err
	}
	r := s.keys.of(run).run(run)
	pipe := s.client.Pipeline()
	end := pipe.HGet(ctx, r.head(), "tail")
	entries := pipe.XRangeN(ctx, r.journal(), strconv.FormatInt(seq+1, 10), "+", readPage)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return 0, nil, s.failure(ctx, "journal "+run, err)
	}
	tail, err = end.Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil, missing(run)
	}
	if err != nil {
		return 0, nil, s.failure(ctx, "journal "+run, err)
	}
	page, err = entries.Result()
	return tail, page, s.failure(ctx, "journal "+run, err)
}

func (s *redisStore) restore(ctx context.Context, run string, seq int64, m redis.XMessage) (coordinator.Event, error) {
	if id, _, _ := strings.Cut(m.ID, "-"); id != strconv.FormatInt(seq, 10) {
		return coordinator.Event{}, fmt.Errorf("journal %s: event %d follows event %d: %w", run, toInt(id), seq-1, errBroken)
	}
	hash, _ := m.Values["b"].(string)
	inline, _ := m.Values["e"].(string)
	raw, err := s.body(ctx, run, hash, inline)
	if err != nil {
		return coordinator.Event{}, err
	}
	at, _ := m.Values["at"].(string)
	e, err := decode(run, seq, toInt(at), raw)
	s.clock.atLeast(e.At)
	return e, err
}

func toInt(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
