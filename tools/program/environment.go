package program

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/secret"
)

// ours are the variables by which a program learns of its attempt.
const ours = "TUTTI_"

// harmless variables are not masked in errors, where their values help: paths and languages.
var harmless = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "PWD", "TERM"}

// readEnv fixes the environment: what pass lets through, then what env sets, which counts.
func (p *program) readEnv() error {
	var wrong []error
	for _, name := range p.Pass {
		wrong = append(wrong, checkVariable("pass", name, ""))
		if v, ok := os.LookupEnv(name); ok {
			p.env = append(p.env, name+"="+v)
			p.hide(name, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		wrong = append(wrong, checkVariable("env", name, p.Env[name]))
		p.env = append(p.env, name+"="+p.Env[name])
		p.hide(name, p.Env[name])
	}
	return errors.Join(wrong...)
}

func checkVariable(field, name, value string) error {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00"):
		return fmt.Errorf("%s: %q cannot be the name of a variable", field, name)
	case strings.HasPrefix(strings.ToUpper(name), ours):
		return fmt.Errorf("%s: %s: names that begin with %s are set by us", field, name, ours)
	case strings.ContainsRune(value, 0):
		return fmt.Errorf("%s: %s holds a NUL byte", field, name)
	}
	return nil
}

// hide keeps a value out of errors and notes. A short one is no secret, and would be found everywhere.
func (p *program) hide(name, value string) {
	if len(value) < secret.MinLength || slices.Contains(harmless, name) || strings.HasPrefix(name, "LC_") {
		return
	}
	if err := p.hidden.Add(name, value); err == nil {
		p.longest = max(p.longest, 6*len(value)) // JSON writes a byte as six at most
	}
}

// environ is the whole environment of one attempt.
func (p *program) environ(a coordinator.Attempt) []string {
	return append(slices.Clone(p.env), ours+"KEY="+a.Key, ours+"RUN="+a.Run, ours+"PATH="+a.Path)
}
