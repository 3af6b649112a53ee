package memory

import (
	"context"
	"fmt"
)

// committer sends appends of many runs in one pipeline per flush. The next flush starts when the last one was answered; an idle one
// goes out at once. Under appendfsync always the appends of a flush share one fsync: that is where the throughput comes from.
type committer struct {
	store *redisStore
	queue chan *pending
	done  chan struct{}
	end   context.CancelFunc
}

// pending is an append that waits for its answer.
type pending struct {
	call  call
	size  int
	ready chan struct{} // closed when call has its answer
}

const (
	flushCalls = 512
	flushBytes = 4 << 20
)

func newCommitter(s *redisStore) *committer {
	ctx, cancel := context.WithCancel(context.Background())
	c := &committer{store: s, queue: make(chan *pending, flushCalls), done: make(chan struct{}), end: cancel}
	go c.run(ctx)
	return c
}

// commit returns when the append was answered. When ctx ends first nobody knows: it may still be carried out.
func (c *committer) commit(ctx context.Context, k call, size int) (answer, error) {
	p := &pending{call: k, size: size, ready: make(chan struct{})}
	select {
	case c.queue <- p:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, ErrClosed
	}
	select {
	case <-p.ready:
		return p.call.answer, p.call.err
	case <-ctx.Done():
		return nil, fmt.Errorf("append: %w: %w", ErrUnavailable, context.Cause(ctx))
	case <-c.done:
	}
	select {
	case <-p.ready:
		return p.call.answer, p.call.err
	default:
		return nil, fmt.Errorf("append: %w", ErrClosed) // never left the queue
	}
}

func (c *committer) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case first := <-c.queue:
			c.flush(ctx, c.gather(first))
		case <-ctx.Done():
			return
		}
	}
}

// gather takes what has queued up behind first.
func (c *committer) gather(first *pending) []*pending {
	group, size := []*pending{first}, first.size
	for len(group) < flushCalls && size < flushBytes {
		select {
		case p := <-c.queue:
			group, size = append(group, p), size+p.size
		default:
			return group
		}
	}
	return group
}

// flush bounds the pipeline by the store's own timeout: one caller's context must not cut off the others.
func (c *committer) flush(ctx context.Context, group []*pending) {
	ctx, cancel := context.WithTimeout(ctx, c.store.opts.Timeout)
	defer cancel()
	calls := make([]*call, len(group))
	for i, p := range group {
		calls[i] = &p.call
	}
	c.store.evalAll(ctx, calls)
	for _, p := range group {
		close(p.ready)
	}
}
