package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

func (s *inMemory) Get(ctx context.Context, scope Scope, key string) (Value, error) {
	if err := checkScope(scope, key); err != nil {
		return Value{}, err
	}
	if err := s.enter(ctx); err != nil {
		return Value{}, err
	}
	defer s.mu.Unlock()
	s.expire(scope)
	v, ok := s.boards[scope][key]
	if !ok {
		return Value{}, fmt.Errorf("blackboard %s: %s: %w", scope, key, ErrNotFound)
	}
	v.Value = slices.Clone(v.Value)
	return v, nil
}

func (s *inMemory) Set(ctx context.Context, scope Scope, v Value, expect *int64, ttl time.Duration) (int64, error) {
	if err := s.opts.checkValue(scope, v); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	s.expire(scope)
	board := s.boards[scope]
	if board == nil {
		board = map[string]Value{}
		s.boards[scope] = board
	}
	old := board[v.Key]
	if expect != nil && *expect != old.Version {
		return old.Version, conflictError(scope, v.Key, old.Version, *expect)
	}
	if old.Version == 0 && len(board) >= s.opts.MaxValues {
		return 0, s.opts.crowdedError(scope)
	}
	v.Version, v.At, v.Expires, v.Value = old.Version+1, s.now(), time.Time{}, slices.Clone(v.Value)
	if ttl > 0 {
		v.Expires = v.At.Add(ttl).Truncate(time.Microsecond)
	}
	board[v.Key] = v
	for written, w := range s.watchers {
		if w.scope == scope {
			written.add(v.Key)
		}
	}
	return v.Version, nil
}

func (s *inMemory) List(ctx context.Context, scope Scope) ([]Value, error) {
	if err := checkScope(scope, ""); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	s.expire(scope)
	out := slices.SortedFunc(maps.Values(s.boards[scope]), func(a, b Value) int { return cmp.Compare(a.Key, b.Key) })
	for i := range out {
		out[i].Value = slices.Clone(out[i].Value)
	}
	return out, nil
}

// expire drops the values of a scope whose time has passed.
func (s *inMemory) expire(scope Scope) {
	now := s.now()
	maps.DeleteFunc(s.boards[scope], func(_ string, v Value) bool { return !v.Expires.IsZero() && !v.Expires.After(now) })
}

func (s *inMemory) Say(ctx context.Context, conversation string, m Message) (int64, error) {
	if err := s.opts.checkMessage(conversation, m); err != nil {
		return 0, err
	}
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	talk := s.talks[conversation]
	m.Seq, m.At = 1, s.now()
	if n := len(talk); n > 0 {
		m.Seq = talk[n-1].Seq + 1
	}
	talk = append(talk, m)
	s.talks[conversation] = slices.Clone(talk[max(0, len(talk)-s.opts.MaxMessages):])
	return m.Seq, nil
}

func (s *inMemory) Messages(ctx context.Context, conversation string, after int64) ([]Message, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.talks[conversation] {
		if m.Seq > after {
			out = append(out, m)
		}
	}
	return out, nil
}
