package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tuttirun/tutti/tools/schema"
)

// document is an API's description: a file of the workspace, and those that it refers to.
type document struct {
	root  *os.Root
	files map[string]*file
}

// file is one file, read once.
type file struct {
	name  string
	raw   []byte
	value any
	nodes *yaml.Node // where things stand: read when something is wrong
}

// place is a value of a document, and where it stands.
type place struct {
	file    *file
	pointer string // RFC 6901
	value   any
}

// Problem is something in a document that cannot be used.
type Problem struct {
	File    string
	Pointer string // RFC 6901; "" is the whole file
	Message string

	file *file
}

// Line is where it stands in the file, from 1; 0 if nobody knows. It is looked up when it is asked for: in a large document
// that takes longer than everything else.
func (p *Problem) Line() int { return p.file.line(p.Pointer) }

func (p *Problem) Error() string {
	at := p.File
	if line := p.Line(); line > 0 {
		at += ":" + strconv.Itoa(line)
	}
	if p.Pointer != "" {
		at += ": " + p.Pointer
	}
	return at + ": " + p.Message
}

func (p place) problem(format string, args ...any) *Problem {
	return &Problem{File: p.file.name, Pointer: p.pointer, Message: fmt.Sprintf(format, args...), file: p.file}
}

// key tells places apart.
func (p place) key() string { return p.file.name + "#" + p.pointer }

func (p place) object() map[string]any {
	m, _ := p.value.(map[string]any)
	return m
}

// child is a member of an object or list. It is there even if the document has none, with a nil value.
func (p place) child(key string) place {
	out := place{file: p.file, pointer: p.pointer + "/" + escapeToken(key)}
	switch v := p.value.(type) {
	case map[string]any:
		out.value = v[key]
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			out.value = v[i]
		}
	}
	return out
}

func (p place) has(key string) bool {
	_, ok := p.object()[key]
	return ok
}

func (p place) text(key string) string {
	s, _ := p.object()[key].(string)
	return s
}

func (p place) flag(key string) bool {
	b, _ := p.object()[key].(bool)
	return b
}

// keys are an object's, sorted.
func (p place) keys() []string {
	var out []string
	for key := range p.object() {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// items are the members of a list.
func (p place) items() []place {
	list, _ := p.value.([]any)
	out := make([]place, len(list))
	for i := range list {
		out[i] = p.child(strconv.Itoa(i))
	}
	return out
}

var (
	toToken   = strings.NewReplacer("~", "~0", "/", "~1")
	fromToken = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapeToken(s string) string   { return toToken.Replace(s) }
func unescapeToken(s string) string { return fromToken.Replace(s) }

// open reads a file of the workspace.
func (d *document) open(name string) (*file, error) {
	if f, ok := d.files[name]; ok {
		return f, nil
	}
	if err := schema.CheckPath(name); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(d.files) >= maxFiles {
		return nil, fmt.Errorf("%s: the document consists of more than %d files", name, maxFiles)
	}
	raw, err := readFile(d.root, name)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, raw: raw}
	if f.value, err = parse(raw); err != nil {
		return nil, fmt.Errorf("%s%w", name, err)
	}
	d.files[name] = f
	return f, nil
}

func readFile(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, pathCause(err))
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, pathCause(err))
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("%s: it has more than %d MiB", name, maxDocument>>20)
	}
	return bytes.TrimPrefix(raw, []byte("\uFEFF")), nil
}

// pathCause drops the operation and name that the caller says better.
func pathCause(err error) error {
	if with := (*os.PathError)(nil); errors.As(err, &with) {
		return with.Err
	}
	return err
}

// line finds where a pointer leads to. JSON is read as YAML for it.
func (f *file) line(pointer string) int {
	if f.nodes == nil {
		f.nodes = &yaml.Node{}
		if yaml.Unmarshal(f.raw, f.nodes) != nil {
			return 0
		}
	}
	n := f.nodes
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	line := n.Line
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if n = step(n, unescapeToken(token), &line); n == nil {
			break // what is missing is missing there
		}
	}
	return line
}

func step(n *yaml.Node, token string, line *int) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == token {
				*line = n.Content[i].Line
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			*line = n.Content[i].Line
			return n.Content[i]
		}
	}
	return nil
}
