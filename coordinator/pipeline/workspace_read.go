package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// safeName is what may be part of a key in Redis: no braces, colons or spaces.
var safeName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

var unsafe = regexp.MustCompile(`[^a-z0-9._-]+`)

// madeSafe returns the workspace name of a folder that names none.
func madeSafe(dir string) string {
	name := strings.Trim(unsafe.ReplaceAllString(strings.ToLower(filepath.Base(dir)), "-"), "-._")
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-._")
	}
	if name == "" {
		return "workspace"
	}
	return name
}

func (w *Workspace) checkName() {
	switch {
	case w.Name == "":
		w.Name = madeSafe(w.Dir)
	case !safeName.MatchString(w.Name):
		w.mistake("name", fmt.Sprintf("%q cannot be a workspace's name", w.Name),
			"use a-z, 0-9, - and _, at most 63; "+strconv.Quote(madeSafe(w.Name))+" would do")
	}
}

func (w *Workspace) checkLimits() {
	fields := fieldsOf(reflect.ValueOf(w.Limits))
	for _, f := range fields {
		if f.value.Int() < 0 {
			w.mistake("limits."+f.key, f.key+" must not be negative", "leave it out for the default")
		}
	}
}

// checkPeople completes Groups, and keeps the names of people and groups apart: review.by may name either.
func (w *Workspace) checkPeople() {
	if w.Groups == nil {
		w.Groups = map[string]Group{}
	}
	for name, p := range w.People {
		for _, g := range p.Groups {
			if _, known := w.Groups[g]; !known {
				w.Groups[g] = Group{}
			}
		}
		if p.Email != "" && !strings.Contains(p.Email, "@") {
			w.mistake("people."+name+".email", strconv.Quote(p.Email)+" is not an e-mail address", "")
		}
	}
	for name := range w.People {
		if _, both := w.Groups[name]; both {
			w.source.mistake(w.source.findKey("people."+name), strconv.Quote(name)+" is a person and a group", "rename one of them")
		}
	}
}

func (w *Workspace) readAgents() {
	for name, a := range w.Agents {
		at := "agents." + name
		if name == coordinator.Person {
			w.source.mistake(w.source.findKey(at), "an agent cannot be called person", "that name stands for people")
		}
		if a.Model == "" {
			a.Model = "default"
		}
		if a.InstructionsFile != "" {
			if a.Instructions != "" {
				w.mistake(at+".instructions_file", "instructions are given twice", "keep either instructions or instructions_file")
			}
			a.Instructions = string(w.named(at+".instructions_file", a.InstructionsFile))
		}
		if a.OutputFile != "" {
			if a.Output != nil {
				w.mistake(at+".output_file", "the output is given twice", "keep either output or output_file")
			}
			a.Output = w.schema(at+".output_file", a.OutputFile)
		}
		w.Agents[name] = a
	}
}

// named reads a file that a field of the workspace file names; nil if it cannot.
func (w *Workspace) named(field, name string) []byte {
	data, err := w.readFile(filepath.ToSlash(name))
	if err != nil {
		w.mistake(field, err.Error(), w.nearby(name))
	}
	return data
}

// nearby suggests a file for one that is not there.
func (w *Workspace) nearby(name string) string {
	dir, base := path.Split(path.Clean(filepath.ToSlash(name)))
	entries, _ := fs.ReadDir(w.Root.FS(), path.Clean(dir)) // no such folder: nothing to suggest
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	if near := suggest(base, names); near != "" {
		return "did you mean " + dir + near + "?"
	}
	return ""
}

// schema reads a JSON Schema from a JSON or YAML file.
func (w *Workspace) schema(field, name string) json.RawMessage {
	data := w.named(field, name)
	if data == nil || json.Valid(data) {
		return data
	}
	if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
		w.mistake(field, w.shown(name)+" is not JSON", "")
		return nil
	}
	s := readSource(w.shown(name), data)
	w.source.mistakes = append(w.source.mistakes, s.mistakes...)
	if s.root == nil {
		return nil
	}
	return s.root.json()
}

// readFile reads a file of the workspace; links that lead out of it are refused.
func (w *Workspace) readFile(name string) ([]byte, error) {
	file, err := w.Root.Open(filepath.FromSlash(name))
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("%s does not exist", w.shown(name))
		}
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", w.shown(name), err)
	}
	data, err := readLimited(file, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.shown(name), err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB", w.shown(name), maxBytes>>20)
	}
	return data, nil
}

// readLimited reads and closes a file; of one that is too large, just enough to see it.
func readLimited(file *os.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxBytes+1))
}

// broken is a pipeline file with mistakes.
type broken struct {
	file *File // nil when the YAML cannot be read
	err  error
}

func (w *Workspace) loadPipelines() {
	taken := map[string]string{} // pipeline name to file
	for _, name := range w.pipelineFiles() {
		data, err := w.readFile(name)
		if err != nil {
			w.mistake("pipelines", err.Error(), "")
			continue
		}
		f, err := Parse(w.shown(name), data)
		if err != nil {
			w.broken[brokenName(f, name)] = broken{f, err}
			continue
		}
		if message, hint := w.clash(f, taken); message != "" {
			s := &source{name: f.Path, lines: f.source.lines}
			s.mistake(f.source.find("name"), message, hint)
			w.source.mistakes = append(w.source.mistakes, s.mistakes...)
			continue
		}
		taken[f.Name] = f.Path
		w.Pipelines = append(w.Pipelines, f)
	}
	slices.SortFunc(w.Pipelines, func(a, b *File) int { return strings.Compare(a.Name, b.Name) })
}

func brokenName(f *File, path string) string {
	if f == nil {
		return nameOf(path)
	}
	return f.Name
}

// clash says who else has the name of a pipeline: all workers of a workspace share their names.
func (w *Workspace) clash(f *File, taken map[string]string) (message, hint string) {
	name := strconv.Quote(f.Name)
	if first, twice := taken[f.Name]; twice {
		return "two pipelines are called " + name, "the other is " + first
	}
	if _, agent := w.Agents[f.Name]; agent {
		return name + " is an agent and a pipeline", "rename one of them"
	}
	if f.Name == coordinator.Person {
		return "a pipeline cannot be called person", "that name stands for people"
	}
	return "", ""
}

// maxPipelines bounds how many files one workspace loads.
const maxPipelines = 1000

// pipelineFiles returns the files that the patterns match, sorted, relative to the workspace.
func (w *Workspace) pipelineFiles() []string {
	patterns := w.Patterns
	if len(patterns) == 0 {
		patterns = DefaultPatterns
	}
	var files []string
	for i, pattern := range patterns {
		field := fmt.Sprintf("pipelines[%d]", i)
		pattern = path.Clean(filepath.ToSlash(pattern))
		if !fs.ValidPath(pattern) {
			w.mistake(field, strconv.Quote(pattern)+" leads out of the workspace", "")
			continue
		}
		found, err := fs.Glob(w.Root.FS(), pattern)
		switch {
		case err != nil:
			w.mistake(field, strconv.Quote(pattern)+" is not a pattern", "an example: pipelines/*.yaml")
		case len(found) == 0 && !strings.ContainsAny(pattern, "*?["):
			w.mistake(field, w.shown(pattern)+" does not exist", w.nearby(pattern))
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	files = slices.DeleteFunc(slices.Compact(files), func(name string) bool { return name == filepath.Base(w.File) })
	if len(files) > maxPipelines {
		w.mistake("pipelines", fmt.Sprintf("there are %d pipelines; %d is the limit", len(files), maxPipelines), "")
		return files[:maxPipelines]
	}
	return files
}
