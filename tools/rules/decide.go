package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/schema"
)

// Settings of rules.decide; the zero value is fine.
type Settings struct {
	Rows int    `json:"rows,omitempty" validate:"gte=0"` // of one table; 0: 5000
	Cost uint64 `json:"cost,omitempty"`                  // of one decision, in CEL's units; 0: 1000000
}

// Defaults and fixed limits.
const (
	DefaultRows = 5000
	DefaultCost = 1_000_000
	maxColumns  = 100
	maxFile     = 2 << 20 // bytes
	maxCell     = 4 << 10 // bytes
	maxKept     = 32      // compiled tables
)

// New returns rules.decide for the tables of a workspace.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("rules: workspace: %w", err)
	}
	if s.Rows == 0 {
		s.Rows = DefaultRows
	}
	if s.Cost == 0 {
		s.Cost = DefaultCost
	}
	d := &decider{root: root, settings: s, kept: map[string]*table{}}
	text := "Decides by a table of rules, a CSV file of the workspace. " +
		`Example: {"table": "rules/invoices.csv", "facts": {"total": 119, "country": "DE"}} gives {"action": "book", "rule": "small"}; ` +
		`with "hit": "all" it gives {"hits": [{"action": "book", "rule": "small"}]}.`
	return []coordinator.Worker{tools.New("rules.decide", text, d.decide, tools.Options{
		Effect: coordinator.EffectNone, Authority: []string{"table"}, Trusted: true, Close: root.Close,
		Output: json.RawMessage(`{"type": "object", "description": "the then-columns of the rule, and rule, its name or line"}`),
	})}, nil
}

type input struct {
	Table string          `json:"table" validate:"required" jsonschema:"format=path" jsonschema_description:"path of the CSV file in the workspace"`
	Facts json.RawMessage `json:"facts" jsonschema_description:"what is known: the fields of an object are variables; anything else is the variable facts"`
	Hit   string          `json:"hit,omitempty" validate:"omitempty,oneof=first all" jsonschema_description:"first (the default): the first rule that fits; all: every one"`
}

type decider struct {
	root     *os.Root
	settings Settings

	mu   sync.Mutex
	kept map[string]*table // compiled, by text and names of the facts
}

func (d *decider) decide(ctx context.Context, in input) (any, error) {
	facts, err := readFacts(in.Facts)
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	t, err := d.table(in.Table, facts)
	if err != nil {
		return nil, coordinator.Permanent(err)
	}
	hits, err := t.hits(ctx, facts, in.Hit != "all", d.settings.Cost)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, coordinator.Permanent(err)
	case in.Hit == "all":
		return map[string]any{"hits": hits}, nil
	case len(hits) == 0:
		return nil, coordinator.Permanent(fmt.Errorf("%s: no rule fits these facts; a last line without tests would be the default", in.Table))
	}
	return hits[0], nil
}

// readFacts gives the variables. Integral numbers are int64, as in plans.
func readFacts(raw json.RawMessage) (map[string]any, error) {
	v, err := coordinator.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	facts := map[string]any{}
	if object, ok := v.(map[string]any); ok {
		maps.Copy(facts, object)
	}
	if _, taken := facts["facts"]; !taken {
		facts["facts"] = v
	}
	if _, taken := facts["value"]; taken {
		return nil, errors.New("facts.value: the name is taken by what a column tests; pass it inside an object")
	}
	return facts, nil
}

// table reads the file every time, for people edit it, and compiles it once.
func (d *decider) table(file string, facts map[string]any) (*table, error) {
	text, err := d.read(file)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(facts))
	key := file + "\x00" + strings.Join(names, "\x00") + "\x00\x00" + text
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.kept[key]; t != nil {
		return t, nil
	}
	t, err := compile(file, text, names, d.settings)
	if err != nil {
		return nil, err
	}
	if len(d.kept) == maxKept {
		clear(d.kept)
	}
	d.kept[key] = t
	return t, nil
}

func (d *decider) read(file string) (string, error) {
	if err := schema.CheckPath(file); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if info, err := d.root.Stat(file); err == nil && !info.Mode().IsRegular() { // a pipe would block for ever
		return "", fmt.Errorf("%s is not a regular file", file)
	}
	f, err := d.root.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: it has more than %d bytes", file, maxFile)
	}
	return strings.TrimPrefix(string(text), "\ufeff"), err
}
