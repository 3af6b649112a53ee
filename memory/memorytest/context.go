package memorytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

func value(key, raw string) memory.Value {
	return memory.Value{Key: key, Value: json.RawMessage(raw), By: "ann", Label: coordinator.Trusted}
}

var board = memory.Scope{Kind: "run", ID: "r-1-a"}

func version(n int64) *int64 { return &n }

var boardClaims = []claim{
	{"a value comes back with its version", func(p *probe) {
		_, err := p.store.Get(p.ctx, board, "k")
		p.wants(err, memory.ErrNotFound)
		n, err := p.store.Set(p.ctx, board, value("k", `{"a":"<1>"}`), nil, 0)
		p.must(err)
		equal(p, "version", n, 1)
		n, err = p.store.Set(p.ctx, board, value("k", `{"a":"<2>"}`), nil, 0)
		p.must(err)
		equal(p, "version", n, 2)
		v, err := p.store.Get(p.ctx, board, "k")
		p.must(err)
		equal(p, "value", string(v.Value), `{"a":"<2>"}`)
		equal(p, "by", v.By, "ann")
		equal(p, "label", v.Label, coordinator.Trusted)
		equal(p, "version", v.Version, 2)
		equal(p, "expires", v.Expires, time.Time{})
		if v.At.IsZero() {
			p.Error("the value has no time")
		}
	}},
	{"compare-and-set writes only over the expected version", func(p *probe) {
		_, err := p.store.Set(p.ctx, board, value("k", `1`), version(3), 0)
		p.wants(err, memory.ErrConflict)
		_, err = p.store.Set(p.ctx, board, value("k", `1`), version(0), 0)
		p.must(err)
		_, err = p.store.Set(p.ctx, board, value("k", `2`), version(0), 0)
		p.wants(err, memory.ErrConflict)
		n, err := p.store.Set(p.ctx, board, value("k", `2`), version(1), 0)
		p.must(err)
		equal(p, "version", n, 2)
	}},
	{"one of many racing writers wins", func(p *probe) {
		var all sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			all.Go(func() { _, errs[i] = p.store.Set(p.ctx, board, value("k", fmt.Sprint(i)), version(0), 0) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, memory.ErrConflict) {
				p.Error(err)
			}
		}
		equal(p, "winners", won, 1)
	}},
	{"a value with a time to live goes away", func(p *probe) {
		_, err := p.store.Set(p.ctx, board, value("k", `1`), nil, lease)
		p.must(err)
		v, err := p.store.Get(p.ctx, board, "k")
		p.must(err)
		equal(p, "expires", v.Expires, v.At.Add(lease))
		_, err = p.store.Set(p.ctx, board, value("k", `2`), nil, 20*time.Millisecond)
		p.must(err)
		p.eventually("the value expires", func() bool {
			_, err := p.store.Get(p.ctx, board, "k")
			return errors.Is(err, memory.ErrNotFound)
		})
		left, err := p.store.List(p.ctx, board)
		p.must(err)
		equal(p, "values", len(left), 0)
		_, err = p.store.Set(p.ctx, board, value("k", `3`), version(0), 0)
		p.must(err)
	}},
	{"writing without a time to live keeps the value", func(p *probe) {
		_, err := p.store.Set(p.ctx, board, value("k", `1`), nil, 20*time.Millisecond)
		p.must(err)
		_, err = p.store.Set(p.ctx, board, value("k", `2`), nil, 0)
		p.must(err)
		_, err = p.store.Set(p.ctx, board, value("clock", `1`), nil, 40*time.Millisecond)
		p.must(err)
		p.eventually("the other value expires", func() bool {
			_, err := p.store.Get(p.ctx, board, "clock")
			return errors.Is(err, memory.ErrNotFound)
		})
		v, err := p.store.Get(p.ctx, board, "k")
		p.must(err)
		equal(p, "value", string(v.Value), "2")
	}},
	{"scopes are apart, and sorted by key", func(p *probe) {
		scopes := []memory.Scope{
			{Kind: "run", ID: "x"}, {Kind: "conversation", ID: "x"}, {Kind: "conversation", ID: "x:a"}, {Kind: "workspace"},
		}
		for i, s := range scopes {
			for _, key := range []string{"b", "a:b", "a"} {
				_, err := p.store.Set(p.ctx, s, value(key, fmt.Sprint(i)), nil, 0)
				p.must(err)
			}
		}
		for i, s := range scopes {
			list, err := p.store.List(p.ctx, s)
			p.must(err)
			got := ""
			for _, v := range list {
				got += v.Key + "=" + string(v.Value) + " "
			}
			equal(p, "values", got, fmt.Sprintf("a=%d a:b=%d b=%d ", i, i, i))
		}
	}},
	{"a scope that makes no sense is refused", func(p *probe) {
		for _, s := range []memory.Scope{{}, {Kind: "run"}, {Kind: "planet", ID: "x"}, {Kind: "workspace", ID: "x"}} {
			if _, err := p.store.Set(p.ctx, s, value("k", `1`), nil, 0); err == nil {
				p.Errorf("scope %+v was taken", s)
			}
		}
	}},
	{"a value over the limit is refused", func(p *probe) {
		v := value("k", `1`)
		v.Value = text(8<<20 + 1)
		_, err := p.store.Set(p.ctx, board, v, nil, 0)
		p.wants(err, memory.ErrLimit)
	}},
}

var talkClaims = []claim{
	{"messages come back in order, with seq and time", func(p *probe) {
		for i := range 3 {
			n, err := p.store.Say(p.ctx, "chat {1}", memory.Message{Role: "user", By: "ann", Text: fmt.Sprint("<", i, ">"), Run: "r-1-a"})
			p.must(err)
			equal(p, "seq", n, int64(i+1))
		}
		got, err := p.store.Messages(p.ctx, "chat {1}", 1)
		p.must(err)
		equal(p, "messages", len(got), 2)
		equal(p, "text", got[0].Text, "<1>")
		equal(p, "seq", got[0].Seq, 2)
		equal(p, "run", got[0].Run, "r-1-a")
		if got[0].At.IsZero() || got[1].At.Before(got[0].At) {
			p.Errorf("times %s, %s", got[0].At, got[1].At)
		}
		other, err := p.store.Messages(p.ctx, "other", 0)
		p.must(err)
		equal(p, "another conversation", len(other), 0)
	}},
	{"only the newest messages are kept", func(p *probe) {
		for range memory.MaxMessages + 20 {
			_, err := p.store.Say(p.ctx, "chat", memory.Message{Role: "user", Text: "x"})
			p.must(err)
		}
		got, err := p.store.Messages(p.ctx, "chat", 0)
		p.must(err)
		equal(p, "messages", len(got), memory.MaxMessages)
		equal(p, "first", got[0].Seq, 21)
	}},
}
