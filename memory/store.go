package memory

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// Store is everything that outlives a process. New (maps) and Open (Redis) return one; memorytest.Conform checks one.
// Every method is safe for concurrent use and returns an error wrapping ErrUnavailable when nobody knows what happened.
type Store interface {
	Journals
	Lookups
	Blackboard
	Conversations
	io.Closer
	// Durability says in one line for people what survives which failure.
	Durability() Durability
}

// Journals keeps the ordered events of runs, and who may append to them.
type Journals interface {
	// Create starts a journal, unless the idempotency key is known: then it returns the earlier run and Existed.
	// The same key with another digest is ErrKeyReused. The run is due at once, or owned when NewRun.Owner is set.
	Create(ctx context.Context, n NewRun) (Created, error)
	// Append adds an owner's events: all or none. A batch whose ID is there already is not added again, and succeeds
	// while its epoch still stands. Else ErrFenced (somebody else owns the run), ErrSequence (the tail is elsewhere), ErrEnded
	// (the run has ended, and the first event is no Rerun) or ErrNotEnded (it has not, and it is one).
	Append(ctx context.Context, b Batch) error
	// Post adds a foreign event (Kind.Foreign) at the tail, whatever it is, and returns it with Seq and At set.
	// A Decided event needs its escalation open, else ErrNotOpen; one whose decision id is known returns the first one's event.
	// When somebody has claimed the question, only they decide it, else ErrClaimed. Event.By says who decides; a decision without
	// it is a program's word, such as a late outcome, and no claim stops it.
	// A Claimed event needs its escalation open and not claimed by anybody else, else ErrNotOpen or ErrClaimed; it writes
	// Escalation.Claimed. An Unclaimed event clears it, whoever posts it: rights are the caller's to check. A claim that stands
	// already, and giving back what nobody has claimed, write nothing and return the event with Seq 0.
	// An owner's Batch.Open says anew who has claimed the question.
	// A Denied event is kept even after the end of the run, at most Options.MaxDenied times, then ErrLimit.
	// Every other kind needs a run that has not ended, else ErrEnded.
	// A live owner is told of every event. Otherwise the run is made due, except for a claim, its return and a denial.
	Post(ctx context.Context, run string, e coordinator.Event) (coordinator.Event, error)
	// Read yields the journal from after+1 on. A gap, a broken entry or a lost connection yields an error, never a silent end.
	Read(ctx context.Context, run string, after int64) iter.Seq2[coordinator.Event, error]
	// Claim takes up to max runs that are due, oldest first, raises their epochs and leases them to owner.
	Claim(ctx context.Context, owner string, lease time.Duration, max int) ([]Lease, error)
	// ClaimRun takes one run although it may not be due. ErrOwned while another owner's lease stands; ErrEnded when it has ended.
	ClaimRun(ctx context.Context, run, owner string, lease time.Duration) (Lease, error)
	// ClaimEnded takes a run that has ended, for a rerun: the first event appended under this lease is Rerun and opens the run again.
	// Without one the run stays ended: it is never due, and every other event is refused with ErrEnded.
	// ErrOwned while another owner's lease stands; ErrNotEnded when the run has not ended.
	ClaimEnded(ctx context.Context, run, owner string, lease time.Duration) (Lease, error)
	// Renew extends leases, in order; a lease that is no longer held comes back with Lost set. Tail shows foreign events.
	Renew(ctx context.Context, leases []Lease, lease time.Duration) ([]Lease, error)
	// Offer makes due every run that is parked for one of these workers, and returns how many.
	Offer(ctx context.Context, workers []string) (int, error)
	// Wakeups yields the ids of runs that this owner holds and that somebody posted to, and "" when some run may have become due.
	// A wake-up can be lost; Tail and the due times cannot. The channel closes with ctx.
	Wakeups(ctx context.Context, owner string) (<-chan string, error)
	// NextDue returns when the earliest unowned run is due; the zero time when none waits for a time.
	NextDue(ctx context.Context) (time.Time, error)
	// Now is the store's time, which never runs backwards.
	Now(ctx context.Context) (time.Time, error)
}

// Lookups finds runs and questions without reading journals.
type Lookups interface {
	// Summary returns ErrNotFound for an unknown run.
	Summary(ctx context.Context, run string) (Summary, error)
	// Runs lists newest first.
	Runs(ctx context.Context, f RunFilter) ([]Summary, string, error)
	// Inbox lists open escalations, nearest deadline first, then oldest.
	Inbox(ctx context.Context, f InboxFilter) ([]coordinator.Escalation, string, error)
	// Escalation returns an open escalation of a run, or ErrNotOpen.
	Escalation(ctx context.Context, run, id string) (coordinator.Escalation, error)
}

// NewRun is a run about to start.
type NewRun struct {
	ID      string              // NewRunID(workspace, key, now)
	Key     string              // idempotency key; "" for none
	Digest  string              // of the task: tells a repeated submission from a reused key
	Events  []coordinator.Event // the first is Submitted, Seq 1; At is set by the store
	Summary Summary
	Owner   string // with Lease: the creator owns the run from the start
	Lease   time.Duration
}

// Created says which run there is now.
type Created struct {
	Run     string
	Existed bool
	Lease   Lease     // when NewRun.Owner was set and the run is new
	At      time.Time // the store's time at creation
}

// Lease is an owner's right to append to a run.
type Lease struct {
	Run    string
	Owner  string
	Epoch  int64     // raised by every claim
	Until  time.Time // the store's time
	Tail   int64     // seq of the journal's last event
	Claims int       // claims in a row without an append by an owner: a run that kills its processes
	Lost   bool
}

// Batch is one append by a run's owner.
type Batch struct {
	Run     string
	ID      string // random: the same append sent again is recognised
	Epoch   int64
	Owner   string
	Expect  int64               // seq of the event before the first one
	Events  []coordinator.Event // may be empty: parking is an append too
	Summary Summary
	Open    []coordinator.Escalation // questions that this batch opens or changes
	Close   []string                 // questions that it closes
	Lease   time.Duration            // extends the lease to now+Lease; 0 leaves it
	Park    bool                     // gives the run up: due at Due, or never by itself when Due is zero
	Due     time.Time
	Needs   []string // with Park: workers that are missing here; Offer makes the run due
}

// Summary is what lists show of a run. Its owner writes it with every batch.
type Summary struct {
	Run      string             `json:"run"`
	Pipeline string             `json:"pipeline,omitempty"`
	Goal     string             `json:"goal,omitempty"`
	Batch    string             `json:"batch,omitempty"`
	By       string             `json:"by,omitempty"`
	Status   coordinator.Status `json:"status"`
	Version  int                `json:"version"`
	Created  time.Time          `json:"created"`
	Updated  time.Time          `json:"updated"`
	Steps    int                `json:"steps"` // done so far
	Open     int                `json:"open"`  // escalations
	Seq      int64              `json:"seq"`   // of the last event that this summary counts
	Needs    []string           `json:"needs,omitempty"`
	Due      time.Time          `json:"due,omitzero"` // when the parked run goes on by itself; a question's deadline does not count
	Usage    coordinator.Usage  `json:"usage,omitzero"`
	Error    string             `json:"error,omitempty"`
}

// RunFilter selects runs; zero fields select all. Cursor comes from the previous page.
type RunFilter struct {
	Status   coordinator.Status
	Pipeline string
	Batch    string
	Limit    int // 0: 50
	Cursor   string
}

// InboxFilter selects open escalations; zero fields select all. Cursor comes from the previous page.
type InboxFilter struct {
	By     []string // asked of one of these people or groups, or of anyone; empty: all
	Run    string
	Limit  int // 0: 50
	Cursor string
}

// Scope is where a blackboard value lives: a run, a conversation, or the whole workspace ("").
type Scope struct {
	Kind string `json:"kind"` // "run", "conversation" or "workspace"
	ID   string `json:"id,omitempty"`
}

// Value is one versioned value of a blackboard.
type Value struct {
	Key     string            `json:"key"`
	Value   json.RawMessage   `json:"value"`
	Version int64             `json:"version"` // from 1; 0: there is none
	Label   coordinator.Label `json:"label,omitempty"`
	By      string            `json:"by,omitempty"`
	At      time.Time         `json:"at"`
	Expires time.Time         `json:"expires,omitzero"`
}

// Blackboard is context that the steps and agents of a run, a conversation or a workspace share.
type Blackboard interface {
	// Get returns ErrNotFound for a key that is not there or has expired.
	Get(ctx context.Context, s Scope, key string) (Value, error)
	// Set writes and returns the new version. With a non-nil expect the version must be *expect (0: not there), else ErrConflict.
	// A ttl of 0 keeps the value for ever.
	Set(ctx context.Context, s Scope, v Value, expect *int64, ttl time.Duration) (int64, error)
	// List returns every value of a scope, sorted by key.
	List(ctx context.Context, s Scope) ([]Value, error)
	// Watch yields the values of a scope as they are written, from now on. A slow reader gets a key's newest value, not each
	// one; expiry is not told. The channel closes with ctx, or when the connection is lost.
	Watch(ctx context.Context, s Scope) (<-chan Value, error)
}

// Message is one line of a conversation.
type Message struct {
	Seq   int64             `json:"seq"`
	At    time.Time         `json:"at"`
	Role  string            `json:"role"`
	By    string            `json:"by,omitempty"`
	Text  string            `json:"text"`
	Run   string            `json:"run,omitempty"`
	Label coordinator.Label `json:"label,omitempty"`
}

// Conversations keeps the newest messages of each conversation (MaxMessages), oldest first.
type Conversations interface {
	Say(ctx context.Context, conversation string, m Message) (int64, error)
	Messages(ctx context.Context, conversation string, after int64) ([]Message, error)
}

// MaxMessages is how many messages a conversation keeps by default.
const MaxMessages = 200

// Durability is what a store promises.
type Durability struct {
	Survives bool   // anything outlives this process
	Always   bool   // an acknowledged append survives a crash of the server: unrepeatable effects happen at most once
	Text     string // one line for people
}

var (
	ErrNotFound    = errors.New("not found")
	ErrKeyReused   = errors.New("idempotency key was used for another task")
	ErrFenced      = errors.New("the run belongs to another owner now")
	ErrSequence    = errors.New("the journal has moved on")
	ErrOwned       = errors.New("another process works on the run")
	ErrNotOpen     = errors.New("the question is not open")
	ErrEnded       = errors.New("the run has ended")
	ErrNotEnded    = errors.New("the run has not ended")
	ErrClaimed     = errors.New("somebody else has taken the question on")
	ErrConflict    = errors.New("the value has changed")
	ErrUnavailable = errors.New("the store did not answer")
)
