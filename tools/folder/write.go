package folder

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tuttirun/tutti/coordinator"
)

// Write gives a file this content and reports whether it had another, or was not there. Missing folders are made. Without
// overwrite, a file with other content is a permanent error and stays. It is idempotent by the content.
func Write(root *os.Root, local, content string, overwrite bool) (changed bool, err error) {
	same, err := Compare(root, local, content)
	switch {
	case err != nil:
		return false, err
	case same == Equal:
		return false, nil
	case same == Different && !overwrite:
		return false, errDifferent()
	}
	return true, replace(root, local, content, overwrite)
}

func errDifferent() error {
	return coordinator.Permanent(errors.New("it exists with other content: set overwrite to replace it, or choose another name"))
}

// Likeness is how a file compares with a content.
type Likeness int

// Likenesses of a file and a content.
const (
	Absent Likeness = iota
	Equal
	Different
)

// Compare compares a file with a content.
func Compare(root *os.Root, local, content string) (Likeness, error) {
	f, info, err := Open(root, local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Absent, nil
	case err != nil:
		return Absent, err
	}
	defer f.Close()
	if info.Size() != int64(len(content)) {
		return Different, nil
	}
	data, err := Load(root, local, len(content))
	if err != nil {
		return Absent, err
	}
	if string(data) == content {
		return Equal, nil
	}
	return Different, nil
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
		return SyncDir(root, dir)
	}
	err := root.Link(temporary, local)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links: the check just made has to do
		if _, missing := root.Lstat(local); errors.Is(missing, fs.ErrNotExist) {
			if err = root.Rename(temporary, local); err == nil {
				return SyncDir(root, dir)
			}
		}
	}
	if errors.Is(err, fs.ErrExist) { // somebody was faster; if with the same content, all is well
		var now Likeness
		if now, err = Compare(root, local, content); err == nil && now != Equal {
			err = errDifferent()
		}
	}
	return errors.Join(err, remove(root, temporary), SyncDir(root, dir))
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

// SyncDir makes a new name in a folder survive a power cut. Systems that cannot do that have no way to say it either.
func SyncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return nil // the file is written; a folder that may be written but not read is fine
	}
	defer f.Close()
	_ = f.Sync()
	return nil
}
