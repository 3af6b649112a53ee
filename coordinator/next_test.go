package coordinator_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// chain is a run of n finished steps and one in flight.
func chain(tb testing.TB, n int) *coordinator.Run {
	p := &coordinator.Plan{Name: "chain"}
	for i := range n + 1 {
		st := coordinator.Step{ID: fmt.Sprintf("s%d", i), Use: "tool"}
		if i > 0 {
			st.Needs = []string{fmt.Sprintf("s%d", i-1)}
		}
		p.Steps = append(p.Steps, st)
	}
	run := new(coordinator.Run)
	take := func(e coordinator.Event) {
		e.Seq, e.At = run.Seq()+1, start
		if err := run.Apply(e); err != nil {
			tb.Fatal(err)
		}
	}
	limits := coordinator.Limits{Steps: n + 2, Events: 10*n + 10}
	take(coordinator.Event{Kind: coordinator.Submitted, Task: &coordinator.Task{Run: "r", Version: 1, Plan: p, Limits: limits}})
	for range n {
		e := run.Next(start)[0].(coordinator.Do).Event
		take(e)
		take(coordinator.Event{Kind: coordinator.Succeeded, Path: e.Path, Generation: 1, Turn: 1, Number: 1, Output: json.RawMessage(`1`)})
	}
	return run
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestNextDoesTheSameWorkHoweverMuchIsDone counts allocations, which do not depend on the machine.
func TestNextDoesTheSameWorkHoweverMuchIsDone(t *testing.T) {
	few, many := chain(t, 10), chain(t, 3000)
	at := func(r *coordinator.Run) float64 { return testing.AllocsPerRun(100, func() { r.Next(start) }) }
	if a, b := at(few), at(many); a != b {
		t.Fatalf("Next allocates %v times after 10 finished steps and %v times after 3000", a, b)
	}
}

func BenchmarkNext(b *testing.B) {
	for _, n := range []int{10, 1000, 9000} {
		b.Run(fmt.Sprintf("finished=%d", n), func(b *testing.B) {
			run := chain(b, n)
			b.ReportAllocs()
			for b.Loop() {
				run.Next(start)
			}
		})
	}
}
