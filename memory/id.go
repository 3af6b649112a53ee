package memory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// NewRunID makes the id of a new run: "r-<creation in ms, base 36>-<hash of workspace and key>". Without a key the hash is random.
// Runs of one idempotency key share the hash and so the shard: that is what lets one script see the key and the run.
func NewRunID(workspace, key string, now time.Time) string {
	var sum [sha256.Size]byte
	if key == "" {
		_, _ = rand.Read(sum[:]) // never fails: crypto/rand ends the program instead
	} else {
		sum = sha256.Sum256([]byte(workspace + "\x00" + key))
	}
	return "r-" + strconv.FormatInt(now.UnixMilli(), 36) + "-" + hex.EncodeToString(sum[:8])
}

// shards is how many hash tags share a workspace's runs. It is stored with the data and cannot change under it.
const shards = 16

// shardOf is the shard of a run: of what follows the last '-', so that runs of one idempotency key fall together.
func shardOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id[strings.LastIndexByte(id, '-')+1:]))
	return int(h.Sum32() % shards)
}
