// Package local is the runtime that needs nothing but this process and a store: a thin shell around the core.
//
// One goroutine owns one live run (live.go). It asks the run what to do, journals that (flush.go), and only then acts:
// attempts run in goroutines of their own (attempt.go) and hand their outcomes back. A run that waits for a person or a
// far-off timer is parked: it holds no goroutine and no memory. The pump (pump.go) claims runs that are due, renews
// leases and passes wake-ups on. Any number of processes can share one store; epochs and sequences keep them apart.
//
// What people do to a run (decide.go) is appended at the tail of its journal under a condition, by any process.
package local
