package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools/schema"
)

// Task is what to submit.
type Task struct {
	Goal  string
	Plan  *coordinator.Plan
	Input any               // encoded as JSON; json.RawMessage is taken as it is
	Key   string            // idempotency key: the same task submitted twice is one run
	By    string            // who asks
	Label coordinator.Label // of Input; "": trusted, the operator's own words

	Batch string // the batch it belongs to, for finding it and what it was submitted with again

	Detached bool // journal it and leave it to whoever claims or resumes it
}

// InputError says what is wrong with a task's input.
type InputError struct {
	Plan string
	Err  error
}

func (e *InputError) Error() string {
	if e.Plan == "" {
		return "input: " + e.Err.Error()
	}
	return fmt.Sprintf("input of %s: %v", e.Plan, e.Err)
}
func (e *InputError) Unwrap() error { return e.Err }

// Submit journals a new run and returns its id; the work goes on in the background. A plan with mistakes is a
// *coordinator.PlanError, an input that does not fit an *InputError, a key used for another task memory.ErrKeyReused.
func (rt *Runtime) Submit(ctx context.Context, t Task) (string, error) {
	if rt.isClosing() {
		return "", ErrClosed
	}
	task, err := rt.prepare(t)
	if err != nil {
		return "", err
	}
	now, err := rt.store.Now(ctx)
	if err != nil {
		return "", fmt.Errorf("submit: %w", err)
	}
	digest, err := digestOf(task)
	if err != nil {
		return "", err
	}
	task.Run = memory.NewRunID(rt.o.Workspace, t.Key, now)
	first := coordinator.Event{Seq: 1, At: now, Kind: coordinator.Submitted, Task: task}
	run := new(coordinator.Run)
	if err := run.Apply(first); err != nil {
		return "", err
	}
	n := memory.NewRun{
		ID: task.Run, Key: t.Key, Digest: digest, Events: []coordinator.Event{first},
		Summary: summarise(run, nil, now), Owner: rt.owner, Lease: rt.o.Lease,
	}
	if t.Detached {
		n.Owner, n.Lease = "", 0
	}
	created, err := rt.create(ctx, n)
	if err != nil {
		return "", fmt.Errorf("submit: %w", err)
	}
	if created.Run == task.Run {
		rt.o.Observe(task.Run, first)
		err = rt.begin(ctx, created, t.Detached)
	}
	return created.Run, err
}

// begin works off a run just made, unless it is left to others.
func (rt *Runtime) begin(ctx context.Context, created memory.Created, detached bool) error {
	switch {
	case detached:
	case created.Existed: // the answer to the first asking was lost, or somebody submitted the same within this millisecond
		err := rt.Resume(ctx, created.Run)
		if errors.Is(err, memory.ErrEnded) || errors.Is(err, memory.ErrOwned) {
			return nil
		}
		return err
	default:
		rt.adopt(created.Lease)
	}
	return nil
}

// create asks again when the store did not answer: the run's id, or its key, makes the second asking harmless.
func (rt *Runtime) create(ctx context.Context, n memory.NewRun) (created memory.Created, err error) {
	if n.Key == "" {
		n.Key = "id:" + n.ID
	}
	err = rt.insist(ctx, func() error {
		created, err = rt.store.Create(ctx, n)
		return err
	})
	return created, err
}

func (rt *Runtime) prepare(t Task) (*coordinator.Task, error) {
	if t.Plan == nil {
		return nil, &InputError{Err: errors.New("a task needs a plan")}
	}
	if err := coordinator.Check(t.Plan, rt.Card, rt.o.Limits); err != nil {
		return nil, err
	}
	in, err := encode(t.Input)
	if err != nil {
		return nil, &InputError{t.Plan.Name, err}
	}
	if len(in) > rt.o.Limits.Payload {
		return nil, &InputError{t.Plan.Name, fmt.Errorf("it has %d bytes; %d is the limit", len(in), rt.o.Limits.Payload)}
	}
	if err := check(t.Plan.Input, in); err != nil {
		return nil, &InputError{t.Plan.Name, err}
	}
	if t.Label == "" {
		t.Label = coordinator.Trusted
	}
	return &coordinator.Task{
		Version: coordinator.Version, Workspace: rt.o.Workspace, Goal: t.Goal, Plan: t.Plan, Input: in,
		By: t.By, Batch: t.Batch, Label: t.Label, Limits: rt.o.Limits,
	}, nil
}

func encode(v any) (json.RawMessage, error) {
	raw, ok := v.(json.RawMessage)
	if !ok || raw == nil {
		if v == nil || ok {
			v = map[string]any{}
		}
		var err error
		if raw, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return coordinator.Canonical(raw)
}

// check validates a value against a JSON Schema; an empty schema accepts everything.
func check(rules, value json.RawMessage) error {
	if len(rules) == 0 {
		return nil
	}
	s, err := schema.Compile(rules)
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// digestOf tells a repeated submission from another task under the same key.
func digestOf(t *coordinator.Task) (string, error) {
	raw, err := json.Marshal(struct {
		Goal  string
		Plan  *coordinator.Plan
		Input json.RawMessage
	}{t.Goal, t.Plan, t.Input})
	if err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// Run submits and waits.
func (rt *Runtime) Run(ctx context.Context, t Task) (*coordinator.Run, error) {
	id, err := rt.Submit(ctx, t)
	if err != nil {
		return nil, err
	}
	return rt.Wait(ctx, id)
}

// Wait returns the run when it has ended, a *WaitingError when only people or a missing worker can move it, or ctx's error.
// A run that failed or was cancelled is returned beside a *RunError.
func (rt *Runtime) Wait(ctx context.Context, run string) (*coordinator.Run, error) {
	for {
		changed := rt.onChange(run)
		over, r, err := rt.look(ctx, run)
		if over || err != nil {
			return r, err
		}
		t := time.NewTimer(lookEvery)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
		t.Stop()
		if err != nil {
			return nil, err
		}
	}
}

// look reports whether there is nothing more to wait for.
func (rt *Runtime) look(ctx context.Context, run string) (bool, *coordinator.Run, error) {
	rt.mu.Lock()
	l, failure := rt.live[run], rt.failed[run]
	rt.mu.Unlock()
	if l != nil {
		return false, nil, nil
	}
	var s memory.Summary
	ask := func() (err error) { s, err = rt.store.Summary(ctx, run); return err }
	err := ask()
	if errors.Is(err, memory.ErrUnavailable) && failure == nil {
		err = rt.insist(ctx, ask)
	}
	switch {
	case err != nil && failure != nil:
		return false, nil, fmt.Errorf("run %s: %w", run, failure)
	case err != nil:
		return false, nil, fmt.Errorf("run %s: %w", run, err)
	case s.Status.Final():
		r, err := rt.ended(ctx, run)
		return true, r, err
	case failure != nil:
		return false, nil, fmt.Errorf("run %s: %w", run, failure)
	case s.Status == coordinator.StatusQuarantined:
		return false, nil, fmt.Errorf("run %s is quarantined: %s", run, s.Error)
	case s.Status == coordinator.StatusActive, !s.Due.IsZero(), rt.unseen(ctx, run, s.Seq):
		return false, nil, nil
	}
	open, _, err := rt.store.Inbox(ctx, memory.InboxFilter{Run: run, Limit: 1000})
	if err != nil || len(open) == 0 && len(s.Needs) == 0 {
		return false, nil, err
	}
	return false, nil, &WaitingError{Run: run, Open: open, Needs: s.Needs}
}

// unseen reports whether somebody appended what the run's owner has not seen.
func (rt *Runtime) unseen(ctx context.Context, run string, seq int64) bool {
	for _, err := range rt.store.Read(ctx, run, seq) {
		return err == nil
	}
	return false
}

func (rt *Runtime) ended(ctx context.Context, run string) (*coordinator.Run, error) {
	r, err := rt.Load(ctx, run)
	if err != nil || r.Status() == coordinator.StatusDone {
		return r, err
	}
	out, _ := r.Output("")
	e := &RunError{Run: run, Status: r.Status(), Output: out}
	if f := r.Failure(); f != nil {
		e.Message = f.Message
	}
	return r, e
}

// Resume takes a run that nobody works on and goes on with it: after a crash, or after an answer given elsewhere.
// memory.ErrOwned: another process works on it, or did until a moment ago; its lease tells.
func (rt *Runtime) Resume(ctx context.Context, run string) error {
	if rt.isClosing() {
		return ErrClosed
	}
	rt.mu.Lock()
	_, ours := rt.live[run]
	rt.mu.Unlock()
	if ours {
		return nil
	}
	lease, err := rt.store.ClaimRun(ctx, run, rt.owner, rt.o.Lease)
	if err != nil {
		return fmt.Errorf("run %s: %w", run, err)
	}
	rt.adopt(lease)
	return nil
}

// WaitingError says that a run cannot go on without people, or without a worker that is missing here.
type WaitingError struct {
	Run   string
	Open  []coordinator.Escalation
	Needs []string // workers
}

func (e *WaitingError) Error() string {
	if len(e.Open) == 0 {
		return fmt.Sprintf("run %s waits for %s", e.Run, strings.Join(e.Needs, ", "))
	}
	questions := make([]string, len(e.Open))
	for i, q := range e.Open {
		questions[i] = fmt.Sprintf("%s: %s", q.ID, q.Question)
	}
	return fmt.Sprintf("run %s waits for people: %s", e.Run, strings.Join(questions, "; "))
}

// RunError says why a run failed or was cancelled.
type RunError struct {
	Run     string
	Status  coordinator.Status
	Message string
	Output  json.RawMessage
}

func (e *RunError) Error() string { return fmt.Sprintf("run %s %s: %s", e.Run, e.Status, e.Message) }
