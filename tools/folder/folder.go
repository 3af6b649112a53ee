// Package folder opens, reads and replaces the files of one folder, such as a workspace, for the tools that work on them.
//
// A path is relative to the folder, or absolute and inside it. A path or a symbolic link that leads out is refused, also
// while somebody changes the folder at the same time (os.Root). What is written is written whole: a reader sees the old file
// or the new one, and a file that is like that already is left alone, so that writing is idempotent.
//
// Errors name the path and carry what is known about them (coordinator.Permanent, coordinator.NotDone).
package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/schema"
)

// Folder opens files below one folder.
type Folder struct {
	dir string // absolute
}

// ErrOutside is wrapped by the error for a path that leads out of the folder.
var ErrOutside = errors.New("is outside of the workspace")

// New returns the folder dir. It must be there.
func New(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	if err := root.Close(); err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	return &Folder{dir}, nil
}

// Within opens the folder for one operation and names the path in every error. All errors of a path are permanent
// except those of a busy system.
func (f *Folder) Within(name string, do func(root *os.Root, local string) error) error {
	local, err := f.local(name)
	if err == nil && schema.Private(filepath.ToSlash(local)) {
		err = fmt.Errorf("path %q: it is for Tutti's own notes and for secrets, not for tools", name)
	}
	if err != nil {
		return coordinator.Permanent(err)
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return coordinator.NotDone(fmt.Errorf("workspace: %w", err))
	}
	defer root.Close()
	return describe(name, do(root, local))
}

// Change is Within for a path that is to be written, moved or taken away. What a workspace is set up by stays with people: an
// agent that may write files must not give itself a program, a credential or an accepted tool.
func (f *Folder) Change(name string, do func(root *os.Root, local string) error) error {
	return f.Within(name, func(root *os.Root, local string) error {
		if reserved(root, local) {
			return coordinator.Permanent(errors.New("it belongs to the workspace's own set-up, which only people change"))
		}
		return do(root, local)
	})
}

// The set-up of a workspace: its settings, the tools that were accepted, and its pipelines.
var (
	setUp       = []string{"tutti.yaml", "mcp.lock.json"}
	pipelines   = "pipelines"
	onePipeline = ".pipeline.yaml"
)

// reserved reports whether a path leads to the set-up, by whatever spelling, link or folder.
func reserved(root *os.Root, local string) bool {
	first, _, _ := strings.Cut(filepath.ToSlash(local), "/")
	if strings.EqualFold(first, pipelines) || strings.HasSuffix(strings.ToLower(local), onePipeline) {
		return true
	}
	here, err := root.Stat(local)
	for _, name := range setUp {
		if strings.EqualFold(local, name) {
			return true
		}
		if own, missing := root.Stat(name); err == nil && missing == nil && os.SameFile(here, own) {
			return true
		}
	}
	return false
}

// local is a path relative to the folder. Absolute ones are accepted if they lie in it.
func (f *Folder) local(name string) (string, error) {
	local := filepath.FromSlash(name)
	if filepath.IsAbs(local) {
		var err error
		if local, err = filepath.Rel(f.dir, local); err != nil {
			return "", fmt.Errorf("path %q %w", name, ErrOutside)
		}
	}
	local = filepath.Clean(local)
	if strings.ContainsRune(name, 0) || name == "" {
		return "", fmt.Errorf("path %q is not a path", name)
	}
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("path %q %w", name, ErrOutside)
	}
	return local, nil
}

// describe turns the system's errors into ones that name the path and say what to do.
func describe(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return coordinator.Permanent(fmt.Errorf("path %q: there is no such file in the workspace", name))
	case errors.Is(err, fs.ErrPermission):
		return coordinator.Permanent(fmt.Errorf("path %q: no permission", name))
	case escapes(err):
		return coordinator.Permanent(fmt.Errorf("path %q leads through a symbolic link that %w", name, ErrOutside))
	}
	return fmt.Errorf("path %q: %w", name, err)
}

// escapes recognises os.Root's refusal, which has no value of its own to compare with.
func escapes(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && strings.Contains(path.Err.Error(), "escapes")
}

// Open opens a regular file: anything else (a pipe, a device) could block for ever.
func Open(root *os.Root, local string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(local)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return nil, nil, coordinator.Permanent(errors.New("it is a folder"))
	}
	if !info.Mode().IsRegular() {
		return nil, nil, coordinator.Permanent(errors.New("it is not a regular file"))
	}
	f, err := root.Open(local)
	return f, info, err
}

// Load reads a whole file of at most limit bytes.
func Load(root *os.Root, local string, limit int) ([]byte, error) {
	f, _, err := Open(root, local)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, coordinator.Permanent(fmt.Errorf("it is larger than the limit of %d bytes", limit))
	}
	return data, nil
}

// Shown is a path as results have it: relative to the folder, with slashes.
func Shown(local string) string { return path.Clean(filepath.ToSlash(local)) }
