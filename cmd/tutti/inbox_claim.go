package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuttirun/tutti/coordinator"
)

func (a *app) inboxClaim() *cobra.Command {
	return &cobra.Command{
		Use:   "claim ID",
		Short: "Take a question on: nobody else decides it until you give it back",
		Long: `Take a question on: nobody else decides it until you give it back with tutti inbox release. Only who may decide a question
may take it on. Exit code 2 when somebody else was faster.`,
		Example: "  tutti inbox claim r-mq2k7x1c-0011223344556677.1 --as ada",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.looking(c.Context(), func(ctx context.Context, s *session) error {
				if err := s.rt.Claim(ctx, args[0], s.As); err != nil {
					return err
				}
				return s.afterClaim(ctx, args[0], "taken by "+line(s.As))
			})
		}),
	}
}

func (a *app) inboxRelease() *cobra.Command {
	return &cobra.Command{
		Use:     "release ID",
		Short:   "Give a question back that was taken on",
		Long:    "Give a question back that was taken on, by you or by somebody who is away. Only who may decide the question can do it.",
		Example: "  tutti inbox release r-mq2k7x1c-0011223344556677.1 --as ada",
		Args:    arguments,
		RunE: action(func(c *cobra.Command, args []string) error {
			return a.looking(c.Context(), func(ctx context.Context, s *session) error {
				if err := s.rt.Unclaim(ctx, args[0], s.As); err != nil {
					return err
				}
				return s.afterClaim(ctx, args[0], "given back: everybody who is asked may decide it")
			})
		}),
	}
}

// afterClaim prints the question as it stands now.
func (s *session) afterClaim(ctx context.Context, id, text string) error {
	if s.wantsJSON() {
		q, err := s.store.Escalation(ctx, coordinator.RunOf(id), id)
		if err != nil {
			return s.unknown("question", id, err)
		}
		return s.json(asked{q, s.answers(q)})
	}
	s.screen.println(id + " is " + text + ".")
	return nil
}

// taken says who has taken a question on, and who may not decide it.
func taken(q coordinator.Escalation) string {
	var parts []string
	if q.Claimed != "" {
		parts = append(parts, "taken by "+line(q.Claimed))
	}
	if q.FourEyes && q.Requester != "" {
		parts = append(parts, "not by "+line(q.Requester))
	}
	return strings.Join(parts, ", ")
}
