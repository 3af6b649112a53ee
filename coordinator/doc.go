// Package coordinator is the core of Tutti. A run is the fold of its journal: Apply takes one event into it, Next reads what
// to do, and a runtime (coordinator/local) does it. Nothing else is in here: no clock, no goroutine, no I/O, no randomness,
// so equal journals give equal actions, in every process and in every test.
//
// # The life of a step
//
//	idle → fresh → ready (input frozen) → asked (approval) ─┐
//	         │                                              ↓
//	         └────────────────→ inFlight → succeeded: accept ─────────────→ settled (done)
//	     skipped                   │                  └ unsure → asked ───→ settled | ready (redo) | settled (dead)
//	                               ├→ called, planned → working → (children) → inFlight (next turn) | joinable
//	                               ├→ failed, not done → backoff | failing → asked | settled (dead)
//	                               ├→ failed, unknown  → repeatable: backoff, same key · unrepeatable: doubtful → asked
//	                               └→ interrupted      → repeatable: backoff, same key · unrepeatable: doubtful → asked
//
// apply.go is that drawing as one switch, outcome.go its branches. Children are calls (an agent's), steps (of a plan that a worker answered with),
// items (of a for_each) and rounds (of an until); path.go says how they are named.
//
// # Where to look
//
//	plan.go, worker.go      what is submitted, and who does it
//	event.go, escalation.go what is journaled, and what people are asked
//	apply.go                the only mutator: which events the state allows
//	outcome.go, parts.go    what attempts came to; items, rounds and joins
//	settle.go, decide.go    how the end of one step moves others; what people decide
//	next.go, ask.go         the only reader: what to do now, and how questions are worded
//	undo.go                 compensation, in reverse order
//	compile.go, check.go    a plan as a program, and every mistake in it at once
//	expr.go, template.go    CEL, deterministic, with a cost limit; labels join along the names
package coordinator
