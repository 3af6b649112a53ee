// Package schema says what JSON may look like and what is wrong with it.
//
// For derives a JSON Schema (draft 2020-12) from a Go type and its validate tags. Compile reads one that somebody wrote;
// Validate checks a value against it and names every problem with its path, in words that a person can act on and that
// a model can repair its answer by:
//
//	lines[2].total must be a number, not a string; seller is missing
//
// A schema never loads another one: a $ref points into the schema itself, or Compile refuses it. Beside the standard
// formats, which are all checked, there is "path": a path inside the workspace, relative, with slashes, without "..".
package schema
