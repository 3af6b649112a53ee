package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func (s *redisStore) Get(ctx context.Context, scope Scope, key string) (Value, error) {
	if err := checkScope(scope, key); err != nil {
		return Value{}, err
	}
	found, err := s.values(ctx, scope, []string{key})
	if err != nil {
		return Value{}, err
	}
	if len(found) == 0 {
		return Value{}, fmt.Errorf("blackboard %s: %s: %w", scope, key, ErrNotFound)
	}
	return found[0], nil
}

// values fetches those that are there, in order.
func (s *redisStore) values(ctx context.Context, scope Scope, names []string) ([]Value, error) {
	if err := s.ready(ctx); err != nil || len(names) == 0 {
		return nil, err
	}
	_, at := s.keys.board(scope)
	pipe := s.client.Pipeline()
	clock := pipe.Time(ctx)
	found := make([]*redis.SliceCmd, len(names))
	for i, name := range names {
		found[i] = pipe.HMGet(ctx, at(name), "version", "at", "expires", "v")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, s.failure(ctx, "blackboard "+scope.String(), err)
	}
	var out []Value
	for i, f := range found {
		v, ok, err := valueFrom(f.Val(), clock.Val())
		if err != nil {
			return nil, fmt.Errorf("blackboard %s: %s: %w", scope, names[i], err)
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// valueFrom reads version, at, expires and v. Redis drops an expired value a little late, so its own word counts.
func valueFrom(fields []any, now time.Time) (v Value, ok bool, err error) {
	field := func(i int) string {
		s, _ := fields[i].(string)
		return s
	}
	if field(3) == "" {
		return v, false, nil
	}
	if err := json.Unmarshal([]byte(field(3)), &v); err != nil {
		return v, false, err
	}
	v.Version, v.At, v.Expires = toInt(field(0)), fromMicros(toInt(field(1))), fromMicros(toInt(field(2)))
	return v, v.Expires.IsZero() || v.Expires.After(now), nil
}

func (s *redisStore) Set(ctx context.Context, scope Scope, v Value, expect *int64, ttl time.Duration) (int64, error) {
	if err := s.opts.checkValue(scope, v); err != nil {
		return 0, err
	}
	v.Version, v.At, v.Expires = 0, time.Time{}, time.Time{} // the script's
	raw, err := marshal(v)
	if err != nil {
		return 0, fmt.Errorf("blackboard %s: %s: %w", scope, v.Key, err)
	}
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	wanted := ""
	if expect != nil {
		wanted = strconv.FormatInt(*expect, 10)
	}
	names, at := s.keys.board(scope)
	a, err := s.eval(ctx, call{
		script: setScript, keys: []string{at(v.Key), names},
		args: []any{v.Key, raw, wanted, microsOf(ttl), s.opts.MaxValues, s.keys.changed(scope)},
	})
	if err != nil {
		return 0, fmt.Errorf("blackboard %s: %s: %w", scope, v.Key, err)
	}
	switch a.what() {
	case "conflict":
		return a.number(2), conflictError(scope, v.Key, a.number(2), *expect)
	case "full":
		return 0, s.opts.crowdedError(scope)
	}
	return a.number(2), nil
}

// microsOf rounds a time to live up: 1 ns must not become for ever.
func microsOf(ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return (ttl + time.Microsecond - 1).Microseconds()
}

func (s *redisStore) List(ctx context.Context, scope Scope) ([]Value, error) {
	if err := checkScope(scope, ""); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	names, _ := s.keys.board(scope)
	found, err := s.client.ZRange(ctx, names, 0, -1).Result()
	if err != nil {
		return nil, s.failure(ctx, "blackboard "+scope.String(), err)
	}
	slices.Sort(found)
	return s.values(ctx, scope, found)
}

func (s *redisStore) Say(ctx context.Context, conversation string, m Message) (int64, error) {
	if err := s.opts.checkMessage(conversation, m); err != nil {
		return 0, err
	}
	raw, err := marshal(m)
	if err != nil {
		return 0, fmt.Errorf("conversation %s: %w", conversation, err)
	}
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	a, err := s.eval(ctx, call{script: sayScript, keys: []string{s.keys.talk(conversation)}, args: []any{raw, s.opts.MaxMessages}})
	if err != nil {
		return 0, fmt.Errorf("conversation %s: %w", conversation, err)
	}
	return a.number(2), nil
}

func (s *redisStore) Messages(ctx context.Context, conversation string, after int64) ([]Message, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	found, err := s.client.XRange(ctx, s.keys.talk(conversation), strconv.FormatInt(max(0, after)+1, 10), "+").Result()
	if err != nil {
		return nil, s.failure(ctx, "conversation "+conversation, err)
	}
	var out []Message
	for _, entry := range found {
		raw, _ := entry.Values["m"].(string)
		at, _ := entry.Values["at"].(string)
		var m Message
		if err := json.Unmarshal([]byte(raw), &m); err != nil {
			return nil, fmt.Errorf("conversation %s: message %s: %w", conversation, entry.ID, err)
		}
		id, _, _ := strings.Cut(entry.ID, "-")
		m.Seq, m.At = toInt(id), fromMicros(toInt(at))
		out = append(out, m)
	}
	return out, nil
}
