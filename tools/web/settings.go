package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/folder"
	"github.com/tuttirun/tutti/tools/secret"
)

// Settings of the HTTP tools, as they stand in a workspace file under tools: http. The zero value reaches every public
// address and knows no endpoint.
type Settings struct {
	Guard
	Endpoints     map[string]Endpoint `json:"endpoints,omitempty"`
	EndpointsOnly bool                `json:"endpoints_only,omitempty"` // steps name an endpoint; a url in full is refused

	// Effect of http.request. "" is idempotent if endpoints_only is set and every endpoint has an idempotency_header, else
	// unrepeatable. Say idempotent if you know that everything it is used for may be repeated.
	Effect coordinator.Effect `json:"effect,omitempty"`

	Timeout    time.Duration `json:"timeout,omitempty"`     // of one request, answer included; 0: 30s. An attempt's deadline wins
	MaxBytes   int           `json:"max_bytes,omitempty"`   // of one answer, or of all pages together; 0: 4 MiB
	MaxSave    int           `json:"max_save,omitempty"`    // of an answer that is saved to a file; 0: 64 MiB
	MaxSend    int           `json:"max_send,omitempty"`    // of a request's content; 0: 16 MiB
	MaxPages   int           `json:"max_pages,omitempty"`   // that one step may ask for; 0: 100
	RetryAfter time.Duration `json:"retry_after,omitempty"` // longest Retry-After that is waited for; 0: 1h
}

// Endpoint is a service that steps call by its name. Its credentials stand here and nowhere else.
type Endpoint struct {
	BaseURL     string            `json:"base_url"`
	Description string            `json:"description,omitempty"` // for planners and people
	Headers     map[string]string `json:"headers,omitempty"`     // of every request; credentials belong in auth
	Auth        Auth              `json:"auth,omitzero"`
	Private     bool              `json:"private,omitempty"` // base_url is not public and may be reached nevertheless

	// IdempotencyHeader is the header by which the service knows a request that it has seen, such as Idempotency-Key. The
	// attempt's key is sent in it with every method that changes something.
	IdempotencyHeader string `json:"idempotency_header,omitempty"`
}

// Auth is how a service knows who asks: one of its fields.
type Auth struct {
	Bearer string `json:"bearer,omitempty"`
	Basic  Basic  `json:"basic,omitzero"`
	Header Named  `json:"header,omitzero"`
	Query  Named  `json:"query,omitzero"`
}

// Basic is HTTP's basic authentication. Without a password the user is taken for the credential.
type Basic struct {
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
}

// Named is a credential in a header or query parameter of this name.
type Named struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// withDefaults returns the settings with every zero limit set.
func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *int
		value int
	}{{&s.MaxBytes, 4 << 20}, {&s.MaxSave, 64 << 20}, {&s.MaxSend, 16 << 20}, {&s.MaxPages, 100}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	if s.RetryAfter == 0 {
		s.RetryAfter = time.Hour
	}
	return s
}

// check returns what is wrong with the settings, endpoints and guard aside.
func (s Settings) check() error {
	var wrong []error
	if s.Effect != "" && s.Effect != coordinator.EffectIdempotent && s.Effect != coordinator.EffectUnrepeatable {
		wrong = append(wrong, fmt.Errorf("effect: %q is neither idempotent nor unrepeatable", s.Effect))
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"timeout", int64(s.Timeout)}, {"max_bytes", int64(s.MaxBytes)}, {"max_save", int64(s.MaxSave)},
		{"max_send", int64(s.MaxSend)}, {"max_pages", int64(s.MaxPages)}, {"retry_after", int64(s.RetryAfter)},
	} {
		if n.value < 0 {
			wrong = append(wrong, fmt.Errorf("%s: must not be negative", n.name))
		}
	}
	if s.EndpointsOnly && len(s.Endpoints) == 0 {
		wrong = append(wrong, errors.New("endpoints_only: there is no endpoint; name one under endpoints"))
	}
	return errors.Join(wrong...)
}

// service is what the workers share.
type service struct {
	settings  Settings
	effect    coordinator.Effect
	folder    *folder.Folder
	anywhere  *http.Client // for a url in full
	endpoints map[string]*endpoint
	secrets   *secret.Set // of the endpoints
}

// New returns http.get, http.download and http.request for the workspace in dir. Nothing is sent before a step asks for it.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	f, err := folder.New(dir)
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	secrets := &secret.Set{}
	sv, err := newService(f, s, secrets)
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	workers := []coordinator.Worker{sv.getTool(), sv.downloadTool(), sv.requestTool()}
	if _, err := tools.Map(workers...); err != nil {
		return nil, err
	}
	for i := range workers {
		workers[i] = secret.Guard(workers[i], secrets)
	}
	return workers, nil
}

func newService(f *folder.Folder, s Settings, secrets *secret.Set) (*service, error) {
	sv := &service{settings: s.withDefaults(), folder: f, endpoints: map[string]*endpoint{}, secrets: secrets}
	wrong := []error{s.check()}
	var err error
	if sv.anywhere, err = s.Guard.Client(0); err != nil {
		return nil, errors.Join(append(wrong, err)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Endpoints)) {
		e, err := newEndpoint(name, s.Endpoints[name], s.Guard, secrets)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("endpoint %s: %w", name, err))
		}
		sv.endpoints[name] = e
	}
	sv.effect = s.effect()
	return sv, errors.Join(wrong...)
}

// effect of http.request: a repeated key must be harmless wherever a step may send one.
func (s Settings) effect() coordinator.Effect {
	if s.Effect != "" {
		return s.Effect
	}
	if !s.EndpointsOnly {
		return coordinator.EffectUnrepeatable
	}
	for _, e := range s.Endpoints {
		if e.IdempotencyHeader == "" {
			return coordinator.EffectUnrepeatable
		}
	}
	return coordinator.EffectIdempotent
}

// close lets go of the connections. A worker may be closed more than once.
func (sv *service) close() error {
	sv.anywhere.CloseIdleConnections()
	for _, e := range sv.endpoints {
		e.client.CloseIdleConnections()
	}
	return nil
}
