package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

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
	if !created.Existed {
		rt.o.Observe(task.Run, first)
		if !t.Detached {
			rt.adopt(created.Lease)
		}
	}
	return created.Run, nil
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
		By: t.By, Label: t.Label, Limits: rt.o.Limits,
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

// Resume takes a run that nobody works on and goes on with it: after a crash, or after an answer given elsewhere.
// memory.ErrOwned: another process works on it, or did until a moment ago; its lease tells.
func (rt *Runtime) Resume(ctx context.Context, run string) error {
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
