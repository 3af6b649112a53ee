package mcp

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tuttirun/tutti/coordinator"
)

// Accept asks a server for its tools and writes what it says of them to the lock file. The changes are returned for people
// to read; they are none if everything is as it was accepted.
func Accept(ctx context.Context, dir string, s Settings, server string) (Changes, error) {
	return look(ctx, dir, s, server, true)
}

// Compare returns what Accept would change, and changes nothing.
func Compare(ctx context.Context, dir string, s Settings, server string) (Changes, error) {
	return look(ctx, dir, s, server, false)
}

func look(ctx context.Context, dir string, s Settings, name string, write bool) (Changes, error) {
	s, err := s.check()
	if err != nil {
		return Changes{}, err
	}
	settings, ok := s.Servers[name]
	if !ok {
		return Changes{}, fmt.Errorf("mcp: there is no server %q; there is %s", name, names(s.Servers))
	}
	now, err := ask(ctx, dir, name, settings)
	if err != nil {
		return Changes{}, err
	}
	entry, err := pinAll(now)
	if err != nil {
		return Changes{}, fmt.Errorf("mcp: server %s: %w", name, err)
	}
	l, err := readLock(dir, s.Lock) // after the server has answered: others may have been accepted meanwhile
	if err != nil {
		return Changes{}, err
	}
	before, known := l.definitions(name)
	changes := changesOf(name, before, now)
	changes.First = !known
	if !write || known && changes.None() && l.intact(name) == nil {
		return changes, nil
	}
	l.Servers[name] = entry
	return changes, l.write(dir, s.Lock)
}

// ask starts a server, or connects to it, for its list of tools only.
func ask(ctx context.Context, dir, name string, settings Server) (map[string]definition, error) {
	running := newServer(dir, name, settings, nil)
	ctx, stop := running.living(ctx)
	defer stop()
	defer func() { _ = running.close() }() // it has no error to give
	if err := running.take(ctx); err != nil {
		return nil, err
	}
	defer running.give()
	if err := running.begin(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, settings.StartTimeout)
	defer cancel()
	now, err := running.list(ctx, running.session)
	if err != nil {
		return nil, running.unreached(fmt.Errorf("list of its tools: %w", err), running.session)
	}
	return now, nil
}

func pinAll(now map[string]definition) (pinnedTools, error) {
	entry := pinnedTools{Tools: make(map[string]pinned, len(now))}
	for name, d := range now {
		digest, err := d.digest()
		if err != nil {
			return entry, fmt.Errorf("tool %s: %w", line(name, maxToolName), err)
		}
		entry.Tools[name] = pin(d, digest)
	}
	return entry, nil
}

// Listed is one accepted tool, as List shows it.
type Listed struct {
	Server  string             `json:"server"`
	Tool    string             `json:"tool"`              // as the server calls it
	Worker  string             `json:"worker,omitempty"`  // as it is called here; "" if it is not offered
	Effect  coordinator.Effect `json:"effect"`            //
	From    string             `json:"from"`              // of the effect: settings, hints or default
	SHA256  string             `json:"sha256"`            // of what was accepted
	Problem string             `json:"problem,omitempty"` // why no worker can be made of it
}

// List returns the tools of all configured servers, offered or not, by the lock file. Unknown names the servers that it does
// not know yet. Nothing is started.
func List(dir string, s Settings) (listed []Listed, unknown []string, err error) {
	if s, err = s.check(); err != nil {
		return nil, nil, err
	}
	l, err := readLock(dir, s.Lock)
	if err != nil {
		return nil, nil, err
	}
	for _, server := range slices.Sorted(maps.Keys(s.Servers)) {
		accepted, known := l.definitions(server)
		if !known {
			unknown = append(unknown, server)
		}
		for _, name := range slices.Sorted(maps.Keys(accepted)) {
			d := accepted[name]
			one := Listed{Server: server, Tool: revealed(name), SHA256: l.Servers[server].Tools[name].SHA256}
			one.Effect, one.From = s.Servers[server].effect(d)
			if err := d.unusable(); err != nil {
				one.Problem = line(err.Error(), maxError)
			} else if s.Servers[server].offers(name) {
				one.Worker = workerName(server, name)
			}
			listed = append(listed, one)
		}
	}
	return listed, unknown, nil
}
