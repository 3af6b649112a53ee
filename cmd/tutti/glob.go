package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// errTooMany ends a search that has found more than was allowed.
var errTooMany = errors.New("more files than may be taken at once")

// globbed returns the regular files below dir that a pattern finds, sorted, as slash paths relative to dir. The pattern is
// one of path.Match, where ** stands for any number of folders. Names that begin with a dot are found only by such a pattern.
// A folder that is a link is not entered by **.
func globbed(dir, pattern string, most int) ([]string, error) {
	pattern = path.Clean(filepath.ToSlash(pattern))
	for _, part := range strings.Split(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: a bracket is not closed, or a \\ ends it", pattern)
		}
	}
	base, rest := fixedPart(pattern)
	g := globbing{dir: dir, rest: strings.Split(rest, "/"), most: most}
	err := g.walk(base, g.rest)
	slices.Sort(g.found)
	return slices.Compact(g.found), err
}

// fixedPart divides a pattern before its first part with a wildcard.
func fixedPart(pattern string) (base, rest string) {
	parts := strings.Split(pattern, "/")
	n := slices.IndexFunc(parts, func(p string) bool { return strings.ContainsAny(p, `*?[\`) })
	if n < 0 {
		n = len(parts) - 1
	}
	return strings.Join(parts[:n], "/"), strings.Join(parts[n:], "/")
}

type globbing struct {
	dir   string
	rest  []string
	most  int
	found []string
}

// walk looks in a folder for what the parts of a pattern name.
func (g *globbing) walk(folder string, parts []string) error {
	if parts[0] == "**" && len(parts) > 1 {
		if err := g.walk(folder, parts[1:]); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.Join(g.dir, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && folder != "" {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := g.entry(path.Join(folder, e.Name()), e, parts); err != nil {
			return err
		}
	}
	return nil
}

func (g *globbing) entry(name string, e fs.DirEntry, parts []string) error {
	deep, part := parts[0] == "**", parts[0]
	if deep {
		part = "*"
	}
	if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(part, ".") {
		return nil
	}
	if ok, _ := path.Match(part, e.Name()); !ok { // the pattern was checked
		return nil
	}
	info, err := os.Stat(filepath.Join(g.dir, filepath.FromSlash(name)))
	switch {
	case err != nil:
		return nil // it is gone, or a link that leads nowhere
	case info.IsDir() && deep && e.IsDir():
		return g.walk(name, parts)
	case info.IsDir() && !deep && len(parts) > 1:
		return g.walk(name, parts[1:])
	case info.Mode().IsRegular() && len(parts) == 1:
		if len(g.found) == g.most {
			return errTooMany
		}
		g.found = append(g.found, name)
	}
	return nil
}
