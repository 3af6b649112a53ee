package program

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// Settings of the exec tools, as they stand in a workspace file under tools: exec.
type Settings struct {
	Programs   map[string]Program `json:"programs"`
	Concurrent int                `json:"concurrent,omitempty"` // programs at a time; 0: DefaultConcurrent
}

// Program is one program that may be run.
type Program struct {
	Run         []string           `json:"run"` // the program and its first arguments, never replaced by input
	Description string             `json:"description,omitempty"`
	Effect      coordinator.Effect `json:"effect,omitempty"`    // "": unrepeatable
	Input       json.RawMessage    `json:"input,omitempty"`     // JSON Schema of an object; default: what args name
	Output      json.RawMessage    `json:"output,omitempty"`    // JSON Schema of what it prints; default: {text: …}
	Authority   []string           `json:"authority,omitempty"` // input properties that carry authority

	Args        []string          `json:"args,omitempty"`         // more arguments, with {name} for properties of the input
	AllowDashes bool              `json:"allow_dashes,omitempty"` // an input may begin an argument with a dash
	Env         map[string]string `json:"env,omitempty"`          // set for the program
	Pass        []string          `json:"pass,omitempty"`         // variables of our own environment that it sees
	Dir         string            `json:"dir,omitempty"`          // the folder of the workspace it runs in; default: the workspace
	SHA256      string            `json:"sha256,omitempty"`       // of the program's file, in hex
	Exit        map[string]string `json:"exit,omitempty"`         // what exit statuses mean: done, not_done, permanent or unknown

	Timeout   time.Duration `json:"timeout,omitempty"`    // 0: DefaultTimeout
	Grace     time.Duration `json:"grace,omitempty"`      // between SIGTERM and SIGKILL; 0: DefaultGrace
	MaxOutput int           `json:"max_output,omitempty"` // bytes of standard output; 0: DefaultMaxOutput
	MaxStderr int           `json:"max_stderr,omitempty"` // bytes of the end of standard error that go into an error; 0: DefaultMaxStderr
}

// Defaults of Settings and Program.
const (
	DefaultConcurrent = 4
	DefaultTimeout    = 30 * time.Second
	DefaultGrace      = 2 * time.Second
	DefaultMaxOutput  = 1 << 20
	DefaultMaxStderr  = 4 << 10
)

// name is what a program can be called. "run" is taken.
var name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// New returns a worker exec.<name> for each program, and exec.run for all of them. It looks the programs up now and starts
// none. All mistakes are reported at once.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	defer root.Close()
	if len(s.Programs) == 0 {
		return nil, errors.New("no program is named; name one under programs")
	}
	if s.Concurrent < 0 {
		return nil, errors.New("concurrent must not be negative")
	}
	slots := make(chan struct{}, cmp.Or(s.Concurrent, DefaultConcurrent))
	var set programs
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.Programs)) {
		p, err := newProgram(root, name, s.Programs[name], slots)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("program %s: %w", name, err))
			continue
		}
		set = append(set, p)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return set.workers()
}

func newProgram(root *os.Root, called string, s Program, slots chan struct{}) (*program, error) {
	p := &program{name: called, workspace: root.Name(), Program: s, slots: slots}
	p.setDefaults()
	var wrong []error
	if !name.MatchString(called) || called == "run" {
		wrong = append(wrong, errors.New("this cannot be its name: use letters, digits, - and _, and not the word run"))
	}
	wrong = append(wrong, p.checkLimits(), p.locate(root), p.readArgs(), p.readEnv(), p.readExit(), p.readSchemas())
	return p, errors.Join(wrong...)
}

func (p *program) setDefaults() {
	p.Timeout = cmp.Or(p.Timeout, DefaultTimeout)
	p.Grace = cmp.Or(p.Grace, DefaultGrace)
	p.MaxOutput = cmp.Or(p.MaxOutput, DefaultMaxOutput)
	p.MaxStderr = cmp.Or(p.MaxStderr, DefaultMaxStderr)
	p.Effect = cmp.Or(p.Effect, coordinator.EffectUnrepeatable)
	p.Description = cmp.Or(p.Description, "Runs the program "+p.name+".")
}

func (p *program) checkLimits() error {
	for field, v := range map[string]int64{
		"timeout": int64(p.Timeout), "grace": int64(p.Grace), "max_output": int64(p.MaxOutput), "max_stderr": int64(p.MaxStderr),
	} {
		if v < 0 {
			return fmt.Errorf("%s must not be negative", field)
		}
	}
	return nil
}

// workers makes the workers. What is wrong with a declaration is found here, because they are wrapped afterwards.
func (set programs) workers() ([]coordinator.Worker, error) {
	var plain, out []coordinator.Worker
	longest := time.Duration(0)
	for _, p := range set {
		w := tools.New("exec."+p.name, p.Description, p.call, tools.Options{
			Effect: p.Effect, Authority: p.Authority, Input: p.Input, Output: p.Output,
		})
		plain = append(plain, w)
		out = append(out, worker{w, p.patience()})
		longest = max(longest, p.patience())
	}
	w := tools.New("exec.run", set.describe(), set.call, tools.Options{
		Effect: set.effect(), Authority: set.authority(), Input: set.input(),
	})
	if _, err := tools.Map(append(plain, w)...); err != nil {
		return nil, err
	}
	return append(out, worker{w, longest}), nil
}
