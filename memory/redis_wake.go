package memory

import (
	"context"

	"github.com/redis/go-redis/v9"
)

func (s *redisStore) Wakeups(ctx context.Context, owner string) (<-chan string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	sub := s.client.Subscribe(ctx, s.keys.wakeAll(), s.keys.wakeOwner(owner))
	for range 2 { // one confirmation per channel: from here on nothing is missed
		if _, err := sub.Receive(ctx); err != nil {
			_ = sub.Close()
			return nil, s.failure(ctx, "wake-ups", err)
		}
	}
	out := make(chan string, wakeBuffer)
	go s.forward(ctx, sub, out)
	return out, nil
}

// forward hands on what is published. The client subscribes again by itself after a lost connection; as something may have been
// published meanwhile, that counts as a wake-up for everything.
func (s *redisStore) forward(ctx context.Context, sub *redis.PubSub, out chan<- string) {
	defer close(out)
	defer func() { _ = sub.Close() }()
	in := sub.ChannelWithSubscriptions(redis.WithChannelSize(wakeBuffer))
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.closed:
			return
		case got, ok := <-in:
			if !ok {
				return
			}
			run := ""
			if m, ok := got.(*redis.Message); ok {
				run = m.Payload
			}
			select {
			case out <- run:
			default:
			}
		}
	}
}
