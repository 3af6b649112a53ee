package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
)

// finding is one thing doctor looked at.
type finding struct {
	About string `json:"about"`
	State string `json:"state"` // ok, note or wrong
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what to do about it
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is configured, what is missing, and what to do",
		Long: `Say what is configured, what is missing, and what to do: the workspace, its store and what it really survives, models,
workers, people. Exit code 1 if something is wrong. No model is asked.`,
		Example: "  tutti doctor\n  tutti doctor -C examples/invoices -o json",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, _ []string) error {
			return a.showFindings(a.examine(c.Context()))
		}),
	}
}

func (a *app) showFindings(all []finding) error {
	wrong := slices.ContainsFunc(all, func(f finding) bool { return f.State == "wrong" })
	if a.wantsJSON() {
		if err := a.json(map[string]any{"ok": !wrong, "findings": all}); err != nil {
			return err
		}
	} else {
		for _, f := range all {
			mark := map[string]string{"ok": "✓", "note": "!", "wrong": "✗"}[f.State]
			fmt.Fprintf(a.out, "%s %s %s\n", mark, pad(f.About, 10), strings.ReplaceAll(f.Text, "\n", "\n             "))
			if f.Do != "" {
				fmt.Fprintf(a.out, "             → %s\n", f.Do)
			}
		}
	}
	if wrong {
		return &exit{exitFailed, nil}
	}
	return nil
}

func (a *app) examine(ctx context.Context) []finding {
	b := buildOf()
	all := []finding{{About: "tutti", State: "ok", Text: b.Version + ", " + b.Go + ", " + b.Platform}}
	ws, err := a.find("")
	if err != nil {
		return append(all, finding{"workspace", "wrong", err.Error(), "mend what is named above, or name a workspace with -C"})
	}
	s := a.wire(ws)
	all = append(all, s.workspaceFinding())
	if err := joined(s.broken, ws.Check(s.card, s.names()...)); err != "" {
		all = append(all, finding{"files", "wrong", err, "mend these; tutti validate checks again"})
	}
	all = append(all, s.storeFindings(ctx)...)
	all = append(all, s.secretFindings()...)
	all = append(all, s.modelFindings()...)
	all = append(all, s.workerFindings()...)
	all = append(all, s.peopleFinding())
	if err := s.close(); err != nil {
		all = append(all, finding{"closing", "wrong", err.Error(), ""})
	}
	return all
}

func joined(errs ...error) string {
	var all []string
	for _, err := range errs {
		if err != nil {
			mistakes, others := flatten(err)
			all = append(all, wording(mistakes, others))
		}
	}
	return strings.Join(all, "\n")
}

func (s *session) workspaceFinding() finding {
	text := s.ws.Name + " in " + s.ws.Dir + ", " + count(len(s.ws.Pipelines), "pipeline")
	if _, err := os.Stat(s.ws.File); err != nil {
		return finding{"workspace", "note", text + "; it has no tutti.yaml, so only defaults", "write one for agents, databases and people, or name another workspace with -C"}
	}
	return finding{About: "workspace", State: "ok", Text: text}
}

func (s *session) storeFindings(ctx context.Context) []finding {
	if err := s.connect(ctx); err != nil {
		return []finding{{"store", "wrong", err.Error(), "start that Redis, or leave --redis, TUTTI_REDIS and redis: out for a private server"}}
	}
	d := s.store.Durability()
	f := finding{About: "store", State: "ok", Text: s.storeName() + "\n" + d.Text}
	switch {
	case !d.Survives:
		f.State, f.Text, f.Do = "wrong", d.Text, "install redis-server (Debian: apt install redis-server), or name a Redis with --redis"
	case !d.Always:
		f.State, f.Do = "note", "for effects that must happen only once: CONFIG SET appendonly yes, CONFIG SET appendfsync always"
	}
	out := []finding{f}
	if version := redisVersion(ctx); s.address() == "" && version != "" {
		out = append(out, finding{About: "redis", State: "ok", Text: version})
	}
	return out
}

// redisVersion asks the server's program on this machine.
func redisVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return ""
	}
	words := strings.Fields(string(out))
	return strings.Join(words[:min(3, len(words))], " ")
}

// secretFindings names the secrets, and those that are not there.
func (s *session) secretFindings() []finding {
	if len(s.ws.Secrets) == 0 {
		return nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(s.ws.Secrets)), ", ")
	if err := s.ws.CheckSecrets(); err != nil {
		return []finding{{"secrets", "note", names + "\n" + err.Error(), "what uses a missing one cannot work"}}
	}
	return []finding{{About: "secrets", State: "ok", Text: names}}
}

func (s *session) modelFindings() []finding {
	var out []finding
	for _, name := range slices.Sorted(maps.Keys(s.ws.Models)) {
		m := s.ws.Models[name]
		f := finding{About: "model", State: "ok", Text: name + ": " + m.Use}
		if _, _, err := s.model(name); err != nil {
			f.State, f.Text, f.Do = "wrong", name+": "+joined(err), "agents that use it cannot work; set the variable, or use offline"
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		out = append(out, finding{"model", "note", "none: pipelines of tools and people work without", "for agents, add models: {default: offline} to tutti.yaml"})
	}
	return out
}

func (s *session) workerFindings() []finding {
	byKind := map[string][]string{}
	for _, name := range s.names() {
		c, _ := s.card(name)
		kind := cmp.Or(c.Kind, "worker")
		if c.Effect == coordinator.EffectUnrepeatable {
			name += "*"
		}
		byKind[kind] = append(byKind[kind], name)
	}
	var out []finding
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		text := strings.Join(byKind[kind], ", ")
		if strings.Contains(text, "*") {
			text += "  (* happens again if repeated)"
		}
		out = append(out, finding{About: kind + "s", State: "ok", Text: text})
	}
	return out
}

func (s *session) peopleFinding() finding {
	if len(s.ws.People) == 0 {
		return finding{About: "people", State: "ok", Text: "none listed: anyone may answer; you are " + s.As}
	}
	names := slices.Sorted(maps.Keys(s.ws.People))
	text := strings.Join(names, ", ")
	if !slices.Contains(names, s.As) {
		return finding{"people", "note", text + "; you are " + s.As + ", who is not listed", "answer with --as NAME, or set TUTTI_AS"}
	}
	return finding{About: "people", State: "ok", Text: text + "; you are " + s.As}
}
