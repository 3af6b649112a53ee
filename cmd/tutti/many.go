package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// defaultParallel is how many runs a command over many works off at once.
const defaultParallel = 8

// job is one of many runs.
type job struct {
	item  string                                    // what people know it by: a file, a line of a list
	run   string                                    // "": begin tells
	begin func(ctx context.Context) (string, error) // submits or reopens it and returns its id
	ended *memory.Summary                           // it had ended before this command: nothing is to be done
}

// result is what became of a job. A run that is not over when the command stops has no status.
type result struct {
	Item   string             `json:"item,omitempty"`
	Run    string             `json:"run,omitempty"`
	Status coordinator.Status `json:"status,omitempty"`
	Output json.RawMessage    `json:"output,omitempty"`
	Error  string             `json:"error,omitempty"`
	Open   []asked            `json:"open,omitempty"`
	Needs  []string           `json:"needs,omitempty"` // workers
	Usage  coordinator.Usage  `json:"usage,omitzero"`
	Before bool               `json:"before,omitempty"` // it had ended before this command
}

// many carries out many runs, some at once.
type many struct {
	s        *session
	title    string
	parallel int
	wants    coordinator.Status // how a run should end; "": done
	outputs  bool               // keep them: they may be large
	begun    time.Time

	mu      sync.Mutex
	results []result // in the order of the jobs
	next    int
	first   int // jobs that were over before this command
	counts  tallied
	broken  error // why nothing more is begun
	frame   int
}

// tallied counts jobs by what became of them.
type tallied struct {
	Runs    int `json:"runs"`
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Waiting int `json:"waiting"`
	Left    int `json:"left"` // not over, and waiting for nobody
}

// work carries out the jobs and returns once all have ended or wait for people, or ctx ended. The error says why the
// rest was left.
func (m *many) work(ctx context.Context, jobs []job) error {
	m.each(ctx, jobs, m.one)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.lookAgain(ctx)
	return m.broken
}

// submit begins the jobs and leaves them to others; wants is the status that they have then.
func (m *many) submit(ctx context.Context, jobs []job) error {
	m.each(ctx, jobs, func(ctx context.Context, j job) (result, error) {
		r := result{Item: j.item, Run: j.run}
		id, err := j.begin(ctx)
		if err != nil {
			return m.refused(ctx, r, err)
		}
		r.Run, r.Status = id, m.wants
		return r, nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return m.broken
}

// each does something about every job, some at once.
func (m *many) each(ctx context.Context, jobs []job, do func(context.Context, job) (result, error)) {
	m.begun, m.results = time.Now(), make([]result, len(jobs))
	m.counts = tallied{Runs: len(jobs), Left: len(jobs)}
	for i, j := range jobs {
		m.results[i] = result{Item: j.item, Run: j.run}
	}
	stop := m.draw()
	defer stop()
	var crew sync.WaitGroup
	for range min(m.parallel, len(jobs)) {
		crew.Go(func() { m.workOff(ctx, jobs, do) })
	}
	crew.Wait()
}

func (m *many) workOff(ctx context.Context, jobs []job, do func(context.Context, job) (result, error)) {
	for {
		m.mu.Lock()
		i := m.next
		if i == len(jobs) || m.broken != nil || ctx.Err() != nil {
			m.mu.Unlock()
			return
		}
		m.next++
		m.mu.Unlock()
		began := time.Now()
		r, err := do(ctx, jobs[i])
		m.take(i, r, err, time.Since(began))
	}
}

// one carries out one job. The error, if any, is about all of them.
func (m *many) one(ctx context.Context, j job) (result, error) {
	r := result{Item: j.item, Run: j.run}
	if j.ended != nil {
		r.Status, r.Error, r.Usage, r.Before = j.ended.Status, j.ended.Error, j.ended.Usage, true
		return r, nil
	}
	id, err := j.begin(ctx)
	if id != "" {
		r.Run = id
	}
	if err != nil {
		return m.refused(ctx, r, err)
	}
	run, err := m.s.driveTelling(ctx, id, false)
	return m.outcome(ctx, r, run, err)
}

// refused tells what is wrong with one job from what is wrong with all.
func (m *many) refused(ctx context.Context, r result, err error) (result, error) {
	switch {
	case ctx.Err() != nil:
		return r, nil
	case errors.Is(err, memory.ErrUnavailable), errors.Is(err, local.ErrClosed):
		return r, err
	}
	r.Status, r.Error = coordinator.StatusFailed, err.Error()
	return r, nil
}

func (m *many) outcome(ctx context.Context, r result, run *coordinator.Run, err error) (result, error) {
	var (
		waiting *local.WaitingError
		ended   *local.RunError
	)
	if run != nil {
		r.Usage, r.Status = run.Spent().Usage, run.Status()
	}
	switch {
	case err == nil:
		if m.outputs {
			r.Output, _ = run.Output("")
		}
	case errors.As(err, &ended):
		r.Status, r.Error = ended.Status, ended.Message
	case errors.As(err, &waiting):
		r.Status, r.Needs = coordinator.StatusWaiting, waiting.Needs
		for _, q := range waiting.Open {
			r.Open = append(r.Open, asked{q, m.s.answers(q)})
		}
		if sum, err := m.s.store.Summary(ctx, r.Run); err == nil {
			r.Usage = sum.Usage
		}
	default:
		return m.refused(ctx, r, err)
	}
	return r, nil
}

func (m *many) take(i int, r result, err error, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results[i] = r
	if err != nil && m.broken == nil {
		m.broken = err
	}
	if r.Before {
		m.first++
	}
	m.count(r, 1)
	m.tell(r, took)
}

func (m *many) count(r result, by int) {
	switch {
	case r.Status == "":
		return
	case m.well(r):
		m.counts.Done += by
	case r.Status == coordinator.StatusWaiting:
		m.counts.Waiting += by
	default:
		m.counts.Failed += by
	}
	m.counts.Left -= by
}

// goal is how a run should end.
func (m *many) goal() coordinator.Status { return cmp.Or(m.wants, coordinator.StatusDone) }

// well reports whether a run ended as it should.
func (m *many) well(r result) bool {
	return r.Status == m.goal()
}

// lookAgain sees what became meanwhile of runs that waited: somebody may have answered.
func (m *many) lookAgain(ctx context.Context) {
	for i, r := range m.results {
		if r.Status != coordinator.StatusWaiting {
			continue
		}
		sum, err := m.s.store.Summary(ctx, r.Run)
		if err != nil || !sum.Status.Final() {
			continue
		}
		m.count(r, -1)
		r.Status, r.Error, r.Open, r.Needs, r.Usage = sum.Status, sum.Error, nil, nil, sum.Usage
		m.results[i] = r
		m.count(r, 1)
	}
}

// exitCode is 0 when all is done, 1 when something failed, 3 when something waits.
func (m *many) exitCode() int {
	switch {
	case m.counts.Failed > 0:
		return exitFailed
	case m.counts.Waiting > 0:
		return exitWaiting
	}
	return exitDone
}

// failed are the results that went wrong.
func (m *many) failed() []result {
	return m.those(func(r result) bool {
		return r.Status != "" && r.Status != coordinator.StatusWaiting && !m.well(r)
	})
}

// waiting are the results that wait for somebody.
func (m *many) waiting() []result {
	return m.those(func(r result) bool { return r.Status == coordinator.StatusWaiting && !m.well(r) })
}

func (m *many) those(are func(result) bool) []result {
	return slices.DeleteFunc(slices.Clone(m.results), func(r result) bool { return !are(r) })
}

// usage is what all of them used.
func (m *many) usage() (u coordinator.Usage) {
	for _, r := range m.results {
		u = u.Add(r.Usage)
	}
	return u
}

// name is what a result is called on the screen.
func (r result) name() string {
	return strings.TrimSpace(strings.Join([]string{line(r.Item), r.Run}, "  "))
}
