package main

import (
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local/blackboard"
	"github.com/tuttirun/tutti/memory"
)

// openBlackboard makes the workers that share values. They find the store in the session when they are asked: it is
// connected after they are made.
func openBlackboard(s *session, name string) ([]coordinator.Worker, error) {
	var settings blackboard.Settings
	if err := s.ws.DecodeTool(name, &settings); err != nil {
		return nil, err
	}
	workers, err := blackboard.New(settings, s.board)
	if err != nil {
		return nil, s.ws.Mistake("tools."+name, err.Error(), "")
	}
	return workers, nil
}

// board is the blackboard of the session's store; nil while none is connected.
func (s *session) board() memory.Blackboard {
	if s.store == nil {
		return nil
	}
	return s.store
}
