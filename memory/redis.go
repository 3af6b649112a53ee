package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open connects to Redis 7.0 or newer: redis://[user:password@]host:port/db, rediss://… or unix:///path?db=0.
// It refuses a server that could evict keys, and data written with a layout that this code does not know.
func Open(ctx context.Context, rawURL string, o Options) (Store, error) {
	s, err := open(ctx, rawURL, o, nil)
	if err != nil {
		return nil, err // not a typed nil
	}
	return s, nil
}

type redisStore struct {
	opts       Options
	keys       keys
	client     *redis.Client
	clock      serverClock
	commits    *committer
	durability Durability

	closing sync.Once
	closed  chan struct{}
}

// dialer connects to a server; nil is the client's own.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func open(ctx context.Context, rawURL string, o Options, dial dialer) (*redisStore, error) {
	o = o.withDefaults()
	if !workspace.MatchString(o.Workspace) {
		return nil, fmt.Errorf("workspace %q: wants 1 to 128 letters, digits, '.', '-' or '_'", o.Workspace)
	}
	options, err := clientOptions(rawURL, o)
	if err != nil {
		return nil, err
	}
	options.Dialer = dial
	s := &redisStore{opts: o, keys: keys{o.Workspace}, client: redis.NewClient(options), closed: make(chan struct{})}
	if err := s.prepare(ctx); err != nil {
		_ = s.client.Close()
		return nil, fmt.Errorf("redis %s: %w", redacted(rawURL), err)
	}
	s.commits = newCommitter(s)
	return s, nil
}

func clientOptions(rawURL string, o Options) (*redis.Options, error) {
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		shown := redacted(rawURL)
		if shown == hidden {
			err = errors.New("cannot be read; escape special characters of the password, such as / as %2F") // the text of err would show it
		}
		return nil, fmt.Errorf("redis %s: %w", shown, err)
	}
	// A command that is sent again by itself after a lost reply may be carried out twice: callers decide about that.
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	options.ReadTimeout, options.WriteTimeout = o.Timeout, o.Timeout
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return options, nil
}

// hidden stands for a URL of which nobody knows where its password is.
const hidden = "URL"

func redacted(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Opaque != "" || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		return hidden
	}
	return u.Redacted()
}

func (s *redisStore) prepare(ctx context.Context) error {
	facts, err := s.info(ctx)
	if err != nil {
		return err
	}
	if err := checkServer(facts); err != nil {
		return err
	}
	if err := s.checkLayout(ctx); err != nil {
		return err
	}
	if err := s.loadScripts(ctx); err != nil {
		return err
	}
	s.durability = durabilityOf(facts, s.fsyncPolicy(ctx))
	return s.askTime(ctx)
}

// info returns the fields of INFO; empty when the server forbids it.
func (s *redisStore) info(ctx context.Context) (map[string]string, error) {
	text, err := s.client.Info(ctx, "everything").Result()
	if redis.HasErrorPrefix(err, "NOPERM") {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, s.failure(ctx, "info", err)
	}
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	return facts, nil
}

func checkServer(facts map[string]string) error {
	if v := facts["redis_version"]; v != "" {
		if major, err := strconv.Atoi(strings.Split(v, ".")[0]); err == nil && major < 7 {
			return fmt.Errorf("version %s is too old: 7.0 or newer is needed", v)
		}
	}
	if most, policy := facts["maxmemory"], facts["maxmemory_policy"]; most != "" && most != "0" && policy != "noeviction" {
		return fmt.Errorf("maxmemory-policy %s would evict journals: set it to noeviction, or maxmemory to 0", policy)
	}
	return nil
}

// layoutVersion changes when keys or their contents change meaning.
const layoutVersion = "1"

func (s *redisStore) checkLayout(ctx context.Context) error {
	ours := fmt.Sprintf("version %s, %d shards", layoutVersion, shards)
	if err := s.client.SetNX(ctx, s.keys.layout(), ours, 0).Err(); err != nil {
		return s.failure(ctx, "layout", err)
	}
	found, err := s.client.Get(ctx, s.keys.layout()).Result()
	if err != nil {
		return s.failure(ctx, "layout", err)
	}
	if found != ours {
		return fmt.Errorf("workspace %s has layout %q, this program knows %q: use the program that wrote it, or another workspace or database",
			s.opts.Workspace, found, ours)
	}
	return nil
}

// fsyncPolicy is appendfsync, or "" when the server won't tell.
func (s *redisStore) fsyncPolicy(ctx context.Context) string {
	return s.client.ConfigGet(ctx, "appendfsync").Val()["appendfsync"]
}

func durabilityOf(facts map[string]string, fsync string) Durability {
	switch aof := facts["aof_enabled"]; {
	case aof == "0":
		return Durability{Survives: true, Text: "Redis without append-only file: survives this process, but a crash of Redis loses everything since its last snapshot"}
	case aof == "1" && fsync == "always":
		return Durability{Survives: true, Always: true, Text: "Redis, appendonly yes, appendfsync always: every acknowledged step survives a crash of Redis"}
	case aof == "1" && fsync != "":
		return Durability{Survives: true, Text: "Redis, appendonly yes, appendfsync " + fsync + ": a crash of Redis can lose the last acknowledged steps"}
	}
	return Durability{Survives: true, Text: "Redis, durability unknown (it does not tell appendonly and appendfsync): survives this process"}
}

func (s *redisStore) Durability() Durability { return s.durability }

func (s *redisStore) Now(ctx context.Context) (time.Time, error) {
	if err := s.ready(ctx); err != nil {
		return time.Time{}, err
	}
	if s.clock.mustAsk() {
		if err := s.askTime(ctx); err != nil && s.clock.now().IsZero() {
			return time.Time{}, err
		}
	}
	return s.clock.now(), nil
}

func (s *redisStore) askTime(ctx context.Context) error {
	t, err := s.client.Time(ctx).Result()
	if err != nil {
		return s.failure(ctx, "time", err)
	}
	s.clock.observe(t.UnixMicro())
	return nil
}

// Close does not wait for answers: an append under way counts as unanswered.
func (s *redisStore) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.closed)
		s.commits.end()
		err = s.client.Close() // breaks what is under way off
		<-s.commits.done
	})
	return err
}

// ready refuses early what has certainly not happened.
func (s *redisStore) ready(ctx context.Context) error {
	select {
	case <-s.closed:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

// failure explains a client's error. Whatever leaves open what happened wraps ErrUnavailable.
func (s *redisStore) failure(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	var refusal redis.Error
	switch {
	case errors.Is(err, redis.ErrClosed):
		return fmt.Errorf("%s: %w", what, ErrClosed)
	case errors.As(err, &refusal) && !isTransient(err):
		return fmt.Errorf("%s: %w", what, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}
