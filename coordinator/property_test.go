package coordinator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRandomRuns plays random plans against random outcomes, people, clocks and nonsense, and checks after every event that
// the journal replays to the same state and the same actions, that nothing ran before what it needs, that nonsense changed
// nothing, and that the run ends, or names what it waits for, once everybody answers.
func TestRandomRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.live()
		for range rapid.IntRange(0, 2).Draw(t, "reruns") {
			if !w.rerun() {
				break
			}
			w.live()
		}
	})
}

// live lets things happen for a while, and then everybody answer until the run ends.
func (w *world) live() {
	for range rapid.IntRange(5, 60).Draw(w.T, "moves") {
		if w.run.status != "" {
			break
		}
		w.move()
	}
	w.comeToAnEnd()
}

// rerun opens the ended run again: as it was, from some step, or with a plan in which some steps are others.
func (w *world) rerun() bool {
	e := Event{Kind: Rerun, By: "ada"}
	for _, st := range w.run.task.Plan.Steps {
		if rapid.IntRange(0, 5).Draw(w.T, "from") == 0 {
			e.From = append(e.From, st.ID)
		}
	}
	if rapid.Bool().Draw(w.T, "corrected") {
		e.Plan = w.corrected(w.run.task.Plan)
	}
	if below := w.run.PlansBelow(); len(below) > 0 && rapid.Bool().Draw(w.T, "corrected below") {
		paths := slices.Sorted(maps.Keys(below))
		path := rapid.SampledFrom(paths).Draw(w.T, "whose plan")
		e.Plans = map[string]*Plan{path: w.corrected(below[path])}
	}
	choices, err := w.run.Rerun(e)
	kept := map[string]string{}
	for id, c := range choices {
		if n := w.run.nodes[id]; c == ChoiceKeep {
			kept[id] = w.json(n.state())
		}
	}
	if took := w.apply(e); took != (err == nil) {
		w.Fatalf("the rerun was announced as %v, and taken: %v", err, took)
	}
	for id, state := range kept {
		if now := w.json(w.run.nodes[id].state()); now != state {
			w.Fatalf("%s is kept and changed:\n%s\nbefore:\n%s", id, now, state)
		}
	}
	w.settle()
	return err == nil
}

// corrected returns a copy of a plan in which some steps do something else, and some are new.
func (w *world) corrected(p *Plan) *Plan {
	var out Plan
	if err := json.Unmarshal([]byte(w.json(p)), &out); err != nil {
		w.Fatal(err)
	}
	for i := range out.Steps {
		st := &out.Steps[i]
		if st.Use != "" && st.Use != Person && rapid.IntRange(0, 4).Draw(w.T, "another worker") == 0 {
			st.Use = "c"
		}
		if rapid.IntRange(0, 9).Draw(w.T, "no undo") == 0 {
			st.Undo = nil
		}
	}
	if rapid.IntRange(0, 3).Draw(w.T, "one more") == 0 {
		w.plans++
		out.Steps = append(out.Steps, Step{ID: fmt.Sprintf("new%d", w.plans), Use: "a", Needs: []string{out.Steps[0].ID}})
	}
	return &out
}

type world struct {
	*rapid.T
	began   map[string]Event // the last start under a key
	over    map[string]bool  // keys whose piece of work is done
	run     *Run
	journal []Event
	now     time.Time
	plans   int
}

var effects = []Effect{EffectNone, EffectRead, EffectIdempotent, EffectUnrepeatable}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, began: map[string]Event{}, over: map[string]bool{}, run: new(Run), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	task := &Task{
		Run: "r", Version: Version, Workspace: "w", Plan: w.randomPlan("s", 7), Input: json.RawMessage(`{"list":[1,2,3],"yes":true}`), Label: Trusted,
		Limits: Limits{Depth: 3, Turns: 4, Escalations: 3, Steps: 60, Events: 400},
	}
	if !w.apply(Event{Kind: Submitted, Task: task}) {
		t.Fatal("the plan was refused")
	}
	w.settle()
	return w
}

func (w *world) randomPlan(prefix string, most int) *Plan {
	p := &Plan{Name: "random"}
	for i := range rapid.IntRange(1, most).Draw(w.T, "steps") {
		p.Steps = append(p.Steps, w.randomStep(prefix, i))
	}
	return p
}

func (w *world) randomStep(prefix string, i int) Step {
	id := func(j int) string { return fmt.Sprintf("%s%d", prefix, j) }
	yes := func(name string, percent int) bool { return rapid.IntRange(0, 99).Draw(w.T, name) < percent }
	st := Step{ID: id(i), Use: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(w.T, "use")}
	for j := range i {
		if yes("needs", 30) {
			st.Needs = append(st.Needs, id(j))
		}
	}
	if i > 0 && yes("reads", 40) {
		st.With = map[string]any{"x": "${{ steps." + id(rapid.IntRange(0, i-1).Draw(w.T, "from")) + " }}"}
	}
	switch rapid.IntRange(0, 9).Draw(w.T, "shape") {
	case 0:
		st.ForEach, st.Parallel = "input.list", rapid.IntRange(0, 2).Draw(w.T, "parallel")
	case 1:
		st.Until, st.Max = "last != null && last.n > 1", 3
	case 2:
		st.Use, st.With = Person, map[string]any{"question": "what?"}
	case 3:
		st = Step{ID: st.ID, Needs: st.Needs, After: time.Minute}
		return st
	case 4:
		st.ForEach, st.If, st.Until, st.Max = "input.list", "item != 2", "last != null && last.n > 1", 2
	}
	if st.If == "" && yes("if", 20) {
		st.If = rapid.SampledFrom([]string{"input.yes", "!input.yes", "always()", "input.missing"}).Draw(w.T, "cond")
	}
	st.Retry.Attempts = rapid.IntRange(0, 2).Draw(w.T, "attempts")
	st.OnError = rapid.SampledFrom([]OnError{"", OnErrorContinue, OnErrorEscalate}).Draw(w.T, "on_error")
	st.Approval = yes("approval", 10) && st.Use != Person
	if yes("accept", 20) {
		st.Accept.Threshold = 0.9
	}
	if yes("review", 30) {
		st.Review = Review{Within: time.Hour, Then: Then{Do: rapid.SampledFrom([]string{"approve", "reject", "fail"}).Draw(w.T, "then")}}
	}
	if st.Use != Person && yes("undo", 40) {
		st.Undo = &Step{Use: "u", With: map[string]any{"of": "${{ steps." + st.ID + " }}"}}
	}
	return st
}

func (w *world) move() {
	switch flying := w.run.InFlight(); {
	case len(flying) > 0 && rapid.IntRange(0, 9).Draw(w.T, "what") < 6:
		w.outcome(rapid.SampledFrom(flying).Draw(w.T, "which"))
	default:
		w.happen()
	}
	w.settle()
}

func (w *world) outcome(started Event) {
	e := Event{
		Path: started.Path, Generation: started.Generation, Turn: started.Turn, Number: started.Number,
		Label: rapid.SampledFrom([]Label{Trusted, Untrusted, ""}).Draw(w.T, "label"),
	}
	switch rapid.IntRange(0, 9).Draw(w.T, "outcome") {
	case 0, 1:
		e.Kind, e.Failure = Failed, &Failure{Message: "no", NotDone: rapid.Bool().Draw(w.T, "not done"), Permanent: rapid.Bool().Draw(w.T, "permanent")}
	case 2:
		e.Kind = Interrupted
	case 3:
		e.Kind = Called
		for range rapid.IntRange(1, 2).Draw(w.T, "calls") {
			c := Call{Use: rapid.SampledFrom([]string{"a", "b", Person}).Draw(w.T, "callee"), Input: json.RawMessage(`{"question":"q"}`)}
			if rapid.IntRange(0, 4).Draw(w.T, "refused") == 0 {
				c.Refused = "may not"
			}
			e.Calls = append(e.Calls, c)
		}
	case 4:
		w.plans++
		e.Kind, e.Plan, e.Replans = Planned, w.randomPlan(fmt.Sprintf("p%d_", w.plans), 3), rapid.Bool().Draw(w.T, "replans")
		e.Verdict = rapid.SampledFrom([]Verdict{VerdictAccept, VerdictAsk}).Draw(w.T, "verdict")
	default:
		e.Kind, e.Output = Succeeded, json.RawMessage(fmt.Sprintf(`{"n":%d}`, rapid.IntRange(0, 3).Draw(w.T, "n")))
		e.Verdict = rapid.SampledFrom([]Verdict{VerdictAccept, VerdictAccept, VerdictAsk, VerdictVeto}).Draw(w.T, "verdict")
		e.Usage.Cost = 0.1
	}
	if !w.apply(e) && e.Kind != Planned {
		w.Fatalf("an outcome in flight was refused: %+v", e)
	}
}

// happen is what may come at any time: answers, deadlines, cancel, redo, and events that make no sense.
func (w *world) happen() {
	switch rapid.IntRange(0, 9).Draw(w.T, "happening") {
	case 0:
		if rapid.IntRange(0, 3).Draw(w.T, "really") == 0 {
			w.apply(Event{Kind: Cancelled, By: "ada"})
		}
	case 1:
		w.apply(Event{Kind: Redone, Path: w.anyPath(), By: "ada"})
	case 2:
		w.nonsense()
	case 3, 4:
		w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 2 * time.Hour}).Draw(w.T, "later"))
	default:
		if open := w.run.Open(); len(open) > 0 {
			w.decide(rapid.SampledFrom(open).Draw(w.T, "question"), rapid.SampledFrom([]Verb{Approve, Amend, Reject, Redo, Answer}).Draw(w.T, "verb"))
		}
	}
}

func (w *world) decide(q Escalation, v Verb) {
	d := &Decision{Verb: v, By: "ada", Output: json.RawMessage(`{"n":5}`)}
	switch q.Reason {
	case ReasonBudget:
		d.Output = json.RawMessage(`{"steps":500}`)
	case ReasonPlan:
		d.Output = q.Proposed
	}
	w.apply(Event{Kind: Decided, ID: q.ID, Decision: d})
}

func (w *world) anyPath() string {
	paths := make([]string, 0, len(w.run.nodes))
	for p := range w.run.nodes {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return rapid.SampledFrom(paths).Draw(w.T, "path")
}

// nonsense tries an event that the state may not allow; if it does not, nothing may have changed.
func (w *world) nonsense() {
	before := w.dump(w.run)
	e := Event{
		Kind: rapid.SampledFrom([]Kind{Started, Succeeded, Failed, Called, Planned, Interrupted, Skipped, Refused, Expanded, Looped, Waited, Joined, Asked, Expired, Ended, "odd"}).Draw(w.T, "kind"),
		Path: w.anyPath(), Generation: 1, Turn: 1, Number: rapid.IntRange(0, 2).Draw(w.T, "number"), Failure: nil,
		Items: json.RawMessage(`{}`), Status: StatusDone, ID: "r.99", Output: json.RawMessage(`{`),
	}
	e.Seq, e.At = w.run.seq+1+int64(rapid.IntRange(0, 1).Draw(w.T, "gap")), w.now
	if e.Kind == Started || e.Kind == Skipped || e.Kind == Interrupted || e.Kind == Looped || e.Kind == Waited {
		e.Seq = w.run.seq + 7 // these could be legal here
	}
	if err := w.run.Apply(e); err == nil {
		w.Fatalf("nonsense was taken: %+v", e)
	}
	if after := w.dump(w.run); after != before {
		w.Fatalf("a refused %s changed the run:\n%s\nbefore:\n%s", e.Kind, after, before)
	}
}

// apply journals an event, and checks what must hold after each.
func (w *world) apply(e Event) bool {
	e.Seq, e.At = w.run.seq+1, w.now
	w.checkNeeds(e)
	w.checkKeys(e)
	if w.run.Apply(e) != nil {
		return false
	}
	w.journal = append(w.journal, e)
	w.checkBooks()
	if e.Kind == Ended && e.Status == StatusDone {
		w.checkKept()
	}
	return true
}

func (w *world) checkNeeds(e Event) {
	n := w.run.nodes[e.Path]
	if e.Kind != Started || n == nil || n.step == nil || n.undoing {
		return
	}
	for _, i := range n.step.needs {
		if need := n.scope.nodes[i]; need.phase != settled {
			w.Fatalf("%s starts before %s is settled", n.path, need.path)
		}
	}
	if w.run.stop != nil {
		w.Fatalf("%s starts although the run stops", n.path)
	}
}

// checkKeys holds that a key stands for one piece of work, and that a piece of work that is done is never begun again.
func (w *world) checkKeys(e Event) {
	switch e.Kind {
	case Started:
		if before, ok := w.began[e.Key]; ok && (string(before.Input) != string(e.Input) || before.Worker != e.Worker) {
			w.Fatalf("one key for two pieces of work:\n%s\n%s", w.json(before), w.json(e))
		}
		if w.over[e.Key] {
			w.Fatalf("%s is done, and begins again: %s", e.Key, w.json(e))
		}
		w.began[e.Key] = e
	case Succeeded, Called, Planned:
		if n := w.run.nodes[e.Path]; n != nil && n.phase == inFlight && n.attempt.Generation == e.Generation && n.attempt.Turn == e.Turn && n.attempt.Number == e.Number {
			if e.Kind != Planned {
				w.over[n.attempt.Key] = true
			}
		}
	}
}

// checkKept holds that a run that is done rests on nothing that was taken back.
func (w *world) checkKept() {
	for _, n := range w.run.nodes {
		if n.takenBack && n.fate == done && current(n) {
			w.Fatalf("the run is done, and %s was taken back", n.path)
		}
	}
}

// current reports whether a node is of its owner's or parent's present generation.
func current(n *node) bool {
	for at := n; at != nil; at = at.above() {
		if at.role == compensation {
			return false
		}
		if p := at.parent; p != nil && at.role != call && !slices.Contains(p.children, at) {
			return false
		}
		if at.role == call && !slices.Contains(at.parent.children, at) {
			return false
		}
		if o := at.scope.owner; o != nil && at.parent == nil {
			found := false
			for s := o.sub; s != nil; s = s.prev {
				found = found || s == at.scope
			}
			if !found {
				return false
			}
		}
	}
	return true
}

// checkBooks recounts what the run counts as it goes.
func (w *world) checkBooks() {
	busy := map[*scope]int{}
	for _, n := range w.run.nodes {
		if n.holds {
			for s := n.scope; s != nil && s.undoing == n.undoing; s = s.outer() {
				busy[s]++
			}
		}
		if _, ok := w.run.flying[n]; ok != (n.phase == inFlight) {
			w.Fatalf("%s: flying %v in phase %d", n.path, ok, n.phase)
		}
		if want := n.is(inFlight, doubtful) || n.phase == asked && n.unknown; n.holds != want {
			w.Fatalf("%s: holds %v in phase %d, unknown %v", n.path, n.holds, n.phase, n.unknown)
		}
	}
	for s, n := range busy {
		if s.busy != n {
			w.Fatalf("scope %q counts %d busy, there are %d", s.prefix, s.busy, n)
		}
	}
}

// settle journals what follows and starts what may start; the journal must replay to the same.
func (w *world) settle() {
	for {
		actions := w.run.Next(w.now)
		if again := w.run.Next(w.now); w.json(again) != w.json(actions) {
			w.Fatalf("Next gave two answers")
		}
		if !w.follow(actions) {
			break
		}
	}
	w.checkReplay()
}

func (w *world) follow(actions []Action) bool {
	any := false
	for _, a := range actions {
		switch a := a.(type) {
		case Record:
			any = w.apply(a.Event) || any
		case Ask:
			any = w.apply(a.Event) || any
		}
	}
	if any {
		return true
	}
	for _, a := range actions {
		do, ok := a.(Do)
		if ok && rapid.IntRange(0, 4).Draw(w.T, "start") > 0 {
			e := do.Event
			e.Effect, e.Deadline = rapid.SampledFrom(effects).Draw(w.T, "effect"), w.now.Add(time.Minute)
			if !w.apply(e) {
				w.Fatalf("a Do cannot be started: %+v", do.Event)
			}
			any = true
		}
	}
	return any
}

// checkReplay is the crash after any event: what a new process reads is what the old one knew.
func (w *world) checkReplay() {
	raw := w.json(w.journal)
	var read []Event
	if err := json.Unmarshal([]byte(raw), &read); err != nil {
		w.Fatal(err)
	}
	again, err := Replay(func(yield func(Event, error) bool) {
		for _, e := range read {
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil {
		w.Fatal(err)
	}
	if live, replayed := w.dump(w.run), w.dump(again); live != replayed {
		w.Fatalf("replay differs:\n%s\nlive:\n%s", replayed, live)
	}
}

func (w *world) dump(r *Run) string {
	var b strings.Builder
	for _, part := range []any{r.Seq(), r.Status(), r.Steps(), r.Open(), r.InFlight(), r.Spent(), r.Failure(), r.Next(w.now)} {
		b.WriteString(w.json(part) + "\n")
	}
	return b.String()
}

func (w *world) json(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	return string(raw)
}

// comeToAnEnd lets every attempt succeed and every person answer: then the run must end.
func (w *world) comeToAnEnd() {
	for range 400 {
		w.settle()
		if w.run.status != "" {
			return
		}
		switch flying, open := w.run.InFlight(), w.run.Open(); {
		case len(flying) > 0:
			f := flying[0]
			w.apply(Event{Kind: Succeeded, Path: f.Path, Generation: f.Generation, Turn: f.Turn, Number: f.Number, Output: json.RawMessage(`{"n":2}`), Label: Trusted})
		case len(open) > 0:
			w.decide(open[0], map[Reason]Verb{
				ReasonLowConfidence: Approve, ReasonApproval: Approve, ReasonFailed: Amend, ReasonInDoubt: Amend,
				ReasonBudget: Amend, ReasonQuestion: Answer, ReasonPlan: Approve,
			}[open[0].Reason])
		default:
			w.awaitSomething()
		}
	}
	w.Fatalf("the run does not end: %s", w.dump(w.run))
}

func (w *world) awaitSomething() {
	actions := w.run.Next(w.now)
	wait, ok := actions[len(actions)-1].(Wait)
	switch {
	case len(actions) > 1: // a Do that was not drawn
	case !ok || wait.Until.IsZero():
		w.Fatalf("the run waits for nothing: %s", w.dump(w.run))
	default:
		w.now = wait.Until
	}
}
