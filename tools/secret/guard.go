package secret

import (
	"context"
	"io"

	"github.com/tuttirun/tutti/coordinator"
)

// Guard returns a worker that does what w does and whose results and errors hold no secret of the set: they are journaled,
// shown to people and sent to models. It reconciles and closes as w does.
func Guard(w coordinator.Worker, s *Set) coordinator.Worker {
	if s == nil || len(s.forms) == 0 {
		return w
	}
	g := guarded{Worker: w, set: s}
	if r, ok := w.(coordinator.Reconciler); ok {
		return reconciling{g, r}
	}
	return g
}

type guarded struct {
	coordinator.Worker
	set *Set
}

// Card is what planners and models read: settings may have put a secret into a description, although it does not belong there.
func (g guarded) Card() coordinator.Card {
	c := g.Worker.Card()
	c.Description = g.set.Mask(c.Description)
	c.Input, c.Output = g.set.MaskJSON(c.Input), g.set.MaskJSON(c.Output)
	return c
}

func (g guarded) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	r, err := g.Worker.Do(ctx, a)
	return g.result(r), g.failure(err)
}

func (g guarded) Close() error {
	if c, ok := g.Worker.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

type reconciling struct {
	guarded
	coordinator.Reconciler
}

func (r reconciling) Reconcile(ctx context.Context, a coordinator.Attempt) (coordinator.Result, bool, error) {
	res, happened, err := r.Reconciler.Reconcile(ctx, a)
	return r.result(res), happened, r.failure(err)
}

// result masks everything that a worker can say. A plan is left alone: pipelines make plans, and they hold no secrets.
func (g guarded) result(r coordinator.Result) coordinator.Result {
	r.Output, r.State = g.set.MaskJSON(r.Output), g.set.MaskJSON(r.State)
	r.Exchange, r.Note = g.set.MaskJSON(r.Exchange), g.set.Mask(r.Note)
	if len(r.Calls) > 0 {
		calls := make([]coordinator.Call, len(r.Calls))
		for i, c := range r.Calls {
			c.Input, c.Refused = g.set.MaskJSON(c.Input), g.set.Mask(c.Refused)
			calls[i] = c
		}
		r.Calls = calls
	}
	if r.Confidence != nil {
		c := *r.Confidence
		c.Veto = g.set.Mask(c.Veto)
		c.Signals = append([]coordinator.Signal(nil), c.Signals...)
		for i := range c.Signals {
			c.Signals[i].Note = g.set.Mask(c.Signals[i].Note)
		}
		r.Confidence = &c
	}
	return r
}

// failure masks an error's text and keeps what is known about it.
func (g guarded) failure(err error) error {
	if err == nil || g.set.Mask(err.Error()) == err.Error() {
		return err
	}
	return masked{err, g.set.Mask(err.Error())}
}

type masked struct {
	error
	text string
}

func (m masked) Error() string { return m.text }
func (m masked) Unwrap() error { return m.error }
