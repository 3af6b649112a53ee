// Package tools turns Go functions into workers: deterministic automations with typed input and output and a declared
// effect.
//
//	type Sum struct {
//		A int `json:"a" jsonschema_description:"the first number"`
//		B int `json:"b" validate:"gte=0"`
//	}
//
//	add := tools.New("add", "Adds two whole numbers.",
//		func(ctx context.Context, in Sum) (int, error) { return in.A + in.B, nil },
//		tools.Options{Effect: coordinator.EffectNone})
//
// The input's schema comes from the Go type (see package schema). What arrives is checked against it and by the validate
// tags before the function sees it, unknown fields included; every problem is named with its field, and the error is
// permanent: the same input would fail again.
//
// The function finds the attempt's key with coordinator.KeyFrom(ctx): equal over retries of the same piece of work.
// A tool that can recognise the key may declare EffectIdempotent. Note leaves a line for people.
//
// An error of a tool with an effect means that nobody knows whether it happened: an unrepeatable one then asks a person.
// Return coordinator.NotDone(err) where it is certain that nothing did, and the step is simply tried again.
//
// The folders below hold the built-in tools. Each has Settings, as they stand in a workspace file, and
//
//	func New(dir string, s Settings) ([]coordinator.Worker, error)
//
// where dir is the workspace. Files are opened below it only, symbolic links included. Every worker made by package tools
// is an io.Closer, which matters for those that keep a connection or a process: Close(workers...) closes them all.
package tools
