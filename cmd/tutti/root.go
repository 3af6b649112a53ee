package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is one invocation: its streams and its settings.
type app struct {
	settings

	in     io.Reader
	out    io.Writer
	screen *screen // stderr
	env    func(string) string
	asks   bool // somebody sits there: questions are put to them at once
}

func newApp(in, out, err *os.File) *app {
	a := &app{in: in, out: out, env: os.Getenv}
	a.screen = newScreen(err, a.env)
	a.asks = isTerminal(in) && a.screen.live
	if isTerminal(out) {
		a.out = cleaner{out}
	}
	return a
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// main carries out one command line and returns the exit code.
func (a *app) main(args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	a.screen.finish()
	return a.report(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tutti",
		Short: "Agents, tools and people, all together",
		Long: `tutti carries out pipelines: graphs of steps for agents, tools and people. Every step is journaled before it counts,
so a run survives crashes and waits for days for a person. Where nobody can know whether something happened, it asks.`,
		Example: `  tutti demo
  tutti run invoice-intake --set document=inbox/one.pdf
  tutti inbox
  tutti inbox approve r-mq2k7x1c-0011223344556677.1`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommands,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return a.fromEnvironment(c.Flags(), a.env)
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.Workspace, "workspace", "C", "", "folder of the workspace, or its tutti.yaml (default: found from here upwards)")
	f.StringVarP(&a.Output, "output", "o", "text", "text or json: json gives one document on stdout")
	f.StringVar(&a.Get, "get", "", "print one part of the JSON document, text without quotes: /output/total, /open/0/id")
	f.StringVar(&a.Redis, "redis", "", "URL of the Redis that keeps the runs (default: redis of tutti.yaml, else a private server)")
	f.StringVar(&a.As, "as", "", "who submits and decides (default: your user name)")
	f.BoolVarP(&a.Quiet, "quiet", "q", false, "results and questions only, no progress")
	f.BoolVarP(&a.Verbose, "verbose", "v", false, "log what the runtime does")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.SetOut(a.out)
	root.SetErr(a.screen)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.runCommand(), a.runsCommand(), a.inboxCommand(), a.validateCommand(), a.doctorCommand(), a.demoCommand(), a.versionCommand())
	root.AddCommand(a.runnerCommand(), a.graphCommand(), a.workersCommand(), a.schemaCommand(), a.initCommand(), a.blackboardCommand())
	root.AddCommand(&cobra.Command{Use: "environment", Short: "The variables that tutti reads", Long: environmentHelp()})
	a.completeAll(root)
	addManual(root)
	return root
}

// Exit codes, for scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // the command was refused; nothing was done
	exitWaiting     = 3 // a person, or a missing worker, is needed
	exitInterrupted = 130
)

// exit is an error with its exit code. A nil err was reported already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exit) Unwrap() error { return e.err }

// usage marks an error as the caller's to mend.
func usage(err error) error { return &exit{exitUsage, err} }

// codeOf returns the exit code of a command's error. What cobra itself refuses is a mistake on the command line.
func codeOf(err error) int {
	if e := (*exit)(nil); errors.As(err, &e) {
		return e.code
	}
	return exitUsage
}

// action wraps what a command does, so that its errors have exit codes.
func action(f func(c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		err := f(c, args)
		if e := (*exit)(nil); err == nil || errors.As(err, &e) {
			return err
		}
		if isUsage(err) {
			return usage(err)
		}
		return &exit{exitFailed, err}
	}
}
