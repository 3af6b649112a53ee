package files

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tuttirun/tutti/coordinator"
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
	err := w.within(in.Path, func(root *os.Root, local string) error {
		out.Path = shown(local)
		same, err := holds(root, local, in.Content)
		switch {
		case err != nil:
			return err
		case same == equal:
			return nil
		case same == different && !in.Overwrite:
			return errDifferent()
		}
		out.Changed = true
		return replace(root, local, in.Content, in.Overwrite)
	})
	return out, err
}

func errDifferent() error {
	return coordinator.Permanent(errors.New("it exists with other content: set overwrite to replace it, or choose another name"))
}

type likeness int

const (
	absent likeness = iota
	equal
	different
)

// holds compares a file with a content.
func holds(root *os.Root, local, content string) (likeness, error) {
	f, info, err := open(root, local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, nil
	case err != nil:
		return absent, err
	}
	defer f.Close()
	if info.Size() != int64(len(content)) {
		return different, nil
	}
	data, err := load(root, local, len(content))
	if err != nil {
		return absent, err
	}
	if string(data) == content {
		return equal, nil
	}
	return different, nil
}

// replace writes a temporary file beside the target and moves it there. Without overwrite it is linked, which fails if
// somebody else made the target in between.
func replace(root *os.Root, local, content string, overwrite bool) error {
	dir := filepath.Dir(local)
	if err := root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temporary := filepath.Join(dir, ".tutti-"+rand.Text())
	if err := create(root, temporary, content); err != nil {
		return errors.Join(err, remove(root, temporary))
	}
	if overwrite {
		if err := root.Rename(temporary, local); err != nil {
			return errors.Join(err, remove(root, temporary))
		}
		return syncDir(root, dir)
	}
	err := root.Link(temporary, local)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links: the check just made has to do
		if _, missing := root.Lstat(local); errors.Is(missing, fs.ErrNotExist) {
			if err = root.Rename(temporary, local); err == nil {
				return syncDir(root, dir)
			}
		}
	}
	if errors.Is(err, fs.ErrExist) { // somebody was faster; if with the same content, all is well
		var now likeness
		if now, err = holds(root, local, content); err == nil && now != equal {
			err = errDifferent()
		}
	}
	return errors.Join(err, remove(root, temporary), syncDir(root, dir))
}

func create(root *os.Root, local, content string) error {
	f, err := root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func remove(root *os.Root, local string) error {
	if err := root.Remove(local); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes the new name survive a power cut. Systems that cannot do that have no way to say it either.
func syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return nil // the file is written; a folder that may be written but not read is fine
	}
	defer f.Close()
	_ = f.Sync()
	return nil
}
