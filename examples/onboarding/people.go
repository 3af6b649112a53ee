package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
)

// answer is what somebody of answers.yaml says when asked about a customer.
type answer struct {
	Customer string             `yaml:"customer"`
	Reason   coordinator.Reason `yaml:"reason"`
	By       string             `yaml:"by"`
	Brings   string             `yaml:"brings"` // a document that they put into the customer's folder first
	Verb     coordinator.Verb   `yaml:"verb"`
	Output   any                `yaml:"output"`
	Refused  bool               `yaml:"refused"` // they may not, and somebody else has to
	Comment  string             `yaml:"comment"`
}

func readAnswers() ([]answer, error) {
	var all []answer
	if err := yaml.UnmarshalWithOptions(must(files.ReadFile("answers.yaml")), &all, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("answers.yaml: %w", err)
	}
	return all, nil
}

// ask plays people until one of them answers the question.
func (o *office) ask(ctx context.Context, customer string, q coordinator.Escalation) error {
	for {
		i := slices.IndexFunc(o.answers, func(a answer) bool { return a.Customer == customer && a.Reason == q.Reason })
		if i < 0 {
			return fmt.Errorf("answers.yaml holds no answer to %s: %s %s", q.ID, q.Question, q.Asked)
		}
		a := o.answers[i]
		o.answers = slices.Delete(o.answers, i, i+1)
		err := o.give(ctx, a, q)
		var barred *local.DecisionError
		if a.Refused && errors.As(err, &barred) {
			o.line("refused", a.By+": "+barred.Err.Error())
			continue
		}
		if a.Refused && err == nil {
			return fmt.Errorf("%s decided %s, who may not", a.By, q.ID)
		}
		return err
	}
}

func (o *office) give(ctx context.Context, a answer, q coordinator.Escalation) error {
	if a.Brings != "" {
		if err := o.bring(a.Customer, a.Brings); err != nil {
			return err
		}
	}
	o.line(string(a.Verb), fmt.Sprintf("%s (played): “%s”", a.By, a.Comment))
	d := coordinator.Decision{Verb: a.Verb, By: a.By, Comment: a.Comment}
	if a.Output != nil {
		d.Output = must(json.Marshal(a.Output))
	}
	return o.rt.Decide(ctx, q.ID, d)
}

// bring puts a document that arrived late into the customer's folder.
func (o *office) bring(customer, name string) error {
	data, err := fs.ReadFile(files, path.Join("late", customer, name))
	if err != nil {
		return err
	}
	to := path.Join("customers", customer, name)
	o.line("arrived", to)
	return os.WriteFile(filepath.Join(o.ws.Dir, filepath.FromSlash(to)), data, 0o600)
}
