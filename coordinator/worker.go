package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Worker is whoever can do a step: an agent, a tool, or another pipeline. Workers are registered by name;
// one tool with two configurations is two workers. Do must be safe for concurrent use.
type Worker interface {
	Card() Card
	// Do makes one attempt; for an agent, one turn. A returned error of a worker with an effect means that nobody
	// knows whether it happened, unless it is NotDone. Usage counts beside an error too.
	Do(ctx context.Context, a Attempt) (Result, error)
}

// Reconciler is a Worker that can find out whether an attempt of unknown outcome happened.
// happened=false means that it certainly did not; an error leaves the question to a person.
type Reconciler interface {
	Reconcile(ctx context.Context, a Attempt) (r Result, happened bool, err error)
}

// Person is the worker name that stands for people: the core asks, no Worker is called.
const Person = "person"

// Card describes a worker to planners and people.
type Card struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind,omitempty"` // "agent", "tool" or "pipeline"
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`     // JSON Schema of Attempt.Input
	Output      json.RawMessage `json:"output,omitempty"`    // JSON Schema of Result.Output
	Effect      Effect          `json:"effect,omitempty"`    // "" counts as unrepeatable: the careful reading
	Calls       []string        `json:"calls,omitempty"`     // workers it may call; an agent may always call person
	Authority   []string        `json:"authority,omitempty"` // input properties that carry authority (recipient, path, amount, …)
	Trusted     bool            `json:"trusted,omitempty"`   // what it adds by itself is the operator's own word, not text from outside
	Replans     bool            `json:"replans,omitempty"`   // asked again when a step of its plan failed
	Timeout     time.Duration   `json:"timeout,omitempty"`   // per attempt where the step states none; 0: DefaultTimeout
}

// Effect is what an attempt may do to the world.
type Effect string

const (
	EffectNone         Effect = "none"         // computes
	EffectRead         Effect = "read"         // looks at the world
	EffectIdempotent   Effect = "idempotent"   // changes the world; honours Attempt.Key, so repeating it is safe
	EffectUnrepeatable Effect = "unrepeatable" // changes the world; repeating it does it again
)

// Repeatable reports whether an attempt of unknown outcome may be made again with the same key.
func (e Effect) Repeatable() bool { return e == EffectNone || e == EffectRead || e == EffectIdempotent }

// Changes reports whether an attempt may have changed the world.
func (e Effect) Changes() bool { return e != EffectNone && e != EffectRead }

// Attempt is one try at a step, as its worker sees it.
type Attempt struct {
	Run        string          `json:"run"`
	Path       string          `json:"path"`
	Key        string          `json:"key"`                // equal over retries and redeliveries of the same piece of work
	Number     int             `json:"number"`             // from 1; counts tries of this turn
	Turn       int             `json:"turn,omitempty"`     // from 1; above 1 only for a worker that answered with more work
	Generation int             `json:"generation"`         // from 1; raised only by a person's redo or a rerun
	Input      json.RawMessage `json:"input"`              // canonical JSON
	Turns      []Turn          `json:"turns,omitempty"`    // what came before, oldest first
	Guidance   []string        `json:"guidance,omitempty"` // what people said when they asked for it again, oldest first
	Label      Label           `json:"label"`              // of Input and Turns together
	Deadline   time.Time       `json:"deadline"`           // when the attempt is given up
}

// Turn is one earlier turn of a worker that answered with more work, and what came of it.
type Turn struct {
	Calls    []Call          `json:"calls,omitempty"`
	Plan     *Plan           `json:"plan,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`    // what the worker wanted back
	Outcomes []Outcome       `json:"outcomes,omitempty"` // of Calls, in their order; of Plan, one per step that was done or failed
}

// Outcome is what became of a call: an output, or the reason there is none.
type Outcome struct {
	Path   string          `json:"path"`
	Use    string          `json:"use,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
	Label  Label           `json:"label"`
}

// Result is what a worker answers: one of Output, Calls or Plan.
type Result struct {
	Output     json.RawMessage  `json:"output,omitempty"`     // a literal, never compiled
	Calls      []Call           `json:"calls,omitempty"`      // run these and come back to me
	Plan       *Plan            `json:"plan,omitempty"`       // carry this out in my place; its output is my output
	Confidence *Confidence      `json:"confidence,omitempty"` // nil: unmeasured, asks wherever the step has an accept
	State      json.RawMessage  `json:"state,omitempty"`      // wanted back in the next turn
	Usage      Usage            `json:"usage,omitzero"`
	Models     map[string]Usage `json:"models,omitempty"`   // of Usage, by the model that was asked; journaled beside an error too
	Exchange   json.RawMessage  `json:"exchange,omitempty"` // for people: what exactly was asked and answered (agents.Exchange); never read by the core
	Label      Label            `json:"label,omitempty"`    // of what the worker added by itself; "" takes the card's word
	Note       string           `json:"note,omitempty"`     // a line for people, e.g. "written to outbox/1.eml, no SMTP configured"
}

// Call asks for a piece of work of another worker. Its input is a literal, never compiled.
type Call struct {
	Use     string          `json:"use"`
	Input   json.RawMessage `json:"input"`
	ID      string          `json:"id,omitempty"`      // the provider's id of the call, given back in the next turn
	Refused string          `json:"refused,omitempty"` // set by the runtime: why the call was not carried out
}

// Confidence is how sure a result is, and why.
type Confidence struct {
	Score   float64  `json:"score"` // 0..1
	Signals []Signal `json:"signals,omitempty"`
	Veto    string   `json:"veto,omitempty"` // a hard check that failed: a person is asked whatever the score
}

// Signal is one piece of evidence for or against a result. Field names the property it is about; "" is the whole.
type Signal struct {
	Name  string  `json:"name"`
	Field string  `json:"field,omitempty"`
	Score float64 `json:"score"` // 0..1
	Note  string  `json:"note,omitempty"`
}

// Certain is the confidence of a deterministic tool.
func Certain() *Confidence { return &Confidence{Score: 1} }

// Usage is what an attempt consumed.
type Usage struct {
	Input  int64   `json:"input,omitempty"`  // tokens
	Output int64   `json:"output,omitempty"` // tokens
	Cached int64   `json:"cached,omitempty"` // of Input, read from a cache
	Cost   float64 `json:"cost,omitempty"`   // US dollars
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	return Usage{u.Input + v.Input, u.Output + v.Output, u.Cached + v.Cached, u.Cost + v.Cost}
}

// failure carries what a worker knows about its error.
type failure struct {
	err       error
	notDone   bool
	permanent bool
	after     time.Duration
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// NotDone marks an error after which it is certain that nothing happened: the step may be tried again.
func NotDone(err error) error { return mark(err, func(f *failure) { f.notDone = true }) }

// Permanent marks an error that another attempt cannot mend. It implies NotDone.
func Permanent(err error) error {
	return mark(err, func(f *failure) { f.notDone, f.permanent = true, true })
}

// RetryAfter marks an error after which nothing happened and another attempt makes sense not before d.
func RetryAfter(err error, d time.Duration) error {
	return mark(err, func(f *failure) { f.notDone, f.after = true, d })
}

func mark(err error, set func(*failure)) error {
	if err == nil {
		return nil
	}
	f := &failure{err: err}
	if outer := (*failure)(nil); errors.As(err, &outer) {
		*f = *outer
		f.err = err
	}
	set(f)
	return f
}

// FailureOf reads what is known about a worker's error. A nil error gives nil.
func FailureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	out := &Failure{Message: err.Error()}
	if f := (*failure)(nil); errors.As(err, &f) {
		out.NotDone, out.Permanent, out.After = f.notDone, f.permanent, f.after
	}
	return out
}

// Failure is the journaled form of a worker's error.
type Failure struct {
	Message   string        `json:"message"`
	NotDone   bool          `json:"not_done,omitempty"` // nothing happened; else nobody knows
	Permanent bool          `json:"permanent,omitempty"`
	After     time.Duration `json:"after,omitempty"`
}

func (f *Failure) Error() string { return f.Message }

type keyContext struct{}

// ContextWithKey puts an attempt's key into a context, for the code below a worker. Runtimes call it.
func ContextWithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyContext{}, key)
}

// KeyFrom returns the attempt's idempotency key; "" outside an attempt.
func KeyFrom(ctx context.Context) string {
	key, _ := ctx.Value(keyContext{}).(string)
	return key
}

// Literal wraps a value that must not be compiled even if a string in it holds "${{".
// In JSON it is {"$literal": value}.
func Literal(v any) any { return literal{Value: v} }

type literal struct {
	Value any `json:"$literal"`
}

// Output decodes the output of the step at path. It fails while the step has none.
func Output[T any](r *Run, path string) (T, error) {
	var out T
	raw, ok := r.Output(path)
	if !ok {
		return out, fmt.Errorf("run %s: step %q has no output", r.ID(), path)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("run %s: output of %q: %w", r.ID(), path, err)
	}
	return out, nil
}

// Canonical rewrites JSON with sorted keys and without insignificant space: the one form that is journaled, compared and signed.
func Canonical(raw json.RawMessage) (json.RawMessage, error) { return canonicalRaw(raw) }

// Decode reads JSON as expressions see it: nil, bool, int64 (a number without fraction or exponent that fits), float64, string,
// []any and map[string]any. Nothing at all is nil; more than one value, or nesting beyond 1000, is an error.
func Decode(raw json.RawMessage) (any, error) { return decode(raw) }
