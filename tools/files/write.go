package files

import (
	"context"
	"fmt"
	"os"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/folder"
)

// WriteInput is a file to write.
type WriteInput struct {
	Path      string `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace. Missing folders are made."`
	Content   string `json:"content"`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema_description:"Replace a file that has other content."`
}

// WriteOutput says what became of it.
type WriteOutput struct {
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
	Changed bool   `json:"changed" jsonschema_description:"False if the file was like this before."`
}

// write is idempotent by its content: what is there already is not written again. A reader sees the old file or the new
// one, never a part.
func (w *workspace) write(_ context.Context, in WriteInput) (WriteOutput, error) {
	out := WriteOutput{Bytes: len(in.Content)}
	if len(in.Content) > w.settings.MaxWrite {
		return out, coordinator.Permanent(fmt.Errorf("path %q: %d bytes to write, at most %d are allowed", in.Path, len(in.Content), w.settings.MaxWrite))
	}
	err := w.Change(in.Path, func(root *os.Root, local string) (err error) {
		out.Path = folder.Shown(local)
		out.Changed, err = folder.Write(root, local, in.Content, in.Overwrite)
		return err
	})
	return out, err
}
