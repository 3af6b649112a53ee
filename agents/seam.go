package agents

import (
	"context"
	"encoding/json"

	"github.com/tuttirun/tutti/coordinator"
)

// Keys of llms.ContentChoice.GenerationInfo, for what langchaingo's types have no place for. A model may set any of them.
const (
	InfoConfidence = "tutti.confidence" // *coordinator.Confidence: models that can show how sure they are (agents/offline)
	InfoUsage      = "tutti.usage"      // coordinator.Usage: models that count by themselves; a Cost in it is not priced again
	InfoModel      = "tutti.model"      // string: which model answered, e.g. "anthropic/claude-sonnet-4-5"
	InfoOwn        = "tutti.own"        // *Own: what the provider wants back unchanged
)

type schemaContext struct{}

// ContextWithSchema tells the model below which JSON Schema the answer shall match.
// langchaingo's call options have no place for it.
func ContextWithSchema(ctx context.Context, schema json.RawMessage) context.Context {
	return context.WithValue(ctx, schemaContext{}, schema)
}

// SchemaFrom returns the JSON Schema of the wanted answer; nil for free text.
func SchemaFrom(ctx context.Context) json.RawMessage {
	schema, _ := ctx.Value(schemaContext{}).(json.RawMessage)
	return schema
}

// Own is an answer in its provider's own form. Some providers want it back exactly, e.g. Anthropic its signed thinking;
// nobody else can read it. An agent keeps it in its state beside its reading of the answer.
type Own struct {
	Provider string          `json:"provider"` // who can read it, e.g. "anthropic"
	Model    string          `json:"model"`    // that wrote it, as the provider calls it: signatures are bound to it
	Content  json.RawMessage `json:"content"`
}

type ownContext struct{}

// ContextWithOwn gives the model below its provider's form of the assistant's messages: one for each of them, in their
// order, nil where there is none. A model takes those of its own provider and leaves the rest alone.
func ContextWithOwn(ctx context.Context, own []*Own) context.Context {
	return context.WithValue(ctx, ownContext{}, own)
}

// OwnFrom returns what ContextWithOwn was given.
func OwnFrom(ctx context.Context) []*Own {
	own, _ := ctx.Value(ownContext{}).([]*Own)
	return own
}

// Wire is what went over the wire for one request to a model. Only bodies are kept: headers carry keys.
type Wire struct {
	Request []byte // as it was sent
	Reply   []byte // of the last try; nil: none came
	Tries   int
}

type wireContext struct{}

// ContextWithWire has the next request below this context recorded in w. The request must be over before w is read.
func ContextWithWire(ctx context.Context, w *Wire) context.Context {
	return context.WithValue(ctx, wireContext{}, w)
}

// WireFrom returns where a transport records what it sends; never nil.
func WireFrom(ctx context.Context) *Wire {
	if w, _ := ctx.Value(wireContext{}).(*Wire); w != nil {
		return w
	}
	return &Wire{}
}

// Asked is one request to one model, answered or not.
type Asked struct {
	Model    string
	Usage    coordinator.Usage // known beside some errors too
	Unpriced bool              // no price is known for the model, so its cost counts as 0
	Wire     Wire
	Err      error
}

type askedContext struct{}

// ContextWithAsked has the models below report each request to tell. A model that asks several others, such as
// models.Fallback, gives one report for each. Tell must be safe for concurrent use.
func ContextWithAsked(ctx context.Context, tell func(Asked)) context.Context {
	return context.WithValue(ctx, askedContext{}, tell)
}

// ReportAsked tells whoever wants to know. Who reports must be the only one to report the request.
func ReportAsked(ctx context.Context, a Asked) {
	if tell, _ := ctx.Value(askedContext{}).(func(Asked)); tell != nil {
		tell(a)
	}
}
