package memory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"

	"github.com/tuttirun/tutti/coordinator"
)

// keys names everything that a workspace keeps in Redis; no other file and no script makes up a name.
// doc.go shows the layout. The braces are a Redis Cluster hash tag: the keys of one shard live on one node.
type keys struct{ workspace string }

func (k keys) layout() string { return "tutti:" + k.workspace + ":layout" }

// Channels: one per owner, one that everybody listens to, and one per scope of the blackboard.

func (k keys) wakeAll() string               { return "tutti:" + k.workspace + ":wake" }
func (k keys) wakeOwner(owner string) string { return k.wakeAll() + ":" + owner }

// changed tells the keys of the values that are written in one scope of the blackboard.
func (k keys) changed(s Scope) string {
	return "tutti:" + k.workspace + ":changed:" + s.Kind + ":" + name(s.ID)
}

// shardKeys are the lists that the runs of one shard share.
type shardKeys string

func (k keys) shard(n int) shardKeys {
	return shardKeys(fmt.Sprintf("tutti:%s:{%02d}:", k.workspace, n))
}
func (k keys) of(run string) shardKeys {
	return k.shard(shardOf(run))
}

func (s shardKeys) due() string                { return string(s) + "due" }    // run by microsecond, while nobody owns it
func (s shardKeys) leases() string             { return string(s) + "leases" } // run by microsecond at which its lease ends
func (s shardKeys) needs(worker string) string { return string(s) + "needs:" + name(worker) }
func (s shardKeys) inbox() string              { return string(s) + "inbox" }
func (s shardKeys) inboxOf(by string) string   { return string(s) + "inbox:by:" + name(by) }

// name makes any text safe inside a key: no colon, so that keys stay distinct, and no line break, which separates names in a head.
func name(s string) string { return url.QueryEscape(s) }

// record is what is known of an idempotency key.
func (s shardKeys) record(key string) string {
	sum := sha256.Sum256([]byte(key))
	return string(s) + "key:" + hex.EncodeToString(sum[:])
}

// runs is the list of runs with a status, a pipeline and a batch; "" stands for any.
func (s shardKeys) runs(status coordinator.Status, pipeline, batch string) string {
	list := string(s) + "runs"
	for _, by := range []struct{ what, value string }{{"status", string(status)}, {"pipeline", pipeline}, {"batch", batch}} {
		if by.value != "" {
			list += ":" + by.what + ":" + name(by.value)
		}
	}
	return list
}

// listsOf are the lists that a run with this summary stands in: one for every RunFilter that selects it, so that each page is one
// read of a sorted list, however few of a batch's runs have failed.
func (s shardKeys) listsOf(m Summary) []string {
	var lists []string
	for _, pipeline := range slices.Compact([]string{"", m.Pipeline}) {
		for _, batch := range slices.Compact([]string{"", m.Batch}) {
			lists = append(lists, s.runs("", pipeline, batch), s.runs(m.Status, pipeline, batch))
		}
	}
	return lists
}

// runKeys are the keys of one run.
type runKeys string

func (s shardKeys) run(id string) runKeys { return runKeys(string(s) + "run:" + id) }

func (r runKeys) head() string    { return string(r) }              // hash: epoch, owner, until, tail, summary, …
func (r runKeys) journal() string { return string(r) + ":journal" } // stream: <seq>-0
func (r runKeys) blobs() string   { return string(r) + ":blobs" }   // hash: long events by content hash
func (r runKeys) open() string    { return string(r) + ":open" }    // hash: open escalations by id
func (r runKeys) places() string  { return string(r) + ":places" }  // hash: where in the inbox each one stands
func (r runKeys) taken() string   { return string(r) + ":taken" }   // hash: who has taken an open escalation on
func (r runKeys) decided() string { return string(r) + ":decided" } // hash: decision ids to seq

// board holds the values of one blackboard scope; a run's lives with the run.
func (k keys) board(s Scope) (names string, value func(key string) string) {
	shard := k.of(s.ID)
	if s.Kind != "run" {
		shard = k.hashed(s.String())
	}
	names = string(shard) + "board:" + s.Kind + ":" + name(s.ID)
	return names, func(key string) string { return names + ":" + key }
}

func (k keys) talk(conversation string) string {
	return string(k.hashed(conversation)) + "talk:" + conversation
}

func (k keys) hashed(name string) shardKeys {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return k.shard(int(h.Sum32() % shards))
}
