// Package blackboard has the workers that share values between the steps and agents of a run, or of a whole workspace:
//
//	blackboard.get   the newest value of a key
//	blackboard.set   writes one, if wanted only where nobody else has written meanwhile
//	blackboard.list  all values
//
// A value keeps the label of the input it was made from, and whoever reads it gets that label with it: what came from
// outside stays untrusted, through however many runs it passes.
//
// Setting is idempotent: an attempt signs what it writes with its key, and made again it recognises its own value. Only where
// somebody else has written in between does it write once more; a step that must not do that states the version it expects.
package blackboard
