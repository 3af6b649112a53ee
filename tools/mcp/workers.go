package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/schema"
)

// New returns a worker for every offered tool of every configured server, made of the lock file alone: nothing is started.
// A server that the file does not know is an error; Accept makes it known. Closing any worker of a server ends it for all.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	s, err := s.check()
	if err != nil {
		return nil, err
	}
	l, err := readLock(dir, s.Lock)
	if err != nil {
		return nil, err
	}
	var workers []coordinator.Worker
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.Servers)) {
		made, err := newWorkers(dir, name, s.Servers[name], l)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("mcp: server %s: %w", name, err))
		}
		workers = append(workers, made...)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return workers, nil
}

func newWorkers(dir, name string, s Server, l lock) ([]coordinator.Worker, error) {
	accepted, known := l.definitions(name)
	if !known {
		return nil, fmt.Errorf("its tools were not looked at yet; run: tutti workers accept %s", name)
	}
	if err := l.intact(name); err != nil {
		return nil, err
	}
	if err := s.known(accepted); err != nil {
		return nil, err
	}
	running := newServer(dir, name, s, accepted)
	closing := sync.OnceValue(running.close)
	byName := map[string]string{}
	var out []coordinator.Worker
	for _, one := range slices.Sorted(maps.Keys(accepted)) {
		d := accepted[one]
		if !s.offers(one) || d.unusable() != nil {
			continue // List tells why
		}
		as := workerName(name, one)
		if other, twice := byName[as]; twice {
			return nil, fmt.Errorf("its tools %s and %s would both be called %s; offer one of them under tools", other, one, as)
		}
		byName[as] = one
		w, err := newWorker(running, d, as, closing)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one, err)
		}
		out = append(out, w)
	}
	return out, nil
}

// known finds settings for tools that the server does not have, and tools that are asked for and cannot be used.
func (s Server) known(accepted map[string]definition) error {
	var wrong []error
	for field, keys := range map[string][]string{"effects": slices.Sorted(maps.Keys(s.Effects)), "authority": slices.Sorted(maps.Keys(s.Authority))} {
		for _, name := range keys {
			if _, ok := accepted[name]; !ok {
				wrong = append(wrong, fmt.Errorf("%s.%s: it has no such tool; it has %s", field, name, names(accepted)))
			}
		}
	}
	for _, pattern := range s.Tools {
		if d, ok := accepted[pattern]; ok {
			if err := d.unusable(); err != nil {
				wrong = append(wrong, fmt.Errorf("tools: %s cannot be used: %w", pattern, err))
			}
		} else if !matchesAny(pattern, accepted) {
			wrong = append(wrong, fmt.Errorf("tools: it has none that is called %s; it has %s", pattern, names(accepted)))
		}
	}
	return errors.Join(wrong...)
}

func matchesAny(pattern string, accepted map[string]definition) bool {
	for name := range accepted {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}

// tool is one tool of a server.
type tool struct {
	definition
	server   *server
	effect   coordinator.Effect
	promised *schema.Schema // of structured content; nil accepts all
}

func newWorker(s *server, d definition, name string, closing func() error) (coordinator.Worker, error) {
	t := &tool{definition: d, server: s}
	t.effect, _ = s.settings.effect(d)
	input, output, err := t.schemas()
	if err != nil {
		return nil, err
	}
	return tools.New(name, d.words(s.name, s.settings.MaxDescription), t.do, tools.Options{
		Effect: t.effect, Authority: s.settings.authority(d), Input: input, Output: output, Close: closing,
	}), nil
}

// schemas are what the card shows: the server's own, without anything hidden.
func (t *tool) schemas() (input, output json.RawMessage, err error) {
	most := t.server.settings.MaxDescription
	input = json.RawMessage(`{"type":"object"}`)
	if len(t.Input) > 0 {
		if input, err = visibleSchema(t.Input, most); err != nil {
			return nil, nil, err
		}
	}
	if len(t.Output) == 0 {
		return input, answerSchema, nil
	}
	if t.promised, err = schema.Compile(t.Output); err != nil {
		return nil, nil, err
	}
	output, err = visibleSchema(t.Output, most)
	return input, output, err
}

// answerSchema admits an Answer, and structured content of a tool that states no output schema.
var answerSchema = json.RawMessage(`{"type":"object","properties":{` +
	`"text":{"type":"string","description":"all texts of the answer, joined by line breaks"},` +
	`"content":{"type":"array","description":"images, sounds, files and links of the answer, described","items":{"type":"object"}}}}`)

// do calls the tool. Its input is checked against the accepted schema before.
func (t *tool) do(ctx context.Context, input map[string]json.RawMessage) (json.RawMessage, error) {
	if input == nil {
		input = map[string]json.RawMessage{}
	}
	result, err := t.server.call(ctx, t.Name, input)
	if err != nil {
		return nil, err
	}
	return t.output(ctx, result)
}
