package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

// connect opens the store: the Redis that is named, else a private server, else memory alone.
func (s *session) connect(ctx context.Context) error {
	logging.Disable() // the client would write each failed attempt to stderr; what matters is said in words
	o := memory.Options{Workspace: s.ws.Name}
	if address := s.address(); address != "" {
		store, err := memory.Open(ctx, address, o)
		if err != nil {
			return fmt.Errorf("%w\nIs it running? Another one: --redis or TUTTI_REDIS; without either, tutti starts a private server", err)
		}
		s.store = store
		return nil
	}
	store, err := memory.Embedded(ctx, memory.EmbeddedOptions{Dir: s.dataDir(), Options: o})
	if errors.Is(err, memory.ErrNoRedisServer) {
		s.screen.println(s.screen.paint(yellow, "warning:") + " no redis-server on this machine: runs are kept in memory, and NOTHING SURVIVES this command. " +
			"Install redis-server (Debian: apt install redis-server), or name a Redis with --redis.")
		s.store = memory.NewWith(o)
		return nil
	}
	if err != nil {
		return fmt.Errorf("private redis-server in %s: %w", s.dataDir(), err)
	}
	s.store = store
	return nil
}

// address is the Redis that was named; "" when none was.
func (s *session) address() string { return cmp.Or(s.Redis, s.ws.Redis) }

// dataDir is where the private server of this workspace keeps its data.
func (s *session) dataDir() string {
	sum := sha256.Sum256([]byte(s.ws.Dir))
	return filepath.Join(s.Home, hex.EncodeToString(sum[:6]))
}

// kept reports whether runs outlive this command.
func (s *session) kept() bool { return s.store == nil || s.store.Durability().Survives }

// storeName says in words which store is in use, without its password.
func (s *session) storeName() string {
	if !s.kept() {
		return "memory, gone with the process"
	}
	if s.address() == "" {
		return "private redis-server in " + s.dataDir()
	}
	if u, err := url.Parse(s.address()); err == nil {
		return u.Redacted()
	}
	return "Redis"
}

// stall remembers that the store does not answer, so that it is said once.
type stall struct{ on atomic.Bool }

// logger shows people what they should know of the runtime's log, or all of it with --verbose.
func (s *session) logger() *slog.Logger {
	if s.Verbose {
		return slog.New(slog.NewTextHandler(s.screen, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(notice{s})
}

// notice is a slog.Handler for people: of warnings it shows those that they can do something about.
type notice struct{ s *session }

func (n notice) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (n notice) WithAttrs([]slog.Attr) slog.Handler           { return n }
func (n notice) WithGroup(string) slog.Handler                { return n }

func (n notice) Handle(_ context.Context, r slog.Record) error {
	var cause error
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			cause = err
		}
		return true
	})
	refused := (*local.DecisionError)(nil)
	switch {
	case errors.Is(cause, context.Canceled), r.Message == "refused": // the command that tried says so itself
	case errors.Is(cause, memory.ErrUnavailable):
		n.s.storeStalled()
	case errors.As(cause, &refused):
		n.s.screen.println(n.s.screen.paint(red, "That does not fit: ") + clean(refused.Err.Error()))
	case cause != nil:
		n.s.screen.println(n.s.screen.paint(yellow, r.Message+": ") + clean(cause.Error()))
	}
	return nil
}

func (s *session) storeStalled() {
	if s.stalled.on.CompareAndSwap(false, true) {
		s.screen.printf("%s does not answer; trying again for up to %s. Nothing is lost.", s.storeName(), cmp.Or(s.Patience, time.Minute))
	}
}

func (s *session) storeAnswers() {
	if s.stalled.on.CompareAndSwap(true, false) {
		s.screen.printf("%s answers again.", s.storeName())
	}
}
