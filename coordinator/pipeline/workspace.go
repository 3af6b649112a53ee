package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/secret"
)

// WorkspaceFile is the name of the file that makes a folder a workspace.
const WorkspaceFile = "tutti.yaml"

// ErrNoWorkspace is wrapped by OpenWorkspace's error when there is no workspace file.
var ErrNoWorkspace = errors.New("no workspace")

// Workspace is a folder with a tutti.yaml: what it says, and the pipelines it names. It is plain data; nothing is started.
type Workspace struct {
	Name     string                     `json:"name"`            // part of every key; "" in the file: the folder's name, made safe
	Redis    string                     `json:"redis,omitempty"` // URL; "": the runtime decides
	Models   map[string]Model           `json:"models,omitempty"`
	Agents   map[string]Agent           `json:"agents,omitempty"`
	Tools    map[string]json.RawMessage `json:"tools,omitempty"`   // settings by family; read them with DecodeTool
	Secrets  map[string]Secret          `json:"secrets,omitempty"` // where credentials are found; settings name them
	Prices   json.RawMessage            `json:"prices,omitempty"`  // of models, US dollars for a million tokens; read them with DecodePrices
	People   map[string]Person          `json:"people,omitempty"`
	Groups   map[string]Group           `json:"groups,omitempty"` // all groups, those that only people name included
	Rights   Rights                     `json:"rights,omitzero"`
	Patterns []string                   `json:"pipelines,omitempty"` // files, as path.Match patterns; none: DefaultPatterns
	Limits   coordinator.Limits         `json:"limits,omitzero"`

	Pipelines []*File  `json:"-"` // those without mistakes, by name
	File      string   `json:"-"` // the workspace file, as messages name it
	Dir       string   `json:"-"` // its folder, absolute
	Root      *os.Root `json:"-"` // the folder, for reading and writing inside it only

	source  *source
	broken  map[string]broken // by pipeline name
	secrets map[string]string // those that could be read
	unread  map[string]error  // why the others could not
	hidden  *secret.Set       // the same, for masking
}

// DefaultPatterns find a workspace's pipelines when its file names none.
var DefaultPatterns = []string{"pipelines/*.yaml", "pipelines/*.yml", "*.pipeline.yaml"}

// Model is a language model under a name of the workspace's own. In the file it may be just the text of Use.
type Model struct {
	Use      string          `json:"use"`                // "offline", "openai/gpt-4o-mini", …
	Settings json.RawMessage `json:"settings,omitempty"` // the other keys, as a JSON object; read them with DecodeModel
}

// Agent is what the workspace says about an agent; numbers that are 0 take the default of package agents.
type Agent struct {
	Description      string          `json:"description,omitempty"`
	Model            string          `json:"model,omitempty"` // "" in the file: default
	Instructions     string          `json:"instructions,omitempty"`
	InstructionsFile string          `json:"instructions_file,omitempty"` // its content is in Instructions
	Calls            []string        `json:"calls,omitempty"`             // workers it may call
	NoPerson         bool            `json:"no_person,omitempty"`         // may not ask people
	Input            json.RawMessage `json:"input,omitempty"`             // JSON Schema
	Output           json.RawMessage `json:"output,omitempty"`            // JSON Schema
	OutputFile       string          `json:"output_file,omitempty"`       // its content is in Output
	Stated           bool            `json:"stated,omitempty"`            // the model says how sure it is
	MaxRepairs       int             `json:"max_repairs,omitempty"`       // negative: none
	MaxTokens        int             `json:"max_tokens,omitempty"`        // of one answer
	Temperature      *float64        `json:"temperature,omitempty"`       // nil: the provider's
}

// Person is somebody who answers questions.
type Person struct {
	Name   string   `json:"name,omitempty"`
	Email  string   `json:"email,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// Rights says who may do something to a run as a whole: people or groups. Nobody named: everybody the workspace lists, and
// anyone at all while it lists nobody. Whoever asked for a run may always cancel it. Who decides a question stands in review.by.
type Rights struct {
	Cancel []string `json:"cancel,omitempty"`
	Redo   []string `json:"redo,omitempty"`
	Rerun  []string `json:"rerun,omitempty"`
}

// Group is people who answer for each other.
type Group struct {
	Description string `json:"description,omitempty"`
}

// OpenWorkspace reads a workspace file: the one named, or the first tutti.yaml in a folder or those above it; "" starts
// in the current one. Mistakes of the file and of those it names for its agents are an *Error, all at once. Pipelines with
// mistakes don't stand in the way of the others: Check and Pipeline report them. Close the workspace.
func OpenWorkspace(dirOrFile string) (*Workspace, error) {
	file, err := findWorkspace(dirOrFile)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("workspace %s: %w", filepath.Dir(file), err)
	}
	w := &Workspace{Dir: filepath.Dir(file), Root: root, File: shown(file), broken: map[string]broken{}}
	data, err := w.readFile(filepath.Base(file))
	if err == nil {
		err = w.read(data)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return w, nil
}

// Close releases the folder.
func (w *Workspace) Close() error {
	if w.Root == nil {
		return nil
	}
	return w.Root.Close()
}

// findWorkspace returns the absolute path of the workspace file.
func findWorkspace(dirOrFile string) (string, error) {
	start, err := filepath.Abs(dirOrFile)
	if err != nil {
		return "", fmt.Errorf("workspace %s: %w", dirOrFile, err)
	}
	info, err := os.Stat(start)
	if err != nil {
		return "", fmt.Errorf("%w: %s does not exist", ErrNoWorkspace, dirOrFile)
	}
	if !info.IsDir() {
		return start, nil
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, WorkspaceFile)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: there is no %s in %s or in a folder above it; `tutti init` makes one", ErrNoWorkspace, WorkspaceFile, start)
		}
	}
}

// shown returns a path as people expect to see it: from where they are, unless that is further away than the root.
func shown(file string) string {
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(here, file)
	if err != nil || len(rel) > len(file) {
		return file
	}
	return rel
}

// shown returns how messages name a file of the workspace.
func (w *Workspace) shown(name string) string {
	return shown(filepath.Join(w.Dir, filepath.FromSlash(name)))
}

func (w *Workspace) read(data []byte) error {
	w.source = readSource(w.File, data)
	if w.source.root == nil {
		return w.source.err()
	}
	d := decoder{w.source}
	d.into(w.source.root, reflect.ValueOf(w).Elem(), "a workspace")
	w.checkName()
	w.checkLimits()
	w.checkPeople()
	w.loadSecrets()
	w.readAgents()
	w.loadPipelines()
	return w.source.err()
}

// mistake reports a field of the workspace file.
func (w *Workspace) mistake(path, message, hint string) {
	w.source.mistake(w.source.find(path), message, hint)
}

// Mistake returns an *Error that points at a field of the workspace file, such as tools.sql.databases.ledger.url. Owners
// of settings use it for what only they can find out.
func (w *Workspace) Mistake(path, message, hint string) error {
	s := &source{name: w.File, hidden: w.hidden}
	if w.source == nil {
		s.mistake(span{}, path+": "+message, hint)
		return s.err()
	}
	s.lines = w.source.lines
	s.mistake(w.source.findName(path), message, hint)
	return s.err()
}

// DecodeTool reads the settings of a family of tools, strictly: unknown keys and wrong types are mistakes with their
// places, durations are text such as 30s. Into, a pointer, is left alone when the file has none.
func (w *Workspace) DecodeTool(family string, into any) error {
	return w.decodeSettings(w.Tools[family], into, func(root *node) *node {
		return root.child("tools").child(family)
	}, "tools."+family)
}

// DecodeModel reads the settings of a model, except use, as DecodeTool does.
func (w *Workspace) DecodeModel(name string, into any) error {
	return w.decodeSettings(w.Models[name].Settings, into, func(root *node) *node {
		if n := root.child("models").child(name); n != nil {
			return n.without("use")
		}
		return nil
	}, "models."+name)
}

// DecodePrices reads the prices that the file gives for models, as DecodeTool does.
func (w *Workspace) DecodePrices(into any) error {
	return w.decodeSettings(w.Prices, into, func(root *node) *node { return root.child("prices") }, "prices")
}

func (w *Workspace) decodeSettings(raw json.RawMessage, into any, find func(*node) *node, name string) error {
	if len(raw) == 0 {
		return nil
	}
	if w.source == nil { // made by hand, not read from a file
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	s := &source{name: w.File, lines: w.source.lines, meant: map[span]string{}, hidden: w.hidden}
	decoder{s}.into(w.reveal(s, find(w.source.root)), reflect.ValueOf(into).Elem(), name)
	return s.err()
}

func (n *node) child(key string) *node {
	if n == nil {
		return nil
	}
	return n.get(key)
}

// names returns what a plan of this workspace can use, as far as the file knows.
func (w *Workspace) names() []string {
	out := []string{coordinator.Person}
	for name := range w.Agents {
		out = append(out, name)
	}
	for _, f := range w.Pipelines {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}

// Pipeline returns the pipeline of a name, or reads the one at a path, relative to the current folder or the
// workspace's. A *Error holds its mistakes; as with Parse, the File may stand beside it, for CheckFile.
func (w *Workspace) Pipeline(nameOrPath string) (*File, error) {
	for _, f := range w.Pipelines {
		if f.Name == nameOrPath {
			return f, nil
		}
	}
	if b, ok := w.broken[nameOrPath]; ok {
		return b.file, b.err
	}
	if file, data, ok := w.open(nameOrPath); ok {
		return Parse(file, data)
	}
	known := make([]string, 0, len(w.Pipelines))
	for _, f := range w.Pipelines {
		known = append(known, f.Name)
	}
	if hint := oneOf(nameOrPath, known); hint != "" {
		return nil, fmt.Errorf("no pipeline %s; %s", strconv.Quote(nameOrPath), hint)
	}
	return nil, fmt.Errorf("no pipeline %s, and no such file", strconv.Quote(nameOrPath))
}

// open reads a pipeline that is named by its path.
func (w *Workspace) open(path string) (name string, data []byte, ok bool) {
	for _, candidate := range []string{path, filepath.Join(w.Dir, path)} {
		if info, err := os.Stat(candidate); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if data, err := readLimited(os.Open(candidate)); err == nil {
			return shown(candidate), data, true
		}
	}
	return "", nil, false
}
