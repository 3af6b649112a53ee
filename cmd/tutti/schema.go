package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/coordinator/pipeline"
)

func (a *app) schemaCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "schema [pipeline|workspace]",
		Short: "Print the JSON Schema of pipeline files, or of tutti.yaml",
		Long: `Print the JSON Schema (draft 2020-12) of pipeline files, or of tutti.yaml. It is made from the types that read these files,
so it knows every key, what it means, and the short forms. What only a whole plan can tell, such as the name of a step that
is not there, tutti validate finds.

Editors with a YAML language server complete and check a file whose first line names its schema:

  # yaml-language-server: $schema=schema/pipeline.json

tutti schema --write schema puts both files into that folder. Instead of the line, an editor's settings can say it for
all files (here VS Code's):

  "yaml.schemas": {"schema/pipeline.json": "pipelines/*.yaml", "schema/workspace.json": "tutti.yaml"}`,
		Example:   "  tutti schema pipeline > pipeline.json\n  tutti schema --write schema",
		ValidArgs: schemaNames,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case dir != "" && len(args) > 0:
				return errors.New("--write writes both schemas: leave the name out")
			case len(args) > 1:
				return fmt.Errorf("one schema at a time; %q is too much", args[1])
			}
			return nil
		},
		RunE: action(func(_ *cobra.Command, args []string) error {
			if dir != "" {
				return a.writeSchemas(dir)
			}
			name := "pipeline"
			if len(args) > 0 {
				name = args[0]
			}
			raw, err := schemaOf(name)
			if err != nil {
				return usage(err)
			}
			if a.Get != "" {
				return a.part(raw)
			}
			_, err = a.out.Write(raw)
			return err
		}),
	}
	c.Flags().StringVar(&dir, "write", "", "write pipeline.json and workspace.json into this folder")
	return c
}

var schemaNames = []string{"pipeline", "workspace"}

// schemaOf returns the JSON Schema of a kind of file.
func schemaOf(name string) (json.RawMessage, error) {
	o := pipeline.SchemaOptions{
		ID: "https://github.com/tuttirun/tutti/docs/schema/" + name + ".json", Describe: describeField,
		Tools: map[string]reflect.Type{}, Model: reflect.TypeFor[models.Settings](), Price: reflect.TypeFor[agents.Price](),
	}
	for _, f := range families {
		o.Tools[f.name] = f.settings
	}
	switch name {
	case "pipeline":
		return pipeline.PipelineSchema(o)
	case "workspace":
		return pipeline.WorkspaceSchema(o)
	}
	return nil, fmt.Errorf("no schema %q%s; there are %s", name, didYouMean(name, schemaNames), strings.Join(schemaNames, ", "))
}

func (a *app) writeSchemas(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var written []string
	for _, name := range schemaNames {
		raw, err := schemaOf(name)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			return err
		}
		written = append(written, file)
	}
	if a.wantsJSON() {
		return a.json(page{"written": written})
	}
	_, err := io.WriteString(a.out, strings.Join(written, "\n")+"\n")
	return err
}

// fieldTexts are the doc comments of the fields that files fill, by package, type and field; the doc comments of the types
// by package and type alone. go generate takes them from the sources.
//
//go:generate go test -run TestSchemasAreUpToDate -update .
//go:embed fields.json
var fieldTexts []byte

var fieldMeanings = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	if err := json.Unmarshal(fieldTexts, &out); err != nil {
		panic("fields.json: " + err.Error()) // it is a part of the program
	}
	return out
})

func describeField(t reflect.Type, field string) string { return fieldMeanings()[fieldKey(t, field)] }

// fieldKey is a field's name in fields.json: coordinator.Step.ID, tools/mail.Settings.Host.
func fieldKey(t reflect.Type, field string) string {
	key := strings.TrimPrefix(t.PkgPath(), modulePath+"/") + "." + t.Name()
	if field != "" {
		key += "." + field
	}
	return key
}

const modulePath = "github.com/tuttirun/tutti"
