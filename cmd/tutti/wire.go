package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
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
	broken  error // mistakes in the workspace's settings, with their places
	store   memory.Store
	rt      *local.Runtime
	stalled stall
	standIn string // whom the printed commands name when the user is none of the workspace's people
	began   int64  // the run's last event before this command; what is older was seen by somebody else

	tune  func(*local.Options) // a command's own options of the runtime
	drain time.Duration        // how long close awaits what is in flight; 0: closeWithin
}

// family opens a group of tools with its settings from tutti.yaml.
type family struct {
	name string
	bare bool // works without settings
	open func(ws *pipeline.Workspace, name string) ([]coordinator.Worker, error)
}

var families = []family{
	{"data", true, opener(data.New)},
	{"exec", false, opener(program.New)},
	{"files", true, opener(files.New)},
	{"http", true, opener(web.New)},
	{"mail", true, opener(mail.New)},
	{"mcp", false, opener(mcp.New)},
	{"notify", false, opener(notify.New)},
	{"object", false, opener(object.New)},
	{"openapi", false, opener(openapi.New)},
	{"report", true, opener(report.New)},
	{"rules", true, opener(rules.New)},
	{"sql", false, opener(sqldb.New)},
	{"template", true, opener(template.New)},
}

func opener[S any](open func(dir string, s S) ([]coordinator.Worker, error)) func(*pipeline.Workspace, string) ([]coordinator.Worker, error) {
	return func(ws *pipeline.Workspace, name string) ([]coordinator.Worker, error) {
		var s S
		if err := ws.DecodeTool(name, &s); err != nil {
			return nil, err
		}
		workers, err := open(ws.Dir, s)
		if err != nil {
			return nil, ws.Mistake("tools."+name, err.Error(), "")
		}
		return workers, nil
	}
}

// wire makes the workers of a workspace: tools, agents, and every pipeline under its name. Mistakes in the settings are
// kept in session.broken, so that validate and doctor can show them all.
func (a *app) wire(ws *pipeline.Workspace) *session {
	s := &session{app: a, ws: ws, workers: map[string]coordinator.Worker{}}
	var wrong []error
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
		workers, err := f.open(s.ws, f.name)
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
		MaxRepairs: a.MaxRepairs, MaxTokens: a.MaxTokens, Temperature: a.Temperature, Price: settings.Price,
	})
	if err != nil {
		return nil, s.ws.Mistake("agents."+name, err.Error(), "")
	}
	return w, nil
}

// model opens a language model of the workspace. Nothing is sent to it.
func (s *session) model(name string) (models.Settings, llms.Model, error) {
	var settings models.Settings
	if err := s.ws.DecodeModel(name, &settings); err != nil {
		return settings, nil, err
	}
	m, err := models.Open(s.ws.Models[name].Use, settings)
	if err != nil {
		return settings, nil, s.ws.Mistake("models."+name, err.Error(), "")
	}
	return settings, m, nil
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
