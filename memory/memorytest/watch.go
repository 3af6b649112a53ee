package memorytest

import (
	"context"
	"fmt"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func (p *probe) watch(ctx context.Context, s memory.Scope) <-chan memory.Value {
	p.Helper()
	ch, err := p.store.Watch(ctx, s)
	p.must(err)
	return ch
}

func (p *probe) set(s memory.Scope, key, raw string) {
	p.Helper()
	_, err := p.store.Set(p.ctx, s, value(key, raw), nil, 0)
	p.must(err)
}

// next takes a value; the channel must not be closed.
func (p *probe) next(ch <-chan memory.Value) memory.Value {
	p.Helper()
	select {
	case v, ok := <-ch:
		if !ok {
			p.Fatal("the channel is closed")
		}
		return v
	case <-time.After(soon):
		p.Fatalf("no value within %s", soon)
	}
	return memory.Value{}
}

func (p *probe) closes(ch <-chan memory.Value) {
	p.Helper()
	timeout := time.After(soon)
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
		case <-timeout:
			p.Fatalf("the channel is still open after %s", soon)
		}
	}
}

var watchClaims = []claim{
	{"a watcher sees what is written from now on", func(p *probe) {
		p.set(board, "before", `0`)
		ch := p.watch(p.ctx, board)
		p.set(board, "a:{b}", `{"n":9007199254740993}`)
		got := p.next(ch)
		equal(p, "key", got.Key, "a:{b}")
		equal(p, "value", string(got.Value), `{"n":9007199254740993}`)
		equal(p, "version", got.Version, 1)
		equal(p, "by", got.By, "ann")
		equal(p, "label", got.Label, coordinator.Trusted)
		if got.At.IsZero() {
			p.Error("the value has no time")
		}
		p.set(board, "before", `1`)
		got = p.next(ch)
		equal(p, "key", got.Key, "before")
		equal(p, "version", got.Version, 2)
	}},
	{"a watcher sees one scope", func(p *probe) {
		ch := p.watch(p.ctx, memory.Scope{Kind: "workspace"})
		p.set(board, "k", `1`)
		p.set(memory.Scope{Kind: "conversation", ID: board.ID}, "k", `2`)
		p.set(memory.Scope{Kind: "workspace"}, "k", `3`)
		equal(p, "value", string(p.next(ch).Value), `3`)
	}},
	{"every watcher sees every key", func(p *probe) {
		one, two := p.watch(p.ctx, board), p.watch(p.ctx, board)
		for i := range 20 {
			p.set(board, fmt.Sprint(i), `1`)
		}
		for i := range 20 {
			equal(p, "key", p.next(one).Key, fmt.Sprint(i))
			equal(p, "key", p.next(two).Key, fmt.Sprint(i))
		}
	}},
	{"a slow watcher gets the newest value, never one twice", func(p *probe) {
		ch := p.watch(p.ctx, board)
		const writes = 400
		for i := range writes {
			p.set(board, "k", fmt.Sprint(i))
		}
		last := int64(0)
		for last < writes {
			v := p.next(ch)
			if v.Version <= last {
				p.Fatalf("version %d after version %d", v.Version, last)
			}
			equal(p, "value", string(v.Value), fmt.Sprint(v.Version-1))
			last = v.Version
		}
		p.set(board, "end", `1`)
		equal(p, "key", p.next(ch).Key, "end")
	}},
	{"a refused write is not told", func(p *probe) {
		ch := p.watch(p.ctx, board)
		_, err := p.store.Set(p.ctx, board, value("k", `1`), version(3), 0)
		p.wants(err, memory.ErrConflict)
		p.set(board, "end", `1`)
		equal(p, "key", p.next(ch).Key, "end")
	}},
	{"the channel closes with its context", func(p *probe) {
		ctx, cancel := context.WithCancel(p.ctx)
		idle, busy := p.watch(ctx, board), p.watch(ctx, board)
		other := p.watch(p.ctx, board)
		p.set(board, "k", `1`)
		p.next(idle)
		cancel()
		p.closes(idle)
		p.closes(busy) // had a value that nobody took
		equal(p, "key", p.next(other).Key, "k")
	}},
	{"the channel closes with the store", func(p *probe) {
		ch := p.watch(p.ctx, board)
		p.must(p.store.Close())
		p.closes(ch)
	}},
	{"a scope that makes no sense is refused", func(p *probe) {
		if _, err := p.store.Watch(p.ctx, memory.Scope{Kind: "planet", ID: "x"}); err == nil {
			p.Error("it was taken")
		}
		ctx, cancel := context.WithCancel(p.ctx)
		cancel()
		_, err := p.store.Watch(ctx, board)
		p.wants(err, context.Canceled)
	}},
}
