package memory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/memory/memorytest"
)

func TestScriptsComeBackAfterAFlush(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	flush := func() { must(t, server.Client().ScriptFlush(t.Context()).Err()) }
	flush()
	must(t, store.Append(t.Context(), batch(l, "1", skipped())))
	flush()
	_, err := store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled})
	must(t, err)
	flush()
	_, err = store.Claim(t.Context(), "b", time.Minute, 1)
	must(t, err)
	journalHas(t, store, l.Run, 3)
}

func TestAppendWhoseReplyWasLostIsNotAddedTwice(t *testing.T) {
	proxy := memorytest.NewProxy(t, memorytest.NewServer(t, memorytest.ServerOptions{}))
	store := open(t, proxy.URL(), memory.Options{})
	l := submit(t, store, "")
	b := batch(l, "1", skipped(), skipped())
	lost := proxy.LoseAnswer("evalsha", 2)
	wants(t, store.Append(t.Context(), b), memory.ErrUnavailable)
	wants(t, store.Append(t.Context(), b), memory.ErrUnavailable)
	<-lost
	must(t, store.Append(t.Context(), b))
	journalHas(t, store, l.Run, 3)
	l.Tail = 3
	must(t, store.Append(t.Context(), batch(l, "2", skipped())))
}

func TestDecisionWhoseReplyWasLostCountsOnce(t *testing.T) {
	proxy := memorytest.NewProxy(t, memorytest.NewServer(t, memorytest.ServerOptions{}))
	store := open(t, proxy.URL(), memory.Options{})
	l := submit(t, store, "")
	must(t, store.Append(t.Context(), asked(batch(l, "1"))))
	<-loseOne(t, proxy, func() error {
		_, err := store.Post(t.Context(), l.Run, decision(l.Run, "d"))
		return err
	})
	e, err := store.Post(t.Context(), l.Run, decision(l.Run, "d"))
	must(t, err)
	if e.Seq != 3 {
		t.Errorf("the decision is event %d, want 3", e.Seq)
	}
	journalHas(t, store, l.Run, 3)
}

func loseOne(t *testing.T, proxy *memorytest.Proxy, act func() error) <-chan struct{} {
	t.Helper()
	lost := proxy.LoseAnswer("evalsha", 1)
	wants(t, act(), memory.ErrUnavailable)
	return lost
}

func TestCreationWhoseReplyWasLostIsTheSameRun(t *testing.T) {
	proxy := memorytest.NewProxy(t, memorytest.NewServer(t, memorytest.ServerOptions{}))
	store := open(t, proxy.URL(), memory.Options{})
	for _, key := range []string{"", "k"} {
		n := newRun(key)
		<-loseOne(t, proxy, func() error {
			_, err := store.Create(t.Context(), n)
			return err
		})
		created, err := store.Create(t.Context(), n)
		must(t, err)
		if created.Run != n.ID || created.Existed != (key != "") {
			t.Errorf("key %q: %+v", key, created)
		}
		journalHas(t, store, n.ID, 1)
	}
}

func TestFrozenServerLeavesAnAppendOpenUntilItIsResent(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	b := batch(l, "1", skipped())
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := store.Append(ctx, b)
	wants(t, err, memory.ErrUnavailable)
	wants(t, err, context.DeadlineExceeded)
	server.Resume()
	must(t, store.Append(t.Context(), b))
	journalHas(t, store, l.Run, 2)
}

func TestClosingAStoreEndsWhatIsUnderWay(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{Timeout: time.Hour})
	l := submit(t, store, "")
	server.Pause()
	defer server.Resume()
	answer := make(chan error)
	go func() { answer <- store.Append(t.Context(), batch(l, "1", skipped())) }()
	go func() { _ = store.Close() }()
	if err := <-answer; !errors.Is(err, memory.ErrUnavailable) && !errors.Is(err, memory.ErrClosed) {
		t.Errorf("error %v", err)
	}
	wants(t, store.Append(t.Context(), batch(l, "1", skipped())), memory.ErrClosed)
}

func TestAcknowledgedAppendsSurviveKill9OfTheServer(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	if !store.Durability().Always {
		t.Errorf("durability: %s", store.Durability().Text)
	}
	l := submit(t, store, "")
	for i := range 20 {
		must(t, store.Append(t.Context(), batch(l, fmt.Sprint(i), skipped())))
		l.Tail++
	}
	server.Kill()
	wants(t, store.Append(t.Context(), batch(l, "down", skipped())), memory.ErrUnavailable)
	server.Start()
	journalHas(t, store, l.Run, 21)
	must(t, store.Append(t.Context(), batch(l, "down", skipped())))
}

func TestServerThatLostItsDataSaysSo(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{Fsync: "off"})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	server.Kill()
	server.Start()
	err := store.Append(t.Context(), batch(l, "1", skipped()))
	wants(t, err, memory.ErrNotFound)
	if !strings.Contains(err.Error(), "restarted without its data") {
		t.Errorf("the error does not say what happened: %v", err)
	}
	_, err = read(t, store, l.Run)
	wants(t, err, memory.ErrNotFound)
	_, err = store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled})
	wants(t, err, memory.ErrNotFound)
}

func TestWakeupsComeBackAfterARestart(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	wakes, err := store.Wakeups(t.Context(), "a")
	must(t, err)
	server.Stop()
	server.Start()
	<-wakes // subscribed again: anything may have happened
	l := submit(t, store, "")
	_, err = store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled})
	must(t, err)
	for run := range wakes {
		if run == l.Run {
			return
		}
	}
	t.Error("the wake-ups ended")
}

func TestWatchEndsWithItsConnection(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	scope := memory.Scope{Kind: "workspace"}
	gone, err := store.Watch(t.Context(), scope)
	must(t, err)
	server.Stop()
	if v, ok := <-gone; ok {
		t.Errorf("a value without a server: %+v", v)
	}
	_, err = store.Watch(t.Context(), scope)
	wants(t, err, memory.ErrUnavailable)
	server.Start()
	ch, err := store.Watch(t.Context(), scope)
	must(t, err)
	_, err = store.Set(t.Context(), scope, memory.Value{Key: "k", Value: json.RawMessage("1")}, nil, 0)
	must(t, err)
	if v := <-ch; v.Key != "k" {
		t.Errorf("%+v", v)
	}
}

func TestWatchWhoseConnectionIsCutEnds(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	ch, err := store.Watch(t.Context(), memory.Scope{Kind: "workspace"})
	must(t, err)
	must(t, server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err())
	if v, ok := <-ch; ok {
		t.Errorf("a value nobody wrote: %+v", v)
	}
}

func TestSilentWatchIsKeptWhileTheServerAnswers(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{Timeout: time.Second})
	scope := memory.Scope{Kind: "workspace"}
	ch, err := store.Watch(t.Context(), scope)
	must(t, err)
	client := server.Client()
	must(t, client.ConfigResetStat(t.Context()).Err())
	for asked := false; !asked; { // twice: the answer to the first counted
		stats, err := client.Info(t.Context(), "commandstats").Result()
		must(t, err)
		asked = strings.Contains(stats, "cmdstat_ping:calls=2,")
	}
	_, err = store.Set(t.Context(), scope, memory.Value{Key: "k", Value: json.RawMessage("1")}, nil, 0)
	must(t, err)
	if v := <-ch; v.Key != "k" {
		t.Errorf("%+v", v)
	}
	server.Pause()
	defer server.Resume()
	if v, ok := <-ch; ok {
		t.Errorf("a value from a frozen server: %+v", v)
	}
}

func TestClaimWhoseReplyWasLostIsNotWrittenTwice(t *testing.T) {
	proxy := memorytest.NewProxy(t, memorytest.NewServer(t, memorytest.ServerOptions{}))
	store := open(t, proxy.URL(), memory.Options{})
	l := submit(t, store, "")
	must(t, store.Append(t.Context(), asked(batch(l, "1"))))
	claim := coordinator.Event{Kind: coordinator.Claimed, ID: l.Run + ".1", By: "ann"}
	<-loseOne(t, proxy, func() error {
		_, err := store.Post(t.Context(), l.Run, claim)
		return err
	})
	_, err := store.Post(t.Context(), l.Run, claim)
	must(t, err)
	journalHas(t, store, l.Run, 3)
}

func TestServerOutOfMemoryIsUnavailableUntilItHasRoom(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{Fsync: "everysec"})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	must(t, server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err())
	err := store.Append(t.Context(), batch(l, "1", skipped()))
	wants(t, err, memory.ErrUnavailable)
	must(t, server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err())
	must(t, store.Append(t.Context(), batch(l, "1", skipped())))
	journalHas(t, store, l.Run, 2)
}

func TestMissingEntryIsAnErrorNotAShortJournal(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	for _, c := range []struct {
		name, seq string
		before    int // events that are read before the error
	}{{"first", "1-0", 0}, {"middle", "3-0", 2}, {"last", "5-0", 4}} {
		t.Run(c.name, func(t *testing.T) {
			l := submit(t, store, "")
			must(t, store.Append(t.Context(), batch(l, "1", skipped(), skipped(), skipped(), skipped())))
			must(t, server.Client().XDel(t.Context(), keyOf(t, server, l.Run, ":journal"), c.seq).Err())
			n, err := read(t, store, l.Run)
			if err == nil || n != c.before || !strings.Contains(err.Error(), "entries are missing") {
				t.Errorf("%d events, error %v", n, err)
			}
		})
	}
}

func TestJournalWithoutItsTailIsNotWrittenOn(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	must(t, store.Append(t.Context(), batch(l, "1", skipped())))
	must(t, server.Client().XDel(t.Context(), keyOf(t, server, l.Run, ":journal"), "2-0").Err())
	l.Tail = 2
	if err := store.Append(t.Context(), batch(l, "2", skipped())); err == nil {
		t.Error("an append after a hole was taken")
	}
	if _, err := store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Cancelled}); err == nil {
		t.Error("a foreign event after a hole was taken")
	}
}

func TestBrokenEntryIsAnError(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{Inline: 100})
	l := submit(t, store, "")
	long := coordinator.Event{Kind: coordinator.Succeeded, Output: json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)}
	must(t, store.Append(t.Context(), batch(l, "1", long)))
	journalHas(t, store, l.Run, 2)
	must(t, server.Client().Del(t.Context(), keyOf(t, server, l.Run, ":blobs")).Err())
	if n, err := read(t, store, l.Run); err == nil || n > 1 {
		t.Errorf("the long event is gone, yet %d events were read, error %v", n, err)
	}
	journal := keyOf(t, server, l.Run, ":journal")
	must(t, server.Client().Del(t.Context(), journal).Err())
	must(t, server.Client().XAdd(t.Context(), &redis.XAddArgs{Stream: journal, ID: "1-0", Values: []string{"at", "1", "e", "{"}}).Err())
	if _, err := read(t, store, l.Run); err == nil || !strings.Contains(err.Error(), "event 1") {
		t.Errorf("error %v", err)
	}
}
