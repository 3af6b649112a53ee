package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// settings are what holds for every command. A flag goes before its variable, a variable before tutti.yaml.
type settings struct {
	Workspace string        // folder or tutti.yaml; "": found from the pipeline's file or the current folder
	Output    string        // text or json
	Redis     string        // URL; "": that of tutti.yaml, else a private server
	Home      string        // where private servers keep their data
	Get       string        // a JSON pointer: the part of the document to print
	As        string        // who submits and decides
	Lease     time.Duration // 0: local.Options' default
	Patience  time.Duration // 0: local.Options' default
	Quiet     bool
	Verbose   bool

	redisFlag bool // Redis came from the command line, so other commands need it there too
	asFlag    bool // so did As
}

// variable is a setting that the environment can give.
type variable struct {
	name, flag, text string
	set              func(*settings, string) error
}

var variables = []variable{
	{"TUTTI_WORKSPACE", "workspace", "folder of the workspace, or its tutti.yaml", func(s *settings, v string) error { s.Workspace = v; return nil }},
	{"TUTTI_OUTPUT", "output", "text or json", func(s *settings, v string) error { s.Output = v; return nil }},
	{"TUTTI_REDIS", "redis", "URL of the Redis that keeps the runs, e.g. redis://localhost:6379/0", func(s *settings, v string) error { s.Redis = v; return nil }},
	{"TUTTI_AS", "as", "who submits and decides; default: your user name", func(s *settings, v string) error { s.As = v; return nil }},
	{"TUTTI_HOME", "", "where runs are kept when no Redis is named; default: $XDG_DATA_HOME/tutti, else ~/.local/share/tutti", func(s *settings, v string) error { s.Home = v; return nil }},
	{"TUTTI_LEASE", "", "how long a run stays with a process that gives no sign of life; default: 15s", func(s *settings, v string) error { return duration(&s.Lease, v) }},
	{"TUTTI_PATIENCE", "", "how long a store that does not answer is asked again; default: 1m", func(s *settings, v string) error { return duration(&s.Patience, v) }},
	{"TUTTI_QUIET", "quiet", "1: results and questions only", func(s *settings, v string) error { s.Quiet = v != "0"; return nil }},
}

func duration(into *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no duration; write for example 30s or 5m", text)
	}
	*into = d
	return nil
}

// fromEnvironment fills what no flag has set.
func (s *settings) fromEnvironment(flags *pflag.FlagSet, env func(string) string) error {
	s.redisFlag, s.asFlag = flags.Changed("redis"), flags.Changed("as")
	for _, v := range variables {
		value := env(v.name)
		if f := flagOf(flags, v.flag); value == "" || f != nil && f.Changed {
			continue
		}
		if err := v.set(s, value); err != nil {
			return usage(fmt.Errorf("%s: %w", v.name, err))
		}
	}
	return s.complete(env)
}

// formatFlagName is the long name of -o where --output is the value that somebody gives.
const formatFlagName = "format"

func flagOf(flags *pflag.FlagSet, name string) *pflag.Flag {
	if f := flags.Lookup(formatFlagName); f != nil && name == "output" {
		return f
	}
	return flags.Lookup(name)
}

func (s *settings) complete(env func(string) string) error {
	if s.Get != "" {
		if !strings.HasPrefix(s.Get, "/") {
			return usage(fmt.Errorf("--get %s: a JSON pointer begins with a slash, as /output/total or /open/0/id", s.Get))
		}
		s.Output = "json"
	}
	if s.Output != "text" && s.Output != "json" {
		return usage(fmt.Errorf("output %q: write text or json", s.Output))
	}
	if s.As == "" {
		s.As = osUser(env)
	}
	if s.Home != "" {
		return nil
	}
	if data := env("XDG_DATA_HOME"); data != "" {
		s.Home = filepath.Join(data, "tutti")
		return nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return usage(fmt.Errorf("no folder for runs: %w; set TUTTI_HOME", err))
	}
	s.Home = filepath.Join(home, ".local", "share", "tutti")
	return nil
}

func osUser(env func(string) string) string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return env("USER")
}

// environmentHelp is the text of "tutti help environment".
func environmentHelp() string {
	var b strings.Builder
	b.WriteString("A flag goes before its variable, a variable before tutti.yaml.\n\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "  %-16s %s", v.name, v.text)
		if v.flag != "" {
			fmt.Fprintf(&b, " (--%s)", v.flag)
		}
		b.WriteByte('\n')
	}
	b.WriteString("  NO_COLOR         any value: no colours on terminals\n")
	b.WriteString("\nModels name the variables that hold their keys themselves: api_key_env in tutti.yaml, else OPENAI_API_KEY.\n")
	return b.String()
}
