package pipeline_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func TestParseReadsWhatMarshalWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plan().Draw(t, "plan")
		data, err := pipeline.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		f, err := pipeline.Parse("", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !reflect.DeepEqual(f.Plan, p) {
			t.Fatalf("plan: %#v\nread: %#v\n%s", p, f.Plan, data)
		}
	})
}

func plan() *rapid.Generator[*coordinator.Plan] {
	return rapid.Custom(func(t *rapid.T) *coordinator.Plan {
		p := &coordinator.Plan{
			Name:        words().Draw(t, "name"),
			Description: words().Draw(t, "description"),
			Steps:       rapid.SliceOfN(step(2), 1, 4).Draw(t, "steps"),
			Output:      value(3).Draw(t, "output"),
			Budget: coordinator.Budget{
				Steps: number().Draw(t, "steps"), Tokens: int64(number().Draw(t, "tokens")),
				Cost: rapid.Float64Range(0, 1e6).Draw(t, "cost"), Wall: duration().Draw(t, "wall"),
			},
		}
		if rapid.Bool().Draw(t, "has input") {
			if v := value(3).Draw(t, "input"); v != nil {
				p.Input, _ = json.Marshal(v)
				p.Input = unescaped(p.Input)
			}
		}
		return p
	})
}

// unescaped is JSON as Parse writes it.
func unescaped(raw json.RawMessage) json.RawMessage {
	f, err := pipeline.Parse("", append([]byte("input: "), raw...))
	if err != nil {
		return json.RawMessage(`{"type":"object"}`)
	}
	return f.Plan.Input
}

func step(depth int) *rapid.Generator[coordinator.Step] {
	return rapid.Custom(func(t *rapid.T) coordinator.Step {
		s := coordinator.Step{
			ID: words().Draw(t, "id"), Use: words().Draw(t, "use"), With: value(3).Draw(t, "with"),
			If: expression().Draw(t, "if"), ForEach: expression().Draw(t, "for_each"), Until: expression().Draw(t, "until"),
			Parallel: number().Draw(t, "parallel"), Max: number().Draw(t, "max"),
			After: duration().Draw(t, "after"), Timeout: duration().Draw(t, "timeout"), Approval: rapid.Bool().Draw(t, "approval"),
			Retry:   coordinator.Retry{Attempts: number().Draw(t, "attempts"), Backoff: duration().Draw(t, "backoff"), Cap: duration().Draw(t, "cap")},
			Accept:  coordinator.Accept{Threshold: rapid.Float64Range(0, 1).Draw(t, "threshold"), Risk: rapid.SampledFrom([]float64{0, 0.02, 1.0 / 3}).Draw(t, "risk")},
			Review:  coordinator.Review{By: words().Draw(t, "by"), Within: duration().Draw(t, "within"), Then: then().Draw(t, "then")},
			OnError: rapid.SampledFrom([]coordinator.OnError{"", "fail", "continue", "escalate"}).Draw(t, "on_error"),
		}
		s.Needs = rapid.SliceOfN(words(), 0, 3).Draw(t, "needs")
		if len(s.Needs) == 0 {
			s.Needs = nil
		}
		if depth > 0 && rapid.Bool().Draw(t, "has undo") {
			undo := step(depth-1).Draw(t, "undo")
			if !reflect.ValueOf(undo).IsZero() {
				s.Undo = &undo
			}
		}
		return s
	})
}

func number() *rapid.Generator[int] { return rapid.IntRange(0, 1e9) }

func duration() *rapid.Generator[time.Duration] {
	return rapid.OneOf(
		rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Minute, 4 * time.Hour, 100 * time.Minute, 48 * time.Hour}),
		rapid.Map(rapid.Int64Min(0), func(n int64) time.Duration { return time.Duration(n) }),
	)
}

func then() *rapid.Generator[coordinator.Then] {
	return rapid.SampledFrom([]coordinator.Then{{}, {Do: "approve"}, {Do: "reject"}, {Do: "fail"}, {Do: "reassign", Reassign: "c f o"}})
}

func expression() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "true", `steps.a.x == "b" && !input.c`, "[1, 2]", "'it''s'", "a: b #c", "- 1", "last.ok\n|| index > 3"})
}

// words are texts, with those that YAML likes to misread.
func words() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"no", "yes", "null", "~", "true", "0123", "1e3", ".5", "5", "-", "- a", "?", "a: b", "a #b", "#a", "*a", "&a", "!a", "%a", "@a", "`a",
			"${{ input.a }}", "${{ input.a == \"b\" }}", "{a}", "[a]", "a, b", "| x", "> x", "'", "\"", "\\", " a", "a ", "", "\n", "a\nb", "a\nb\n",
			"a\n\nb\n\n", "  a\nb", "\ta\n\tb", "a\tb\nc", "a\r\nb", "---", "...", "<<", "=", "\u2028", "\u0085", "\uFEFF", "\x00", "😀\nz", "2026-01-01", ".inf",
			"# Role\nRead the invoice.\n# Rules\n- one\n- two\n", "key: |\n  x\n", "a\n---\nb\n", "12:30", "a/b.c-d", "é",
		}),
		rapid.String(),
		rapid.StringMatching(`[a-z]{1,8}(\n[ a-z#:-]{0,8}){0,3}`),
	)
}

// value is anything that JSON has, as Parse gives it.
func value(depth int) *rapid.Generator[any] {
	leaf := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), words().AsAny(),
		rapid.Float64().AsAny(), rapid.SampledFrom([]any{3.0, 0.1, 1e300, 1e21, json.Number("123456789012345678901234"), json.Number("0.12345678901234567890")}),
	}
	if depth == 0 {
		return rapid.OneOf(leaf...)
	}
	return rapid.OneOf(append(leaf,
		rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(v []any) any { return append([]any{}, v...) }),
		rapid.Map(rapid.MapOfN(words(), value(depth-1), 0, 4), func(v map[string]any) any { return v }),
	)...)
}
