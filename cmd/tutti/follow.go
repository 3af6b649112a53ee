package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

var (
	errInterrupted = errors.New("interrupted")
	errTimeout     = errors.New("the time is up")
)

// during does work that Ctrl-C, SIGTERM, a terminal that closes and a timeout end, and closes the session. The first signal lets what is in
// flight finish; the second one ends the program at once.
func (s *session) during(parent context.Context, timeout time.Duration, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for again := false; ; again = true {
			select {
			case <-signals:
			case <-done:
				return
			}
			if again {
				os.Exit(exitInterrupted)
			}
			s.screen.println("\nStopping; what is in flight gets " + seconds(s.drainWithin()) + ". Once more stops at once.")
			cancel(errInterrupted)
		}
	}()
	if timeout > 0 {
		t := time.AfterFunc(timeout, func() { cancel(errTimeout) })
		defer t.Stop()
	}
	err := work(ctx)
	if closing := s.close(); closing != nil && err == nil {
		err = closing
	}
	return err
}

// finish carries a run out, or follows whoever does, and prints what came of it.
func (s *session) finish(ctx context.Context, id string) error {
	view := s.watch(ctx, id)
	run, err := s.drive(ctx, id)
	view.stop()
	return s.conclude(ctx, id, run, err)
}

// finishCancelled is finish for a run that was told to stop: to end cancelled is what was wanted.
func (s *session) finishCancelled(ctx context.Context, id string) error {
	view := s.watch(ctx, id)
	run, err := s.drive(ctx, id)
	view.stop()
	if ended := (*local.RunError)(nil); errors.As(err, &ended) && ended.Status == coordinator.StatusCancelled {
		return s.print(ofRun(run, nil), func() error {
			s.screen.println(id + " is cancelled; what could be undone is undone.")
			return nil
		})
	}
	return s.conclude(ctx, id, run, err)
}

// defaultLease is that of local.Options.
const defaultLease = 15 * time.Second

// retryClaim is how often a run that another process holds is asked for.
const retryClaim = 300 * time.Millisecond

// drive takes the run if nobody else works on it, and waits until it has ended or waits for people. The lease of a
// process that was killed stands for a moment longer; then the run comes here.
func (s *session) drive(ctx context.Context, id string) (*coordinator.Run, error) {
	return s.driveTelling(ctx, id, !s.Quiet)
}

func (s *session) driveTelling(ctx context.Context, id string, tell bool) (*coordinator.Run, error) {
	for {
		err := s.rt.Resume(ctx, id)
		if err == nil || errors.Is(err, memory.ErrEnded) {
			return s.rt.Wait(ctx, id)
		}
		if !errors.Is(err, memory.ErrOwned) {
			return nil, err
		}
		if tell {
			s.screen.println("Another process works on " + id + ", or was stopped a moment ago. Following it; if it is gone, the run goes on here in at most " + cmp.Or(s.Lease, defaultLease).String() + ".")
			tell = false
		}
		short, cancel := context.WithTimeout(ctx, retryClaim)
		run, err := s.rt.Wait(short, id)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return run, err
		}
	}
}

// conclude prints the result and chooses the exit code.
func (s *session) conclude(ctx context.Context, id string, run *coordinator.Run, err error) error {
	var (
		waiting *local.WaitingError
		ended   *local.RunError
	)
	o := outcome{Run: id, Resume: s.command("run", "--resume", id)}
	switch {
	case err == nil:
		output, _ := run.Output("")
		return s.print(ofRun(run, output), func() error { return s.result(output) })
	case errors.As(err, &ended):
		return s.failed(ofRun(run, ended.Output), ended)
	case errors.As(err, &waiting):
		return s.waits(ctx, o, waiting)
	case errors.Is(context.Cause(ctx), errInterrupted):
		return s.stopped(o, exitInterrupted, "Stopped.")
	case errors.Is(context.Cause(ctx), errTimeout):
		return s.stopped(o, exitFailed, "The time is up.")
	case isUsage(err):
		return usage(err)
	}
	o.Error = err.Error()
	return s.stopped(o, exitFailed, "tutti: "+clean(o.Error)+"\nOnce the cause is gone:")
}

func ofRun(run *coordinator.Run, output json.RawMessage) outcome {
	used := run.Spent().Usage
	return outcome{Run: run.ID(), Pipeline: run.Task().Plan.Name, Status: run.Status(), Output: output, Usage: &used}
}

// print prints the document with -o json, and otherwise what text prints.
func (s *session) print(o outcome, text func() error) error {
	if s.wantsJSON() {
		o.Resume = ""
		return s.json(o)
	}
	return text()
}

func (s *session) failed(o outcome, e *local.RunError) error {
	o.Error = e.Message
	err := s.print(o, func() error {
		s.screen.printf("%s %s %s: %s", s.screen.paint(red, "✗"), o.Run, o.Status, clean(e.Message))
		return nil
	})
	return errors.Join(&exit{exitFailed, nil}, err)
}

// stopped says how to go on with a run that this command leaves.
func (s *session) stopped(o outcome, code int, text string) error {
	if s.kept() {
		text += " Nothing is lost; this goes on with it:\n  " + o.Resume
	} else {
		o.Resume = ""
		text += " The run ended with this command, nothing is kept without redis-server."
	}
	if s.wantsJSON() {
		if err := s.json(o); err != nil {
			return err
		}
		return &exit{code, nil}
	}
	s.screen.println(text)
	return &exit{code, nil}
}

// questionsInFull is how many questions are printed when a run is parked; the inbox lists them all.
const questionsInFull = 3

// waits prints what is asked and how to answer.
func (s *session) waits(ctx context.Context, o outcome, w *local.WaitingError) error {
	o.Status, o.Needs = coordinator.StatusWaiting, w.Needs
	if sum, err := s.store.Summary(ctx, o.Run); err == nil {
		o.Pipeline, o.Usage = sum.Pipeline, &sum.Usage
	}
	if !s.kept() {
		return s.lost(o, w)
	}
	for _, q := range w.Open {
		o.Open = append(o.Open, asked{q, s.answers(q)})
	}
	if s.wantsJSON() {
		if err := s.json(o); err != nil {
			return err
		}
		return &exit{exitWaiting, nil}
	}
	for i, q := range o.Open {
		if i == questionsInFull {
			s.screen.printf("… and %d more: %s\n", len(o.Open)-i, s.command("inbox", "list", "--run", o.Run))
			break
		}
		s.screen.println(s.questionAndAnswers(q.Escalation) + "\n")
	}
	if len(o.Needs) > 0 {
		s.screen.printf("%s waits for workers that are missing here: %s. Add them, then: %s", o.Run, fmt.Sprint(o.Needs), o.Resume)
		return &exit{exitWaiting, nil}
	}
	s.screen.printf("%s waits for people: %s.", o.Run, count(len(o.Open), "open question"))
	return &exit{exitWaiting, nil}
}

// lost says that a run which waits is gone: it was kept in memory alone.
func (s *session) lost(o outcome, w *local.WaitingError) error {
	o.Resume, o.Error = "", "nobody can answer this: the run ended with this command, nothing is kept without redis-server"
	if len(w.Open) == 0 {
		o.Error = fmt.Sprintf("workers are missing here: %s; the run ended with this command, nothing is kept without redis-server", strings.Join(o.Needs, ", "))
	}
	for _, q := range w.Open {
		o.Open = append(o.Open, asked{q, []string{}})
	}
	if s.wantsJSON() {
		return errors.Join(&exit{exitFailed, nil}, s.json(o))
	}
	for _, q := range o.Open {
		s.screen.println(s.question(q.Escalation) + "\n")
	}
	s.screen.println(s.screen.paint(red, o.Error))
	return &exit{exitFailed, nil}
}

// seconds words a whole number of seconds.
func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds())) }

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
