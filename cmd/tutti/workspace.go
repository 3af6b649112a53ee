package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// find opens the workspace a command is about: the one named with -C; else that of the pipeline's file, if target is
// one; else that of the current folder. A folder without tutti.yaml counts as a workspace with nothing but defaults.
func (a *app) find(target string) (*pipeline.Workspace, error) {
	ws, err := a.locate(target)
	if err == nil {
		a.screen.hide(ws.Hidden())
	}
	return ws, err
}

func (a *app) locate(target string) (*pipeline.Workspace, error) {
	if a.Workspace != "" {
		return openOrBare(a.Workspace)
	}
	if info, err := os.Stat(target); target != "" && err == nil && info.Mode().IsRegular() {
		ws, err := pipeline.OpenWorkspace(filepath.Dir(target))
		if !errors.Is(err, pipeline.ErrNoWorkspace) {
			return ws, err
		}
		if ws, err := pipeline.OpenWorkspace(""); !errors.Is(err, pipeline.ErrNoWorkspace) {
			return ws, err
		}
		return bare(filepath.Dir(target))
	}
	return openOrBare(".")
}

func openOrBare(dirOrFile string) (*pipeline.Workspace, error) {
	ws, err := pipeline.OpenWorkspace(dirOrFile)
	if !errors.Is(err, pipeline.ErrNoWorkspace) {
		return ws, err
	}
	if info, statErr := os.Stat(dirOrFile); statErr != nil || !info.IsDir() {
		return nil, err
	}
	return bare(dirOrFile)
}

// bare is a folder without tutti.yaml: the offline model, and the tools that need no settings.
func bare(dir string) (*pipeline.Workspace, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("workspace %s: %w", dir, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("workspace %s: %w", dir, err)
	}
	return &pipeline.Workspace{
		Name: folderName(abs), Dir: abs, Root: root, File: filepath.Join(dir, pipeline.WorkspaceFile),
		Models: map[string]pipeline.Model{"default": {Use: "offline"}},
	}, nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9._-]+`)

// folderName is a folder's name as it may stand in keys.
func folderName(dir string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(dir)), "-"), "-._")
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-._")
	}
	if name == "" {
		return "workspace"
	}
	return name
}

// signature is who the printed commands name with --as; "": the user's own name will do.
func (s *session) signature() string {
	if s.asFlag {
		return s.As
	}
	return s.standIn
}

// command words a call of this program that means the same workspace, store and person, for people to copy.
func (s *session) command(args ...string) string { return s.commandAs(s.signature(), args...) }

func (s *session) commandAs(person string, args ...string) string {
	words := []string{"tutti"}
	if here, err := s.fromHere(); err != nil || here != s.ws.Dir {
		words = append(words, "-C", quoted(shortest(s.ws.Dir)))
	}
	if s.redisFlag {
		words = append(words, "--redis", quoted(s.Redis))
	}
	for _, arg := range args {
		words = append(words, quoted(arg))
	}
	if person != "" {
		words = append(words, "--as", quoted(person))
	}
	return strings.Join(words, " ")
}

// fromHere is the folder of the workspace that a command without -C would take.
func (s *session) fromHere() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, pipeline.WorkspaceFile)); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return dir, nil
		}
	}
}

// shortest is how a path is best written here.
func shortest(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil || len(rel) > len(path) {
		return path
	}
	return rel
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quoted is a word as a shell reads it.
func quoted(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
