package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// holdings is the store of a runner. It notes which runs the runner holds, from the claim to the append that gives a run up,
// and how it was given up.
type holdings struct {
	memory.Store
	news chan struct{} // something was given up

	mu       sync.Mutex
	held     map[string]int64 // epochs by run
	claiming int              // claims that are not answered yet
	claimed  int              // runs claimed so far
	given    []memory.Batch   // not yet told of: the last append of each
	counts   givenUp
}

// givenUp counts how runs were let go of.
type givenUp struct {
	Done   int `json:"done"`
	Failed int `json:"failed"` // or quarantined
	Parked int `json:"parked"` // they wait: for people, workers, or a time
}

func newHoldings() *holdings {
	return &holdings{news: make(chan struct{}, 1), held: map[string]int64{}}
}

func (h *holdings) Claim(ctx context.Context, owner string, lease time.Duration, most int) ([]memory.Lease, error) {
	h.mu.Lock()
	h.claiming++
	h.mu.Unlock()
	leases, err := h.Store.Claim(ctx, owner, lease, most)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claiming--
	h.claimed += len(leases)
	for _, l := range leases {
		h.held[l.Run] = l.Epoch
	}
	return leases, err
}

func (h *holdings) Append(ctx context.Context, b memory.Batch) error {
	err := h.Store.Append(ctx, b)
	if err == nil && !b.Park || err != nil && !errors.Is(err, memory.ErrFenced) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(b.Run, b.Epoch)
	if err == nil {
		b.Events, b.Open = nil, nil // they may be large
		h.given = append(h.given, b)
		h.count(b.Summary.Status)
		select {
		case h.news <- struct{}{}:
		default:
		}
	}
	return err
}

// Renew forgets the runs that were lost.
func (h *holdings) Renew(ctx context.Context, leases []memory.Lease, lease time.Duration) ([]memory.Lease, error) {
	renewed, err := h.Store.Renew(ctx, leases, lease)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range renewed {
		if l.Lost {
			h.drop(l.Run, l.Epoch)
		}
	}
	return renewed, err
}

func (h *holdings) drop(run string, epoch int64) {
	if h.held[run] == epoch {
		delete(h.held, run)
	}
}

func (h *holdings) count(status coordinator.Status) {
	switch status {
	case coordinator.StatusDone:
		h.counts.Done++
	case coordinator.StatusFailed, coordinator.StatusQuarantined:
		h.counts.Failed++
	case coordinator.StatusCancelled:
	default:
		h.counts.Parked++
	}
}

// take returns what was given up since the last time.
func (h *holdings) take() []memory.Batch {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.given
	h.given = nil
	return out
}

// now returns how many runs are held, how many were claimed ever, and whether a claim is under way.
func (h *holdings) now() (held, claimed int, claiming bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held), h.claimed, h.claiming > 0
}

func (h *holdings) counted() givenUp {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts
}
