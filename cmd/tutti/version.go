package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
)

// build is what a program knows about its own making.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Rules    int    `json:"rules"` // coordinator.Version
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  tutti version -o json",
		Args:    arguments,
		RunE: action(func(*cobra.Command, []string) error {
			b := buildOf()
			if a.wantsJSON() {
				return a.json(b)
			}
			_, err := fmt.Fprintf(a.out, "tutti %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			return err
		}),
	}
}

func buildOf() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Rules: coordinator.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
