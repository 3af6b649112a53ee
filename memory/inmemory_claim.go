package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

func (r *mapped) lease() Lease {
	return Lease{Run: r.id, Owner: r.owner, Epoch: r.epoch, Until: r.until, Tail: r.tail(), Claims: r.claims}
}

// dueAt is when somebody must look at the run: its due time, or the end of the lease of an owner that fell silent.
func (r *mapped) dueAt() time.Time {
	if r.owner != "" {
		return r.until
	}
	return r.due
}

func (s *inMemory) claim(r *mapped, owner string, lease time.Duration, now time.Time) Lease {
	r.epoch++
	r.claims++
	r.owner, r.until = owner, now.Add(lease)
	r.due, r.needs = time.Time{}, nil
	if !r.ended { // what has ended is nobody's to take over; the append of its rerun makes it wait again
		s.waiting[r.id] = r
	}
	return r.lease()
}

func (s *inMemory) Claim(ctx context.Context, owner string, lease time.Duration, most int) ([]Lease, error) {
	if err := checkClaim(owner, lease); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.now()
	var due []*mapped
	for _, r := range s.waiting {
		if !r.dueAt().After(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *mapped) int {
		return cmp.Or(a.dueAt().Compare(b.dueAt()), cmp.Compare(a.id, b.id))
	})
	var out []Lease
	for _, r := range due[:max(0, min(most, len(due)))] {
		out = append(out, s.claim(r, owner, lease, now))
	}
	return out, nil
}

func (s *inMemory) ClaimRun(ctx context.Context, run, owner string, lease time.Duration) (Lease, error) {
	return s.force(ctx, run, owner, lease, false)
}

func (s *inMemory) ClaimEnded(ctx context.Context, run, owner string, lease time.Duration) (Lease, error) {
	return s.force(ctx, run, owner, lease, true)
}

// force claims one run whether it is due or not.
func (s *inMemory) force(ctx context.Context, run, owner string, lease time.Duration, ended bool) (Lease, error) {
	if err := checkClaim(owner, lease); err != nil {
		return Lease{}, err
	}
	if err := s.enter(ctx); err != nil {
		return Lease{}, err
	}
	defer s.mu.Unlock()
	now := s.now()
	r, ok := s.runs[run]
	switch {
	case !ok:
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrNotFound)
	case ended && !r.ended:
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrNotEnded)
	case r.ended && !ended:
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrEnded)
	case r.held(now) && r.owner != owner:
		return Lease{}, fmt.Errorf("run %s: %w", run, ErrOwned)
	}
	return s.claim(r, owner, lease, now), nil
}

func (s *inMemory) Renew(ctx context.Context, leases []Lease, lease time.Duration) ([]Lease, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := s.now()
	out := make([]Lease, len(leases))
	for i, l := range leases {
		r, ok := s.runs[l.Run]
		if !ok || r.epoch != l.Epoch || r.owner != l.Owner {
			l.Lost = true
			out[i] = l
			continue
		}
		if until := now.Add(lease); until.After(r.until) {
			r.until = until
		}
		out[i] = r.lease()
	}
	return out, nil
}

func (s *inMemory) Offer(ctx context.Context, workers []string) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	now, n := s.now(), 0
	for _, r := range s.runs {
		wanted := slices.ContainsFunc(r.needs, func(w string) bool { return slices.Contains(workers, w) })
		if wanted && r.owner == "" && !r.ended {
			r.needs = nil
			s.makeDue(r, now)
			n++
		}
	}
	return n, nil
}

func (s *inMemory) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.enter(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	return s.earliest(s.now()), nil
}

// earliest is when the first run that nobody holds is due.
func (s *inMemory) earliest(now time.Time) time.Time {
	var first time.Time
	for _, r := range s.waiting {
		if at := r.dueAt(); !r.held(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// listener is one call of Wakeups.
type listener struct {
	owner string
	ch    chan string
}

func (s *inMemory) Wakeups(ctx context.Context, owner string) (<-chan string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	l := &listener{owner: owner, ch: make(chan string, wakeBuffer)}
	s.listeners[l] = true
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dismiss(l)
	})
	return l.ch, nil
}

// wakeBuffer is how many wake-ups wait for a slow listener; more are dropped, which the contract allows.
const wakeBuffer = 256

func (s *inMemory) dismiss(l *listener) {
	if s.listeners[l] {
		delete(s.listeners, l)
		close(l.ch)
	}
}

// wake tells one owner about a run, or everybody ("") that something may be due.
func (s *inMemory) wake(owner, run string) {
	for l := range s.listeners {
		if owner == "" || owner == l.owner {
			select {
			case l.ch <- run:
			default:
			}
		}
	}
}
