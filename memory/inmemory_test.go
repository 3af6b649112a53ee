package memory_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/memory/memorytest"
)

func TestInMemoryStoreKeepsEveryPromise(t *testing.T) {
	memorytest.Conform(t, func(*testing.T) memory.Store { return memory.New() })
}

func TestInMemoryStoreSaysThatNothingSurvives(t *testing.T) {
	d := memory.New().Durability()
	if d.Survives || d.Always || !strings.Contains(d.Text, "nothing survives") {
		t.Errorf("%+v", d)
	}
}

func TestInMemoryStoreFollowsTheClockOfABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		n := newRun("")
		n.Lease = time.Hour
		_, err := store.Create(t.Context(), n)
		must(t, err)
		time.Sleep(59 * time.Minute)
		leases, err := store.Claim(t.Context(), "b", time.Hour, 1)
		must(t, err)
		if len(leases) != 0 {
			t.Fatal("claimed while the lease stood")
		}
		time.Sleep(time.Minute)
		leases, err = store.Claim(t.Context(), "b", time.Hour, 1)
		must(t, err)
		if len(leases) != 1 {
			t.Fatal("not claimed after the lease ran out")
		}
	})
}

func TestClockThatIsSetBackStandsStill(t *testing.T) {
	now := time.Now()
	store := memory.NewWith(memory.Options{Now: func() time.Time { return now }})
	before, err := store.Now(t.Context())
	must(t, err)
	now = now.Add(-time.Hour)
	after, err := store.Now(t.Context())
	must(t, err)
	if !after.Equal(before) {
		t.Errorf("%s after %s", after, before)
	}
}

func TestRunIDsOfOneKeyShareTheirHash(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	one, two := memory.NewRunID("w", "k", now), memory.NewRunID("w", "k", now.Add(time.Hour))
	if one == two || one[strings.LastIndexByte(one, '-'):] != two[strings.LastIndexByte(two, '-'):] {
		t.Errorf("%s, %s", one, two)
	}
	if one != memory.NewRunID("w", "k", now) {
		t.Error("the id of a key at a time is not always the same")
	}
	if first, second := memory.NewRunID("w", "", now), memory.NewRunID("w", "", now); first == second {
		t.Error("ids without a key are equal")
	}
	if strings.ContainsAny(one, ".:{}/") {
		t.Errorf("%s has a character that keys, paths or escalation ids use", one)
	}
}
