package openapi

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// Settings of the OpenAPI tools, as they stand in a workspace file under tools: openapi.
type Settings struct {
	APIs     map[string]API `json:"apis" validate:"required,min=1,dive"`
	MaxTools int            `json:"max_tools,omitempty" validate:"gte=0"` // of all APIs together; 0: 1000
}

// API is one document whose operations become tools.
type API struct {
	Document   string                `json:"document" validate:"required"` // a file in the workspace
	Server     string                `json:"server,omitempty"`             // in place of the document's servers
	Auth       map[string]Credential `json:"auth,omitempty" validate:"dive"`
	Anonymous  bool                  `json:"anonymous,omitempty"`  // call operations without the credentials they ask for, where auth has none
	Operations []string              `json:"operations,omitempty"` // patterns such as list*, of operation ids or tool names; none: all
	Effects    map[string]string     `json:"effects,omitempty"`    // by operation id: read, idempotent or unrepeatable

	// IdempotencyHeader carries the attempt's key in every request that changes something. The server must know it.
	IdempotencyHeader string `json:"idempotency_header,omitempty"`

	Private    []string      `json:"private,omitempty"`                    // addresses that may be reached although they are not public: host, host:port, IP or CIDR
	Timeout    time.Duration `json:"timeout,omitempty" validate:"gte=0"`   // of one request; 0: 30s
	MaxBytes   int           `json:"max_bytes,omitempty" validate:"gte=0"` // of one answer; 0: 4 MiB
	SkipBroken bool          `json:"skip_broken,omitempty"`                // leave out what cannot be used, instead of refusing the document
}

// Credential is what one security scheme of a document asks for.
type Credential struct {
	Token        string   `json:"token,omitempty"`         // an API key, or a bearer token
	Username     string   `json:"username,omitempty"`      // HTTP basic
	Password     string   `json:"password,omitempty"`      // HTTP basic
	ClientID     string   `json:"client_id,omitempty"`     // OAuth 2 client credentials
	ClientSecret string   `json:"client_secret,omitempty"` // OAuth 2 client credentials
	TokenURL     string   `json:"token_url,omitempty"`     // OAuth 2: in place of the document's
	Scopes       []string `json:"scopes,omitempty"`        // OAuth 2: in place of those that the operation names
}

// Defaults and limits.
const (
	DefaultMaxTools = 1000
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBytes = 4 << 20

	maxDocument    = 64 << 20  // bytes of one file
	maxFiles       = 200       // of one document
	maxDescription = 1000      // characters of a tool's description
	maxHint        = 300       // characters of a description within a schema
	maxSchema      = 128 << 10 // bytes of the definitions in a schema; further ones are left open
	maxExcerpt     = 400       // characters of an answer in an error
	maxProblems    = 20        // shown of one document
)

var apiName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$`)

// New returns the tools of all documents. It reads the documents and sends nothing. Close any of an API's workers to close
// that API's connections.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	apis, err := load(dir, s)
	if err != nil {
		return nil, err
	}
	var workers []coordinator.Worker
	for _, a := range apis {
		a.skipped = nil // it would keep the documents in memory
		workers = append(workers, a.workers()...)
	}
	if most := cmp.Or(s.MaxTools, DefaultMaxTools); len(workers) > most {
		return nil, fmt.Errorf("openapi: the documents have %d operations, and %d tools are the limit; select some by operations, or raise max_tools", len(workers), most)
	}
	return workers, nil
}

// Skipped tells what skip_broken leaves out, one *Problem each, for people who wonder where an operation is.
func Skipped(dir string, s Settings) ([]error, error) {
	apis, err := load(dir, s)
	if err != nil {
		return nil, err
	}
	var out []error
	for _, a := range apis {
		out = append(out, a.skipped...)
	}
	return out, nil
}

func load(dir string, s Settings) ([]*api, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("openapi: workspace: %w", err)
	}
	defer root.Close()
	var apis []*api
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.APIs)) {
		a, err := newAPI(root, name, s.APIs[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("openapi: %s: %w", name, err))
			continue
		}
		apis = append(apis, a)
	}
	if len(s.APIs) == 0 {
		wrong = append(wrong, errors.New("openapi: no API is configured; name one under apis"))
	}
	return apis, errors.Join(wrong...)
}
