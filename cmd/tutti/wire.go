package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/local/blackboard"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/data"
	"github.com/tuttirun/tutti/tools/files"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/mcp"
	"github.com/tuttirun/tutti/tools/notify"
	"github.com/tuttirun/tutti/tools/object"
	"github.com/tuttirun/tutti/tools/openapi"
	"github.com/tuttirun/tutti/tools/program"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/secret"
	"github.com/tuttirun/tutti/tools/sqldb"
	"github.com/tuttirun/tutti/tools/template"
	"github.com/tuttirun/tutti/tools/web"
)

// session is a workspace in use: its workers, its store, and the runtime over both. Close it.
type session struct {
	*app
	ws      *pipeline.Workspace
	workers map[string]coordinator.Worker
	prices  models.Prices
	broken  error // mistakes in the workspace's settings, with their places
	store   memory.Store
	rt      *local.Runtime
	stalled stall
	standIn string // whom the printed commands name when the user is none of the workspace's people
	began   int64  // the run's last event before this command; what is older was seen by somebody else

	tune  func(*local.Options) // a command's own options of the runtime
	drain time.Duration        // how long close awaits what is in flight; 0: closeWithin
}

// family is a group of tools with settings of its own in tutti.yaml.
type family struct {
	name     string
	bare     bool         // works without settings
	settings reflect.Type // what it reads, for the JSON Schema of tutti.yaml
	open     func(s *session, name string) ([]coordinator.Worker, error)
}

var families = []family{
	{"blackboard", true, reflect.TypeFor[blackboard.Settings](), openBlackboard},
	bareFamily("data", data.New),
	familyOf("exec", program.New),
	bareFamily("files", files.New),
	bareFamily("http", web.New),
	bareFamily("mail", mail.New),
	familyOf("mcp", mcp.New),
	familyOf("notify", notify.New),
	familyOf("object", object.New),
	familyOf("openapi", openapi.New),
	bareFamily("report", report.New),
	bareFamily("rules", rules.New),
	familyOf("sql", sqldb.New),
	bareFamily("template", template.New),
}

func bareFamily[S any](name string, open func(dir string, s S) ([]coordinator.Worker, error)) family {
	f := familyOf(name, open)
	f.bare = true
	return f
}

func familyOf[S any](name string, open func(dir string, s S) ([]coordinator.Worker, error)) family {
	return family{name: name, settings: reflect.TypeFor[S](), open: func(s *session, name string) ([]coordinator.Worker, error) {
		var settings S
		if err := s.ws.DecodeTool(name, &settings); err != nil {
			return nil, err
		}
		workers, err := open(s.ws.Dir, settings)
		if err != nil {
			return nil, s.ws.Mistake("tools."+name, err.Error(), "")
		}
		return workers, nil
	}}
}

// wire makes the workers of a workspace: tools, agents, and every pipeline under its name. Mistakes in the settings are
// kept in session.broken, so that validate and doctor can show them all.
func (a *app) wire(ws *pipeline.Workspace) *session {
	s := &session{app: a, ws: ws, workers: map[string]coordinator.Worker{}}
	wrong := []error{s.readPrices()}
	wrong = append(wrong, s.addTools()...)
	wrong = append(wrong, s.addAgents()...)
	for _, f := range ws.Pipelines {
		wrong = append(wrong, s.add("pipelines", f.Name, pipeline.Worker(f)))
	}
	s.broken = errors.Join(wrong...)
	return s
}

func (s *session) addTools() (wrong []error) {
	known := make([]string, len(families))
	for i, f := range families {
		known[i] = f.name
		if _, named := s.ws.Tools[f.name]; !named && !f.bare {
			continue
		}
		workers, err := f.open(s, f.name)
		wrong = append(wrong, err)
		byName, err := tools.Map(workers...)
		wrong = append(wrong, err)
		for name, w := range byName {
			wrong = append(wrong, s.add("tools."+f.name, name, w))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.ws.Tools)) {
		if !slices.Contains(known, name) {
			wrong = append(wrong, s.ws.Mistake("tools."+name, fmt.Sprintf("no tools are called %q", name), "there are "+strings.Join(known, ", ")))
		}
	}
	return wrong
}

func (s *session) addAgents() (wrong []error) {
	for _, name := range slices.Sorted(maps.Keys(s.ws.Agents)) {
		w, err := s.agent(name, s.ws.Agents[name])
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		wrong = append(wrong, s.add("agents."+name, name, w))
	}
	return wrong
}

// agent makes one agent. A model that the workspace does not name is left to Workspace.Check, which says so with its place.
func (s *session) agent(name string, a pipeline.Agent) (coordinator.Worker, error) {
	as := cmp.Or(a.Model, "default")
	if _, known := s.ws.Models[as]; !known {
		return nil, nil
	}
	settings, m, err := s.model(as)
	if err != nil {
		return nil, err
	}
	w, err := agents.New(agents.Config{
		Name: name, Description: a.Description, Instructions: a.Instructions, Model: m,
		Calls: a.Calls, NoPerson: a.NoPerson, Cards: s.card, Input: a.Input, Output: a.Output, Stated: a.Stated,
		MaxRepairs: a.MaxRepairs, MaxTokens: cmp.Or(a.MaxTokens, settings.MaxTokens), Temperature: a.Temperature,
	})
	if err != nil {
		return nil, s.ws.Mistake("agents."+name, err.Error(), "")
	}
	return w, nil
}

// model opens a language model of the workspace. Nothing is sent to it.
func (s *session) model(name string) (models.Settings, llms.Model, error) {
	define := func(name string) (models.Definition, error) {
		m, known := s.ws.Models[name]
		if !known {
			return models.Definition{}, fmt.Errorf("no model is called %q", name)
		}
		d := models.Definition{Use: m.Use}
		return d, s.ws.DecodeModel(name, &d.Settings)
	}
	main, err := define(name)
	if err != nil {
		return main.Settings, nil, err
	}
	m, err := models.Resolve(name, define, s.prices)
	if inFile := (*pipeline.Error)(nil); err != nil && !errors.As(err, &inFile) {
		err = s.ws.Mistake("models."+name, err.Error(), "")
	}
	return main.Settings, m, err
}

// readPrices takes what the workspace says of prices over what is built in.
func (s *session) readPrices() error {
	var own models.Prices
	if err := s.ws.DecodePrices(&own); err != nil {
		return err
	}
	if err := own.Check(); err != nil {
		return s.ws.Mistake("prices", err.Error(), "")
	}
	s.prices = models.DefaultPrices().With(own)
	return nil
}

// add registers a worker; field is where tutti.yaml speaks of it.
func (s *session) add(field, name string, w coordinator.Worker) error {
	if w == nil {
		return nil
	}
	if old, twice := s.workers[name]; twice {
		return s.ws.Mistake(field, fmt.Sprintf("%q is a %s already", name, old.Card().Kind), "rename one of them")
	}
	s.workers[name] = secret.Guard(w, s.ws.Hidden())
	return nil
}

// card tells what a worker is; the runtime gives the same answer.
func (s *session) card(name string) (coordinator.Card, bool) {
	w, ok := s.workers[name]
	if !ok {
		return coordinator.Card{}, false
	}
	c := w.Card()
	c.Name = name
	return c, true
}

func (s *session) names() []string { return slices.Sorted(maps.Keys(s.workers)) }

// start connects to the store and starts the runtime. It works off only what this command asks for.
func (s *session) start(ctx context.Context, people func(context.Context, coordinator.Escalation) (coordinator.Decision, error)) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	o := local.Options{
		Workers: s.workers, Store: s.store, Workspace: s.ws.Name, Limits: s.ws.Limits,
		Lease: s.Lease, Patience: s.Patience, Passive: true,
		People: people, Rights: s.ws.MayDecide, Log: s.logger(),
		May: func(by string, act local.Act, run memory.Summary) error { return s.ws.MayAct(by, string(act), run.By) },
	}
	if s.tune != nil {
		s.tune(&o)
	}
	rt, err := local.New(o)
	if err != nil {
		return err
	}
	s.rt = rt
	return nil
}

// closeWithin is how long a command awaits what is in flight when it is told to stop.
const closeWithin = 10 * time.Second

func (s *session) drainWithin() time.Duration { return cmp.Or(s.drain, closeWithin) }

// close awaits what is in flight, gives the runs up so that others can take them at once, and releases everything.
func (s *session) close() error {
	var wrong []error
	if s.rt != nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.drainWithin())
		defer cancel()
		wrong = append(wrong, s.rt.Close(ctx))
	}
	wrong = append(wrong, tools.Close(slices.Collect(maps.Values(s.workers))...))
	if s.store != nil {
		wrong = append(wrong, s.store.Close())
	}
	wrong = append(wrong, s.ws.Close())
	return errors.Join(wrong...)
}
