package agents

import (
	"context"
	"encoding/json"
)

// InfoConfidence is the key of a *coordinator.Confidence in llms.ContentChoice.GenerationInfo,
// for models that can show how sure they are (agents/offline).
const InfoConfidence = "tutti.confidence"

// InfoUsage is the key of a coordinator.Usage in GenerationInfo, for models that count by themselves.
const InfoUsage = "tutti.usage"

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
