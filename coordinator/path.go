package coordinator

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// A path names one piece of work within a run:
//
//	triage                   a step
//	triage[3]                its fourth fan-out item
//	triage~2                 its third loop round
//	triage#1/0.mail.send     the first call of its first turn
//	triage@2#1/fetch         a step of the plan it answered with, after a person's redo (generation 2)
//	book!undo, book@2!undo   the compensation of a generation's effect

func itemPath(path string, i int) string  { return path + "[" + strconv.Itoa(i) + "]" }
func roundPath(path string, i int) string { return path + "~" + strconv.Itoa(i) }

func generationPath(path string, generation int) string {
	if generation <= 1 {
		return path
	}
	return path + "@" + strconv.Itoa(generation)
}

func turnPrefix(path string, generation, turn int) string {
	return generationPath(path, generation) + "#" + strconv.Itoa(turn) + "/"
}

func callPath(prefix string, i int, use string) string { return prefix + strconv.Itoa(i) + "." + use }

func undoPath(path string, generation int) string { return generationPath(path, generation) + "!undo" }

// attemptKey is equal over retries and redeliveries of one piece of work, different for everything else.
func attemptKey(workspace, run, path string, generation, turn int) string {
	var b strings.Builder
	for _, part := range []string{workspace, run, path, strconv.Itoa(generation)} {
		b.WriteString(part)
		b.WriteByte('/')
	}
	b.WriteString(strconv.Itoa(turn))
	return b.String()
}

// delay is how long to wait before try number+1: exponential with a cap, less up to a fifth derived from the key.
func (p Retry) delay(key string, failures int) time.Duration {
	base, most := p.Backoff, p.Cap
	if base <= 0 {
		base = time.Second
	}
	if most <= 0 {
		most = time.Minute
	}
	d := base
	for i := 1; i < failures && d < most; i++ {
		d *= 2
	}
	d = min(d, most)
	h := fnv.New64a()
	h.Write([]byte(key))
	h.Write([]byte{byte(failures), byte(failures >> 8)})
	return d - time.Duration(h.Sum64()%1000)*d/5000
}

func (p Retry) attempts() int {
	if p.Attempts <= 0 {
		return DefaultAttempts
	}
	return p.Attempts
}
