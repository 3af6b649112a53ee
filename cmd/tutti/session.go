package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
)

// session is a workspace in use: its workers, its store, and the runtime over both. Close it.
type session struct {
	*app
	ws      *pipeline.Workspace
	workers map[string]coordinator.Worker
	prices  models.Prices
	broken  error // mistakes in the workspace's settings, with their places
	store   memory.Store
	rt      *local.Runtime
	stalled stall
	standIn string // whom the printed commands name when the user is none of the workspace's people
	began   int64  // the run's last event before this command; what is older was seen by somebody else

	tune  func(*local.Options) // a command's own options of the runtime
	drain time.Duration        // how long close awaits what is in flight; 0: closeWithin
}

// looking opens the workspace and its store for a command that only reads.
func (a *app) looking(ctx context.Context, look func(context.Context, *session) error) error {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := &session{app: a, ws: ws}
	return s.during(ctx, 0, func(ctx context.Context) error {
		if err := s.start(ctx, nil); err != nil {
			return err
		}
		return look(ctx, s)
	})
}

// onRun opens the workspace and its store and does something about a run that is there.
func (a *app) onRun(ctx context.Context, id string, timeout time.Duration, work func(context.Context, *session) error) error {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, timeout, func(ctx context.Context) error {
		s.warnOfBroken()
		if err := s.start(ctx, s.people(ctx)); err != nil {
			return err
		}
		sum, err := s.store.Summary(ctx, id)
		if err != nil {
			return s.unknown("run", id, err)
		}
		s.began = sum.Seq
		return work(ctx, s)
	})
}

// onRuns opens the workspace and its store for a command about many runs: nobody is asked on the spot.
func (a *app) onRuns(ctx context.Context, work func(context.Context, *session) error) error {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, 0, func(ctx context.Context) error {
		s.warnOfBroken()
		if err := s.start(ctx, nil); err != nil {
			return err
		}
		return work(ctx, s)
	})
}

// unknown explains where was looked for what is not there.
func (s *session) unknown(what, id string, err error) error {
	if errors.Is(err, memory.ErrNotFound) {
		return fmt.Errorf("%s %s: %w in workspace %s (%s)", what, id, memory.ErrNotFound, s.ws.Name, s.storeName())
	}
	if strings.HasPrefix(err.Error(), what+" "+id) {
		return err
	}
	return fmt.Errorf("%s %s: %w", what, id, err)
}

// sayDurability tells once what survives which failure.
func (s *session) sayDurability() {
	if !s.Quiet && !s.wantsJSON() {
		s.screen.println(s.screen.paint(faint, "store: "+s.store.Durability().Text))
	}
}

// warnOfBroken says what the workspace lacks when the work at hand does not need it.
func (s *session) warnOfBroken() {
	if s.broken != nil && !s.wantsJSON() && !s.Quiet {
		s.screen.println(s.screen.paint(yellow, "not all of the workspace works: ") + clean(joined(s.broken)))
	}
}

// start connects to the store and starts the runtime. It works off only what this command asks for.
func (s *session) start(ctx context.Context, people func(context.Context, coordinator.Escalation) (coordinator.Decision, error)) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	o := local.Options{
		Workers: s.workers, Store: s.store, Workspace: s.ws.Name, Limits: s.ws.Limits,
		Lease: s.Lease, Patience: s.Patience, Passive: true,
		People: people, Rights: s.ws.MayDecide, Log: s.logger(),
		May: func(by string, act local.Act, run memory.Summary) error { return s.ws.MayAct(by, string(act), run.By) },
	}
	if s.tune != nil {
		s.tune(&o)
	}
	rt, err := local.New(o)
	if err != nil {
		return err
	}
	s.rt = rt
	return nil
}

// closeWithin is how long a command awaits what is in flight when it is told to stop.
const closeWithin = 10 * time.Second

func (s *session) drainWithin() time.Duration { return cmp.Or(s.drain, closeWithin) }

// close awaits what is in flight, gives the runs up so that others can take them at once, and releases everything.
func (s *session) close() error {
	var wrong []error
	if s.rt != nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.drainWithin())
		defer cancel()
		wrong = append(wrong, s.rt.Close(ctx))
	}
	wrong = append(wrong, tools.Close(slices.Collect(maps.Values(s.workers))...))
	if s.store != nil {
		wrong = append(wrong, s.store.Close())
	}
	wrong = append(wrong, s.ws.Close())
	return errors.Join(wrong...)
}
