package memory

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Watch subscribes to keys, not to values: a server drops subscribers that fall behind by some megabytes, which may be few values.
func (s *redisStore) Watch(ctx context.Context, scope Scope) (<-chan Value, error) {
	if err := checkScope(scope, ""); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	sub := s.client.Subscribe(ctx, s.keys.changed(scope))
	if _, err := sub.ReceiveTimeout(ctx, s.opts.Timeout); err != nil { // the confirmation: from here on nothing is missed
		_ = sub.Close()
		return nil, s.failure(ctx, "blackboard "+scope.String(), err)
	}
	ctx, cancel := context.WithCancel(ctx)
	written, out := newChanges(s.opts), make(chan Value)
	go func() {
		defer cancel()
		collect(ctx, sub, written, s.opts.Timeout)
	}()
	go func() {
		defer close(out)
		defer func() { _ = sub.Close() }() // ends collect: no context does
		defer cancel()
		written.deliver(ctx, out, func(key string) (Value, error) { return s.Get(ctx, scope, key) })
	}()
	return out, nil
}

// collect notes the keys that are published until the connection is lost. Subscribing again would be silent about what was missed.
// One that breaks is noticed at once; one that is silent is asked whether it still stands, and is lost when no answer comes.
func collect(ctx context.Context, sub *redis.PubSub, written *changes, patience time.Duration) {
	asked := false
	for {
		got, err := sub.ReceiveTimeout(ctx, patience)
		var slow net.Error
		if errors.As(err, &slow) && slow.Timeout() && !asked && sub.Ping(ctx) == nil {
			asked = true
			continue
		}
		if err != nil {
			return
		}
		asked = false
		switch m := got.(type) {
		case *redis.Message:
			written.add(m.Payload)
		case *redis.Subscription: // the client has connected anew by itself
			return
		}
	}
}
