package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/folder"
)

// lock is the content of a lock file: what was accepted, by server and tool.
type lock struct {
	Version int                    `json:"version"`
	Servers map[string]pinnedTools `json:"servers"`
}

type pinnedTools struct {
	Tools map[string]pinned `json:"tools"`
}

// pinned is one accepted definition; its name is the key that it stands under.
type pinned struct {
	SHA256      string          `json:"sha256"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`
	Output      json.RawMessage `json:"output,omitempty"`
	Hints       *hints          `json:"hints,omitempty"`
}

const (
	lockVersion  = 1
	maxLockBytes = 32 << 20
)

func (p pinned) definition(name string) definition {
	return definition{name, p.Title, p.Description, p.Input, p.Output, p.Hints}
}

func pin(d definition, digest string) pinned {
	return pinned{digest, d.Title, d.Description, d.Input, d.Output, d.Hints}
}

// definitions returns what was accepted of a server. known is false if the file does not speak of it.
func (l lock) definitions(server string) (tools map[string]definition, known bool) {
	entry, known := l.Servers[server]
	tools = make(map[string]definition, len(entry.Tools))
	for name, p := range entry.Tools {
		tools[name] = p.definition(name)
	}
	return tools, known
}

// readLock reads the lock file. There need not be one. Whether its entries are what was accepted is not looked at: see intact.
func readLock(dir, name string) (lock, error) {
	l := lock{Version: lockVersion, Servers: map[string]pinnedTools{}}
	f, err := folder.New(dir)
	if err != nil {
		return l, fmt.Errorf("mcp: %w", err)
	}
	err = f.Within(name, func(root *os.Root, local string) error {
		raw, err := folder.Load(root, local, maxLockBytes)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return l.parse(raw)
	})
	if err != nil {
		return l, fmt.Errorf("mcp: lock: %w", err)
	}
	return l, nil
}

func (l *lock) parse(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return fmt.Errorf("it is not one that tutti wrote (%w); restore it, or delete it and accept the servers again", err)
	}
	if l.Version != lockVersion {
		return fmt.Errorf("its version is %d; this tutti knows %d", l.Version, lockVersion)
	}
	for server, entry := range l.Servers {
		for name, p := range entry.Tools {
			if err := p.normalise(); err != nil {
				return fmt.Errorf("%s.%s: %w", server, name, err)
			}
			entry.Tools[name] = p
		}
	}
	return nil
}

// normalise undoes what indenting did to the schemas.
func (p *pinned) normalise() error {
	for _, raw := range []*json.RawMessage{&p.Input, &p.Output} {
		if len(*raw) == 0 {
			continue
		}
		canonical, err := coordinator.Canonical(*raw)
		if err != nil {
			return err
		}
		*raw = canonical
	}
	return nil
}

// intact finds the entries of a server that were changed by hand: nobody has accepted those.
func (l lock) intact(server string) error {
	var wrong []error
	tools := l.Servers[server].Tools
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		if err := tools[name].intact(name); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w; restore the file, or run: tutti workers accept %s", name, err, server))
		}
	}
	return errors.Join(wrong...)
}

func (p pinned) intact(name string) error {
	sum, err := p.definition(name).digest()
	if err != nil {
		return err
	}
	if sum != p.SHA256 {
		return errors.New("its entry is not what was accepted: the sha256 does not fit")
	}
	return nil
}

// write replaces the lock file in one step.
func (l lock) write(dir, name string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(l); err != nil {
		return fmt.Errorf("mcp: lock %s: %w", name, err)
	}
	f, err := folder.New(dir)
	if err != nil {
		return fmt.Errorf("mcp: %w", err)
	}
	err = f.Within(name, func(root *os.Root, local string) error {
		_, err := folder.Write(root, local, string(escapeHidden(b.Bytes())), true)
		return err
	})
	if err != nil {
		return fmt.Errorf("mcp: lock: %w", err)
	}
	return nil
}

// names lists the keys of a map in order, for messages.
func names[V any](m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	return revealed(strings.Join(slices.Sorted(maps.Keys(m)), ", "))
}
