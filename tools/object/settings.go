package object

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/folder"
)

// Settings of the object tools, as they stand in a workspace file under tools: object.
type Settings struct {
	Stores   map[string]Store `json:"stores" validate:"required,min=1,dive"`
	MaxBytes int              `json:"max_bytes,omitempty" validate:"gte=0"` // of one object; 0: 64 MiB
	MaxText  int              `json:"max_text,omitempty" validate:"gte=0"`  // bytes that object.get returns; 0: 4 MiB
	MaxList  int              `json:"max_list,omitempty" validate:"gte=0"`  // objects that one call lists; 0: 1000
	Timeout  time.Duration    `json:"timeout,omitempty" validate:"gte=0"`   // of one request; 0: 1 m
}

// Store is one bucket, or the part of one below a prefix.
type Store struct {
	Endpoint  string `json:"endpoint,omitempty"` // "": Amazon's for the region
	Region    string `json:"region,omitempty"`   // "": us-east-1, which servers of one's own take for any
	Bucket    string `json:"bucket" validate:"required"`
	Prefix    string `json:"prefix,omitempty"`
	AccessKey string `json:"access_key,omitempty"` // without both keys, requests go unsigned
	SecretKey string `json:"secret_key,omitempty"`
	PathStyle bool   `json:"path_style,omitempty"` // https://host/bucket/key instead of https://bucket.host/key
	Private   bool   `json:"private,omitempty"`    // the endpoint may be at an address that is not public
}

// Defaults of Settings.
const (
	DefaultMaxBytes = 64 << 20
	DefaultMaxText  = 4 << 20
	DefaultMaxList  = 1000
	DefaultTimeout  = time.Minute
	DefaultRegion   = "us-east-1"
)

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *int
		value int
	}{{&s.MaxBytes, DefaultMaxBytes}, {&s.MaxText, DefaultMaxText}, {&s.MaxList, DefaultMaxList}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	return s
}

// New returns the workers for a workspace. Nothing is sent before one of them is used.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	f, err := folder.New(dir)
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	d := &depot{folder: f, limits: s.withDefaults(), stores: map[string]*store{}}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.Stores)) {
		if d.stores[name], err = newStore(name, s.Stores[name], d.limits); err != nil {
			wrong = append(wrong, fmt.Errorf("object: stores.%s: %w", name, err))
		}
	}
	if len(s.Stores) == 0 {
		wrong = append(wrong, errors.New("object: no store is configured; name one under stores"))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return d.workers(), nil
}

// depot are the stores that a call may choose from.
type depot struct {
	folder *folder.Folder
	limits Settings
	stores map[string]*store
}

func (d *depot) workers() []coordinator.Worker {
	names := strings.Join(slices.Sorted(maps.Keys(d.stores)), ", ")
	reads := tools.Options{Effect: coordinator.EffectRead, Authority: []string{"store", "key"}, Close: d.close}
	lists, changes, saves := reads, reads, reads
	lists.Authority = []string{"store", "prefix"}
	saves.Effect, saves.Authority = coordinator.EffectIdempotent, []string{"store", "key", "path", "overwrite"}
	changes.Effect = coordinator.EffectIdempotent
	return []coordinator.Worker{
		tools.New("object.get", "Reads an object of a store as text. Stores: "+names+". "+
			`Example: {"key": "orders/1.json"} gives {"key": "orders/1.json", "text": "{…}", "bytes": 120, "content_type": "application/json", …}.`,
			d.get, reads),
		tools.New("object.download", "Saves an object of a store as a file of the workspace. A file with other content is only replaced with overwrite. Stores: "+names+". "+
			`Example: {"key": "2026/R-1.pdf", "path": "inbox/R-1.pdf"}.`,
			d.download, saves),
		tools.New("object.put", "Writes a file of the workspace, or a text, as an object of a store. An object with other content is only replaced with overwrite. Stores: "+names+". "+
			`Example: {"key": "2026/R-1.pdf", "path": "outbox/R-1.pdf"} or {"key": "notes/1.txt", "text": "Hello"}.`,
			d.put, saves),
		tools.New("object.list", "Lists the objects of a store whose keys begin with a prefix, sorted by key; next continues where a list ended. Stores: "+names+". "+
			`Example: {"prefix": "2026/"} gives {"objects": [{"key": "2026/R-1.pdf", "bytes": 5120, "modified": "2026-09-30T08:00:00Z"}], "more": false}.`,
			d.list, lists),
		tools.New("object.delete", "Deletes an object of a store; one that is not there is no error. Stores: "+names+".",
			d.remove, changes),
	}
}

// find returns the store that a call names. One alone need not be named.
func (d *depot) find(name string) (*store, error) {
	if name == "" && len(d.stores) == 1 {
		for _, s := range d.stores {
			return s, nil
		}
	}
	s, ok := d.stores[name]
	if !ok {
		return nil, fmt.Errorf("store: there is no %q; there is %s", name, strings.Join(slices.Sorted(maps.Keys(d.stores)), ", "))
	}
	return s, nil
}

func (d *depot) close() error {
	for _, s := range d.stores {
		s.http.CloseIdleConnections()
	}
	return nil
}
