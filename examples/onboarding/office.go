package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
	filetools "github.com/tuttirun/tutti/tools/files"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/secret"
	"github.com/tuttirun/tutti/tools/template"
	"github.com/tuttirun/tutti/tools/web"
)

// office is Harbourline Payments at work: the workspace, its workers, the runtime, and the CRM. Close it.
type office struct {
	out     io.Writer
	ws      *pipeline.Workspace
	workers []coordinator.Worker
	rt      *local.Runtime
	answers []answer // that nobody has given yet

	crm    *api.Server
	crmURL string
	server *http.Server
}

// open lays the workspace out in dir and starts everything. CRM_TOKEN is set already.
func open(dir string, h api.Hiccups, out io.Writer) (o *office, err error) {
	o = &office{out: out}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return o, err
	}
	if dir, err = layOut(dir, l.Addr().String()); err != nil {
		return o, errors.Join(err, l.Close())
	}
	if err := o.startCRM(l, filepath.Join(dir, "crm.db"), h); err != nil {
		return o, err
	}
	if o.ws, err = pipeline.OpenWorkspace(dir); err != nil {
		return o, err
	}
	if o.answers, err = readAnswers(); err != nil {
		return o, err
	}
	return o, o.startRuntime()
}

func (o *office) startCRM(l net.Listener, db string, h api.Hiccups) error {
	var err error
	if o.crm, err = api.Open(db, os.Getenv("CRM_TOKEN"), h); err != nil {
		return errors.Join(err, l.Close())
	}
	o.crmURL = "http://" + l.Addr().String()
	o.server = &http.Server{Handler: o.crm, ReadHeaderTimeout: 10 * time.Second}
	// On a connection that was used before, net/http repeats a lost request with an Idempotency-Key by itself. Here the
	// coordinator shall be seen to do it.
	o.server.SetKeepAlivesEnabled(false)
	go func() { _ = o.server.Serve(l) }() // ends with close
	return nil
}

func (o *office) close() error {
	var wrong []error
	if o.rt != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		wrong = append(wrong, o.rt.Close(ctx))
	}
	wrong = append(wrong, tools.Close(o.workers...))
	if o.ws != nil {
		wrong = append(wrong, o.ws.Close())
	}
	if o.server != nil {
		wrong = append(wrong, o.server.Close(), o.crm.Close())
	}
	return errors.Join(wrong...)
}

// startRuntime does what the command tutti does with a workspace: make its workers, check it, and start.
func (o *office) startRuntime() error {
	if err := o.hire(); err != nil {
		return err
	}
	byName, err := tools.Map(o.workers...)
	if err != nil {
		return err
	}
	card := func(name string) (coordinator.Card, bool) {
		if w, ok := byName[name]; ok {
			return w.Card(), true
		}
		return coordinator.Card{}, false
	}
	if err := o.ws.Check(card); err != nil {
		return err
	}
	o.rt, err = local.New(local.Options{
		Workers: byName, Workspace: o.ws.Name, Limits: o.ws.Limits, Rights: o.ws.MayDecide,
		May: func(by string, act local.Act, run memory.Summary) error { return o.ws.MayAct(by, string(act), run.By) },
	})
	return err
}

// hire makes the workers: tools, agents, and every pipeline under its name. What is secret shows in no answer of theirs.
func (o *office) hire() error {
	wrong := []error{
		family(o, "files", filetools.New), family(o, "http", web.New), family(o, "mail", mail.New), family(o, "report", report.New),
		family(o, "rules", rules.New), family(o, "template", template.New),
	}
	for name, a := range o.ws.Agents {
		w, err := o.agent(name, a)
		wrong = append(wrong, err)
		if err == nil {
			o.workers = append(o.workers, w)
		}
	}
	for i, w := range o.workers {
		o.workers[i] = secret.Guard(w, o.ws.Hidden())
	}
	for _, f := range o.ws.Pipelines {
		o.workers = append(o.workers, pipeline.Worker(f))
	}
	return errors.Join(wrong...)
}

// family opens a group of tools with its settings from tutti.yaml.
func family[S any](o *office, name string, open func(string, S) ([]coordinator.Worker, error)) error {
	var settings S
	if err := o.ws.DecodeTool(name, &settings); err != nil {
		return err
	}
	workers, err := open(o.ws.Dir, settings)
	o.workers = append(o.workers, workers...)
	return err
}

func (o *office) agent(name string, a pipeline.Agent) (coordinator.Worker, error) {
	var settings models.Settings
	if err := o.ws.DecodeModel(a.Model, &settings); err != nil {
		return nil, err
	}
	model, err := models.Open(o.ws.Models[a.Model].Use, settings)
	if err != nil {
		return nil, err
	}
	return agents.New(agents.Config{
		Name: name, Description: a.Description, Instructions: a.Instructions, Output: a.Output, NoPerson: a.NoPerson, Model: model,
	})
}

// requester asks for every run: a clerk who is also a lead.
const requester = "dana"

// customers are the folders that came in.
func (o *office) customers() []string {
	var names []string
	for _, e := range must(fs.ReadDir(files, "customers")) {
		names = append(names, e.Name())
	}
	return names
}

// onboard takes on one customer. That somebody says no is no error: the run says failed, and was undone.
func (o *office) onboard(ctx context.Context, customer string) (*coordinator.Run, error) {
	form, err := fs.Glob(o.ws.Root.FS(), path.Join("customers", customer, "application.*"))
	if err != nil || len(form) != 1 {
		return nil, errors.Join(fmt.Errorf("customers/%s: %d applications, want 1", customer, len(form)), err)
	}
	return o.run(ctx, "onboard", map[string]string{"application": form[0], "today": today}, customer)
}

// report writes the page about all customers and returns its path in the workspace.
func (o *office) report(ctx context.Context) (string, error) {
	run, err := o.run(ctx, "onboarding-report", map[string]string{"today": today}, "")
	if err != nil {
		return "", err
	}
	raw, _ := run.Output("")
	var made struct{ Page string }
	err = json.Unmarshal(raw, &made)
	return made.Page, err
}

// run carries out a pipeline and shows what happens. Whenever people are asked, they are played.
func (o *office) run(ctx context.Context, name string, input any, customer string) (*coordinator.Run, error) {
	f, err := o.ws.Pipeline(name)
	if err != nil {
		return nil, err
	}
	id, err := o.rt.Submit(ctx, local.Task{Plan: f.Plan, Input: input, By: requester})
	if err != nil {
		return nil, err
	}
	for e, err := range o.rt.Watch(ctx, id, 0) {
		if err != nil {
			return nil, err
		}
		o.show(e)
		if e.Kind != coordinator.Asked {
			continue
		}
		if err := o.ask(ctx, customer, *e.Escalation); err != nil {
			return nil, err
		}
	}
	run, err := o.rt.Wait(ctx, id)
	if failed := (*local.RunError)(nil); errors.As(err, &failed) && customer != "" {
		return run, nil
	}
	return run, err
}
