package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/tuttirun/tutti/coordinator"
)

// played is what one of the demo's people answers.
type played struct {
	Document string             `yaml:"document"`
	Number   string             `yaml:"number"` // stands in the question's input
	Reason   coordinator.Reason `yaml:"reason"`
	By       string             `yaml:"by"`
	Verb     coordinator.Verb   `yaml:"verb"`
	Output   any                `yaml:"output"`
	Comment  string             `yaml:"comment"`
}

// playedPeople answers from answers.yaml, and prints question and answer.
func (s *session) playedPeople(_ context.Context, q coordinator.Escalation) (coordinator.Decision, error) {
	text, err := s.ws.Root.ReadFile("answers.yaml")
	if err != nil {
		return coordinator.Decision{}, err
	}
	var all []played
	if err := yaml.UnmarshalWithOptions(text, &all, yaml.Strict()); err != nil {
		return coordinator.Decision{}, fmt.Errorf("answers.yaml: %w", err)
	}
	for _, p := range all {
		if p.Reason == q.Reason && bytes.Contains(q.Input, []byte(p.Number)) {
			return s.play(q, p)
		}
	}
	s.screen.println(s.question(q) + "\n  answers.yaml holds no answer to this.")
	return coordinator.Decision{}, errors.New("no answer")
}

func (s *session) play(q coordinator.Escalation, p played) (coordinator.Decision, error) {
	d := coordinator.Decision{Verb: p.Verb, By: p.By, Comment: p.Comment}
	if p.Output != nil {
		var err error
		if d.Output, err = json.Marshal(p.Output); err != nil {
			return d, fmt.Errorf("answers.yaml: %w", err)
		}
	}
	said := s.screen.paint(green, "→ "+p.By+" (played): "+string(p.Verb)) + changed(q.Proposed, d.Output)
	s.screen.println("\n" + s.question(q) + "\n  " + said + "\n    “" + line(p.Comment) + "”\n")
	return d, nil
}

// changed lists what an amendment changes.
func changed(before, after json.RawMessage) string {
	var old, now map[string]json.RawMessage
	if len(after) == 0 || json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &now) != nil {
		return ""
	}
	out := ""
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if !bytes.Equal(old[name], now[name]) {
			out += fmt.Sprintf("  %s: %s", line(name), line(plainText(now[name])))
		}
	}
	return out
}
