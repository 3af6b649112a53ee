package openapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/web"
)

// api is one document in use.
type api struct {
	name       string
	settings   API
	operations []*operation
	skipped    []error
	reading    *http.Client // follows redirects
	changing   *http.Client // follows none
	secrets    []string     // never shown
}

func newAPI(root *os.Root, name string, s API) (*api, error) {
	a := &api{name: name, settings: s}
	a.settings.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	a.settings.MaxBytes = cmp.Or(s.MaxBytes, DefaultMaxBytes)
	if err := a.check(); err != nil {
		return nil, err
	}
	doc := &document{root: root, files: map[string]*file{}}
	f, err := doc.open(s.Document)
	if err != nil {
		return nil, err
	}
	r, err := newReader(a, doc, place{file: f, value: f.value})
	if err != nil {
		return nil, err
	}
	operations, broken, err := r.read()
	if err != nil {
		return nil, err
	}
	if len(broken) > 0 && !s.SkipBroken {
		return nil, brokenError(broken, len(operations))
	}
	if len(operations) == 0 {
		return nil, errors.Join(append([]error{fmt.Errorf("%s: no operation of it can be used", s.Document)}, broken...)...)
	}
	a.operations, a.skipped = operations, broken
	return a, a.connect()
}

// check looks at the settings alone.
func (a *api) check() error {
	var wrong []error
	if !apiName.MatchString(a.name) {
		wrong = append(wrong, errors.New(`the name may have letters, digits, "_" and "-" only: it is part of the tools' names`))
	}
	if a.settings.Document == "" {
		wrong = append(wrong, errors.New("document is missing: the file with the API's description"))
	}
	for _, pattern := range a.settings.Operations {
		if _, err := path.Match(pattern, ""); err != nil {
			wrong = append(wrong, fmt.Errorf("operations: %q is no pattern; write one such as list*", pattern))
		}
	}
	if h := a.settings.IdempotencyHeader; h != "" && !isToken(h) {
		wrong = append(wrong, fmt.Errorf("idempotency_header: %q is not the name of a header", h))
	}
	for _, id := range sortedKeys(a.settings.Effects) {
		effect := a.settings.Effects[id]
		switch coordinator.Effect(effect) {
		case coordinator.EffectRead, coordinator.EffectIdempotent, coordinator.EffectUnrepeatable:
		default:
			wrong = append(wrong, fmt.Errorf("effects: %s: %q is none of read, idempotent, unrepeatable", id, effect))
		}
	}
	for _, name := range sortedKeys(a.settings.Auth) {
		secrets := a.settings.Auth[name].secrets()
		if slices.ContainsFunc(secrets, hasControl) {
			wrong = append(wrong, fmt.Errorf("auth.%s: a credential has a line break or control character in it", name))
		}
		a.secrets = append(a.secrets, secrets...)
	}
	return errors.Join(wrong...)
}

// isToken reports whether s can be a header's name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// connect makes the clients: they reach the servers of the operations, and nothing else.
func (a *api) connect() error {
	guard := web.Guard{Private: a.settings.Private}
	for _, o := range a.operations {
		if host := hostOf(o.server); !slices.Contains(guard.Hosts, host) {
			guard.Hosts = append(guard.Hosts, host)
		}
	}
	var err error
	if a.reading, err = guard.Client(0); err != nil {
		return err
	}
	changing := *a.reading
	changing.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.changing = &changing
	return nil
}

func hostOf(u *url.URL) string {
	if u.Port() == "" && strings.Contains(u.Host, "[") {
		return u.Hostname()
	}
	return u.Host
}

// workers makes the tools. Their schemas were compiled when they were read; they are compiled again when a tool is first
// used, so that a thousand tools of which three are used cost three.
func (a *api) workers() []coordinator.Worker {
	closing := sync.OnceFunc(a.reading.CloseIdleConnections)
	out := make([]coordinator.Worker, len(a.operations))
	for i, o := range a.operations {
		out[i] = &worker{card: o.card, closing: closing, tool: sync.OnceValue(func() coordinator.Worker {
			return tools.New(o.card.Name, o.card.Description, func(ctx context.Context, in map[string]json.RawMessage) (any, error) {
				return a.call(ctx, o, in)
			}, tools.Options{
				Effect: o.card.Effect, Authority: o.card.Authority, Timeout: a.settings.Timeout, Input: o.card.Input, Output: o.card.Output,
			})
		})}
	}
	return out
}

// worker is an operation as a tool, made when it is first used.
type worker struct {
	card    coordinator.Card
	tool    func() coordinator.Worker
	closing func()
}

func (w *worker) Card() coordinator.Card { return w.card }

func (w *worker) Do(ctx context.Context, a coordinator.Attempt) (coordinator.Result, error) {
	return w.tool().Do(ctx, a)
}

func (w *worker) Close() error {
	w.closing()
	return nil
}

// brokenError lists what is wrong with a document.
func brokenError(broken []error, usable int) error {
	shown := broken
	if len(shown) > maxProblems {
		shown = append(slices.Clone(shown[:maxProblems]), fmt.Errorf("and %d more", len(broken)-maxProblems))
	}
	advice := fmt.Errorf("choose others by operations, or set skip_broken: true to go without them; %d operations are fine", usable)
	return errors.Join(append(slices.Clone(shown), advice)...)
}
