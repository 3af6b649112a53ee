package memory

import "context"

// watcher is one call of Watch.
type watcher struct {
	scope  Scope
	cancel context.CancelFunc
}

func (s *inMemory) Watch(ctx context.Context, scope Scope) (<-chan Value, error) {
	if err := checkScope(scope, ""); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	written, out := newChanges(s.opts), make(chan Value)
	s.watchers[written] = watcher{scope, cancel}
	go func() {
		defer close(out)
		defer s.unwatch(written)
		written.deliver(ctx, out, func(key string) (Value, error) { return s.Get(ctx, scope, key) })
	}()
	return out, nil
}

func (s *inMemory) unwatch(written *changes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[written].cancel()
	delete(s.watchers, written)
}
