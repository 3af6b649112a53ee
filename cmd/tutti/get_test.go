package main

import (
	"bytes"
	"testing"
)

func TestGetPrintsOnePart(t *testing.T) {
	doc := map[string]any{"output": map[string]any{"a/b": "x & y", "list": []any{1.5, nil, true}, "n": int64(12345678901234567)}}
	for pointer, want := range map[string]string{
		"/output/a~1b":   "x & y\n",
		"/output/list/0": "1.5\n",
		"/output/list/1": "\n",
		"/output/list/7": "\n",
		"/output/list":   "[1.5,null,true]\n",
		"/output/n":      "12345678901234567\n",
		"/nowhere/x":     "\n",
		"/output/n/x":    "\n",
	} {
		var out bytes.Buffer
		a := &app{out: &out, settings: settings{Get: pointer}}
		if err := a.json(doc); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", pointer, out.String(), err, want)
		}
	}
}

func TestSmallCostsShow(t *testing.T) {
	for cost, want := range map[float64]string{12.5: "$12.5000", 0.0123: "$0.0123", 0.00056: "$0.00056", 0.000042: "$0.000042"} {
		if got := dollars(cost); got != want {
			t.Errorf("%g: %s, want %s", cost, got, want)
		}
	}
}
