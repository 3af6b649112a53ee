package memory

import (
	"errors"
	"time"
)

// ErrNoRedisServer says that Embedded found no redis-server. The caller may go on with New, after warning that nothing survives exit.
var ErrNoRedisServer = errors.New("redis-server was not found on PATH (install Redis 7.0 or newer, or name a server by URL)")

// EmbeddedOptions configure Embedded. Only Dir is required.
type EmbeddedOptions struct {
	Dir    string        // data directory: one server, many users. Made when missing, readable by its owner only
	Server string        // path of redis-server; "": found on PATH
	Wait   time.Duration // how long starting, loading and stopping may take: 60 s
	Options
}

func (o EmbeddedOptions) withDefaults() EmbeddedOptions {
	if o.Server == "" {
		o.Server = "redis-server"
	}
	if o.Wait <= 0 {
		o.Wait = time.Minute
	}
	return o
}
