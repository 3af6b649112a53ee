package api

// Hiccups are what services do now and then. They are counted, not drawn by lot, so that a demo runs the same way twice.
type Hiccups struct {
	Busy int // every so many-th change is declined with 503 and a Retry-After of a second; 0: none
	Lose int // every so many-th change is made, and its answer is lost; 0: none
}

func (h Hiccups) busy(n int) bool  { return h.Busy > 0 && n%h.Busy == 0 }
func (h Hiccups) loses(n int) bool { return h.Lose > 0 && n%h.Lose == 0 }
