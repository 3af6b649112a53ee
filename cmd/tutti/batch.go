package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
)

// batchFlags make many runs of one command: one for each file or line.
type batchFlags struct {
	each     []string
	as       string
	id       string
	parallel int
	most     int
	ask      bool
}

// defaultBatch is how many runs a batch may have.
const defaultBatch = 10_000

const batchHelp = `

With --each there is one run for each file that a pattern finds (** stands for any number of folders), or for each line of a
list of inputs (@list.jsonl, @- for stdin). The runs of one command are a batch: its id is printed, or chosen with --batch.
The same batch again submits nothing twice: a file with the same name, content and other inputs is one run of a batch, so
the same command goes on where it was stopped, and new files join in. Questions wait in the inbox until the end, unless --ask
puts them to you one after the other.`

const batchExample = `
  tutti run invoice-intake --each 'inbox/*.pdf'
  tutti run invoice-intake --each 'inbox/**/*.pdf' --each-as document --set currency=EUR --batch september --parallel 4
  tutti run month-summary --each @months.jsonl -o json
  tutti run invoice-intake --each 'inbox/*.pdf' --detach && tutti runner`

func (b *batchFlags) register(fl *pflag.FlagSet) {
	fl.StringArrayVar(&b.each, "each", nil, "one run for each file of a pattern, such as 'inbox/*.pdf', or for each line of @list.jsonl; repeat it")
	fl.StringVar(&b.as, "each-as", "", "the property of the input that the file is (default: the one with format: path, or the only one)")
	fl.StringVar(&b.id, "batch", "", "with --each: the batch's name; the same name again goes on with it (default: a new one)")
	fl.IntVar(&b.parallel, "parallel", defaultParallel, "with --each: how many runs at once")
	fl.IntVar(&b.most, "max", defaultBatch, "with --each: how many runs a batch may have")
	fl.BoolVar(&b.ask, "ask", false, "with --each: put questions to you while the batch runs")
}

var batchName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// check refuses what does not go together.
func (b *batchFlags) check(fl *pflag.FlagSet, f *runFlags) error {
	if len(b.each) == 0 {
		for _, name := range []string{"each-as", "batch", "parallel", "max", "ask"} {
			if fl.Changed(name) {
				return fmt.Errorf("--%s needs --each", name)
			}
		}
		return nil
	}
	switch {
	case f.resume != "":
		return errors.New("--resume is about one run; a batch goes on with its --each and --batch")
	case f.dry.on:
		return errors.New("--dry-run walks one run: leave --each out, and give one input with --set")
	case f.key != "":
		return errors.New("--key is one run's; a batch makes its own from --batch and each file")
	case b.id != "" && !batchName.MatchString(b.id):
		return fmt.Errorf("--batch %s: a name has up to 64 letters, digits, '.', '_' and '-'", b.id)
	case b.parallel < 1, b.most < 1:
		return errors.New("--parallel and --max are at least 1")
	case b.ask && f.detach:
		return errors.New("--ask and --detach do not go together: nobody sits in the background")
	}
	for _, each := range b.each {
		if each == "@-" && f.input.whole == "@-" {
			return errors.New("--each and --input cannot both come from stdin")
		}
	}
	return nil
}

func newBatchID(now time.Time) string {
	return "b-" + strconv.FormatInt(now.UnixMilli(), 36) + "-" + strings.ToLower(rand.Text()[:6])
}

// runBatch carries out a pipeline for each file or line.
func (a *app) runBatch(ctx context.Context, target string, f runFlags) error {
	if f.batch.ask && !a.asks {
		return usage(errors.New("--ask needs a terminal to ask at"))
	}
	ws, err := a.find(target)
	if err != nil {
		return err
	}
	s := a.wire(ws)
	return s.during(ctx, f.timeout, func(ctx context.Context) error {
		file, err := s.pipeline(target)
		if err != nil {
			return usage(err)
		}
		fresh := f.batch.id == ""
		if fresh {
			f.batch.id = newBatchID(time.Now())
		}
		all, err := s.pieces(f, file.Plan)
		if err != nil {
			return usage(err)
		}
		if len(all) == 0 {
			return usage(fmt.Errorf("--each %s: nothing was found", strings.Join(f.batch.each, ", --each ")))
		}
		b := batch{session: s, flags: f, target: target, file: file}
		return b.run(ctx, all, fresh)
	})
}

// batch is one pipeline carried out for many inputs.
type batch struct {
	*session
	flags  runFlags
	target string
	file   *pipeline.File
}

func (b *batch) run(ctx context.Context, all []piece, fresh bool) error {
	answering := b.people(ctx)
	if !b.flags.batch.ask {
		answering = nil
	}
	b.tune = func(o *local.Options) { o.Concurrency = max(o.Concurrency, b.flags.batch.parallel) }
	if err := b.start(ctx, answering); err != nil {
		return err
	}
	if b.flags.detach && !b.store.Durability().Survives {
		return usage(errNoDetach)
	}
	known := map[string]memory.Summary{}
	if !fresh {
		var err error
		if known, err = b.known(ctx); err != nil {
			return err
		}
	}
	b.sayDurability()
	if b.flags.detach {
		return b.submit(ctx, all, known)
	}
	return b.carryOut(ctx, all, known)
}

// known are the runs of the batch, by what their ids have from their keys.
func (b *batch) known(ctx context.Context) (map[string]memory.Summary, error) {
	runs, err := b.allRuns(ctx, memory.RunFilter{Batch: b.flags.batch.id})
	out := make(map[string]memory.Summary, len(runs))
	for _, r := range runs {
		out[keyed(r.Run)] = r
	}
	return out, err
}

// keyed is the part of a run's id that its idempotency key decides.
func keyed(run string) string { return run[strings.LastIndexByte(run, '-')+1:] }

// job is the piece's run: the one that the batch has already, or a new one.
func (b *batch) job(p piece, known map[string]memory.Summary) job {
	j := job{item: p.name, begin: func(ctx context.Context) (string, error) { return b.rt.Submit(ctx, b.task(p, false)) }}
	sum, there := known[keyed(memory.NewRunID(b.ws.Name, p.key, time.Time{}))]
	if !there {
		return j
	}
	j.run = sum.Run
	j.begin = func(context.Context) (string, error) { return sum.Run, nil }
	if sum.Status.Final() {
		j.ended = &sum
	}
	return j
}

func (b *batch) task(p piece, detached bool) local.Task {
	return local.Task{
		Goal: b.flags.goal, Plan: b.file.Plan, Input: p.input, Key: p.key, By: b.As, Batch: b.flags.batch.id, Detached: detached,
	}
}

func (b *batch) carryOut(ctx context.Context, all []piece, known map[string]memory.Summary) error {
	id := b.flags.batch.id
	m := &many{s: b.session, title: b.file.Name + ", batch " + id, parallel: b.flags.batch.parallel, outputs: b.wantsJSON()}
	jobs := make([]job, len(all))
	for i, p := range all {
		jobs[i] = b.job(p, known)
	}
	if !b.Quiet {
		b.screen.println(m.title + ": " + count(len(jobs), "run"))
	}
	err := m.work(ctx, jobs)
	sum := summary{Batch: id, Pipeline: b.file.Name}
	if err != nil {
		sum.Error = why(err)
		if b.kept() {
			sum.Resume = b.command(b.again()...)
		}
	}
	w := words{
		failed:  []string{b.command("runs", "list", "--batch", id, "--status", "failed"), b.command("runs", "rerun", "--batch", id, "--status", "failed") + "   once the cause is mended"},
		waiting: []string{b.command("inbox", "list", "--batch", id)},
	}
	if !b.kept() {
		w = words{}
	}
	if printing := m.report(sum, w); printing != nil {
		return printing
	}
	return ending(ctx, m, err)
}

// why words what ended a command over many runs before its time.
func why(err error) string {
	switch {
	case errors.Is(err, errInterrupted):
		return "stopped"
	case errors.Is(err, errTimeout):
		return "the time is up"
	}
	return err.Error()
}

// ending is the exit code of a command over many runs, whose summary has been printed.
func ending(ctx context.Context, m *many, err error) error {
	code := m.exitCode()
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		code = exitInterrupted
	case err != nil:
		code = exitFailed
	}
	if code == exitDone {
		return nil
	}
	return &exit{code, nil}
}

// again are the words of the command that goes on with the batch.
func (b *batch) again() []string {
	f := b.flags
	out := []string{"run", b.target}
	option := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, "--"+name, v)
			}
		}
	}
	option("each", f.batch.each...)
	option("each-as", f.batch.as)
	option("input", f.input.whole)
	option("set", f.input.set...)
	option("goal", f.goal)
	option("batch", f.batch.id)
	if f.batch.parallel != defaultParallel {
		option("parallel", strconv.Itoa(f.batch.parallel))
	}
	if f.batch.most != defaultBatch {
		option("max", strconv.Itoa(f.batch.most))
	}
	return out
}

// submit journals the whole batch and leaves it to runners.
func (b *batch) submit(ctx context.Context, all []piece, known map[string]memory.Summary) error {
	m := &many{s: b.session, title: b.file.Name + ", submitting", parallel: b.flags.batch.parallel, wants: coordinator.StatusActive}
	jobs := make([]job, len(all))
	for i, p := range all {
		jobs[i] = b.job(p, known)
		if jobs[i].run == "" {
			jobs[i].begin = func(ctx context.Context) (string, error) { return b.rt.Submit(ctx, b.task(p, true)) }
		}
	}
	err := m.submit(ctx, jobs)
	return errors.Join(b.detachedBatch(m, len(known)), ending(ctx, m, err))
}

func (b *batch) detachedBatch(m *many, before int) error {
	id := b.flags.batch.id
	runs := make([]string, 0, len(m.results))
	for _, r := range m.results {
		if r.Run != "" {
			runs = append(runs, r.Run)
		}
	}
	if b.wantsJSON() {
		return b.json(struct {
			Batch  string   `json:"batch"`
			Runs   []string `json:"runs"`
			Failed []result `json:"failed,omitempty"`
			Runner string   `json:"runner"`
		}{Batch: id, Runs: runs, Failed: m.failed(), Runner: b.command("runner")})
	}
	fmt.Fprintln(b.out, id)
	b.screen.printf("%s submitted, %d of them before; a runner works them off: %s", count(len(runs), "run"), before, b.command("runner"))
	for _, r := range m.failed() {
		b.screen.println("  " + m.about(r, 0))
	}
	return nil
}
