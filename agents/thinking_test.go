package agents_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/anthropic"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

// thinker is an agent on a model that thinks before it calls.
func thinker(t *testing.T, p *modeltest.Server, model string) *agents.Agent {
	t.Helper()
	m, err := anthropic.New(anthropic.Settings{Model: model, BaseURL: p.URL(), Thinking: "2048", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return agentOn(t, m, agents.Config{Calls: []string{"look"}})
}

const thought = "If a < b & \"c\" > d … then look — twice."

func look(id string) modeltest.Reply {
	return modeltest.Calls(modeltest.Call{ID: id, Name: "look", Arguments: `{"n": 1}`})
}

var seen = coordinator.Outcome{Output: json.RawMessage(`"a lake"`), Label: coordinator.Trusted}

func TestThoughtsComeBackExactlyThroughTheJournal(t *testing.T) {
	p := modeltest.New(t,
		look("c1").Thinking(thought).ThinkingHidden("secret").Saying("I look."),
		look("c2"), // Claude need not think again between its calls
		modeltest.Text("a lake").Thinking("clear"))
	a := thinker(t, p, "m1")
	at := attempt(`{}`)
	r := do(t, a, at)
	at = next(at, r, seen)
	var err error
	if at.Turns[0].State, err = coordinator.Canonical(at.Turns[0].State); err != nil { // as a store would
		t.Fatal(err)
	}
	r = do(t, a, at)
	if r = do(t, a, next(at, r, seen)); string(r.Output) != `"a lake"` {
		t.Errorf("output %s", r.Output)
	}
	m := p.Requests()[2].Messages
	if len(m) != 6 || len(m[2].Thought) != 2 || m[2].Thought[0].Text != thought || m[2].Thought[1].Redacted == "" || m[2].Content != "I look." || len(m[4].Thought) != 0 {
		t.Errorf("messages %+v", m)
	}
}

func TestProviderRefusesAThoughtThatWasTamperedWith(t *testing.T) {
	for name, change := range map[string]func(state string) string{
		"changed":   func(s string) string { return strings.ReplaceAll(s, "twice", "once") },
		"signature": func(s string) string { return strings.Replace(s, `"signature":"`, `"signature":"x`, 1) },
	} {
		p := modeltest.New(t, look("c1").Thinking(thought))
		a := thinker(t, p, "m1")
		at := attempt(`{}`)
		r := do(t, a, at)
		r.State = json.RawMessage(change(string(r.State)))
		_, err := a.Do(t.Context(), next(at, r, seen))
		if err == nil || !strings.Contains(err.Error(), "Invalid `signature`") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThoughtsOfAnotherModelAreLeftOut(t *testing.T) {
	p := modeltest.New(t, look("c1").Thinking(thought), modeltest.Text("a lake"))
	at := attempt(`{}`)
	r := do(t, thinker(t, p, "m1"), at)
	if r = do(t, thinker(t, p, "m2"), next(at, r, seen)); string(r.Output) != `"a lake"` {
		t.Errorf("output %s", r.Output)
	}
	second := p.Requests()[1]
	if m := second.Messages[2]; len(m.Thought) != 0 || len(m.Calls) != 1 || second.Thinking.Type != "" {
		t.Errorf("message %+v, thinking %+v", m, second.Thinking)
	}
}

func TestOtherModelsNeverSeeThoughts(t *testing.T) {
	p := modeltest.New(t, look("c1").Thinking(thought), modeltest.Text("a lake"))
	at := attempt(`{}`)
	r := do(t, thinker(t, p, "m1"), at)
	do(t, newAgent(t, p, agents.Config{Calls: []string{"look"}}), next(at, r, seen))
	second := p.Requests()[1]
	if second.API != modeltest.OpenAI || bytes.Contains(second.Body, []byte("twice")) || len(second.Messages[2].Calls) != 1 {
		t.Errorf("sent %s", second.Body)
	}
}

func TestThoughtBeforeARepairGoesBackToo(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("").Thinking(thought), modeltest.Text("a lake"))
	if r := do(t, thinker(t, p, "m1"), attempt(`{}`)); string(r.Output) != `"a lake"` {
		t.Errorf("output %s", r.Output)
	}
	if m := p.Requests()[1].Messages; len(m) != 4 || len(m[2].Thought) != 1 {
		t.Errorf("messages %+v", m)
	}
}
