package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// ListInput names a folder.
type ListInput struct {
	Path      string `json:"path,omitempty" jsonschema_description:"The folder, relative to the workspace; empty: the workspace itself."`
	Pattern   string `json:"pattern,omitempty" jsonschema_description:"Only files whose name matches, e.g. *.pdf."`
	Recursive bool   `json:"recursive,omitempty" jsonschema_description:"Also folders below. Hidden folders are left out."`
}

// ListOutput is what lies in a folder, sorted by path.
type ListOutput struct {
	Files []File `json:"files"`
	More  bool   `json:"more" jsonschema_description:"There are more files than the limit allows to list."`
}

// File is one file. Symbolic links are listed only where they lead to a file of the workspace.
type File struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func (w *workspace) list(ctx context.Context, in ListInput) (ListOutput, error) {
	out := ListOutput{Files: []File{}}
	if _, err := path.Match(in.Pattern, ""); err != nil {
		return out, coordinator.Permanent(fmt.Errorf("pattern %q: %w", in.Pattern, err))
	}
	if in.Path == "" {
		in.Path = "."
	}
	err := w.Within(in.Path, func(root *os.Root, local string) error {
		info, err := root.Stat(local)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return coordinator.Permanent(fmt.Errorf("it is not a folder"))
		}
		return fs.WalkDir(root.FS(), filepath.ToSlash(local), func(name string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case name == filepath.ToSlash(local):
				return err
			case d.IsDir() && (!in.Recursive || err != nil || strings.HasPrefix(d.Name(), ".")):
				return fs.SkipDir
			case d.IsDir():
				return nil
			}
			if matched, _ := path.Match(in.Pattern, d.Name()); in.Pattern != "" && !matched {
				return nil
			}
			info, err := root.Stat(filepath.FromSlash(name))
			if err != nil || !info.Mode().IsRegular() {
				return nil // gone meanwhile, or not ours
			}
			if len(out.Files) == w.settings.MaxList {
				out.More = true
				return fs.SkipAll
			}
			out.Files = append(out.Files, File{Path: name, Bytes: info.Size()})
			return nil
		})
	})
	if out.More {
		tools.Note(ctx, "%s: only the first %d files are listed", in.Path, w.settings.MaxList)
	}
	return out, err
}
