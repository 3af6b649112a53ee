package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

type claimHeader struct {
	Owner string   `json:"owner"`
	Lease int64    `json:"lease"`
	Runs  []string `json:"runs"`
	Force bool     `json:"force"`
	Ended bool     `json:"ended"`
}

func (s *redisStore) claimCall(shard shardKeys, h claimHeader) *call {
	c := &call{script: claimScript, keys: []string{shard.due(), shard.leases()}, args: []any{header(h)}}
	for _, run := range h.Runs {
		c.keys = append(c.keys, shard.run(run).head())
	}
	return c
}

func leasesFrom(a answer, owner string) []Lease {
	var out []Lease
	for i := 2; i+4 < len(a); i += 5 {
		out = append(out, Lease{
			Run: a.text(i), Owner: owner, Epoch: a.number(i + 1), Until: fromMicros(a.number(i + 2)), Tail: a.number(i + 3), Claims: int(a.number(i + 4)),
		})
	}
	return out
}

// claimRounds is how often Claim looks again when other processes took what it saw.
const claimRounds = 3

func (s *redisStore) Claim(ctx context.Context, owner string, lease time.Duration, most int) ([]Lease, error) {
	if err := checkClaim(owner, lease); err != nil {
		return nil, err
	}
	var out []Lease
	for range claimRounds {
		if most <= len(out) {
			break
		}
		due, _, err := s.peek(ctx, most-len(out))
		if err != nil {
			return claimed(out, err)
		}
		if len(due) == 0 {
			break
		}
		taken, err := s.take(ctx, claimHeader{Owner: owner, Lease: lease.Microseconds()}, due)
		out = append(out, taken...)
		if err != nil {
			return claimed(out, err)
		}
	}
	return out, nil
}

// claimed prefers leases in hand to an error: what was not answered falls due again with its lease.
func claimed(out []Lease, err error) ([]Lease, error) {
	if len(out) > 0 {
		return out, nil
	}
	return nil, err
}

// waiting is a run that is due.
type waiting struct {
	run string
	due int64
}

// peek returns what is due in all shards, oldest first, and the earliest time at which a run that nobody holds is due; -1: none.
func (s *redisStore) peek(ctx context.Context, most int) ([]waiting, int64, error) {
	if err := s.ready(ctx); err != nil {
		return nil, 0, err
	}
	calls := make([]*call, shards)
	for n := range calls {
		shard := s.keys.shard(n)
		calls[n] = &call{script: peekScript, keys: []string{shard.due(), shard.leases()}, args: []any{most}}
	}
	s.evalAll(ctx, calls)
	var due []waiting
	next := int64(-1)
	for _, c := range calls {
		if c.err != nil {
			return nil, 0, fmt.Errorf("due runs: %w", c.err)
		}
		if at := c.answer.number(2); at >= 0 && (next < 0 || at < next) {
			next = at
		}
		for i := 3; i+1 < len(c.answer); i += 2 {
			due = append(due, waiting{c.answer.text(i), c.answer.number(i + 1)})
		}
	}
	slices.SortFunc(due, func(a, b waiting) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.run, b.run)) })
	return due[:min(max(0, most), len(due))], next, nil
}

// take claims those of due that are still free. The leases come in the order of due.
func (s *redisStore) take(ctx context.Context, h claimHeader, due []waiting) ([]Lease, error) {
	byShard := map[int][]string{}
	for _, w := range due {
		n := shardOf(w.run)
		byShard[n] = append(byShard[n], w.run)
	}
	var calls []*call
	for n, runs := range byShard {
		h.Runs = runs
		calls = append(calls, s.claimCall(s.keys.shard(n), h))
	}
	s.evalAll(ctx, calls)
	taken := map[string]Lease{}
	var failed error
	for _, c := range calls {
		failed = cmp.Or(failed, c.err)
		for _, l := range leasesFrom(c.answer, h.Owner) {
			taken[l.Run] = l
		}
	}
	var out []Lease
	for _, w := range due {
		if l, ok := taken[w.run]; ok {
			out = append(out, l)
		}
	}
	return out, failed
}

func (s *redisStore) ClaimRun(ctx context.Context, run, owner string, lease time.Duration) (Lease, error) {
	return s.force(ctx, run, claimHeader{Owner: owner}, lease)
}

func (s *redisStore) ClaimEnded(ctx context.Context, run, owner string, lease time.Duration) (Lease, error) {
	return s.force(ctx, run, claimHeader{Owner: owner, Ended: true}, lease)
}

// force claims one run whether it is due or not.
func (s *redisStore) force(ctx context.Context, run string, h claimHeader, lease time.Duration) (Lease, error) {
	if err := cmp.Or(checkClaim(h.Owner, lease), checkRunID(run), s.ready(ctx)); err != nil {
		return Lease{}, err
	}
	h.Lease, h.Runs, h.Force = lease.Microseconds(), []string{run}, true
	a, err := s.eval(ctx, *s.claimCall(s.keys.of(run), h))
	if err != nil {
		return Lease{}, fmt.Errorf("run %s: %w", run, err)
	}
	switch a.what() {
	case "owned":
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrOwned)
	case "ended":
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrEnded)
	case "running":
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrNotEnded)
	case "missing":
		return Lease{}, missing(run)
	}
	return leasesFrom(a, h.Owner)[0], nil
}

func (s *redisStore) Renew(ctx context.Context, leases []Lease, lease time.Duration) ([]Lease, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	byShard := map[int]*call{}
	where := map[*call][]int{} // indexes into leases, in the order of the call's heads
	var calls []*call
	for i, l := range leases {
		n := shardOf(l.Run)
		c := byShard[n]
		if c == nil {
			c = &call{script: renewScript, keys: []string{s.keys.shard(n).leases()}, args: []any{lease.Microseconds()}}
			byShard[n], calls = c, append(calls, c)
		}
		c.keys = append(c.keys, s.keys.shard(n).run(l.Run).head())
		c.args = append(c.args, l.Run, l.Epoch, l.Owner)
		where[c] = append(where[c], i)
	}
	if len(calls) > 0 {
		s.evalAll(ctx, calls)
	}
	out := slices.Clone(leases)
	for _, c := range calls {
		if c.err != nil {
			return nil, fmt.Errorf("renew %d leases: %w", len(leases), c.err)
		}
		for k, i := range where[c] {
			renewed(&out[i], c.answer[2+3*k:])
		}
	}
	return out, nil
}

func renewed(l *Lease, a answer) {
	if until := a.number(0); until > 0 {
		l.Until, l.Tail, l.Claims = fromMicros(until), a.number(1), int(a.number(2))
		return
	}
	l.Lost = true
}

type offerHeader struct {
	Runs []string `json:"runs"`
	Sets []string `json:"sets"`
	Wake string   `json:"wake"`
}

func (s *redisStore) Offer(ctx context.Context, workers []string) (int, error) {
	if err := s.ready(ctx); err != nil || len(workers) == 0 {
		return 0, err
	}
	pipe := s.client.Pipeline()
	found := make([][]*redis.StringSliceCmd, shards)
	for n := range found {
		for _, worker := range workers {
			found[n] = append(found[n], pipe.SMembers(ctx, s.keys.shard(n).needs(worker)))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, s.failure(ctx, "offer", err)
	}
	var calls []*call
	for n, sets := range found {
		var runs []string
		for _, set := range sets {
			runs = append(runs, set.Val()...)
		}
		if len(runs) > 0 {
			calls = append(calls, s.offerCall(s.keys.shard(n), runs, workers))
		}
	}
	return s.offerAll(ctx, calls)
}

func (s *redisStore) offerCall(shard shardKeys, runs, workers []string) *call {
	slices.Sort(runs)
	h := offerHeader{Runs: slices.Compact(runs), Wake: s.keys.wakeAll()}
	for _, worker := range workers {
		h.Sets = append(h.Sets, shard.needs(worker))
	}
	c := &call{script: offerScript, keys: []string{shard.due()}, args: []any{header(h)}}
	for _, run := range h.Runs {
		c.keys = append(c.keys, shard.run(run).head())
	}
	return c
}

func (s *redisStore) offerAll(ctx context.Context, calls []*call) (n int, err error) {
	if len(calls) == 0 {
		return 0, nil
	}
	s.evalAll(ctx, calls)
	for _, c := range calls {
		n += int(c.answer.number(2))
		if c.err != nil && err == nil {
			err = fmt.Errorf("offer: %w", c.err)
		}
	}
	return n, err
}

func (s *redisStore) NextDue(ctx context.Context) (time.Time, error) {
	_, next, err := s.peek(ctx, 0)
	if err != nil || next < 0 {
		return time.Time{}, err
	}
	return fromMicros(next), nil
}
