package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/tuttirun/tutti/coordinator"
)

func (s *inMemory) Summary(ctx context.Context, run string) (Summary, error) {
	if err := s.enter(ctx); err != nil {
		return Summary{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[run]
	if !ok {
		return Summary{}, fmt.Errorf("run %s: %w", run, ErrNotFound)
	}
	return r.summary.of(run, r.created), nil
}

func (s *inMemory) Runs(ctx context.Context, f RunFilter) ([]Summary, string, error) {
	if err := checkCursor(f.Cursor, runPlace); err != nil {
		return nil, "", err
	}
	if err := s.enter(ctx); err != nil {
		return nil, "", err
	}
	defer s.mu.Unlock()
	var places []string
	for _, r := range s.runs {
		place := placeOfRun(micros(r.created), r.id)
		if f.fits(r.summary) && (f.Cursor == "" || place < f.Cursor) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	slices.Reverse(places)
	places, cursor := cutPage(places, f.Limit)
	var out []Summary
	for _, place := range places {
		r := s.runs[idAt(place)]
		out = append(out, r.summary.of(r.id, r.created))
	}
	return out, cursor, nil
}

func (f RunFilter) fits(m Summary) bool {
	return (f.Status == "" || f.Status == m.Status) && (f.Pipeline == "" || f.Pipeline == m.Pipeline) && (f.Batch == "" || f.Batch == m.Batch)
}

func (s *inMemory) Inbox(ctx context.Context, f InboxFilter) ([]coordinator.Escalation, string, error) {
	if err := checkCursor(f.Cursor, inboxPlace); err != nil {
		return nil, "", err
	}
	if err := s.enter(ctx); err != nil {
		return nil, "", err
	}
	defer s.mu.Unlock()
	found := map[string]coordinator.Escalation{}
	var places []string
	for _, r := range s.runs {
		if f.Run != "" && f.Run != r.id {
			continue
		}
		for id, raw := range r.open {
			q, err := decodeQuestion(id, raw, r.taken[id])
			if err != nil {
				return nil, "", err
			}
			if place := placeOfQuestion(q); f.fits(q) && place > f.Cursor {
				found[place], places = q, append(places, place)
			}
		}
	}
	out, cursor := questionsAt(found, places, f.Limit)
	return out, cursor, nil
}

func (f InboxFilter) fits(q coordinator.Escalation) bool {
	return len(f.By) == 0 || q.By == "" || slices.Contains(f.By, q.By)
}

func (s *inMemory) Escalation(ctx context.Context, run, id string) (coordinator.Escalation, error) {
	if err := s.enter(ctx); err != nil {
		return coordinator.Escalation{}, err
	}
	defer s.mu.Unlock()
	if r, ok := s.runs[run]; ok && r.open[id] != nil {
		return decodeQuestion(id, r.open[id], r.taken[id])
	}
	return coordinator.Escalation{}, fmt.Errorf("escalation %s: %w", id, ErrNotOpen)
}
