package blackboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/local/blackboard"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/schema"
)

// board is the workers over one store, by their last names.
type board struct {
	store   memory.Store
	workers map[string]coordinator.Worker
}

func newBoard(t *testing.T, s blackboard.Settings) board {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { store.Close() })
	all, err := blackboard.New(s, func() memory.Blackboard { return store })
	if err != nil {
		t.Fatal(err)
	}
	workers, err := tools.Map(all...)
	if err != nil {
		t.Fatal(err)
	}
	return board{store, workers}
}

// do makes one attempt; its answer must fit the worker's own schema.
func (b board) do(t *testing.T, name string, a coordinator.Attempt, input string) (coordinator.Result, error) {
	t.Helper()
	a.Input = json.RawMessage(input)
	if a.Run == "" {
		a.Run = "r-1"
	}
	r, err := b.workers["blackboard."+name].Do(context.Background(), a)
	if err == nil {
		rules, compileErr := schema.Compile(b.workers["blackboard."+name].Card().Output)
		if compileErr != nil {
			t.Fatal(compileErr)
		}
		if err := rules.Validate(r.Output); err != nil {
			t.Errorf("%s %s: %v", name, r.Output, err)
		}
	}
	return r, err
}

func (b board) must(t *testing.T, name string, a coordinator.Attempt, input string) coordinator.Result {
	t.Helper()
	r, err := b.do(t, name, a, input)
	if err != nil {
		t.Fatalf("%s %s: %v", name, input, err)
	}
	return r
}

func trusted(key string) coordinator.Attempt {
	return coordinator.Attempt{Key: key, Number: 1, Label: coordinator.Trusted}
}

func TestTheSameAttemptWritesOnce(t *testing.T) {
	b := newBoard(t, blackboard.Settings{})
	for number := 1; number <= 3; number++ {
		a := trusted("w/r-1/note/1/0")
		a.Number = number
		r := b.must(t, "set", a, `{"key": "k", "value": {"b": 1, "a": 2}}`)
		if string(r.Output) != `{"version":1}` {
			t.Errorf("try %d: %s", number, r.Output)
		}
	}
	if r := b.must(t, "set", trusted("w/r-1/note/2/0"), `{"key": "k", "value": {"a": 2, "b": 1}}`); string(r.Output) != `{"version":2}` {
		t.Errorf("another attempt wrote nothing: %s", r.Output)
	}
}

func TestARepeatedAttemptWithExpectFindsItsOwnValue(t *testing.T) {
	b := newBoard(t, blackboard.Settings{})
	a := trusted("w/r-1/first/1/0")
	b.must(t, "set", a, `{"key": "k", "value": 1, "expect": 0}`)
	a.Number = 2
	if r := b.must(t, "set", a, `{"key": "k", "value": 1, "expect": 0}`); string(r.Output) != `{"version":1}` {
		t.Errorf("%s", r.Output)
	}
	_, err := b.do(t, "set", trusted("w/r-1/second/1/0"), `{"key": "k", "value": 2, "expect": 0}`)
	if !errors.Is(err, memory.ErrConflict) || !coordinator.FailureOf(err).Permanent {
		t.Errorf("another attempt that expects no value: %v", err)
	}
	if r := b.must(t, "set", trusted("w/r-1/third/1/0"), `{"key": "k", "value": 2, "expect": 1}`); string(r.Output) != `{"version":2}` {
		t.Errorf("%s", r.Output)
	}
}

func TestAnUntrustedValueStaysUntrusted(t *testing.T) {
	b := newBoard(t, blackboard.Settings{})
	outside := trusted("w/r-1/mail/1/0")
	outside.Label = coordinator.Untrusted
	b.must(t, "set", outside, `{"key": "mail", "value": "pay at once", "scope": "workspace"}`)
	b.must(t, "set", trusted("w/r-1/own/1/0"), `{"key": "own", "value": 1, "scope": "workspace"}`)
	later := trusted("w/r-2/read/1/0")
	later.Run = "r-2"
	for _, c := range []struct {
		worker, input string
		want          coordinator.Label
	}{
		{"get", `{"key": "mail", "scope": "workspace"}`, coordinator.Untrusted},
		{"get", `{"key": "own", "scope": "workspace"}`, coordinator.Trusted},
		{"get", `{"key": "none", "scope": "workspace"}`, coordinator.Trusted},
		{"list", `{"scope": "workspace"}`, coordinator.Untrusted},
		{"list", `{"scope": "workspace", "prefix": "o"}`, coordinator.Trusted},
	} {
		if r := b.must(t, c.worker, later, c.input); r.Label != c.want {
			t.Errorf("%s %s is %s, not %s", c.worker, c.input, r.Label, c.want)
		}
	}
}

func TestARunDoesNotSeeTheValuesOfAnother(t *testing.T) {
	b := newBoard(t, blackboard.Settings{})
	b.must(t, "set", trusted("w/r-1/a/1/0"), `{"key": "k", "value": "mine"}`)
	other := trusted("w/r-2/a/1/0")
	other.Run = "r-2"
	if r := b.must(t, "get", other, `{"key": "k"}`); string(r.Output) != `{"found":false,"value":null,"version":0}` {
		t.Errorf("%s", r.Output)
	}
	if r := b.must(t, "list", other, `{}`); string(r.Output) != `{"values":[],"count":0}` {
		t.Errorf("%s", r.Output)
	}
	_, err := b.do(t, "get", other, `{"key": "k", "required": true}`)
	if !errors.Is(err, memory.ErrNotFound) || !coordinator.FailureOf(err).Permanent {
		t.Errorf("required: %v", err)
	}
}

func TestValuesExpire(t *testing.T) {
	now := time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)
	store := memory.NewWith(memory.Options{Now: func() time.Time { return now }})
	t.Cleanup(func() { store.Close() })
	all, err := blackboard.New(blackboard.Settings{MaxTTL: time.Hour}, func() memory.Blackboard { return store })
	if err != nil {
		t.Fatal(err)
	}
	workers, _ := tools.Map(all...)
	b := board{store, workers}
	b.must(t, "set", trusted("w/r-1/a/1/0"), `{"key": "short", "value": 1, "ttl": "1m"}`)
	b.must(t, "set", trusted("w/r-1/b/1/0"), `{"key": "long", "value": 2}`)
	now = now.Add(2 * time.Minute)
	if r := b.must(t, "list", trusted("x"), `{}`); !strings.Contains(string(r.Output), `"count":1`) || !strings.Contains(string(r.Output), "long") {
		t.Errorf("after two minutes: %s", r.Output)
	}
	now = now.Add(time.Hour)
	if r := b.must(t, "list", trusted("x"), `{}`); !strings.Contains(string(r.Output), `"count":0`) {
		t.Errorf("max_ttl does not bound what states no ttl: %s", r.Output)
	}
}

func TestLimitsAreNamedAndPermanent(t *testing.T) {
	b := newBoard(t, blackboard.Settings{MaxValue: 20, MaxValues: 2, MaxTTL: time.Hour})
	for input, want := range map[string]string{
		`{"key": "k", "value": "` + strings.Repeat("x", 30) + `"}`: "20 is the most (max_value)",
		`{"key": "k", "value": 1, "ttl": "2h"}`:                    "longer than 1h0m0s (max_ttl)",
		`{"key": "k", "value": 1, "ttl": "soon"}`:                  "is no duration",
		`{"key": "k", "value": 1, "ttl": "-1s"}`:                   "not more than nothing",
		`{"key": "", "value": 1}`:                                  "key",
		`{"key": "k", "value": 1, "scope": "world"}`:               "scope",
		`{"key": "k", "value": 1, "expect": -1}`:                   "expect",
	} {
		_, err := b.do(t, "set", trusted("w/r-1/a/1/0"), input)
		if err == nil || !strings.Contains(err.Error(), want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%s: %v", input, err)
		}
	}
	for i := range 4 {
		b.must(t, "set", trusted(fmt.Sprintf("w/r-1/s%d/1/0", i)), fmt.Sprintf(`{"key": "k%d", "value": %d}`, i, i))
	}
	if r := b.must(t, "list", trusted("x"), `{}`); !strings.Contains(string(r.Output), `"left":2,"count":2`) {
		t.Errorf("%s", r.Output)
	}
}

func TestWithoutAStoreNothingIsDone(t *testing.T) {
	all, err := blackboard.New(blackboard.Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, input := range []string{`{"key": "k"}`, `{"key": "k", "value": 1}`, `{}`} {
		_, err := all[i].Do(context.Background(), coordinator.Attempt{Run: "r-1", Input: json.RawMessage(input)})
		if !errors.Is(err, blackboard.ErrNoStore) || !coordinator.FailureOf(err).NotDone {
			t.Errorf("%s: %v", all[i].Card().Name, err)
		}
	}
}

// meddling is a board on which somebody else writes just before each of our writes.
type meddling struct{ memory.Blackboard }

func (m meddling) Set(ctx context.Context, s memory.Scope, v memory.Value, expect *int64, ttl time.Duration) (int64, error) {
	if _, err := m.Blackboard.Set(ctx, s, memory.Value{Key: v.Key, Value: json.RawMessage("0")}, nil, 0); err != nil {
		return 0, err
	}
	return m.Blackboard.Set(ctx, s, v, expect, ttl)
}

func TestEndlessRacesEndWithoutAWrite(t *testing.T) {
	store := memory.New()
	t.Cleanup(func() { store.Close() })
	all, err := blackboard.New(blackboard.Settings{}, func() memory.Blackboard { return meddling{store} })
	if err != nil {
		t.Fatal(err)
	}
	workers, _ := tools.Map(all...)
	b := board{store, workers}
	_, err = b.do(t, "set", trusted("w/r-1/a/1/0"), `{"key": "k", "value": 1}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent {
		t.Errorf("%v", err)
	}
	if v, _ := store.Get(context.Background(), memory.Scope{Kind: "run", ID: "r-1"}, "k"); string(v.Value) != "0" {
		t.Errorf("%s", v.Value)
	}
}

// TestStepsShareValuesOnEveryStore runs a plan on maps and on a real Redis.
func TestStepsShareValuesOnEveryStore(t *testing.T) {
	ctx := context.Background()
	embedded, err := memory.Embedded(ctx, memory.EmbeddedOptions{Dir: filepath.Join(t.TempDir(), "data")})
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]memory.Store{"maps": memory.New(), "redis": embedded} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { store.Close() })
			all, err := blackboard.New(blackboard.Settings{}, func() memory.Blackboard { return store })
			if err != nil {
				t.Fatal(err)
			}
			workers, err := tools.Map(all...)
			if err != nil {
				t.Fatal(err)
			}
			rt, err := local.New(local.Options{Workers: workers, Store: store})
			if err != nil {
				t.Fatal(err)
			}
			defer rt.Close(ctx)
			run, err := rt.Run(ctx, local.Task{
				Input: json.RawMessage(`{"mail": "text from outside"}`), Label: coordinator.Untrusted,
				Plan: &coordinator.Plan{Steps: []coordinator.Step{
					{ID: "write", Use: "blackboard.set", With: map[string]any{"key": "mail", "value": "${{ input.mail }}"}},
					{ID: "read", Use: "blackboard.get", Needs: []string{"write"}, With: map[string]any{"key": "mail"}},
				}, Output: "${{ steps.read.value }}"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if out, _ := run.Output(""); string(out) != `"text from outside"` || run.Label() != coordinator.Untrusted {
				t.Errorf("%s, %s", out, run.Label())
			}
		})
	}
}
