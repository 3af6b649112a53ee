package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/tools/secret"
)

// Secret says where a credential is found; one of its fields is set. Settings of tools and models name it where they
// expect text: {secret: crm_token}. Nothing else can: expressions, agents and pipelines don't know secrets.
type Secret struct {
	Env  string `json:"env,omitempty"`  // an environment variable
	File string `json:"file,omitempty"` // a file, whose last line break doesn't count: below the workspace's .tutti, which tools don't read, or outside
}

// secret reads where a secret is found. Who writes the value itself there is told so, and not shown it again.
func (d decoder) secret(n *node, v reflect.Value, name string) {
	if n.kind != mapping {
		d.source.cover(n)
		return // loadSecrets says what to write
	}
	for _, f := range n.fields {
		if f.key != "env" && f.key != "file" {
			d.source.cover(f.value)
		}
	}
	d.object(n, v, name)
}

// cover keeps a value out of the lines that messages show.
func (s *source) cover(n *node) {
	if n.text == "" || n.at.line < 1 || n.at.line > len(s.lines) {
		return
	}
	line := &s.lines[n.at.line-1]
	*line = strings.ReplaceAll(*line, n.text, strings.Repeat("*", len([]rune(n.text))))
}

// maxSecret bounds the file of a secret.
const maxSecret = 64 << 10

// value reads a secret. Its errors tell the place and never the value.
func (s Secret) value(dir string) (string, error) {
	if s.Env != "" {
		v, ok := os.LookupEnv(s.Env)
		if !ok || v == "" {
			return "", fmt.Errorf("the environment variable %s is not set", s.Env)
		}
		return v, nil
	}
	file := s.File
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, filepath.FromSlash(file))
	}
	info, err := os.Stat(file)
	switch {
	case os.IsNotExist(err):
		return "", fmt.Errorf("%s does not exist", shown(file))
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Size() > maxSecret:
		return "", fmt.Errorf("%s is no file of at most %d KiB", shown(file), maxSecret>>10)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("%s is empty", shown(file))
	}
	return v, nil
}

// loadSecrets reads the secrets that can be read; one that cannot is a mistake only where it is used.
func (w *Workspace) loadSecrets() {
	w.secrets, w.hidden, w.unread = map[string]string{}, new(secret.Set), map[string]error{}
	for _, name := range slices.Sorted(maps.Keys(w.Secrets)) {
		s, at := w.Secrets[name], "secrets."+name
		switch {
		case !safeName.MatchString(strings.ReplaceAll(name, "-", "_")):
			w.source.mistake(w.source.findKey(at), strconv.Quote(name)+" cannot be a secret's name", "use a-z, 0-9, - and _")
			continue
		case (s.Env == "") == (s.File == ""):
			w.mistake(at, "a secret is found in one place, and its value never stands here", "write {env: NAME} or {file: path}")
			continue
		case s.File != "" && w.exposed(s.File):
			w.mistake(at+".file", "the workspace's own tools could read "+s.File, "move it below "+privateDir+", or out of the workspace")
			continue
		}
		v, err := s.value(w.Dir)
		if err == nil {
			err = w.hidden.Add(name, v)
		}
		if err != nil {
			w.unread[name] = err
			continue
		}
		w.secrets[name] = v
	}
}

// privateDir is the one folder of a workspace that no tool reads.
const privateDir = ".tutti"

// exposed reports whether a file lies where tools read.
func (w *Workspace) exposed(file string) bool {
	path := filepath.FromSlash(file)
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.Dir, path)
	}
	rel, err := filepath.Rel(w.Dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return !strings.EqualFold(first, privateDir)
}

// Hidden returns the workspace's secrets, for keeping them out of what workers answer (secret.Guard), logs and messages.
func (w *Workspace) Hidden() *secret.Set { return w.hidden }

// CheckSecrets returns what is wrong with the secrets that settings use or could use: nil when all of them are there.
func (w *Workspace) CheckSecrets() error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(w.unread)) {
		wrong = append(wrong, fmt.Errorf("secret %s: %w", name, w.unread[name]))
	}
	return errors.Join(wrong...)
}

// secretKey is the one key of a mapping that stands for a secret.
const secretKey = "secret"

// named returns the name of the secret that a node stands for.
func (n *node) named() (string, bool) {
	if n.kind == mapping && len(n.fields) == 1 && n.fields[0].key == secretKey && n.fields[0].value.kind == text {
		return n.fields[0].value.text, true
	}
	return "", false
}

// reveal returns settings with the secrets in their places. What cannot be put in is a mistake at its place.
func (w *Workspace) reveal(s *source, n *node) *node {
	if n == nil || n.kind != list && n.kind != mapping {
		return n
	}
	if name, ok := n.named(); ok {
		out := *n
		out.kind, out.fields, out.secret = text, nil, name
		out.text = w.lookup(s, n, name)
		return &out
	}
	out := *n
	out.items = slices.Clone(n.items)
	for i, item := range out.items {
		out.items[i] = w.reveal(s, item)
	}
	out.fields = slices.Clone(n.fields)
	for i := range out.fields {
		out.fields[i].value = w.reveal(s, out.fields[i].value)
	}
	return &out
}

func (w *Workspace) lookup(s *source, n *node, name string) string {
	if v, ok := w.secrets[name]; ok {
		return v
	}
	if err := w.unread[name]; err != nil {
		s.mistake(n.at, fmt.Sprintf("secret %s: %v", name, err), "")
		return "unset-" + name
	}
	hint := oneOf(name, slices.Sorted(maps.Keys(w.Secrets)))
	if len(w.Secrets) == 0 {
		hint = "name it in " + WorkspaceFile + ": secrets: {" + name + ": {env: …}}"
	}
	s.mistake(n.at, "there is no secret "+strconv.Quote(name), hint)
	return "unset-" + name
}
