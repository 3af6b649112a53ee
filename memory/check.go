package memory

import (
	"fmt"
	"regexp"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// What is wrong whatever the store holds is refused here, alike for every store.

var (
	keyedID   = regexp.MustCompile(`^r-[0-9a-z]+-[0-9a-f]{16}$`)
	runID     = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)
	workspace = regexp.MustCompile(`^[0-9A-Za-z._-]{1,128}$`)
)

func checkRunID(id string) error {
	if !runID.MatchString(id) {
		return fmt.Errorf("run id %q: wants 1 to 128 letters, digits, '-' or '_'", id)
	}
	return nil
}

func checkNewRun(n NewRun) error {
	if err := checkRunID(n.ID); err != nil {
		return err
	}
	if n.Key != "" && !keyedID.MatchString(n.ID) {
		return fmt.Errorf("run id %q: a run with an idempotency key takes its id from NewRunID", n.ID)
	}
	if len(n.Events) == 0 {
		return fmt.Errorf("journal %s: a new run needs its first event", n.ID)
	}
	if n.Owner != "" && n.Lease <= 0 {
		return fmt.Errorf("journal %s: owner %q needs a lease", n.ID, n.Owner)
	}
	return nil
}

// checkBatch finds what makes a batch wrong whoever owns the run.
func checkBatch(b Batch) error {
	if err := checkRunID(b.Run); err != nil {
		return err
	}
	if b.ID == "" || b.Owner == "" {
		return fmt.Errorf("journal %s: a batch needs its id and its owner", b.Run)
	}
	if len(b.Needs) > 0 && !b.Park {
		return fmt.Errorf("journal %s: only a parked run needs workers", b.Run)
	}
	for _, q := range b.Open {
		if coordinator.RunOf(q.ID) != b.Run {
			return fmt.Errorf("journal %s: escalation id %q is not <run>.<count>", b.Run, q.ID)
		}
	}
	return nil
}

func checkPost(run string, e coordinator.Event) error {
	if err := checkRunID(run); err != nil {
		return err
	}
	if !e.Kind.Foreign() {
		return fmt.Errorf("journal %s: only the owner of the run writes %q", run, e.Kind)
	}
	switch {
	case e.Kind == coordinator.Decided && (e.ID == "" || e.Decision == nil):
		return fmt.Errorf("journal %s: a decision names its escalation", run)
	case e.Kind == coordinator.Claimed && (e.ID == "" || e.By == ""):
		return fmt.Errorf("journal %s: a claim names its escalation and who takes it on", run)
	case e.Kind == coordinator.Unclaimed && e.ID == "":
		return fmt.Errorf("journal %s: giving a question back names its escalation", run)
	}
	return nil
}

func checkClaim(owner string, lease time.Duration) error {
	if owner == "" || lease <= 0 {
		return fmt.Errorf("claim by %q for %s: wants an owner and a lease", owner, lease)
	}
	return nil
}

func checkScope(s Scope, key string) error {
	switch s.Kind {
	case "workspace":
		if s.ID == "" {
			return checkKey(key)
		}
	case "run", "conversation":
		if s.ID != "" {
			return checkKey(key)
		}
	}
	return fmt.Errorf("blackboard scope %q %q: wants a run or conversation with its id, or workspace without", s.Kind, s.ID)
}

func checkKey(key string) error {
	if len(key) > 1_000 {
		return fmt.Errorf("blackboard key of %d bytes: the most is 1000: %w", len(key), ErrLimit)
	}
	return nil
}

func (o Options) checkValue(s Scope, v Value) error {
	if v.Key == "" {
		return fmt.Errorf("blackboard %s: a value needs a key", s)
	}
	if len(v.Value) > o.MaxPayload {
		return fmt.Errorf("blackboard %s: %s has %d bytes, the most is %d (MaxPayload): %w", s, v.Key, len(v.Value), o.MaxPayload, ErrLimit)
	}
	return checkScope(s, v.Key)
}

func (o Options) checkMessage(conversation string, m Message) error {
	if conversation == "" || len(conversation) > 1_000 {
		return fmt.Errorf("conversation %.50q: wants a name of 1 to 1000 bytes", conversation)
	}
	if len(m.Text) > o.MaxPayload {
		return fmt.Errorf("conversation %s: message of %d bytes, the most is %d (MaxPayload): %w", conversation, len(m.Text), o.MaxPayload, ErrLimit)
	}
	return nil
}

func conflictError(s Scope, key string, version, expect int64) error {
	return fmt.Errorf("blackboard %s: %s is at version %d, not %d: %w", s, key, version, expect, ErrConflict)
}

func (o Options) crowdedError(s Scope) error {
	return fmt.Errorf("blackboard %s: holds %d values, which is the most (MaxValues): %w", s, o.MaxValues, ErrLimit)
}

func fullError(run string, tail int64, most int) error {
	return fmt.Errorf("journal %s: holds %d events, the most is %d (MaxEvents): %w", run, tail, most, ErrLimit)
}

func claimedError(id, by string) error {
	return fmt.Errorf("escalation %s: %s: %w", id, by, ErrClaimed)
}

func deniedError(run string, most int) error {
	return fmt.Errorf("journal %s: notes %d refused attempts, which is the most (MaxDenied): %w", run, most, ErrLimit)
}

// String is the scope for people, such as "run r-1".
func (s Scope) String() string {
	if s.ID == "" {
		return s.Kind
	}
	return s.Kind + " " + s.ID
}
