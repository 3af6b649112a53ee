package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local/blackboard"
	"github.com/tuttirun/tutti/coordinator/pipeline"
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
