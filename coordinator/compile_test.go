package coordinator

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestExpressionsMakeDependencies(t *testing.T) {
	p, err := compile(&Plan{Steps: []Step{
		{ID: "last_one", Use: "w", Needs: []string{"a", "a"}, With: map[string]any{"x": "${{ steps.b.x }}", "y": "${{ steps.b.y }}"}},
		{ID: "a", Use: "w"},
		{ID: "b", Use: "w", If: "always() && steps.c.ok", ForEach: "steps.d", Undo: &Step{Use: "u", With: "${{ steps.b.id + steps.e.id + item + index }}"}},
		{ID: "c", Use: "w", Until: "last.ok && steps.d.ok"},
		{ID: "d", Use: "w"},
		{ID: "e", After: time.Second},
	}}, compileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	needs, dependants := map[string][]int{}, map[string][]int{}
	for _, st := range p.steps {
		needs[st.ID], dependants[st.ID] = st.needs, st.dependants
	}
	if want := map[string][]int{"last_one": {1, 2}, "a": nil, "b": {3, 4, 5}, "c": {4}, "d": nil, "e": nil}; !reflect.DeepEqual(needs, want) {
		t.Errorf("needs: %v, want %v", needs, want)
	}
	if want := map[string][]int{"last_one": nil, "a": {0}, "b": {0}, "c": {2}, "d": {2, 3}, "e": {2}}; !reflect.DeepEqual(dependants, want) {
		t.Errorf("dependants: %v, want %v", dependants, want)
	}
	if want := []string{"last_one"}; !slices.Equal(p.leaves, want) {
		t.Errorf("leaves: %v, want %v", p.leaves, want)
	}
	b := p.byID["b"]
	if !b.always || b.cond == nil || b.forEach == nil || b.undo == nil || b.undo.with == nil || b.undo.Use != "u" || p.output != nil {
		t.Errorf("b: %+v", b)
	}
	if raw, _, err := p.byID["a"].with.eval(&vars{}); err != nil || string(raw) != "{}" {
		t.Errorf("no with gives %s, %v", raw, err)
	}
}

func TestEarlierDoneStepsMayBeNamedNotRedefined(t *testing.T) {
	p, err := compile(&Plan{
		Steps:  []Step{{ID: "b", Use: "w", Needs: []string{"a"}, With: "${{ steps.a.x }}"}},
		Output: "${{ steps.a }}",
	}, compileOptions{known: []string{"a"}})
	if err != nil || len(p.steps[0].needs) != 0 || p.output == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	_, err = compile(&Plan{Steps: []Step{{ID: "a", Use: "w"}}}, compileOptions{known: []string{"a"}})
	if err == nil || !strings.Contains(err.Error(), "done already and cannot be redefined") {
		t.Errorf("got %v", err)
	}
}

func TestReplayDoesNotAskForWorkers(t *testing.T) {
	if _, err := compile(&Plan{Steps: []Step{{ID: "a", Use: "gone"}}}, compileOptions{}); err != nil {
		t.Error(err)
	}
}

func TestPlanOfTooManySteps(t *testing.T) {
	p := &Plan{Name: "big", Steps: make([]Step, 6), Output: "${{ steps.s }}"}
	for i := range p.Steps {
		p.Steps[i] = Step{ID: fmt.Sprintf("s%d", i), Use: "w"}
	}
	p.Output = "${{ steps.s1 }}"
	if err := Check(p, nil, Limits{Steps: 6}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	err := Check(p, nil, Limits{Steps: 5})
	if want := "plan big: steps: the plan has 6 steps; 5 is the limit"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMistakeWithoutStepsIsOne(t *testing.T) {
	e := (*PlanError)(nil)
	if err := Check(&Plan{}, nil, Limits{}); !errors.As(err, &e) || len(e.Mistakes) != 1 || e.Mistakes[0].Field != "steps" {
		t.Errorf("got %v", err)
	}
}

func TestMistakesAreFoundInUndoChainsWithoutEnd(t *testing.T) {
	undo := &Step{Use: "w"}
	undo.Undo = undo
	err := Check(&Plan{Steps: []Step{{ID: "a", Use: "w", Undo: undo}}}, nil, Limits{})
	if err == nil || !strings.Contains(err.Error(), "an undo cannot have undo") {
		t.Errorf("got %v", err)
	}
}

func TestLongCircle(t *testing.T) {
	const n = 10_000
	p := &Plan{}
	for i := range n {
		p.Steps = append(p.Steps, Step{ID: fmt.Sprintf("s%d", i), Use: "w", Needs: []string{fmt.Sprintf("s%d", (i+1)%n)}})
	}
	e := (*PlanError)(nil)
	if err := Check(p, nil, Limits{}); !errors.As(err, &e) || len(e.Mistakes) != 1 || !strings.HasPrefix(e.Mistakes[0].Message, "steps wait for each other: s0 → s1 → s2 → ") {
		t.Errorf("got %.200v", err)
	}
}

func TestClosest(t *testing.T) {
	for name, want := range map[string]string{"invocie": "invoice", "Invoice": "invoice", "rule": "rules", "xyz": "", "totally_else": "", "mai": "mail"} {
		if got := closest(name, []string{"invoice", "rules", "mail", "a"}); got != want {
			t.Errorf("closest(%q) = %q, want %q", name, got, want)
		}
	}
}

// The schema reader must never refuse what the worker would take.
func TestWhatASchemaLeavesOpenIsRight(t *testing.T) {
	for schema, with := range map[string]any{
		``:                             map[string]any{"any": "thing"},
		`true`:                         "text",
		`{}`:                           nil,
		`{"type": "object"}`:           "${{ input }}",
		`{"type": "number"}`:           3,
		`{"type": "integer"}`:          3.0,
		`{"type": ["string", "null"]}`: Literal(nil),
		`{"properties": {"n": {"type": "integer"}}, "required": ["n"]}`:                                        map[string]any{"n": "${{ input.n }}"},
		`{"properties": {"n": {"type": "string"}}}`:                                                            map[string]any{"n": "no ${{ input.n }}"},
		`{"properties": {"n": {"enum": ["a"]}}}`:                                                               map[string]any{"n": "${{ input.n }}"},
		`{"properties": {"n": {"enum": [1.0]}}}`:                                                               map[string]any{"n": 1},
		`{"properties": {"n": {"pattern": "^x", "minLength": 9, "format": "email", "$ref": "#/x"}}}`:           map[string]any{"n": "a"},
		`{"$ref": "#/$defs/x", "type": "string"}`:                                                              map[string]any{"n": "a"},
		`{"additionalProperties": {"type": "string"}}`:                                                         map[string]any{"n": "a"},
		`{"additionalProperties": false, "patternProperties": {"^n": {}}}`:                                     map[string]any{"n": "a"},
		`{"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "number"}}`:                  []any{"a", 1},
		`{"type": "array", "items": [{"type": "string"}]}`:                                                     []any{"a", 1},
		`{"anyOf": [{"type": "string"}, {"type": "object"}]}`:                                                  map[string]any{},
		`{"type": "string", "nullable": true}`:                                                                 Literal(nil),
		`{"type": 7, "required": "n", "properties": [], "enum": {}, "additionalProperties": "no", "items": 3}`: map[string]any{"n": 1},
		`not a schema`: map[string]any{"n": 1},
	} {
		workers := func(string) (Card, bool) { return Card{Input: []byte(schema)}, true }
		if err := Check(&Plan{Steps: []Step{{ID: "s", Use: "w", With: with}}}, workers, Limits{}); err != nil {
			t.Errorf("%s and %v: %v", schema, with, err)
		}
	}
}

func TestManyMayCompileAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			p, err := compile(chain(50), compileOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			for _, st := range p.steps {
				if _, _, err := st.with.eval(&vars{input: value{map[string]any{"name": "Ada"}, Trusted}, step: func(string) (value, bool) {
					return value{map[string]any{"total": int64(1)}, Trusted}, true
				}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// chain is a plan of n steps, each of which names the one before twice.
func chain(n int) *Plan {
	p := &Plan{}
	for i := range n {
		s := Step{ID: fmt.Sprintf("s%d", i), Use: "w"}
		if i > 0 {
			s.With = map[string]any{"a": fmt.Sprintf("${{ steps.s%d.total }}", i-1), "b": "Hello ${{ input.name }}", "c": 12}
			s.If = fmt.Sprintf("steps.s%d.total > 10", i-1)
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

func BenchmarkCompile10kSteps(b *testing.B) {
	p := chain(10_000)
	for b.Loop() {
		if _, err := compile(p, compileOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
