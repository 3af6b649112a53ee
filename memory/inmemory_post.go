package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

func (s *inMemory) Post(ctx context.Context, run string, e coordinator.Event) (coordinator.Event, error) {
	if err := checkPost(run, e); err != nil {
		return e, err
	}
	e.At = time.Time{}
	line, err := s.opts.encode(run, e)
	if err != nil {
		return e, err
	}
	if err := s.enter(ctx); err != nil {
		return e, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[run]
	if !ok {
		return e, fmt.Errorf("journal %s: %w", run, ErrNotFound)
	}
	if seq, ok := r.decided[decisionKey(e)]; ok {
		return r.event(seq)
	}
	if stands, err := r.admitForeign(e, s.opts); stands || err != nil {
		e.Seq = 0
		return e, err
	}
	now := s.now()
	r.write([]entry{line}, now)
	r.take(e)
	s.tell(r, e.Kind, now)
	return r.event(r.tail())
}

// admitForeign decides about a foreign event. One that stands changes nothing and is not written.
func (r *mapped) admitForeign(e coordinator.Event, o Options) (stands bool, err error) {
	if id := asks(e); id != "" {
		if stands, err := r.admitAbout(id, e); stands || err != nil {
			return stands, err
		}
	}
	switch {
	case e.Kind != coordinator.Denied && r.ended:
		return false, fmt.Errorf("journal %s: %w", r.id, ErrEnded)
	case e.Kind == coordinator.Denied && r.denied >= o.MaxDenied:
		return false, deniedError(r.id, o.MaxDenied)
	case r.tail() >= int64(o.MaxEvents):
		return false, fullError(r.id, r.tail(), o.MaxEvents)
	}
	return false, nil
}

// admitAbout decides about a foreign event that a question must be open for.
func (r *mapped) admitAbout(question string, e coordinator.Event) (stands bool, err error) {
	if r.open[question] == nil {
		return false, fmt.Errorf("escalation %s: %w", question, ErrNotOpen)
	}
	holder := r.taken[question]
	switch e.Kind {
	case coordinator.Unclaimed:
		return holder == "", nil
	case coordinator.Claimed:
		stands = holder == e.By
	}
	if holder != "" && e.By != "" && holder != e.By {
		return false, claimedError(question, e.By)
	}
	return stands, nil
}

// tell passes on that somebody posted: to the owner, or to whoever takes the run up.
func (s *inMemory) tell(r *mapped, k coordinator.Kind, now time.Time) {
	switch {
	case r.held(now):
		s.wake(r.owner, r.id)
	case changesNothing(k):
	case r.owner != "":
		s.wake("", "") // its owner is gone: due by its lease
	default:
		s.makeDue(r, now)
	}
}

// take notes what a foreign event changes beside the journal.
func (r *mapped) take(e coordinator.Event) {
	switch e.Kind {
	case coordinator.Decided:
		r.shut(e.ID)
		if key := decisionKey(e); key != "" {
			r.decided[key] = r.tail()
		}
	case coordinator.Claimed:
		r.taken[e.ID] = e.By
	case coordinator.Unclaimed:
		delete(r.taken, e.ID)
	case coordinator.Denied:
		r.denied++
	case coordinator.Released:
		r.claims = 0 // else it would be quarantined again at once
	}
}

// makeDue lets anybody claim the run at once.
func (s *inMemory) makeDue(r *mapped, now time.Time) {
	if r.due.IsZero() || r.due.After(now) {
		r.due = now
	}
	s.waiting[r.id] = r
	s.wake("", "")
}
