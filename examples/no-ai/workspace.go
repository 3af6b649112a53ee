package main

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/data"
	"github.com/tuttirun/tutti/tools/notify"
	"github.com/tuttirun/tutti/tools/program"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/secret"
	"github.com/tuttirun/tutti/tools/web"
)

//go:embed tutti.yaml pipelines rules scripts
var files embed.FS

// openWorkspace copies the workspace into a folder, so that nothing is written where the sources are, and opens it there.
// The command tutti does what follows for every workspace; a program of its own wires only what it uses.
func openWorkspace(dir string) (*pipeline.Workspace, map[string]coordinator.Worker, error) {
	if err := os.CopyFS(dir, files); err != nil {
		return nil, nil, err
	}
	ws, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		return nil, nil, err
	}
	workers, err := wire(ws)
	if err != nil {
		return nil, nil, errors.Join(err, tools.Close(slices.Collect(maps.Values(workers))...), ws.Close())
	}
	return ws, workers, nil
}

// wire makes the workers of the workspace: its tools, and its pipelines under their names.
func wire(ws *pipeline.Workspace) (map[string]coordinator.Worker, error) {
	var all []coordinator.Worker
	var wrong []error
	for _, open := range []func(*pipeline.Workspace) ([]coordinator.Worker, error){
		family("data", data.New), family("exec", program.New), family("http", web.New), family("notify", notify.New), family("rules", rules.New),
	} {
		workers, err := open(ws)
		all, wrong = append(all, workers...), append(wrong, err)
	}
	for _, f := range ws.Pipelines {
		all = append(all, pipeline.Worker(f))
	}
	for i := range all {
		all[i] = secret.Guard(all[i], ws.Hidden()) // tokens show in no result and no error
	}
	byName, err := tools.Map(all...)
	if err := errors.Join(append(wrong, err)...); err != nil {
		return byName, err
	}
	return byName, ws.Check(func(name string) (coordinator.Card, bool) {
		w, ok := byName[name]
		if !ok {
			return coordinator.Card{}, false
		}
		return w.Card(), true
	})
}

// family opens a group of tools with its settings from tutti.yaml.
func family[S any](name string, open func(dir string, s S) ([]coordinator.Worker, error)) func(*pipeline.Workspace) ([]coordinator.Worker, error) {
	return func(ws *pipeline.Workspace) ([]coordinator.Worker, error) {
		var s S
		if _, named := ws.Tools[name]; named {
			if err := ws.DecodeTool(name, &s); err != nil {
				return nil, err
			}
		}
		workers, err := open(ws.Dir, s)
		if err != nil {
			return nil, fmt.Errorf("tools %s: %w", name, err)
		}
		return workers, nil
	}
}
