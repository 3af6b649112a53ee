package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

func TestEveryPathHasItsParent(t *testing.T) {
	for path, parent := range map[string]string{
		"book":                     "",
		"item[3]":                  "item",
		"item[3]~2":                "item[3]",
		"item[3]#1/read":           "item[3]",
		"agent#2/0.mail.send":      "agent",
		"agent@2#1/fetch":          "agent",
		"a#1/b#2/c[0]":             "a#1/b#2/c",
		"a#1/b@3#2/c":              "a#1/b",
		"book!undo":                "book",
		"book@2!undo":              "book",
		"each[1]#1/book!undo":      "each[1]#1/book",
		"each[1]#1/agent#1/0.x.y!": "each[1]#1/agent",
	} {
		if got := parentOf(path); got != parent {
			t.Errorf("parentOf(%s) = %q, not %q", path, got, parent)
		}
	}
}

// fanOut is a run whose step each has n items, with a plan of the run's own for the terminal to show.
func fanOut(t *testing.T, n int) *liveView {
	t.Helper()
	v := &liveView{s: &app{screen: liveScreen(new(bytes.Buffer), 100, 12)}}
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	items, err := json.Marshal(make([]int, n))
	if err != nil {
		t.Fatal(err)
	}
	plan := &coordinator.Plan{Name: "many", Steps: []coordinator.Step{
		{ID: "first", Use: "tool"},
		{ID: "each", Use: "tool", ForEach: "steps.first", Parallel: n},
		{ID: "last", Use: "tool", Needs: []string{"each"}},
	}}
	events := []coordinator.Event{
		{Kind: coordinator.Submitted, Task: &coordinator.Task{Run: "r-1", Version: 1, Plan: plan, Input: json.RawMessage(`{}`), Label: coordinator.Trusted}},
		{Kind: coordinator.Started, Path: "first", Worker: "tool", Key: "k"},
		{Kind: coordinator.Succeeded, Path: "first", Output: items},
		{Kind: coordinator.Expanded, Path: "each", Items: items},
	}
	for i := range n {
		events = append(events, coordinator.Event{Kind: coordinator.Started, Path: fmt.Sprintf("each[%d]", i), Worker: "tool", Key: "k"})
	}
	for i, e := range events {
		e.Seq, e.At = int64(i+1), at
		if i > 0 {
			e.Generation, e.Turn, e.Number = 1, 1, 1
		}
		v.event(e, false)
		if v.run == nil {
			t.Fatalf("event %d %s was refused", e.Seq, e.Kind)
		}
	}
	return v
}

func TestALongFanOutIsSummarisedAndFitsTheTerminal(t *testing.T) {
	v := fanOut(t, 300)
	got := v.lines(v.run.At().Add(2 * time.Second))
	if len(got) > 11 {
		t.Errorf("%d lines on a terminal of 12", len(got))
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"many · active · 2.0s · r-1", "✓ first", "0 of 300 done", "… and 29", "· last"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestAJournalThatCannotBeFoldedIsNotDrawn(t *testing.T) {
	v := fanOut(t, 2)
	v.event(coordinator.Event{Seq: 99, Kind: "unheard-of"}, false)
	v.tick()
	if v.run != nil || len(v.s.screen.block) != 0 {
		t.Errorf("%v", v.s.screen.block)
	}
}

func TestStepsAreListedBelowWhatTheyBelongTo(t *testing.T) {
	var got []string
	_, rows := stepTable([]coordinator.StepState{{Path: "a"}, {Path: "b"}, {Path: "a[0]"}, {Path: "a[0]#1/x"}}, nil)
	for _, row := range rows {
		got = append(got, row[0])
	}
	if want := []string{"a", "a[0]", "a[0] › x", "b"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}
