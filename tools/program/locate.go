package program

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tuttirun/tutti/tools/schema"
)

// word is one of run, as the program gets it.
type word struct {
	text  string // a file's absolute path
	local string // the path within the workspace, of a file of the workspace
}

// locate finds the files that run and dir speak of. They are pinned: what is run later is what was found now.
func (p *program) locate(root *os.Root) error {
	if len(p.Run) == 0 {
		return errors.New("run is missing: the program and its first arguments, such as [python3, scripts/resize.py]")
	}
	for _, text := range p.Run {
		if strings.ContainsRune(text, 0) {
			return errors.New("run holds a NUL byte")
		}
	}
	first, err := p.find(root, p.Run[0])
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	p.words = []word{first}
	for _, text := range p.Run[1:] {
		w, err := p.script(root, text)
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		p.words = append(p.words, w)
	}
	return errors.Join(p.pin(root), p.checkDir(root))
}

// find looks the program up: in the workspace if it has a slash, on PATH otherwise.
func (p *program) find(root *os.Root, called string) (word, error) {
	if strings.ContainsAny(called, `/\`) {
		if err := schema.CheckPath(called); err != nil {
			return word{}, fmt.Errorf("%q: %w; a program elsewhere is found by its name, if it is on PATH", called, err)
		}
		w := p.local(called)
		return w, w.check(root, true)
	}
	path, err := exec.LookPath(called)
	if err != nil { // also for one found through a relative entry of PATH: that is another file in every folder
		return word{}, fmt.Errorf("there is no program %q on PATH", called)
	}
	if path, err = filepath.Abs(path); err != nil {
		return word{}, err
	}
	w := word{text: path}
	return w, w.check(root, true)
}

func (p *program) local(name string) word {
	local := filepath.Clean(filepath.FromSlash(name))
	return word{text: filepath.Join(p.workspace, local), local: local}
}

// script recognises an argument that is a file of the workspace.
func (p *program) script(root *os.Root, text string) (word, error) {
	plain := word{text: text}
	if !strings.Contains(text, "/") || strings.HasPrefix(text, "-") || schema.CheckPath(text) != nil {
		return plain, nil
	}
	w := p.local(text)
	if info, err := root.Stat(w.local); !escapes(err) && (err != nil || info.IsDir()) {
		return plain, nil
	}
	return w, w.check(root, false)
}

// check makes sure that a word's file is one, and in the workspace if it should be. Words that are no files are fine.
func (w word) check(root *os.Root, runnable bool) error {
	stat := func() (fs.FileInfo, error) { return os.Stat(w.text) }
	if w.local != "" {
		stat = func() (fs.FileInfo, error) { return root.Stat(w.local) }
	}
	info, err := stat()
	switch {
	case escapes(err):
		return fmt.Errorf("%q leads out of the workspace", w.shown())
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %q", w.shown())
	case err != nil:
		return fmt.Errorf("%q: %w", w.shown(), err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q is not a regular file", w.shown())
	}
	if runnable {
		return w.runnable(info)
	}
	return nil
}

func (w word) runnable(info fs.FileInfo) error {
	switch ext := strings.ToLower(filepath.Ext(w.text)); {
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return fmt.Errorf("%q is not executable: chmod +x it, or name its interpreter before it", w.shown())
	case runtime.GOOS == "windows" && (ext == ".bat" || ext == ".cmd"):
		return fmt.Errorf("%q is a batch file, which reads its arguments as commands: name a program", w.shown())
	}
	return nil
}

// shown is the word as the settings have it.
func (w word) shown() string {
	if w.local != "" {
		return filepath.ToSlash(w.local)
	}
	return w.text
}

// escapes recognises os.Root's refusal, which has no value of its own to compare with.
func escapes(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && strings.Contains(path.Err.Error(), "escapes")
}

// pin chooses the file that sha256 is about, and compares it.
func (p *program) pin(root *os.Root) error {
	if p.SHA256 == "" {
		return nil
	}
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != sha256.Size {
		return errors.New("sha256 must be 64 hexadecimal digits")
	}
	p.pinned = &p.words[0]
	for i := range p.words {
		if p.words[i].local != "" {
			p.pinned = &p.words[i]
			break
		}
	}
	return p.compare(root)
}

func (p *program) compare(root *os.Root) error {
	if p.pinned == nil {
		return nil
	}
	f, err := p.pinned.open(root)
	if err != nil {
		return fmt.Errorf("sha256: %q cannot be read: %w", p.pinned.shown(), err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("sha256: %q cannot be read: %w", p.pinned.shown(), err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(sum, p.SHA256) {
		return fmt.Errorf("sha256: %q has changed: it is %s now, and the settings say %s", p.pinned.shown(), sum, strings.ToLower(p.SHA256))
	}
	return nil
}

func (w word) open(root *os.Root) (*os.File, error) {
	if w.local != "" {
		return root.Open(w.local)
	}
	return os.Open(w.text)
}

func (p *program) checkDir(root *os.Root) error {
	if p.Dir == "" {
		return nil
	}
	if err := schema.CheckPath(p.Dir); err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	info, err := root.Stat(filepath.FromSlash(p.Dir))
	switch {
	case escapes(err):
		return fmt.Errorf("dir: %q leads out of the workspace", p.Dir)
	case err != nil || !info.IsDir():
		return fmt.Errorf("dir: there is no folder %q in the workspace", p.Dir)
	}
	return nil
}

// verify looks at the files again, just before a start: links may have been moved since, and files replaced.
func (p *program) verify() error {
	root, err := os.OpenRoot(p.workspace)
	if err != nil {
		return fmt.Errorf("workspace: %w", err)
	}
	defer root.Close()
	for i, w := range p.words {
		if i > 0 && w.local == "" {
			continue
		}
		if err := w.check(root, i == 0); err != nil {
			return err
		}
	}
	return errors.Join(p.checkDir(root), p.compare(root))
}
