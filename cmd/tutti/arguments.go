package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
)

// arguments takes what a command's Use names: "redo RUN STEP", "init [DIR]".
func arguments(c *cobra.Command, args []string) error {
	names := strings.Fields(c.Use)[1:]
	least := len(names)
	for least > 0 && strings.HasPrefix(names[least-1], "[") {
		least--
	}
	usage := strings.Join(append([]string{c.CommandPath()}, names...), " ")
	switch {
	case len(args) < least:
		return fmt.Errorf("%s is missing: %s", strings.Join(names[len(args):least], " and "), usage)
	case len(args) > len(names):
		return fmt.Errorf("%q is too much: %s", args[len(names)], usage)
	}
	return nil
}

// questionID takes the id of one question, and tells those who write their answer behind it which flag it belongs to.
func questionID(verb coordinator.Verb, args []string) error {
	switch {
	case len(args) == 0:
		return fmt.Errorf("which question? tutti inbox %s ID; tutti inbox lists them", verb)
	case len(args) == 1:
		return nil
	case coordinator.RunOf(args[1]) != "":
		return fmt.Errorf("one question at a time; %q is too much", args[1])
	}
	text := strings.Join(args[1:], " ")
	flag := map[coordinator.Verb]string{coordinator.Answer: "--text", coordinator.Redo: "--guidance"}[verb]
	switch {
	case verb == coordinator.Amend && strings.Contains(args[1], "="):
		flag, text = "--set", args[1]
	case verb == coordinator.Amend:
		flag = "--output"
	case flag == "":
		flag = "--comment"
	}
	return fmt.Errorf("%q is too much; did you mean tutti inbox %s %s %s %s?", args[1], verb, args[0], flag, quoted(text))
}

// helpOn takes the names of a command, as tutti help wants them.
func helpOn(c *cobra.Command, args []string) error {
	of, left, err := c.Root().Find(args)
	if err == nil && (len(left) == 0 || !of.HasSubCommands()) {
		return nil
	}
	if of == nil || len(left) == 0 {
		of, left = c.Root(), args
	}
	err = knownCommands(of, left)
	if err != nil && !of.HasParent() {
		return fmt.Errorf("%w; for tools and agents there is tutti workers", err)
	}
	return err
}
