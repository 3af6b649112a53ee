package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/tools/mcp"
)

func (a *app) workersAccept() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "accept SERVER",
		Short: "Accept what an MCP server says of its tools",
		Long: `Accept what an MCP server of tutti.yaml says of its tools: their descriptions, schemas and hints, which agents read. What
was accepted is kept in the workspace's lock file; a tool that says something else since then is refused.

The differences are shown first. Without --yes nothing is written, and the exit code is 3 if there are any.`,
		Example: "  tutti workers accept files\n  tutti workers accept files --yes",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.acceptServer(c.Context(), args[0], yes)
		}),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "accept it")
	return c
}

// accepted is what accept prints with -o json.
type accepted struct {
	mcp.Changes
	Accepted bool `json:"accepted"`
}

func (a *app) acceptServer(ctx context.Context, server string, yes bool) (err error) {
	ws, err := a.find("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ws.Close()) }()
	var settings mcp.Settings
	if err := ws.DecodeTool("mcp", &settings); err != nil {
		return err
	}
	look := mcp.Compare
	if yes {
		look = mcp.Accept
	}
	changes, err := look(ctx, ws.Dir, settings, server)
	if err != nil {
		return err
	}
	open := !yes && !changes.None()
	if a.wantsJSON() {
		err = a.json(accepted{changes, !open})
	} else {
		_, err = fmt.Fprintln(a.out, clean(changes.String()))
	}
	if err != nil || !open {
		return err
	}
	a.screen.println("nothing is accepted yet; to accept it, add --yes")
	return &exit{exitWaiting, nil}
}
