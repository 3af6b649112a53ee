package memory

import (
	"errors"
	"time"
)

// Options configure a store. The zero value works; every zero field takes its default.
type Options struct {
	Workspace   string           // part of every key: letters, digits, '-', '_' and '.'; "": "default"
	KeyTTL      time.Duration    // how long an idempotency key is remembered after its run has ended: 30 days
	Inline      int              // bytes of an event's JSON kept in the journal itself; a longer one is kept beside it, once: 32 KiB
	MaxPayload  int              // bytes of one value of an event, of a blackboard value, of a message: 8 MiB
	MaxEvents   int              // events of one journal: 100 000, twice what the core lets a run use, so that a full run can still undo
	MaxDenied   int              // Denied events of one journal: 100, so that nobody fills it by trying
	MaxMessages int              // messages kept of one conversation: MaxMessages
	MaxValues   int              // values of one scope of the blackboard: 10 000
	Timeout     time.Duration    // how long one command may take before it counts as unanswered: 10 s
	Now         func() time.Time // clock of the store in memory; nil: time.Now. Redis has its own.
}

// ErrLimit is wrapped by every refusal that a setting of Options could lift.
var ErrLimit = errors.New("over a limit of the store")

// ErrClosed says that Close was called on this store.
var ErrClosed = errors.New("the store is closed")

const (
	defaultPage = 50    // RunFilter.Limit, InboxFilter.Limit
	maxPage     = 1_000 // longer pages are cut to this
)

func (o Options) withDefaults() Options {
	if o.Workspace == "" {
		o.Workspace = "default"
	}
	if o.KeyTTL <= 0 {
		o.KeyTTL = 30 * 24 * time.Hour
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		field *int
		value int
	}{
		{&o.Inline, 32 << 10}, {&o.MaxPayload, 8 << 20}, {&o.MaxEvents, 100_000}, {&o.MaxDenied, 100},
		{&o.MaxMessages, MaxMessages}, {&o.MaxValues, 10_000},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o
}

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}
