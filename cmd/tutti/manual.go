package main

import "github.com/spf13/cobra"

// page of the manual: what a command's own file is too short to say.
type manualPage struct{ long, example string }

// answered is what all answers have in common.
const answered = `

The answer is refused if --as has no right to give it, or if it does not fit the question. Then the run goes on in this
command; exit codes are those of tutti run: 0 done, 1 failed, 2 refused, 3 waiting for somebody again.`

var manual = map[string]manualPage{
	"tutti runs": {long: `What ran and what runs. A run is one pipeline carried out for one task; its journal says all that happened in it, and these
commands read it. Without a word, the runs are listed.

States: active, waiting (for a person or a time), cancelling, undoing, done, failed, cancelled, quarantined.`},
	"tutti runs list": {long: `List runs, newest first: their pipeline, state, age, how many steps are done, and what is asked or went wrong.

A long list comes in pages: the last line, or next with -o json, says how to get the following one.`},
	"tutti inbox show":    {long: `Show a question: what is proposed, what speaks for it and against it, and the commands that answer it.`},
	"tutti inbox approve": {long: `Accept what is proposed: the run goes on with it. An approval holds for exactly the input that was shown, and once.` + answered},
	"tutti inbox amend": {long: `Take another value instead of the one that is proposed: --set changes single values of it, --output gives a new one. It is
checked against the worker's schema. Where it is in doubt whether something happened: it did, and this is what came of it.` + answered},
	"tutti inbox reject": {long: `Refuse what is proposed: the step fails. Where it is in doubt whether something happened: it did not, and it is left.` + answered},
	"tutti inbox redo": {long: `Have it done again, with what should be different as --guidance. Where it is in doubt whether something happened: it did
not, and it is to be done.` + answered},
	"tutti inbox answer": {long: `Answer what a worker or a pipeline asked: with --text in words, or with --output as JSON where a structure is wanted.` + answered},
	"tutti version": {long: `Print the version, with the Go version and the platform it was built for. With -o json also the source revision and the
number of the rules by which runs are carried out: a run of newer rules is left to newer programs.`},
	"tutti environment": {example: "  TUTTI_AS=ada tutti inbox\n  TUTTI_REDIS=redis://localhost:6379/0 tutti runs"},
	"tutti completion": {long: `Print a script that lets your shell complete commands, flags, names of pipelines and workers, ids of runs and questions,
states and people. What only the store knows is asked for at most 1.5 seconds.`,
		example: "  source <(tutti completion bash)\n  tutti completion zsh > \"${fpath[1]}/_tutti\""},
	"tutti completion bash": {example: "  source <(tutti completion bash)\n  tutti completion bash > /etc/bash_completion.d/tutti"},
	"tutti completion zsh":  {example: "  source <(tutti completion zsh)\n  tutti completion zsh > \"${fpath[1]}/_tutti\""},
	"tutti completion fish": {example: "  tutti completion fish | source\n  tutti completion fish > ~/.config/fish/completions/tutti.fish"},
	"tutti completion powershell": {
		example: "  tutti completion powershell | Out-String | Invoke-Expression",
	},
	"tutti help": {long: `Show the manual page of a command, or, without one, the list of commands.`, example: "  tutti help run\n  tutti help inbox amend"},
}

// addManual completes the manual pages of all commands, those that cobra adds among them.
func addManual(root *cobra.Command) {
	root.CompletionOptions.HiddenDefaultCmd = false
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Args = helpOn
	}
	root.InitDefaultCompletionCmd("completion") // it adds none unless it believes that it is called
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		p := manual[c.CommandPath()]
		if p.long != "" && (c.Long == "" || c.Name() == "completion" || c.Name() == "help") {
			c.Long = p.long
		}
		if c.Example == "" {
			c.Example = p.example
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
