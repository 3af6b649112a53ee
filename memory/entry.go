package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// Times are kept to the microsecond, in UTC: what Redis tells, and what a float64 score holds exactly.

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// microsUp rounds up, so that nothing is due before its time.
func microsUp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.Add(time.Microsecond-1).UnixMicro()) // 0 is no time at all
}

func fromMicros(us int64) time.Time {
	if us <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// entry is an event on its way into a journal.
type entry struct {
	at   int64 // microseconds; 0: the store's time
	json []byte
	blob string // content hash when the JSON is kept beside the journal; "" when in it
}

// encode checks an event against the limits and renders it.
func (o Options) encode(run string, e coordinator.Event) (entry, error) {
	raw, err := marshal(e)
	if err != nil {
		return entry{}, fmt.Errorf("journal %s: %s %s: %w", run, e.Kind, e.Path, err)
	}
	if err := o.checkSize(e, len(raw)); err != nil {
		return entry{}, fmt.Errorf("journal %s: %s %s: %w", run, e.Kind, e.Path, err)
	}
	out := entry{at: micros(e.At), json: raw}
	if len(raw) > o.Inline {
		sum := sha256.Sum256(raw)
		out.blob = hex.EncodeToString(sum[:])
	}
	return out, nil
}

// checkSize bounds each value of an event, and the event: it may hold a few values.
func (o Options) checkSize(e coordinator.Event, size int) error {
	if size <= o.MaxPayload {
		return nil
	}
	for field, n := range valuesOf(e) {
		if n > o.MaxPayload {
			return fmt.Errorf("its %s has %d bytes, the most is %d (MaxPayload): %w", field, n, o.MaxPayload, ErrLimit)
		}
	}
	if most := 4 * o.MaxPayload; size > most {
		return fmt.Errorf("%d bytes in all, the most is %d (four times MaxPayload): %w", size, most, ErrLimit)
	}
	return nil
}

// valuesOf lists the sizes of the values in an event that workers and people made.
func valuesOf(e coordinator.Event) map[string]int {
	sizes := map[string]int{
		"input": len(e.Input), "output": len(e.Output), "state": len(e.State), "items": len(e.Items), "exchange": len(e.Exchange),
	}
	if e.Task != nil {
		sizes["input"] = len(e.Task.Input)
	}
	if e.Decision != nil {
		sizes["decision"] = len(e.Decision.Output)
	}
	for _, c := range e.Calls {
		sizes["call of "+c.Use] = max(sizes["call of "+c.Use], len(c.Input))
	}
	return sizes
}

// encodeAll checks that the events follow seq without gaps, and that nothing follows the end of a run but a rerun, with a batch of its own.
func (o Options) encodeAll(run string, seq int64, events []coordinator.Event) ([]entry, error) {
	out := make([]entry, 0, len(events))
	for i, e := range events {
		if want := seq + int64(i) + 1; e.Seq != want {
			return nil, fmt.Errorf("journal %s: event %s has seq %d, the next one is %d", run, e.Kind, e.Seq, want)
		}
		if e.Kind == coordinator.Ended && i != len(events)-1 {
			return nil, fmt.Errorf("journal %s: event %d follows the end of the run", run, e.Seq+1)
		}
		if e.Kind == coordinator.Rerun && i != 0 {
			return nil, fmt.Errorf("journal %s: event %d: a rerun is the first event of its batch", run, e.Seq)
		}
		entry, err := o.encode(run, e)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

// decode restores an event; seq and at are the journal's, not those in the JSON.
func decode(run string, seq, at int64, raw []byte) (coordinator.Event, error) {
	var e coordinator.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("journal %s: event %d: %w", run, seq, err)
	}
	e.Seq, e.At = seq, fromMicros(at)
	return e, nil
}

// marshal renders JSON as it came: json.Marshal would rewrite '<' and '&' inside raw values, and with them their digests.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func ends(events []coordinator.Event) bool {
	return len(events) > 0 && events[len(events)-1].Kind == coordinator.Ended
}

func reopens(events []coordinator.Event) bool {
	return len(events) > 0 && events[0].Kind == coordinator.Rerun
}

// asks returns the escalation that must be open for a foreign event; "" when it is about none.
func asks(e coordinator.Event) string {
	switch e.Kind {
	case coordinator.Decided, coordinator.Claimed, coordinator.Unclaimed:
		return e.ID
	}
	return ""
}

// changesNothing reports whether a foreign event leaves the run where it is, so that nobody has to look at it for that.
func changesNothing(k coordinator.Kind) bool {
	return k == coordinator.Claimed || k == coordinator.Unclaimed || k == coordinator.Denied
}

// errBroken is wrapped by Read and Append when entries of a journal are missing.
var errBroken = errors.New("entries are missing")

// decisionKey names a delivery of a decision within its run; "" when it cannot be recognised.
func decisionKey(e coordinator.Event) string {
	if e.Kind != coordinator.Decided || e.Decision.ID == "" {
		return ""
	}
	return e.ID + " " + e.Decision.ID
}

// of completes a summary with what only the store knows, and takes it out of the caller's hands.
func (s Summary) of(run string, created time.Time) Summary {
	s.Run, s.Needs = run, slices.Clone(s.Needs)
	if s.Created.IsZero() {
		s.Created = created
	}
	if s.Updated.IsZero() {
		s.Updated = s.Created
	}
	return s
}

func encodeQuestions(b Batch) (map[string][]byte, error) {
	out := make(map[string][]byte, len(b.Open))
	for _, q := range b.Open {
		raw, err := marshal(q)
		if err != nil {
			return nil, fmt.Errorf("escalation %s: %w", q.ID, err)
		}
		out[q.ID] = raw
	}
	return out, nil
}

// decodeQuestion restores an open escalation. Who has taken it on is kept beside it: people change that, the rest is its owner's.
func decodeQuestion(id string, raw []byte, taken string) (q coordinator.Escalation, err error) {
	if err = json.Unmarshal(raw, &q); err != nil {
		err = fmt.Errorf("escalation %s: %w", id, err)
	}
	q.Claimed = taken
	return q, err
}
