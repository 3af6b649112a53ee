package pipeline

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// File is a pipeline as it stands in a file.
type File struct {
	Name   string // the plan's name; "" in the file: the file's name without its ending
	Path   string // as given to Parse; "" for text that is in no file
	Plan   *coordinator.Plan
	source *source
}

// Parse reads a pipeline. Name is its path, for messages. The error is an *Error with all the file's mistakes. If at least
// the YAML could be read, the File is returned beside the error, so that Check can add what is wrong with the plan;
// it must not be run.
func Parse(name string, data []byte) (*File, error) {
	s := readSource(cmp.Or(name, "pipeline"), data)
	if s.root == nil {
		return nil, s.err()
	}
	f := &File{Path: name, Plan: &coordinator.Plan{}, source: s}
	decoder{s}.into(s.root, reflect.ValueOf(f.Plan).Elem(), "a pipeline")
	if f.Plan.Name == "" {
		f.Plan.Name = nameOf(name)
	}
	f.Name = f.Plan.Name
	return f, s.err()
}

// nameOf returns the name a pipeline has by its file: intake for pipelines/intake.pipeline.yaml.
func nameOf(path string) string {
	if path == "" {
		return ""
	}
	base := filepath.Base(filepath.ToSlash(path))
	base = strings.TrimSuffix(strings.TrimSuffix(base, ".yml"), ".yaml")
	return strings.TrimSuffix(base, ".pipeline")
}

// Check returns every mistake of the file and of its plan, or nil; see coordinator.Check for workers and limits.
// Names are workers that a hint may suggest.
func (f *File) Check(workers func(name string) (coordinator.Card, bool), limits coordinator.Limits, names ...string) error {
	return f.check(workers, limits, names).err()
}

// check returns a copy of the source that holds all mistakes.
// without leaves a name out: it is known, only what makes it is broken.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func (f *File) check(workers func(string) (coordinator.Card, bool), limits coordinator.Limits, names []string) *source {
	s := f.source.clone()
	taken := map[[2]int]bool{}
	for _, m := range s.mistakes { // what follows from a mistake in the same place would only confuse
		taken[[2]int{m.Line, m.Column}] = true
	}
	if _, err := schema.Compile(f.Plan.Input); err != nil {
		s.mistake(s.find("input"), "input is no JSON Schema: "+err.Error(), "")
	}
	var plan *coordinator.PlanError
	err := coordinator.Check(f.Plan, workers, limits)
	switch {
	case errors.As(err, &plan):
	case err != nil:
		s.mistake(span{}, err.Error(), "")
		return s
	default:
		return s
	}
	for _, m := range plan.Mistakes {
		at := s.find(m.Field)
		if taken[at.spot()] {
			continue
		}
		if m.Hint == "" && strings.HasSuffix(m.Field, ".use") {
			if n, _, ok := s.lookup(m.Field); ok {
				m.Hint = workerHint(n.text, without(names, n.text))
			}
		}
		at, message := s.focus(at, named(m))
		s.mistake(at, message, m.Hint)
	}
	return s
}

// named returns the message with the field's name for "it": the excerpt has room for more fields than one.
func named(m coordinator.Mistake) string {
	rest, ok := strings.CutPrefix(m.Message, "it ")
	if !ok {
		return m.Message
	}
	return m.Field[strings.LastIndexByte(m.Field, '.')+1:] + " " + rest
}

func (s *source) clone() *source {
	out := *s
	out.mistakes = append([]Mistake(nil), s.mistakes...)
	return &out
}

// find returns the place of a field such as steps[2].with.to; of one that is not written, that of what it belongs to.
func (s *source) find(path string) span {
	n, _, _ := s.lookup(path)
	return n.at
}

// findKey returns the place of a field's key instead of its value.
func (s *source) findKey(path string) span {
	n, key, ok := s.lookup(path)
	if !ok || key == (span{}) {
		return n.at
	}
	return key
}

// findName returns the place of a field's value, or of its key when the value is more than a word.
func (s *source) findName(path string) span {
	if n, _, ok := s.lookup(path); ok && n.kind == mapping {
		return s.findKey(path)
	}
	return s.find(path)
}

// lookup returns the node at path, the place of its key if it has one, and true; or the deepest node on the way to it.
func (s *source) lookup(path string) (n *node, key span, ok bool) {
	n = s.root
	for path != "" {
		next, at, rest := s.descend(n, path)
		if next == nil {
			return n, key, false
		}
		n, key, path = next, at, rest
	}
	return n, key, true
}

// descend goes from a node to a child, and returns what is left of the path. Keys may hold dots: the longest one wins.
func (s *source) descend(n *node, path string) (child *node, key span, rest string) {
	path = strings.TrimPrefix(path, ".")
	if index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); ok && path[0] == '[' {
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(n.items) {
			return nil, span{}, ""
		}
		return n.items[i], span{}, rest
	}
	length := -1
	for _, f := range n.fields {
		name := cmp.Or(s.meant[f.at], f.key)
		after, ok := strings.CutPrefix(path, name)
		if ok && (after == "" || after[0] == '.' || after[0] == '[') && len(name) > length {
			child, key, rest, length = f.value, f.at, after, len(name)
		}
	}
	return child, key, rest
}

// Worker makes a pipeline a worker that other pipelines and agents can use: it answers with its plan, in which input is
// the step's input.
func Worker(f *File) coordinator.Worker { return worker{f} }

type worker struct{ file *File }

func (w worker) Card() coordinator.Card {
	return coordinator.Card{
		Name:        w.file.Name,
		Kind:        "pipeline",
		Description: w.file.Plan.Description,
		Input:       w.file.Plan.Input,
		Effect:      coordinator.EffectNone, // answering with a plan does nothing; its steps have effects of their own
		Trusted:     true,                   // the operator wrote it
	}
}

func (w worker) Do(context.Context, coordinator.Attempt) (coordinator.Result, error) {
	return coordinator.Result{Plan: w.file.Plan, Confidence: coordinator.Certain()}, nil
}
