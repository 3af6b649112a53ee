package memory

import (
	"sync"
	"time"
)

// serverClock tells the store's time between replies: the last reply's time and what has passed here since. It never runs backwards.
type serverClock struct {
	mu    sync.Mutex
	base  int64     // the server's time, microseconds
	seen  time.Time // when base arrived, by this process's monotonic clock
	asked time.Time
	floor int64 // nothing earlier is told
}

// stale is how old the last reply may be before the server is asked again: clocks drift, machines sleep.
const stale = 10 * time.Second

func (c *serverClock) observe(us int64) {
	if us <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.seen = us, time.Now()
}

// atLeast makes sure that no time before t is told any more: an event that was read happened.
func (c *serverClock) atLeast(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = max(c.floor, micros(t))
}

// now returns the zero time before the first reply.
func (c *serverClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base == 0 {
		return time.Time{}
	}
	c.floor = max(c.floor, c.base+time.Since(c.seen).Microseconds())
	return fromMicros(c.floor)
}

// mustAsk reports whether it is time to ask the server, at most once per stale while it does not answer.
func (c *serverClock) mustAsk() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := c.base != 0 && (time.Since(c.seen) < stale || time.Since(c.asked) < stale)
	if !fresh {
		c.asked = time.Now()
	}
	return !fresh
}
