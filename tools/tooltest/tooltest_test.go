package tooltest_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// asked is a family of one worker, which answers with its key and its input.
func asked(closed *bool) func(string, string) ([]coordinator.Worker, error) {
	return func(dir, word string) ([]coordinator.Worker, error) {
		answer := func(ctx context.Context, in json.RawMessage) (string, error) {
			if string(in) == `"wrong"` {
				return "", coordinator.Permanent(errors.New(word))
			}
			return coordinator.KeyFrom(ctx) + " " + string(in), nil
		}
		return []coordinator.Worker{tools.New("asked.answer", "Answers.", answer, tools.Options{Close: func() error { *closed = true; return nil }})}, nil
	}
}

func TestWorkersAreClosedAtTheEndOfTheTest(t *testing.T) {
	closed := false
	t.Run("during", func(t *testing.T) {
		if w := tooltest.Open(t, asked(&closed), "", "no")["asked.answer"]; w == nil || closed {
			t.Errorf("worker %v, closed %v", w, closed)
		}
	})
	if !closed {
		t.Error("not closed")
	}
}

func TestAttemptsCarryTheirKeyAndInput(t *testing.T) {
	var closed bool
	w := tooltest.Open(t, asked(&closed), "", "no")["asked.answer"]
	if r, err := tooltest.Do(t.Context(), w, "k", `{"a": 1}`); err != nil || string(r.Output) != `"k {\"a\": 1}"` {
		t.Errorf("%s %v", r.Output, err)
	}
	var out string
	if err := tooltest.Call(t.Context(), w, "k2", []int{1}, &out); err != nil || out != "k2 [1]" {
		t.Errorf("%q %v", out, err)
	}
	if err := tooltest.Call(t.Context(), w, "k", "wrong", nil); !tooltest.Permanent(err) || tooltest.Permanent(nil) {
		t.Error(err)
	}
}

func TestInputThatJSONCannotHoldIsNotTheWorkersFailure(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = tooltest.Call(t.Context(), nil, "", make(chan int), nil)
}
