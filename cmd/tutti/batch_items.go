package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// piece is one piece of a batch: a file, or a line of a list.
type piece struct {
	name  string
	input json.RawMessage // canonical
	key   string          // idempotency key
}

// pieces are what the patterns and lists of a batch name, each with its input; mistakes in any of them are reported before
// anything is submitted.
func (s *session) pieces(f runFlags, plan *coordinator.Plan) ([]piece, error) {
	base, err := f.input.read(s.in, plan)
	if err != nil {
		return nil, err
	}
	var out []piece
	for _, each := range f.batch.each {
		var more []piece
		if name, ok := strings.CutPrefix(each, "@"); ok {
			more, err = listed(name, s.in, base, f.batch.most-len(out))
		} else {
			more, err = s.files(each, f.batch, base, plan, f.batch.most-len(out))
		}
		if errors.Is(err, errTooMany) {
			return nil, fmt.Errorf("--each %s: more than %d; --max sets how many a batch may have", each, f.batch.most)
		}
		if err != nil {
			return nil, fmt.Errorf("--each %s: %w", each, err)
		}
		out = append(out, more...)
	}
	if err := fit(out, plan); err != nil {
		return nil, err
	}
	giveKeys(out, f.batch.id, plan.Name)
	return out, nil
}

// mistakesShown is how many wrong inputs are told at once.
const mistakesShown = 10

// fit checks every input against what the pipeline takes.
func fit(all []piece, plan *coordinator.Plan) error {
	if len(plan.Input) == 0 {
		return nil
	}
	rules, err := schema.Compile(plan.Input)
	if err != nil {
		return err
	}
	var wrong []error
	for _, p := range all {
		if err := rules.Validate(p.input); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	if more := len(wrong) - mistakesShown; more > 0 {
		wrong = append(wrong[:mistakesShown], fmt.Errorf("… and %d more; nothing was submitted", more))
	}
	return errors.Join(wrong...)
}

// giveKeys makes the idempotency keys: one piece of a pipeline's work is a file's content under its name, or an input of a list. What stands in a list
// twice is done twice, wherever it stands.
func giveKeys(all []piece, batch, pipeline string) {
	seen := map[string]int{}
	for i := range all {
		content := all[i].key
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", pipeline, content, all[i].input, seen[content+string(all[i].input)]))
		seen[content+string(all[i].input)]++
		all[i].key = "batch:" + batch + ":" + hex.EncodeToString(sum[:16])
	}
}

// files are the pieces of a pattern: one for each file, with its path as one property of the input.
func (s *session) files(pattern string, b batchFlags, base json.RawMessage, plan *coordinator.Plan, most int) ([]piece, error) {
	property, err := b.property(plan)
	if err != nil {
		return nil, err
	}
	dir, found, err := s.glob(pattern, most)
	if err != nil {
		return nil, err
	}
	var out []piece
	for _, name := range found {
		p, err := s.file(filepath.Join(dir, filepath.FromSlash(name)), property, base)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// glob looks in the current folder, then in the workspace's.
func (s *session) glob(pattern string, most int) (dir string, found []string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	if filepath.IsAbs(pattern) {
		here, pattern = "/", strings.TrimLeft(filepath.ToSlash(pattern), "/")
	}
	for _, dir := range []string{here, s.ws.Dir} {
		if found, err = globbed(dir, pattern, most); err != nil || len(found) > 0 {
			return dir, found, err
		}
	}
	return "", nil, nil
}

// file is the piece of one file. Its path is that inside the workspace: tools see nothing else.
func (s *session) file(path, property string, base json.RawMessage) (piece, error) {
	inside, err := filepath.Rel(s.ws.Dir, path)
	if err != nil || !filepath.IsLocal(inside) {
		return piece{}, fmt.Errorf("%s is outside the workspace %s, where tools cannot read it: move it in", path, s.ws.Dir)
	}
	name := filepath.ToSlash(inside)
	input, err := with(base, map[string]any{property: name})
	if err != nil {
		return piece{}, err
	}
	sum, err := contentOf(path)
	return piece{name: name, input: input, key: sum}, err
}

func contentOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// with puts properties over an object; the result is canonical.
func with(base json.RawMessage, properties map[string]any) (json.RawMessage, error) {
	values := map[string]any{}
	if len(base) > 0 {
		if err := exactly(base, &values); err != nil || values == nil {
			return nil, errors.New("--input must be an object")
		}
	}
	maps.Copy(values, properties)
	raw, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return coordinator.Canonical(raw)
}

// property is the input's property that a file's path goes to.
func (b batchFlags) property(plan *coordinator.Plan) (string, error) {
	if b.as != "" {
		return b.as, knownKey(b.as+"=", plan.Input)
	}
	input := readProperty(plan.Input)
	if name, ok := fileProperty(input); ok {
		return name, nil
	}
	if len(input.Properties) == 0 {
		return "", errors.New("the pipeline's input has no properties: say with --each-as which one the file is")
	}
	return "", fmt.Errorf("which property of the input is the file? --each-as %s", strings.Join(slices.Sorted(maps.Keys(input.Properties)), ", or --each-as "))
}

// fileProperty is the property of an input that a file can only be meant for: the one path, else the one that is required,
// else the only one.
func fileProperty(input property) (name string, ok bool) {
	names := slices.Sorted(maps.Keys(input.Properties))
	paths := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return input.Properties[n].Format != "path" })
	for _, candidates := range [][]string{paths, input.Required, names} {
		if len(candidates) == 1 {
			return candidates[0], true
		}
	}
	return "", false
}

// listed are the pieces of a list: one JSON object a line, put over the other inputs. Empty lines are left out.
func listed(name string, stdin io.Reader, base json.RawMessage, most int) ([]piece, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	} else {
		name = "stdin"
	}
	var out []piece
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxDocument)
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		if len(out) == most {
			return nil, errTooMany
		}
		own := map[string]any{}
		if err := exactly(text, &own); err != nil || own == nil {
			return nil, fmt.Errorf("line %d is no JSON object: %s", n, cut(line(string(text)), quotedColumns))
		}
		input, err := with(base, own)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, piece{name: fmt.Sprintf("%s:%d", shortest(name), n), input: input})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
	}
	return out, nil
}
