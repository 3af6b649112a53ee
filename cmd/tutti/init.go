package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed all:starter
var starters embed.FS

// starter is a workspace to begin with.
type starter struct {
	name, text string
	next       []string // commands to try in it
}

var starterList = []starter{
	{"orders", "an agent, a decision table, a mail, and a person where it matters", []string{
		"tutti run order-intake --set document=inbox/order-1041.txt", "tutti graph order-intake", "tutti runs list",
	}},
	{"tools", "tools alone: no model, no person", []string{
		"tutti run sort --set folder=inbox", "tutti graph sort", "tutti workers --kind tool",
	}},
}

func starterNames() []string {
	var out []string
	for _, s := range starterList {
		out = append(out, s.name)
	}
	return out
}

func (a *app) initCommand() *cobra.Command {
	template := starterList[0].name
	var about strings.Builder
	for _, s := range starterList {
		fmt.Fprintf(&about, "\n  %-8s %s", s.name, s.text)
	}
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a workspace to begin with",
		Long: `Make a workspace to begin with, in this folder or another one: a tutti.yaml that explains itself, a pipeline that runs at
once (without a key and without a network), what it reads, a decision table, a README, and JSON Schemas for editors.
A file that is there is never overwritten: README.md and .gitignore are left as they are, and where another one is taken
nothing is written at all.

Templates:` + about.String(),
		Example: "  tutti init shop\n  tutti init --template tools sorted-files",
		Args:    arguments,
		RunE: action(func(_ *cobra.Command, args []string) error {
			i := slices.IndexFunc(starterList, func(s starter) bool { return s.name == template })
			if i < 0 {
				return usage(fmt.Errorf("--template %s: there are %s%s", template, strings.Join(starterNames(), ", "), didYouMean(template, starterNames())))
			}
			return a.init(append(args, ".")[0], starterList[i])
		}),
	}
	c.Flags().StringVar(&template, "template", template, strings.Join(starterNames(), " or "))
	return c
}

// created is what init prints with -o json.
type created struct {
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
	Next  []string `json:"next"` // commands to try there
}

func (a *app) init(dir string, s starter) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(files))
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(keptFiles, name) && isThere(dir, name) })
	if err := refuseTaken(dir, names); err != nil {
		return usage(err)
	}
	for _, name := range names {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			return err
		}
	}
	if a.wantsJSON() {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		return a.json(created{abs, names, s.next})
	}
	fmt.Fprintf(a.out, "%s in %s: begin with %s. Next:\n\n", count(len(names), "file"), dir, strings.Join(toRead(names), " and "))
	if filepath.Clean(dir) != "." {
		fmt.Fprintf(a.out, "  cd %s\n", quoted(dir))
	}
	for _, command := range s.next {
		fmt.Fprintf(a.out, "  %s\n", command)
	}
	return nil
}

// files are what the starter consists of, by name, the schemas for editors among them.
func (s starter) files() (map[string][]byte, error) {
	out := map[string][]byte{}
	root := path.Join("starter", s.name)
	err := fs.WalkDir(starters, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := starters.ReadFile(name)
		out[strings.TrimPrefix(name, root+"/")] = data
		return err
	})
	for _, name := range schemaNames {
		raw, schemaErr := schemaOf(name)
		err = errors.Join(err, schemaErr)
		out[".tutti/schema/"+name+".json"] = raw
	}
	return out, err
}

// keptFiles are those that a repository has before it is a workspace: it works without the starter's.
var keptFiles = []string{".gitignore", "README.md"}

// toRead returns which of the files are written for people first.
func toRead(names []string) []string {
	return slices.DeleteFunc([]string{"README.md", "tutti.yaml"}, func(name string) bool { return !slices.Contains(names, name) })
}

func isThere(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

// refuseTaken names all files that are there already.
func refuseTaken(dir string, names []string) error {
	var taken []string
	for _, name := range names {
		if isThere(dir, name) {
			taken = append(taken, name)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return fmt.Errorf("%s has %s already, and nothing is overwritten; name a new folder: tutti init DIR", dir, strings.Join(taken, ", "))
}

// writeNew writes a file that must not be there.
func writeNew(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
