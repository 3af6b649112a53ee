package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/tuttirun/tutti/coordinator"
)

func (s *redisStore) Summary(ctx context.Context, run string) (Summary, error) {
	if err := checkRunID(run); err != nil {
		return Summary{}, err
	}
	found, err := s.summaries(ctx, []string{run})
	if err != nil {
		return Summary{}, err
	}
	if len(found) == 0 {
		return Summary{}, fmt.Errorf("run %s: %w", run, ErrNotFound)
	}
	return found[0], nil
}

// summaries fetches those that exist, in order.
func (s *redisStore) summaries(ctx context.Context, runs []string) ([]Summary, error) {
	if err := s.ready(ctx); err != nil || len(runs) == 0 {
		return nil, err
	}
	pipe := s.client.Pipeline()
	heads := make([]*redis.SliceCmd, len(runs))
	for i, run := range runs {
		heads[i] = pipe.HMGet(ctx, s.keys.of(run).run(run).head(), "summary", "created")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, s.failure(ctx, "summaries", err)
	}
	var out []Summary
	for i, head := range heads {
		raw, _ := head.Val()[0].(string)
		created, _ := head.Val()[1].(string)
		if raw == "" {
			continue
		}
		var m Summary
		if err := json.Unmarshal([]byte(raw), &m); err != nil {
			return nil, fmt.Errorf("run %s: summary: %w", runs[i], err)
		}
		out = append(out, m.of(runs[i], fromMicros(toInt(created))))
	}
	return out, nil
}

func (s *redisStore) Runs(ctx context.Context, f RunFilter) ([]Summary, string, error) {
	if err := checkCursor(f.Cursor, runPlace); err != nil {
		return nil, "", err
	}
	var lists []string
	for n := range shards {
		lists = append(lists, s.keys.shard(n).runs(f.Status, f.Pipeline, f.Batch))
	}
	places, err := s.merge(ctx, lists, redis.ZRangeArgs{Start: before(f.Cursor), Stop: "-", Rev: true}, f.Limit)
	if err != nil {
		return nil, "", err
	}
	slices.Sort(places)
	slices.Reverse(places)
	places, cursor := cutPage(places, f.Limit)
	out, err := s.summaries(ctx, idsAt(places))
	return out, cursor, err
}

// before and beyond are bounds of a lexical range that leave the cursor out.
func before(cursor string) string {
	if cursor == "" {
		return "+"
	}
	return "(" + cursor
}

func beyond(cursor string) string {
	if cursor == "" {
		return "-"
	}
	return "(" + cursor
}

func idsAt(places []string) []string {
	out := make([]string, len(places))
	for i, place := range places {
		out[i] = idAt(place)
	}
	return out
}

// merge reads the start of every list: one entry more than a page, so that cutPage sees whether there is a next one.
func (s *redisStore) merge(ctx context.Context, lists []string, bounds redis.ZRangeArgs, limit int) ([]string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	bounds.ByLex, bounds.Count = true, int64(pageSize(limit)+1)
	pipe := s.client.Pipeline()
	found := make([]*redis.StringSliceCmd, len(lists))
	for i, list := range lists {
		bounds.Key = list
		found[i] = pipe.ZRangeArgs(ctx, bounds)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, s.failure(ctx, "list", err)
	}
	var places []string
	for _, f := range found {
		places = append(places, f.Val()...)
	}
	return places, nil
}

func (s *redisStore) Inbox(ctx context.Context, f InboxFilter) ([]coordinator.Escalation, string, error) {
	if err := checkCursor(f.Cursor, inboxPlace); err != nil {
		return nil, "", err
	}
	if f.Run != "" {
		return s.inboxOfRun(ctx, f)
	}
	places, err := s.merge(ctx, s.boxes(f.By), redis.ZRangeArgs{Start: beyond(f.Cursor), Stop: "+"}, f.Limit)
	if err != nil {
		return nil, "", err
	}
	slices.Sort(places)
	places, cursor := cutPage(places, f.Limit)
	out, err := s.questions(ctx, idsAt(places))
	return out, cursor, err
}

// boxes are the lists of what is asked of one of these people, or of anyone.
func (s *redisStore) boxes(by []string) []string {
	var out []string
	for n := range shards {
		shard := s.keys.shard(n)
		if len(by) == 0 {
			out = append(out, shard.inbox())
			continue
		}
		asked := append(slices.Clone(by), "")
		slices.Sort(asked)
		for _, one := range slices.Compact(asked) {
			out = append(out, shard.inboxOf(one))
		}
	}
	return out
}

// questions fetches those that are still open, in order.
func (s *redisStore) questions(ctx context.Context, ids []string) ([]coordinator.Escalation, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	pipe := s.client.Pipeline()
	found, taken := make([]*redis.StringCmd, len(ids)), make([]*redis.StringCmd, len(ids))
	for i, id := range ids {
		run := coordinator.RunOf(id)
		r := s.keys.of(run).run(run)
		found[i], taken[i] = pipe.HGet(ctx, r.open(), id), pipe.HGet(ctx, r.taken(), id)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, s.failure(ctx, "inbox", err)
	}
	var out []coordinator.Escalation
	for i, id := range ids {
		raw, err := found[i].Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, s.failure(ctx, "inbox", err)
		}
		q, err := decodeQuestion(id, raw, taken[i].Val())
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

func (s *redisStore) inboxOfRun(ctx context.Context, f InboxFilter) ([]coordinator.Escalation, string, error) {
	if err := s.ready(ctx); err != nil {
		return nil, "", err
	}
	r := s.keys.of(f.Run).run(f.Run)
	pipe := s.client.Pipeline()
	open, taken := pipe.HGetAll(ctx, r.open()), pipe.HGetAll(ctx, r.taken())
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, "", s.failure(ctx, "inbox", err)
	}
	found := map[string]coordinator.Escalation{}
	var places []string
	for id, raw := range open.Val() {
		q, err := decodeQuestion(id, []byte(raw), taken.Val()[id])
		if err != nil {
			return nil, "", err
		}
		if place := placeOfQuestion(q); f.fits(q) && place > f.Cursor {
			found[place], places = q, append(places, place)
		}
	}
	out, cursor := questionsAt(found, places, f.Limit)
	return out, cursor, nil
}

func (s *redisStore) Escalation(ctx context.Context, run, id string) (coordinator.Escalation, error) {
	if err := s.ready(ctx); err != nil {
		return coordinator.Escalation{}, err
	}
	if coordinator.RunOf(id) != run {
		return coordinator.Escalation{}, fmt.Errorf("escalation %s: %w", id, ErrNotOpen)
	}
	found, err := s.questions(ctx, []string{id})
	if err != nil {
		return coordinator.Escalation{}, fmt.Errorf("escalation %s: %w", id, err)
	}
	if len(found) == 0 {
		return coordinator.Escalation{}, fmt.Errorf("escalation %s: %w", id, ErrNotOpen)
	}
	return found[0], nil
}
