package memory

import (
	"context"
	"errors"
	"sync"
)

// changes are keys of one scope that were written and not yet read. A key written again while it waits is not noted twice: whoever
// reads it finds its newest value. So a slow reader costs its keys and not their values, and holds no writer up.
type changes struct {
	mu      sync.Mutex
	keys    []string // in the order of their first write
	waiting map[string]bool
	bell    chan struct{} // has one when keys may wait
	most    int           // values that a scope holds at a time
}

func newChanges(o Options) *changes {
	return &changes{waiting: map[string]bool{}, bell: make(chan struct{}, 1), most: o.MaxValues}
}

func (c *changes) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[key] {
		return
	}
	c.waiting[key] = true
	c.keys = append(c.keys, key)
	select {
	case c.bell <- struct{}{}:
	default:
	}
}

func (c *changes) take() (key string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) == 0 {
		return "", false
	}
	key, c.keys = c.keys[0], c.keys[1:]
	delete(c.waiting, key)
	return key, true
}

// stamp tells a value apart from those that its key had before.
type stamp struct{ version, at int64 }

// deliver yields the values of keys that change, until ctx ends or one cannot be read.
func (c *changes) deliver(ctx context.Context, out chan<- Value, read func(key string) (Value, error)) {
	told := map[string]stamp{}
	for {
		key, ok := c.next(ctx)
		if !ok {
			return
		}
		v, err := read(key)
		if errors.Is(err, ErrNotFound) { // expired already
			continue
		}
		if err != nil {
			return
		}
		this := stamp{v.Version, micros(v.At)}
		if told[key] == this { // its write was told of after this value was read
			continue
		}
		if len(told) >= c.most { // keys that come and go: at worst a value is told twice
			clear(told)
		}
		told[key] = this
		select {
		case out <- v:
		case <-ctx.Done():
			return
		}
	}
}

// next waits for a key that was written.
func (c *changes) next(ctx context.Context) (key string, ok bool) {
	for {
		if key, ok := c.take(); ok {
			return key, ctx.Err() == nil
		}
		select {
		case <-c.bell:
		case <-ctx.Done():
			return "", false
		}
	}
}
