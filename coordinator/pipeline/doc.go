// Package pipeline reads and writes the files people write: pipelines, and the workspace file tutti.yaml.
//
// A file is read completely before anything is said about it: an *Error holds all its mistakes at once, each with its
// line and column, the line itself, and what to write instead. What a plan means is not decided here: [File.Check] asks
// coordinator.Check and gives its mistakes their places in the file.
//
// YAML is read as version 1.2 reads it, with less room for surprise: no, yes and on are text; so are dates and numbers
// with leading zeros; integers stay integers; a key written twice is a mistake; tags are refused. Aliases and merge keys
// (<<) work, and what they expand to is bounded.
package pipeline
