package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/folder"
)

// MoveInput is a file to move.
type MoveInput struct {
	From      string `json:"from" validate:"required" jsonschema_description:"The file, relative to the workspace."`
	To        string `json:"to" validate:"required" jsonschema_description:"Its new path, name included, relative to the workspace. Missing folders are made."`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema_description:"Replace a file that is there."`
}

// MoveOutput says where it is now.
type MoveOutput struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Bytes int64  `json:"bytes"`
}

// mover moves files. That a source is gone and a target is there does not say who moved it, so each attempt first writes
// down, under its key, what it is about to move: a repeated attempt recognises its own work and answers the same.
type mover struct {
	*workspace
	forgetting sync.Once
}

// Where intents are kept, in the workspace, and for how long.
const (
	intents     = ".tutti/moves"
	intentsKept = 90 * 24 * time.Hour
)

// intent is what an attempt was about to move. A move keeps a file's size and time.
type intent struct {
	MoveOutput
	Modified time.Time `json:"modified"`
}

func (i *intent) is(info fs.FileInfo) bool {
	return i != nil && info != nil && info.Mode().IsRegular() && info.Size() == i.Bytes && info.ModTime().Equal(i.Modified)
}

func (m *mover) move(ctx context.Context, in MoveInput) (MoveOutput, error) {
	var one move
	err := m.Change(in.From, func(root *os.Root, local string) (err error) {
		one.from = local
		one.source, err = look(root, local)
		return err
	})
	if err != nil {
		return MoveOutput{}, err
	}
	err = m.Change(in.To, func(root *os.Root, local string) (err error) {
		one.root, one.to = root, local
		if one.target, err = look(root, local); err != nil {
			return err
		}
		m.forgetting.Do(func() { forget(root) })
		return one.do(coordinator.KeyFrom(ctx), in.Overwrite)
	})
	return one.MoveOutput, err
}

// look returns nil for a file that is not there. A symbolic link is not followed: it is not what would be moved.
func look(root *os.Root, local string) (fs.FileInfo, error) {
	info, err := root.Lstat(local)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, coordinator.Permanent(errors.New("it is a folder; files.move takes the paths of files, names included"))
	case !info.Mode().IsRegular():
		return nil, coordinator.Permanent(errors.New("it is not a regular file"))
	}
	return info, nil
}

// move is one file on its way. What is not there is nil.
type move struct {
	root           *os.Root
	from, to       string
	source, target fs.FileInfo
	MoveOutput
}

func (m *move) do(key string, overwrite bool) error {
	before, err := m.recall(key)
	if err != nil {
		return coordinator.NotDone(err)
	}
	same := m.source != nil && m.target != nil && os.SameFile(m.source, m.target)
	switch {
	case before.is(m.target) && !before.is(m.source): // the source may be another file by now
		m.MoveOutput = before.MoveOutput
		return nil
	case m.source == nil && before != nil:
		return fmt.Errorf("an earlier attempt may have moved %q here; it is not there any more, and here is something else", folder.Shown(m.from))
	case m.source == nil:
		return coordinator.Permanent(fmt.Errorf("there is no file %q in the workspace to move here", folder.Shown(m.from)))
	case m.target != nil && !same && !overwrite:
		return errTaken()
	}
	m.MoveOutput = MoveOutput{From: folder.Shown(m.from), To: folder.Shown(m.to), Bytes: m.source.Size()}
	if same && m.from == m.to {
		return nil
	}
	if err := m.remember(key); err != nil {
		return coordinator.NotDone(err)
	}
	return m.carry(same, overwrite)
}

func errTaken() error {
	return coordinator.Permanent(errors.New("a file is there already: set overwrite to replace it, or choose another name"))
}

// intentOf is where the intent of a key stands.
func (m *move) intentOf(key string) string {
	sum := sha256.Sum256([]byte(key + "\x00" + m.from + "\x00" + m.to))
	return filepath.Join(filepath.FromSlash(intents), hex.EncodeToString(sum[:])+".json")
}

// maxIntent bounds an intent's file: two paths and two numbers.
const maxIntent = 64 << 10

func (m *move) recall(key string) (*intent, error) {
	if key == "" {
		return nil, nil
	}
	raw, err := folder.Load(m.root, m.intentOf(key), maxIntent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var i intent
	if err == nil {
		err = json.Unmarshal(raw, &i)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", intents, err)
	}
	return &i, nil
}

func (m *move) remember(key string) error {
	if key == "" {
		return nil
	}
	raw, err := json.Marshal(intent{m.MoveOutput, m.source.ModTime()})
	if err != nil {
		return err
	}
	if _, err := folder.Write(m.root, m.intentOf(key), string(raw), true); err != nil {
		return fmt.Errorf("%s: %w", intents, err)
	}
	return nil
}

// forget removes old intents. One that stays does no harm.
func forget(root *os.Root) {
	entries, err := fs.ReadDir(root.FS(), intents)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > intentsKept {
			_ = root.Remove(filepath.Join(filepath.FromSlash(intents), e.Name()))
		}
	}
}

// carry moves the file and makes that survive a power cut.
func (m *move) carry(same, overwrite bool) error {
	if err := m.root.MkdirAll(filepath.Dir(m.to), 0o755); err != nil {
		return coordinator.NotDone(err)
	}
	var err error
	switch {
	case same:
		err = m.dropName()
	case overwrite:
		err = m.rename()
	default:
		err = m.link()
	}
	return errors.Join(err, folder.SyncDir(m.root, filepath.Dir(m.to)), folder.SyncDir(m.root, filepath.Dir(m.from)))
}

func (m *move) rename() error {
	err := m.root.Rename(m.from, m.to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m.goneAway()
	case errors.Is(err, syscall.EXDEV):
		return coordinator.Permanent(fmt.Errorf("it is on another file system than %q: write a copy and remove the original", folder.Shown(m.from)))
	}
	return coordinator.NotDone(err)
}

// goneAway is not permanent: that somebody else may have been an earlier attempt of ours.
func (m *move) goneAway() error {
	return coordinator.NotDone(fmt.Errorf("%q was moved away by somebody else just now", folder.Shown(m.from)))
}

// link gives the file its new name, which fails if somebody else took that in between, and then takes the old one away. If
// that is gone already, the new one stays all the same: it may be the last. So of two moves of one file at the same time
// both may succeed, and no file is lost.
func (m *move) link() error {
	err := m.root.Link(m.from, m.to)
	switch {
	case errors.Is(err, fs.ErrExist):
		if now, err := look(m.root, m.to); err == nil && now != nil && os.SameFile(now, m.source) {
			return m.dropName()
		}
		return errTaken()
	case errors.Is(err, fs.ErrNotExist):
		return m.goneAway()
	case err != nil: // a file system without links: the check just made has to do
		return m.rename()
	}
	if err := m.root.Remove(m.from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m.takeBack(err)
	}
	return nil
}

// takeBack removes the new name where the old one may not be removed, so that nothing has happened after all.
func (m *move) takeBack(cause error) error {
	cause = fmt.Errorf("%q cannot be taken away from where it is: %w", folder.Shown(m.from), cause)
	if err := m.root.Remove(m.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// As text: folder takes a missing permission to mean that nothing happened.
		return errors.New(cause.Error() + "; it has both names now: " + err.Error())
	}
	return coordinator.NotDone(cause)
}

// dropName ends with the new name alone where both are of one file: an attempt was interrupted between link and remove,
// or the names differ in a way that the file system doesn't see (upper and lower case), when removing one would remove both.
func (m *move) dropName() error {
	aside := filepath.Join(filepath.Dir(m.from), ".tutti-"+rand.Text())
	if err := m.root.Rename(m.from, aside); errors.Is(err, fs.ErrNotExist) {
		return m.goneAway()
	} else if err != nil {
		return coordinator.NotDone(err)
	}
	if _, err := m.root.Lstat(m.to); errors.Is(err, fs.ErrNotExist) {
		return m.root.Rename(aside, m.to)
	}
	return m.root.Remove(aside)
}
