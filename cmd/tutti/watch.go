package main

import (
	"context"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// view shows a run's progress. Its methods are called by one goroutine at a time.
type view interface {
	event(e coordinator.Event, old bool) // old: it happened before this command
	tick()
	end()
}

// watching feeds a view from the run's journal, whoever works on the run.
type watching struct {
	s      *session
	id     string
	view   view
	old    int64 // events up to here happened before this command
	after  int64 // events up to here were shown
	cancel context.CancelFunc
	done   chan struct{}
}

const (
	drawEvery   = 100 * time.Millisecond
	drainWithin = 2 * time.Second
)

// watch shows a run until stop is called.
func (s *session) watch(ctx context.Context, id string) *watching {
	return s.watchWith(ctx, id, s.newView())
}

func (s *session) watchWith(ctx context.Context, id string, v view) *watching {
	w := &watching{s: s, id: id, view: v, old: s.began, done: make(chan struct{})}
	ctx, w.cancel = context.WithCancel(ctx)
	events := make(chan coordinator.Event)
	go w.read(ctx, events)
	go w.play(events)
	return w
}

func (s *session) newView() view {
	switch {
	case s.Quiet:
		return blind{}
	case s.screen.live:
		return &liveView{s: s.app}
	}
	return &plainView{s: s.app, began: map[string]coordinator.Event{}}
}

// read follows the journal, through times when the store does not answer.
func (w *watching) read(ctx context.Context, events chan<- coordinator.Event) {
	defer close(events)
	after := int64(0)
	for ctx.Err() == nil {
		for e, err := range w.s.rt.Watch(ctx, w.id, after) {
			if err != nil {
				break
			}
			w.s.storeAnswers()
			events <- e
			after = e.Seq
			if e.Kind == coordinator.Ended {
				return
			}
		}
		select {
		case <-time.After(drawEvery):
		case <-ctx.Done():
		}
	}
}

func (w *watching) play(events <-chan coordinator.Event) {
	defer close(w.done)
	t := time.NewTicker(drawEvery)
	defer t.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			w.show(e)
		case <-t.C:
			w.view.tick()
		}
	}
}

func (w *watching) show(e coordinator.Event) {
	w.after = e.Seq
	w.view.event(e, e.Seq <= w.old)
}

// stop shows what is in the journal by now, and the last frame.
func (w *watching) stop() {
	w.cancel()
	<-w.done
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	for e, err := range w.s.store.Read(ctx, w.id, w.after) {
		if err != nil {
			break
		}
		w.show(e)
	}
	w.view.end()
}

// blind shows nothing.
type blind struct{}

func (blind) event(coordinator.Event, bool) {}
func (blind) tick()                         {}
func (blind) end()                          {}
