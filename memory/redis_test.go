package memory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/memory/memorytest"
)

// open returns a store on url that ends with the test.
func open(t *testing.T, url string, o memory.Options) memory.Store {
	t.Helper()
	store, err := memory.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestRedisStoreKeepsEveryPromise(t *testing.T) {
	url := memorytest.Redis(t)
	n := 0
	memorytest.Conform(t, func(t *testing.T) memory.Store {
		n++
		return open(t, url, memory.Options{Workspace: fmt.Sprint("conform-", n)})
	})
}

// keyOf finds a run's key as the server knows it.
func keyOf(t *testing.T, server *memorytest.Server, run, suffix string) string {
	t.Helper()
	found, err := server.Client().Keys(t.Context(), "tutti:*}:run:"+run+suffix).Result()
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("keys of run %s%s: %v", run, suffix, found)
	}
	return found[0]
}

func TestLongEventIsStoredOnceAndShortOnesInline(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	long := coordinator.Event{Kind: coordinator.Succeeded, Output: json.RawMessage(`"` + strings.Repeat("x", 40<<10) + `"`)}
	b := batch(l, "1", skipped(), long)
	must(t, store.Append(t.Context(), b))
	must(t, store.Append(t.Context(), b))
	blobs, err := server.Client().HLen(t.Context(), keyOf(t, server, l.Run, ":blobs")).Result()
	must(t, err)
	if blobs != 1 {
		t.Errorf("%d blobs, want 1", blobs)
	}
	size, err := server.Client().MemoryUsage(t.Context(), keyOf(t, server, l.Run, ":journal")).Result()
	must(t, err)
	if size > 10<<10 {
		t.Errorf("the stream takes %d bytes: the long event is in it", size)
	}
}

func TestServerThatEvictsIsRefused(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{Config: []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}})
	_, err := memory.Open(t.Context(), server.URL(), memory.Options{})
	if err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Errorf("error %v", err)
	}
	must(t, server.Client().ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	open(t, server.URL(), memory.Options{})
}

func TestUnknownLayoutIsRefused(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	must(t, server.Client().Set(t.Context(), "tutti:default:layout", "version 99, 64 shards", 0).Err())
	_, err := memory.Open(t.Context(), server.URL(), memory.Options{})
	if err == nil || !strings.Contains(err.Error(), `layout "version 99, 64 shards"`) {
		t.Errorf("error %v", err)
	}
	open(t, server.URL(), memory.Options{Workspace: "other"})
}

func TestDurabilityIsTheServersNotAWish(t *testing.T) {
	for _, c := range []struct {
		fsync  string
		always bool
		text   string
	}{
		{"always", true, "every acknowledged step"}, {"everysec", false, "appendfsync everysec"}, {"off", false, "without append-only file"},
	} {
		t.Run(c.fsync, func(t *testing.T) {
			d := open(t, memorytest.NewServer(t, memorytest.ServerOptions{Fsync: c.fsync}).URL(), memory.Options{}).Durability()
			if !d.Survives || d.Always != c.always || !strings.Contains(d.Text, c.text) {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestServerThatTellsNothingHasUnknownDurability(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	must(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "tutti", "on", ">secret", "~*", "&*", "+@all", "-config", "-info").Err())
	url := strings.Replace(server.URL(), "unix://", "unix://tutti:secret@", 1)
	store := open(t, url, memory.Options{})
	if d := store.Durability(); d.Always || !strings.Contains(d.Text, "unknown") {
		t.Errorf("%+v", d)
	}
	journalHas(t, store, submit(t, store, "").Run, 1)
}

func TestErrorsOfOpenDoNotShowThePassword(t *testing.T) {
	for _, url := range []string{"redis://u:hunter2@127.0.0.1:1/0", "redis://u:hunter2@%zz/0", "unix://u:hunter2@", "redis://u:hunter2@h/x",
		"redis://u:12/hunter2@h:6379", "redis://u:x/hunter2@h", "redis://:hunter2#@h/0", "u:hunter2@h:6379", "redis://u:12?hunter2@h/0"} {
		_, err := memory.Open(t.Context(), url, memory.Options{Timeout: time.Second})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

func TestWorkspacesAreApart(t *testing.T) {
	url := memorytest.Redis(t)
	one, two := open(t, url, memory.Options{Workspace: "one"}), open(t, url, memory.Options{Workspace: "two"})
	l := submit(t, one, "k")
	_, err := two.Summary(t.Context(), l.Run)
	wants(t, err, memory.ErrNotFound)
	if _, err := memory.Open(t.Context(), url, memory.Options{Workspace: "a{b}"}); err == nil {
		t.Error("a workspace name that breaks hash tags was taken")
	}
}

// Redis Cluster carries out a script only when all its keys are in one slot: what stands between the first braces decides.
func TestEveryKeyOfARunIsInItsShard(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{Inline: 100})
	l := submit(t, store, "a {key}")
	must(t, store.Append(t.Context(), asked(batch(l, "1", skipped(), coordinator.Event{Kind: coordinator.Skipped, Note: strings.Repeat("x", 200)}))))
	_, err := store.Post(t.Context(), l.Run, decision(l.Run, "d"))
	must(t, err)
	l.Tail = 5
	b := batch(l, "2")
	b.Park, b.Needs, b.Due = true, []string{"ocr {x}"}, time.Now().Add(time.Hour)
	must(t, store.Append(t.Context(), asked(batch(l, "q"))))
	_, err = store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Claimed, ID: l.Run + ".1", By: "ann {x}"})
	must(t, err)
	keyOf(t, server, l.Run, ":taken")
	b.Expect += 2
	b.Summary.Batch = "b {x}"
	must(t, store.Append(t.Context(), b))
	_, err = store.Set(t.Context(), memory.Scope{Kind: "run", ID: l.Run}, memory.Value{Key: "{k}", Value: json.RawMessage("1")}, nil, 0)
	must(t, err)

	head := keyOf(t, server, l.Run, "")
	tag := regexp.MustCompile(`\{\d\d\}`).FindString(head)
	all, err := server.Client().Keys(t.Context(), "*").Result()
	must(t, err)
	for _, key := range all {
		if key != "tutti:default:layout" && !strings.HasPrefix(key, "tutti:default:"+tag+":") {
			t.Errorf("key %q is not in shard %s", key, tag)
		}
	}
	if len(all) < 15 {
		t.Errorf("only %d keys: %v", len(all), all)
	}
}

func TestAnEndedRunLeavesNothingInTheListsOfWork(t *testing.T) {
	server := memorytest.NewServer(t, memorytest.ServerOptions{})
	store := open(t, server.URL(), memory.Options{})
	l := submit(t, store, "")
	must(t, store.Append(t.Context(), asked(batch(l, "1"))))
	_, err := store.Post(t.Context(), l.Run, coordinator.Event{Kind: coordinator.Claimed, ID: l.Run + ".1", By: "ann"})
	must(t, err)
	l.Tail += 2
	park := batch(l, "2")
	park.Park, park.Needs = true, []string{"ocr"}
	must(t, store.Append(t.Context(), park))
	l, err = store.ClaimRun(t.Context(), l.Run, "b", time.Hour)
	must(t, err)
	end := batch(l, "3", coordinator.Event{Kind: coordinator.Ended, Status: coordinator.StatusDone})
	end.Summary.Status = coordinator.StatusDone
	must(t, store.Append(t.Context(), end))
	all, err := server.Client().Keys(t.Context(), "*").Result()
	must(t, err)
	for _, key := range all {
		for _, list := range []string{"}:due", "}:leases", "}:needs:", "}:inbox", ":open", ":places", ":taken", ":status:active"} {
			if strings.Contains(key, list) {
				t.Errorf("%s is left", key)
			}
		}
	}
}

func TestClosedStoreLeavesNothingRunning(t *testing.T) {
	url := memorytest.Redis(t)
	before := goleak.IgnoreCurrent()
	for name, store := range map[string]memory.Store{"redis": open(t, url, memory.Options{}), "in memory": memory.New()} {
		_, err := store.Wakeups(context.Background(), "a")
		must(t, err)
		_, err = store.Watch(context.Background(), memory.Scope{Kind: "workspace"})
		must(t, err)
		l := submit(t, store, "")
		must(t, store.Append(t.Context(), batch(l, name, skipped())))
		must(t, store.Close())
	}
	goleak.VerifyNone(t, before)
}

// What group commit is for: run with -bench Append -cpu 1,64 and compare with one append at a time.
func BenchmarkAppend(b *testing.B) {
	store, err := memory.Open(b.Context(), memorytest.Redis(b), memory.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	output := json.RawMessage(`"` + strings.Repeat("x", 512) + `"`)
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		created, err := store.Create(b.Context(), newRun(""))
		if err != nil {
			b.Error(err)
			return
		}
		for l := created.Lease; pb.Next(); l.Tail++ {
			if err := store.Append(b.Context(), batch(l, fmt.Sprint(l.Tail), coordinator.Event{Kind: coordinator.Succeeded, Output: output})); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
