package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

type booking struct {
	Number string  `json:"number" validate:"required"`
	Net    float64 `json:"net" validate:"gte=0"`
	Total  float64 `json:"total" validate:"gtefield=Net"`
	Lines  []line  `json:"lines,omitempty" validate:"dive"`
}

type line struct {
	Text string `json:"text" validate:"required,alphanum"`
}

func book(t *testing.T, f func(context.Context, booking) (any, error)) coordinator.Worker {
	t.Helper()
	w := tools.New("book", "Books an invoice.", f, tools.Options{})
	if _, err := tools.Map(w); err != nil {
		t.Fatal(err)
	}
	return w
}

func attempt(input string) coordinator.Attempt {
	return coordinator.Attempt{Key: "ws/run/step/1", Input: json.RawMessage(input)}
}

func TestInputThatIsWrongNeverReachesTheFunction(t *testing.T) {
	w := book(t, func(context.Context, booking) (any, error) {
		t.Error("the function was called")
		return nil, nil
	})
	for _, c := range []struct{ input, want string }{
		{`{}`, "book: input: net is missing; number is missing; total is missing"},
		{`{"number": "1", "net": 1, "total": 2, "totl": 3}`, "book: input: totl is not a known field"},
		{`{"number": "", "net": -1, "total": "2"}`, "book: input: net must be at least 0, not -1; number must not be empty; total must be a number, not a string"},
		{`{"number": "1", "net": 10, "total": 9}`, "book: input: total must be greater than or equal to net"},
		{`{"number": "1", "net": 1, "total": 2, "lines": [{"text": "a"}, {"text": "b c"}]}`, "book: input: lines[1].text can only contain alphanumeric characters"},
		{`null`, "book: input: net is missing; number is missing; total is missing"},
		{``, "book: input: net is missing; number is missing; total is missing"},
		{`{"number": "1"`, "book: input: not JSON: it ends too early"},
	} {
		_, err := w.Do(t.Context(), attempt(c.input))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.input, err, c.want)
			continue
		}
		if f := coordinator.FailureOf(err); !f.Permanent || !f.NotDone {
			t.Errorf("%s: %+v, want permanent", c.input, f)
		}
	}
}

func TestResultIsCertainAndCanonical(t *testing.T) {
	w := book(t, func(ctx context.Context, in booking) (any, error) {
		tools.Note(ctx, "written to %s", "the ledger")
		tools.Note(ctx, "twice")
		return map[string]any{"z": in.Total, "key": coordinator.KeyFrom(ctx), "a": "<&>"}, nil
	})
	r, err := w.Do(t.Context(), attempt(`{"number": "1", "net": 1, "total": 2.50}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(r.Output), `{"a":"<&>","key":"ws/run/step/1","z":2.5}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r.Confidence == nil || r.Confidence.Score != 1 {
		t.Errorf("confidence %+v", r.Confidence)
	}
	if r.Note != "written to the ledger; twice" {
		t.Errorf("note %q", r.Note)
	}
}

func TestPanicAndUnwritableOutputLeaveTheOutcomeUnknown(t *testing.T) {
	input := attempt(`{"number": "1", "net": 1, "total": 2}`)
	for want, f := range map[string]func(context.Context, booking) (any, error){
		"book: panic: runtime error: index out of range [0] with length 0 (at tool_test.go:": func(_ context.Context, in booking) (any, error) {
			var none []int
			return none[len(in.Lines)], nil
		},
		"book: panic: no (at tool_test.go:":                                func(context.Context, booking) (any, error) { panic("no") },
		"book: output: a float64 cannot be written as JSON":                func(context.Context, booking) (any, error) { return math.NaN(), nil },
		"book: output: a func() cannot be written as JSON":                 func(context.Context, booking) (any, error) { return func() {}, nil },
		"book: output: a json.RawMessage cannot be written as JSON: json:": func(context.Context, booking) (any, error) { return json.RawMessage("{"), nil },
		"book: the connection broke":                                       func(context.Context, booking) (any, error) { return nil, errors.New("the connection broke") },
	} {
		_, err := book(t, f).Do(t.Context(), input)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
			continue
		}
		if failure := coordinator.FailureOf(err); failure.NotDone || failure.Permanent {
			t.Errorf("%s: %+v claims to know that nothing happened", want, failure)
		}
	}
}

func TestMarkedErrorsKeepTheirMark(t *testing.T) {
	w := book(t, func(context.Context, booking) (any, error) {
		return nil, coordinator.RetryAfter(errors.New("busy"), time.Minute)
	})
	_, err := w.Do(t.Context(), attempt(`{"number": "1", "net": 1, "total": 2}`))
	if f := coordinator.FailureOf(err); !f.NotDone || f.After != time.Minute {
		t.Errorf("%+v", f)
	}
}

func TestInputAndOutputMayBeAnyJSON(t *testing.T) {
	upper := tools.New("upper", "", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil },
		tools.Options{Effect: coordinator.EffectNone})
	count := tools.New("count", "", func(_ context.Context, l []line) (int, error) { return len(l), nil }, tools.Options{Effect: coordinator.EffectNone})
	same := tools.New("same", "", func(_ context.Context, v json.RawMessage) (json.RawMessage, error) { return v, nil }, tools.Options{})
	keys := tools.New("keys", "", func(_ context.Context, m map[string]line) (int, error) { return len(m), nil }, tools.Options{})
	for _, c := range []struct {
		w                   coordinator.Worker
		input, output, fail string
	}{
		{upper, `"a"`, `"A"`, ""},
		{upper, `1`, "", "upper: input: it must be a string, not a number"},
		{count, `[{"text": "a"}]`, `1`, ""},
		{count, `[{"text": "a"}, {"text": "-"}]`, "", "count: input: [1].text can only contain alphanumeric characters"},
		{keys, `{"x": {"text": "-"}}`, "", "keys: input: [x].text can only contain alphanumeric characters"},
		{keys, ``, `0`, ""},
		{same, `{"b": 1.0, "a": 9007199254740993}`, `{"a":9007199254740993,"b":1}`, ""},
		{same, ``, `null`, ""},
	} {
		r, err := c.w.Do(t.Context(), attempt(c.input))
		if string(r.Output) != c.output || (err == nil) != (c.fail == "") || err != nil && err.Error() != c.fail {
			t.Errorf("%s %s: got %s, %v", c.w.Card().Name, c.input, r.Output, err)
		}
	}
}

type selfish struct {
	Me *selfish `json:"me"`
}

type mistyped struct {
	A string `json:"a" validate:"requierd"`
}

func TestMapRefusesWhatCannotWork(t *testing.T) {
	loop := tools.New("loop", "", func(context.Context, selfish) (any, error) { return nil, nil }, tools.Options{})
	tag := tools.New("tag", "", func(context.Context, []mistyped) (any, error) { return nil, nil }, tools.Options{})
	effect := tools.New("effect", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{Effect: "maybe"})
	own := tools.New("own", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{Input: json.RawMessage(`{"type": 1}`)})
	empty := tools.New[any, any]("", "", nil, tools.Options{})
	fine := tools.New("fine", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{})
	_, err := tools.Map(loop, tag, effect, own, empty, fine, fine)
	if err == nil {
		t.Fatal("all of them were taken")
	}
	for _, want := range []string{
		`tool "loop": schema of tools_test.selfish: tools_test.selfish contains itself`,
		`Undefined validation function 'requierd' on field 'A'`,
		`effect "maybe": write none`,
		`tool "own": input schema: `,
		`it has no name`, `it has no function`, `two workers are called "fine"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if _, err := loop.Do(t.Context(), attempt(`{}`)); err == nil || !coordinator.FailureOf(err).Permanent {
		t.Errorf("an attempt of a broken tool: %v", err)
	}
}

func TestOnlyAToolThatCanReconcileIsAReconciler(t *testing.T) {
	plain := tools.New("plain", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{})
	if _, ok := plain.(coordinator.Reconciler); ok {
		t.Error("a tool without Reconcile says it has one")
	}
	asks := 0
	w := tools.New("sent", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{
		Reconcile: func(_ context.Context, a coordinator.Attempt) (any, bool, error) {
			asks++
			switch a.Key {
			case "happened":
				return map[string]string{"id": a.Key}, true, nil
			case "did not":
				return nil, false, nil
			case "panics":
				panic("oh")
			}
			return "x", true, errors.New("the server is away")
		},
	})
	r, ok := w.(coordinator.Reconciler)
	if !ok {
		t.Fatal("a tool with Reconcile does not say so")
	}
	got, happened, err := r.Reconcile(t.Context(), coordinator.Attempt{Key: "happened"})
	if err != nil || !happened || string(got.Output) != `{"id":"happened"}` {
		t.Errorf("%s %v %v", got.Output, happened, err)
	}
	if got, happened, err := r.Reconcile(t.Context(), coordinator.Attempt{Key: "did not"}); err != nil || happened || got.Output != nil {
		t.Errorf("%s %v %v", got.Output, happened, err)
	}
	for _, key := range []string{"panics", "away"} {
		if got, happened, err := r.Reconcile(t.Context(), coordinator.Attempt{Key: key}); err == nil || happened || got.Output != nil {
			t.Errorf("%s: %s %v %v", key, got.Output, happened, err)
		}
	}
	if asks != 4 {
		t.Errorf("asked %d times", asks)
	}
}

func TestUndeclaredEffectIsUnrepeatable(t *testing.T) {
	w := tools.New("w", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{})
	if e := w.Card().Effect; e != coordinator.EffectUnrepeatable {
		t.Errorf("effect %q", e)
	}
}

func TestTimeoutEndsTheFunctionsContext(t *testing.T) {
	w := tools.New("slow", "", func(ctx context.Context, _ any) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, tools.Options{Timeout: time.Nanosecond})
	if _, err := w.Do(t.Context(), attempt(`null`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestCloseClosesEveryToolOnceAsked(t *testing.T) {
	closed := 0
	o := tools.Options{Close: func() error { closed++; return io.ErrClosedPipe }}
	a := tools.New("a", "", func(context.Context, any) (any, error) { return nil, nil }, o)
	b := tools.New("b", "", func(context.Context, any) (any, error) { return nil, nil }, tools.Options{})
	if err := tools.Close(a, b, a); !errors.Is(err, io.ErrClosedPipe) || closed != 2 {
		t.Errorf("%v after %d", err, closed)
	}
}
