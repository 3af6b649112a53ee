package coordinator

import "time"

// Action is something the runtime shall do: Record, Ask, Do, Wait or Stop.
type Action interface{ action() }

// Record asks the runtime to journal an event that follows from the state alone.
type Record struct{ Event Event }

// Ask is a Record that opens a question to people (Event.Escalation).
type Ask struct{ Event Event }

// Do asks for one attempt: the runtime journals Event (started; it fills Effect, Epoch and Deadline) and then calls the worker.
// Until it is started, Next returns it again.
type Do struct {
	Worker  string
	Attempt Attempt
	Timeout time.Duration // as the step states it; 0: the worker's own, else DefaultTimeout
	Step    *Step         // the step's declaration, for Accept and the like; nil for a call
	Undo    bool          // a compensation: no budget holds it back
	Event   Event
}

// Wait says that nothing more can be done until something happens: an attempt in flight ends, a person answers,
// or the time comes. A zero Until has no time.
type Wait struct {
	Until    time.Time // the earliest of everything
	Timer    time.Time // the earliest that moves the run by itself: no question's deadline
	InFlight int
	Open     int // escalations
}

// Stop says that the run has ended.
type Stop struct{ Status Status }

func (Record) action() {}
func (Ask) action()    {}
func (Do) action()     {}
func (Wait) action()   {}
func (Stop) action()   {}
