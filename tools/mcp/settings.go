package mcp

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

// Settings of the MCP servers of a workspace, as they stand in tutti.yaml under tools: mcp.
type Settings struct {
	Lock    string            `json:"lock,omitempty"` // the file with the accepted descriptions, in the workspace; "": mcp.lock.json
	Servers map[string]Server `json:"servers"`        // by name: the first part of the workers' names
}

// DefaultLock is the lock file of a workspace that names none.
const DefaultLock = "mcp.lock.json"

// Server is one MCP server: a Command or a URL.
type Server struct {
	Command []string          `json:"command,omitempty"` // program and arguments; spoken to over stdin and stdout
	Env     map[string]string `json:"env,omitempty"`     // environment of the program
	Pass    []string          `json:"pass,omitempty"`    // names of our own variables that it gets too; absent: PATH, HOME, LANG, TMPDIR
	Dir     string            `json:"dir,omitempty"`     // where it runs; relative to the workspace, which is the default

	URL     string            `json:"url,omitempty"`     // of a server that speaks streamable HTTP
	Headers map[string]string `json:"headers,omitempty"` // sent with every request
	Private []string          `json:"private,omitempty"` // addresses that may be reached although they are not public (see web.Guard)

	Protocol string `json:"protocol,omitempty"` // MCP version to open with; "": the newest. "2025-11-25" suits servers that choke on the newer greeting

	Tools       []string                      `json:"tools,omitempty"`        // names or patterns ("get*") of those to offer; none: all
	Effects     map[string]coordinator.Effect `json:"effects,omitempty"`      // by tool, in place of the server's hints
	Authority   map[string][]string           `json:"authority,omitempty"`    // by tool: input properties that carry authority; absent: all of them
	IgnoreHints bool                          `json:"ignore_hints,omitempty"` // every tool without an entry in Effects is unrepeatable
	Errors      string                        `json:"errors,omitempty"`       // "": a tool's error leaves its effect in doubt; "not_done": it means that nothing happened
	Save        string                        `json:"save,omitempty"`         // folder of the workspace for images, sounds and files in answers; "": they are only described

	Timeout        time.Duration `json:"timeout,omitempty"`         // of one call; 0: one minute
	StartTimeout   time.Duration `json:"start_timeout,omitempty"`   // until it answers at first; 0: one minute
	Recheck        time.Duration `json:"recheck,omitempty"`         // how long a comparison with the lock file holds at most; 0: ten minutes
	Restarts       int           `json:"restarts,omitempty"`        // starts within a minute; 0: 5
	MaxOutput      int           `json:"max_output,omitempty"`      // bytes of one result; 0: 1 MiB
	MaxTools       int           `json:"max_tools,omitempty"`       // that the server may have; 0: 200
	MaxDescription int           `json:"max_description,omitempty"` // characters of one description; the rest is cut; 0: 2000
}

const (
	defaultTimeout     = time.Minute
	defaultRecheck     = 10 * time.Minute
	defaultRestarts    = 5
	defaultOutput      = 1 << 20
	defaultTools       = 200
	defaultDescription = 2000
)

// maxTools bounds what MaxTools may say, maxDefinition one tool's description with its schemas, in bytes of JSON.
const (
	maxTools      = 10_000
	maxDefinition = 256 << 10
)

var defaultPass = []string{"PATH", "HOME", "LANG", "TMPDIR"}

func (s Server) withDefaults() Server {
	if s.Pass == nil && s.URL == "" {
		s.Pass = defaultPass
	}
	s.Timeout = cmp.Or(s.Timeout, defaultTimeout)
	s.StartTimeout = cmp.Or(s.StartTimeout, defaultTimeout)
	s.Recheck = cmp.Or(s.Recheck, defaultRecheck)
	s.Restarts = cmp.Or(s.Restarts, defaultRestarts)
	s.MaxOutput = cmp.Or(s.MaxOutput, defaultOutput)
	s.MaxTools = cmp.Or(s.MaxTools, defaultTools)
	s.MaxDescription = cmp.Or(s.MaxDescription, defaultDescription)
	return s
}

var serverName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// check returns everything that is wrong with the settings, and them with their defaults.
func (s Settings) check() (Settings, error) {
	s.Lock = cmp.Or(s.Lock, DefaultLock)
	var wrong []error
	if !filepath.IsLocal(filepath.FromSlash(s.Lock)) {
		wrong = append(wrong, fmt.Errorf("mcp: lock: %q is outside of the workspace", s.Lock))
	}
	servers := make(map[string]Server, len(s.Servers))
	for _, name := range slices.Sorted(maps.Keys(s.Servers)) {
		if !serverName.MatchString(name) {
			wrong = append(wrong, fmt.Errorf("mcp: servers: %q is not a name; use up to 40 of a-z, 0-9, - and _", name))
		}
		for _, err := range s.Servers[name].problems() {
			wrong = append(wrong, fmt.Errorf("mcp: servers.%s: %w", name, err))
		}
		servers[name] = s.Servers[name].withDefaults()
	}
	s.Servers = servers
	return s, errors.Join(wrong...)
}

func (s Server) problems() (wrong []error) {
	switch {
	case len(s.Command) == 0 && s.URL == "":
		wrong = append(wrong, errors.New("it has neither a command nor a url"))
	case len(s.Command) > 0 && s.URL != "":
		wrong = append(wrong, errors.New("it has both a command and a url; one of them is enough"))
	case s.URL != "":
		wrong = append(wrong, s.remoteProblems()...)
	default:
		wrong = append(wrong, s.commandProblems()...)
	}
	for _, pattern := range s.Tools {
		if _, err := path.Match(pattern, ""); err != nil {
			wrong = append(wrong, fmt.Errorf("tools: %q is not a pattern", pattern))
		}
	}
	for _, tool := range slices.Sorted(maps.Keys(s.Effects)) {
		if e := s.Effects[tool]; !e.Repeatable() && e != coordinator.EffectUnrepeatable {
			wrong = append(wrong, fmt.Errorf("effects.%s: %q: write none, read, idempotent or unrepeatable", tool, e))
		}
	}
	if s.Errors != "" && s.Errors != "not_done" {
		wrong = append(wrong, fmt.Errorf("errors: %q is not not_done", s.Errors))
	}
	if s.Save != "" && !filepath.IsLocal(filepath.FromSlash(s.Save)) {
		wrong = append(wrong, fmt.Errorf("save: %q is outside of the workspace", s.Save))
	}
	return append(wrong, s.limitProblems()...)
}

// remoteProblems never shows the URL: its query may hold a credential.
func (s Server) remoteProblems() (wrong []error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		wrong = append(wrong, errors.New("url: it is not one that begins with https:// or http://"))
	}
	if s.Env != nil || s.Pass != nil || s.Dir != "" {
		wrong = append(wrong, errors.New("env, pass and dir belong to a command, and it has a url"))
	}
	if err := (web.Guard{Private: s.Private}).Check(); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

func (s Server) commandProblems() (wrong []error) {
	if s.Command[0] == "" {
		wrong = append(wrong, errors.New("command: the program has no name"))
	}
	if s.Headers != nil || s.Private != nil {
		wrong = append(wrong, errors.New("headers and private belong to a url, and it has a command"))
	}
	for _, name := range slices.Concat(s.Pass, slices.Sorted(maps.Keys(s.Env))) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			wrong = append(wrong, fmt.Errorf("env and pass: %q is not the name of a variable", name))
		}
	}
	return wrong
}

func (s Server) limitProblems() (wrong []error) {
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"timeout", int(s.Timeout)}, {"start_timeout", int(s.StartTimeout)}, {"recheck", int(s.Recheck)}, {"restarts", s.Restarts},
		{"max_output", s.MaxOutput}, {"max_tools", s.MaxTools}, {"max_description", s.MaxDescription},
	} {
		if limit.value < 0 {
			wrong = append(wrong, fmt.Errorf("%s: it must not be negative", limit.name))
		}
	}
	if s.MaxTools > maxTools {
		wrong = append(wrong, fmt.Errorf("max_tools: it must not be above %d", maxTools))
	}
	return wrong
}
