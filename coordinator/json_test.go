package coordinator

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersKeepTheirKind(t *testing.T) {
	for raw, want := range map[string]any{
		"10": int64(10), "-0": int64(0), "10.0": 10.0, "1e2": 100.0, "0.5": 0.5,
		"9223372036854775807": int64(math.MaxInt64), "9223372036854775808": 9223372036854775808.0,
		"": nil, " null ": nil, "true": true, `"a"`: "a",
	} {
		got, err := decode(json.RawMessage(raw))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("decode(%s) = %T %v, %v; want %T %v", raw, got, got, err, want, want)
		}
	}
}

func TestBrokenJSONIsRefused(t *testing.T) {
	deep := strings.Repeat("[", maxNesting+1) + strings.Repeat("]", maxNesting+1)
	for raw, want := range map[string]string{
		"{":      "it ends too early",
		"1 2":    "something follows the value",
		"[1,]":   "invalid character",
		"1e999":  "out of range",
		"nope":   "not JSON",
		deep:     "nested more than 1000 deep",
		" ":      "it ends too early",
		"[1]]":   "something follows the value",
		`{"a":}`: "not JSON",
	} {
		_, err := decode(json.RawMessage(raw))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode(%.20s) = %v; want %q", raw, err, want)
		}
	}
	fits := strings.Repeat("[", maxNesting) + strings.Repeat("]", maxNesting)
	if _, err := decode(json.RawMessage(fits)); err != nil {
		t.Errorf("%d levels: %v", maxNesting, err)
	}
	if _, err := decode(json.RawMessage(`"` + strings.Repeat(`[\"`, 2*maxNesting) + `"`)); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}

func TestCanonicalForm(t *testing.T) {
	for raw, want := range map[string]string{
		` { "b" : 1 , "a" : [ 1.0 , -0.0 , 1e3 ] } `: `{"a":[1,0,1000],"b":1}`,
		`"<a href=\"x\">&é\u00e9"`:                   `"<a href=\"x\">&éé"`,
		`12345678901234567890`:                       `12345678901234567890`,
		`1e21`:                                       `1e+21`,
		`0.1`:                                        `0.1`,
		``:                                           `null`,
	} {
		got, err := canonicalRaw(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("canonicalRaw(%s) = %s, %v; want %s", raw, got, err, want)
		}
	}
	for _, v := range []any{math.NaN(), []any{math.Inf(1)}, map[string]any{"a": math.Inf(-1)}, func() {}} {
		if raw, err := canonical(v); err == nil {
			t.Errorf("canonical(%v) = %s", v, raw)
		}
	}
	got, err := canonical(map[string]any{"s": struct {
		B int `json:"b"`
		A []string
	}{1, []string{"x"}}, "raw": json.RawMessage(`{ "z":1,"y":2}`)})
	if want := `{"raw":{"y":2,"z":1},"s":{"A":["x"],"b":1}}`; err != nil || string(got) != want {
		t.Errorf("canonical of Go values = %s, %v; want %s", got, err, want)
	}
}

func TestCyclicValueIsAnErrorNotACrash(t *testing.T) {
	loop := []any{nil}
	loop[0] = loop
	if _, err := canonical(loop); err == nil {
		t.Error("a list that holds itself was written")
	}
}

// jsonValues generates decoded JSON.
func jsonValues() *rapid.Generator[any] {
	scalars := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Int64Range(-1<<53, 1<<53).AsAny(),
		rapid.Float64Range(-1e300, 1e300).AsAny(),
	)
	return rapid.OneOf(scalars, rapid.MapOfN(rapid.String(), scalars, 0, 6).AsAny(), rapid.SliceOfN(scalars, 0, 6).AsAny())
}

func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(jsonValues(), rapid.Int64().AsAny()).Draw(t, "value")
		first, err := canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := canonicalRaw(first)
		if err != nil || string(again) != string(first) {
			t.Fatalf("%s became %s, %v", first, again, err)
		}
		back, err := decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if third, err := canonical(back); err != nil || string(third) != string(first) {
			t.Fatalf("%s decoded became %s, %v", first, third, err)
		}
	})
}
