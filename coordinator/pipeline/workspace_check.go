package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tuttirun/tutti/coordinator"
)

// Check returns every mistake of the workspace and its pipelines, or nil: plans, workers, models, people. Workers tells
// which workers there are, nil doesn't look; names are those that a hint may suggest besides the workspace's own.
func (w *Workspace) Check(workers func(name string) (coordinator.Card, bool), names ...string) error {
	names = append(w.names(), names...)
	own := &source{name: w.File}
	if w.source != nil {
		own = w.source.clone()
	}
	w.checkAgents(own, workers, names)
	w.checkRights(own)
	errs := []error{own.err()}
	for _, f := range w.Pipelines {
		errs = append(errs, w.checkFile(f, workers, names))
	}
	for _, b := range w.broken {
		if b.file == nil {
			errs = append(errs, b.err)
			continue
		}
		errs = append(errs, w.checkFile(b.file, workers, names))
	}
	return join(errs...)
}

// CheckFile is File.Check with the workspace's limits, and its people: a review by nobody known is a mistake.
// The pipelines that this one uses are checked with it, and those that they use.
func (w *Workspace) CheckFile(f *File, workers func(name string) (coordinator.Card, bool), names ...string) error {
	names = append(w.names(), names...)
	var errs []error
	for _, used := range w.used(f) {
		errs = append(errs, w.checkFile(used, workers, names))
	}
	return join(errs...)
}

// used returns a pipeline and all that it uses, each once.
func (w *Workspace) used(f *File) []*File {
	list := []*File{f}
	seen := map[string]bool{f.Name: true}
	for i := 0; i < len(list); i++ {
		for _, step := range list[i].Plan.Steps {
			if next := w.pipelineNamed(step.Use); next != nil && !seen[next.Name] {
				seen[next.Name] = true
				list = append(list, next)
			}
		}
	}
	return list
}

func (w *Workspace) pipelineNamed(name string) *File {
	for _, f := range w.Pipelines {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (w *Workspace) checkFile(f *File, workers func(string) (coordinator.Card, bool), names []string) error {
	s := f.check(workers, w.Limits, names)
	for i := range f.Plan.Steps {
		w.checkReview(s, &f.Plan.Steps[i], fmt.Sprintf("steps[%d]", i))
	}
	return s.err()
}

func (w *Workspace) checkReview(s *source, step *coordinator.Step, at string) {
	w.checkWho(s, at+".review.by", step.Review.By)
	w.checkWho(s, at+".review.then.reassign", step.Review.Then.Reassign)
	if step.Undo != nil {
		w.checkReview(s, step.Undo, at+".undo")
	}
}

func (w *Workspace) checkRights(s *source) {
	for act, named := range map[string][]string{"cancel": w.Rights.Cancel, "redo": w.Rights.Redo, "rerun": w.Rights.Rerun} {
		for i, who := range named {
			w.checkWho(s, fmt.Sprintf("rights.%s[%d]", act, i), who)
		}
	}
}

func (w *Workspace) checkWho(s *source, field, name string) {
	if name == "" || w.isPerson(name) || w.isGroup(name) {
		return
	}
	hint := oneOf(name, w.who())
	if len(w.People) == 0 {
		hint = "add people to " + WorkspaceFile
	}
	s.mistake(s.find(field), "nobody is called "+strconv.Quote(name), hint)
}

func (w *Workspace) checkAgents(s *source, workers func(string) (coordinator.Card, bool), names []string) {
	models := make([]string, 0, len(w.Models))
	for name := range w.Models {
		models = append(models, name)
	}
	for name, a := range w.Agents {
		at := "agents." + name
		if model := cmp.Or(a.Model, "default"); !slices.Contains(models, model) {
			s.mistake(s.find(at+".model"), "no model "+strconv.Quote(model), modelHint(model, models))
		}
		for i, call := range a.Calls {
			if workers == nil || call == coordinator.Person {
				continue
			}
			if _, known := workers(call); !known {
				s.mistake(s.find(fmt.Sprintf("%s.calls[%d]", at, i)), "no worker "+strconv.Quote(call), oneOf(call, names))
			}
		}
	}
}

func modelHint(model string, models []string) string {
	return cmp.Or(oneOf(model, models), "add it under models")
}
