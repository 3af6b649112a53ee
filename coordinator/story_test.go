package coordinator_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

var update = flag.Bool("update", false, "rewrite the expected part of testdata/*.txtar")

// TestStories plays testdata/*.txtar: a plan, the effects of its workers, and what happens to a run, command by command.
// Under each command stands what was journaled ("+") and what is to be done next ("=").
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/story_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range archive.Files {
				if !strings.HasPrefix(f.Name, "story") {
					continue
				}
				got := newStory(t, archive).play(string(f.Data))
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("%s: %s differs; run go test ./coordinator -run TestStories -update and review the change\ngot:\n%s\nwant:\n%s", file, f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// story is one run under a clock that moves only when told to.
type story struct {
	t       *testing.T
	files   map[string][]byte
	effects map[string]coordinator.Effect
	run     *coordinator.Run
	journal []coordinator.Event
	now     time.Time
	hold    bool // attempts are not started by themselves
	out     strings.Builder
}

func newStory(t *testing.T, a *txtar.Archive) *story {
	s := &story{
		t: t, files: map[string][]byte{}, effects: map[string]coordinator.Effect{},
		run: new(coordinator.Run), now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
	}
	for _, f := range a.Files {
		s.files[f.Name] = f.Data
	}
	for line := range strings.Lines(string(s.files["workers"])) {
		if name, effect, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			s.effects[name] = coordinator.Effect(effect)
		}
	}
	return s
}

func (s *story) plan(name string) *coordinator.Plan {
	f, err := pipeline.Parse(name, s.files[name])
	if err != nil {
		s.t.Fatalf("%s:\n%v", name, err)
	}
	return f.Plan
}

func (s *story) play(script string) string {
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			s.out.WriteString(line + "\n")
			s.command(strings.TrimPrefix(line, "> "))
		case strings.HasPrefix(line, "#"), line == "":
			s.out.WriteString(line + "\n")
		}
	}
	return s.out.String()
}

// words splits a command: bare words, key=value settings, and the JSON at its end.
func words(line string) (bare []string, set map[string]string, body json.RawMessage) {
	set = map[string]string{}
	if i := strings.Index(line+" ", " {"); i >= 0 && i < len(line) {
		line, body = line[:i], json.RawMessage(line[i+1:])
	}
	for len(strings.TrimSpace(line)) > 0 {
		line = strings.TrimLeft(line, " ")
		if strings.HasPrefix(line, `"`) {
			text, err := strconv.QuotedPrefix(line)
			if err == nil {
				plain, _ := strconv.Unquote(text)
				bare, line = append(bare, plain), line[len(text):]
				continue
			}
		}
		word, rest, _ := strings.Cut(line, " ")
		line = rest
		if k, v, ok := strings.Cut(word, "="); ok {
			set[k] = v
		} else {
			bare = append(bare, word)
		}
	}
	return bare, set, body
}

func (s *story) command(line string) {
	bare, set, body := words(line)
	arg := func(i int) string {
		if i < len(bare) {
			return bare[i]
		}
		return ""
	}
	switch bare[0] {
	case "submit":
		task := &coordinator.Task{
			Run: "run", Version: 1, Workspace: "test", Plan: s.plan("plan.yaml"), Input: body,
			Label: coordinator.Label(or(set["label"], "trusted")), Limits: s.limits(set),
		}
		s.take(coordinator.Event{Kind: coordinator.Submitted, Task: task})
	case "hold":
		s.hold = true
	case "start":
		s.start(arg(1))
	case "ok":
		s.ok(arg(1), set, body)
	case "calls":
		e := s.outcome(arg(1), coordinator.Called, set)
		if err := json.Unmarshal(s.files[arg(2)], &e.Calls); err != nil {
			s.t.Fatalf("%s: %v", arg(2), err)
		}
		s.take(e)
	case "plan":
		e := s.outcome(arg(1), coordinator.Planned, set)
		e.Plan, e.Replans = s.plan(arg(2)), set["replans"] == "yes"
		e.Verdict = coordinator.Verdict(set["verdict"])
		s.take(e)
	case "fail":
		e := s.outcome(arg(1), coordinator.Failed, set)
		e.Failure = &coordinator.Failure{Message: arg(2), NotDone: set["done"] == "no", Permanent: set["permanent"] == "yes"}
		e.Failure.After, _ = time.ParseDuration(set["after"])
		s.take(e)
	case "gone":
		s.take(s.outcome(arg(1), coordinator.Interrupted, set))
	case "decide":
		d := &coordinator.Decision{Verb: coordinator.Verb(arg(2)), By: or(set["by"], "ada"), Output: body, Comment: arg(3), Guidance: arg(3)}
		if v, ok := set["output"]; ok {
			d.Output = json.RawMessage(v)
		}
		s.take(coordinator.Event{Kind: coordinator.Decided, ID: "run." + arg(1), Decision: d})
	case "advance":
		d, err := time.ParseDuration(arg(1))
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
		s.settle()
	case "cancel":
		s.take(coordinator.Event{Kind: coordinator.Cancelled, By: arg(1)})
	case "redo":
		s.take(coordinator.Event{Kind: coordinator.Redone, Path: arg(1), By: "ada", Guidance: arg(2)})
	case "rerun":
		e := coordinator.Event{Kind: coordinator.Rerun, By: "ada"}
		if set["from"] != "" {
			e.From = strings.Split(set["from"], ",")
		}
		if set["plan"] != "" {
			e.Plan = s.plan(set["plan"])
		}
		if path, name, ok := strings.Cut(set["below"], ":"); ok {
			e.Plans = map[string]*coordinator.Plan{path: s.plan(name)}
		}
		s.take(e)
	case "claim":
		s.take(coordinator.Event{Kind: coordinator.Claimed, ID: "run." + arg(1), By: arg(2)})
	case "unclaim":
		s.take(coordinator.Event{Kind: coordinator.Unclaimed, ID: "run." + arg(1), By: arg(2)})
	case "quarantine":
		s.take(coordinator.Event{Kind: coordinator.Quarantined})
	case "release":
		s.take(coordinator.Event{Kind: coordinator.Released})
	case "steps":
		for _, st := range s.run.Steps() {
			s.printf("    %-8s %s", st.State, st.Path)
			s.printf("%s\n", detail(" ", string(st.Output), " label=", string(st.Label), " because ", st.Reason))
		}
	case "asked":
		for _, q := range s.run.Open() {
			raw, _ := json.Marshal(q)
			s.printf("    %s\n", raw)
		}
	default:
		s.t.Fatalf("unknown command %q", bare[0])
	}
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func detail(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(pairs[i] + pairs[i+1])
		}
	}
	return b.String()
}

func (s *story) limits(set map[string]string) (l coordinator.Limits) {
	for name, field := range map[string]*int{
		"steps": &l.Steps, "depth": &l.Depth, "turns": &l.Turns, "fanout": &l.FanOut, "payload": &l.Payload, "events": &l.Events, "escalations": &l.Escalations,
	} {
		*field, _ = strconv.Atoi(set[name])
	}
	return l
}

// outcome fills in which attempt it is about; settings such as number=1 tell of an older one.
func (s *story) outcome(path string, k coordinator.Kind, set map[string]string) coordinator.Event {
	e := coordinator.Event{Kind: k, Path: path, Label: coordinator.Label(or(set["label"], "trusted"))}
	for _, f := range s.run.InFlight() {
		if f.Path == path {
			e.Generation, e.Turn, e.Number = f.Generation, f.Turn, f.Number
		}
	}
	if n, err := strconv.Atoi(set["number"]); err == nil {
		e.Number = n
	}
	e.Usage.Cost, _ = strconv.ParseFloat(set["cost"], 64)
	e.Usage.Input, _ = strconv.ParseInt(set["tokens"], 10, 64)
	return e
}

func (s *story) ok(path string, set map[string]string, body json.RawMessage) {
	e := s.outcome(path, coordinator.Succeeded, set)
	e.Output = body
	if v, ok := set["output"]; ok {
		e.Output = json.RawMessage(v)
	}
	if score, err := strconv.ParseFloat(set["sure"], 64); err == nil {
		e.Confidence = &coordinator.Confidence{Score: score, Veto: set["veto"]}
	}
	if _, step, ok := s.run.Started(path); ok && step != nil {
		e.Verdict = coordinator.Judge(step.Accept, e.Confidence)
	}
	s.take(e)
}

// take applies one event and everything that follows from it.
func (s *story) take(e coordinator.Event) {
	if s.apply(e) {
		s.settle()
	}
}

func (s *story) apply(e coordinator.Event) bool {
	e.Seq, e.At = s.run.Seq()+1, s.now
	if err := s.run.Apply(e); err != nil {
		s.printf("    refused: %v\n", err)
		return false
	}
	s.journal = append(s.journal, e)
	s.printf("  + %s\n", describe(e))
	return true
}

// settle journals what follows from the state and starts what may start, as a runtime does.
func (s *story) settle() {
	for {
		actions := s.run.Next(s.now)
		if !s.record(actions) {
			s.report(actions)
			return
		}
	}
}

func (s *story) record(actions []coordinator.Action) bool {
	any := false
	for _, a := range actions {
		switch a := a.(type) {
		case coordinator.Record:
			any = s.apply(a.Event) || any
		case coordinator.Ask:
			any = s.apply(a.Event) || any
		}
	}
	if any || s.hold {
		return any
	}
	for _, a := range actions {
		if do, ok := a.(coordinator.Do); ok {
			any = s.begin(do) || any
		}
	}
	return any
}

func (s *story) start(path string) {
	for _, a := range s.run.Next(s.now) {
		if do, ok := a.(coordinator.Do); ok && do.Event.Path == path {
			s.begin(do)
			s.settle()
			return
		}
	}
	s.printf("    nothing to start at %s\n", path)
}

func (s *story) begin(do coordinator.Do) bool {
	e := do.Event
	e.Effect = s.effects[do.Worker]
	e.Deadline = s.now.Add(time.Minute)
	return s.apply(e)
}

func (s *story) report(actions []coordinator.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case coordinator.Do:
			s.printf("  = do %s (%s) attempt %d\n", a.Event.Path, a.Worker, a.Event.Number)
		case coordinator.Wait:
			until := ""
			if !a.Until.IsZero() {
				until = " until +" + a.Until.Sub(s.run.SubmittedAt()).String()
			}
			s.printf("  = %s: %d in flight, %d asked%s\n", s.run.Status(), a.InFlight, a.Open, until)
		case coordinator.Stop:
			s.printf("  = stop: %s\n", a.Status)
		}
	}
}

func (s *story) printf(format string, args ...any) { fmt.Fprintf(&s.out, format, args...) }

// describe words an event in one line.
func describe(e coordinator.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", e.Seq, e.Kind)
	b.WriteString(detail(" ", e.Path, " ", string(e.Input), " ", string(e.Output), " items ", string(e.Items)))
	switch e.Kind {
	case coordinator.Started:
		fmt.Fprintf(&b, " %s #%d key %s", e.Worker, e.Number, e.Key)
	case coordinator.Succeeded, coordinator.Planned:
		b.WriteString(detail(" ", string(e.Verdict)))
	case coordinator.Called:
		for _, c := range e.Calls {
			fmt.Fprintf(&b, " [%s %s%s]", c.Use, c.Input, detail(" refused: ", c.Refused))
		}
	case coordinator.Asked:
		q := e.Escalation
		fmt.Fprintf(&b, " %s %s%s: %s%s", q.ID, q.Reason, detail(" of ", q.By), q.Question, detail(" ", q.Asked))
	case coordinator.Decided:
		fmt.Fprintf(&b, " %s %s by %s%s", e.ID, e.Decision.Verb, e.Decision.By, detail(" ", string(e.Decision.Output)))
	case coordinator.Expired:
		b.WriteString(detail(" ", e.ID))
	case coordinator.Ended:
		b.WriteString(detail(" ", string(e.Status)))
	case coordinator.Rerun:
		b.WriteString(detail(" from ", strings.Join(e.From, ",")))
	case coordinator.Claimed, coordinator.Unclaimed, coordinator.Denied:
		b.WriteString(detail(" ", e.ID, " by ", e.By))
	}
	if e.Failure != nil {
		b.WriteString(": " + e.Failure.Message)
	}
	if e.Kind != coordinator.Succeeded && e.Label == coordinator.Untrusted {
		b.WriteString(" (untrusted)")
	}
	b.WriteString(detail(" because ", e.Note))
	return b.String()
}
