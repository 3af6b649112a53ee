package blackboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// SetInput is the input of blackboard.set.
type SetInput struct {
	Where
	Key    string          `json:"key" validate:"required,max=1000" jsonschema:"description=which value"`
	Value  json.RawMessage `json:"value" jsonschema:"description=anything"`
	Expect *int64          `json:"expect,omitempty" validate:"omitempty,gte=0" jsonschema:"description=write only if the value has this version; 0: only if there is none"`
	TTL    string          `json:"ttl,omitempty" jsonschema:"description=how long the value is kept such as 90m or 24h; for ever without"`
}

// SetOutput is what blackboard.set gives.
type SetOutput struct {
	Version int64 `json:"version" jsonschema:"description=of the value as it was written"`
}

var setCard = coordinator.Card{
	Name: "blackboard.set", Effect: coordinator.EffectIdempotent, Authority: []string{"scope", "key"},
	Description: "Shares a value with the steps and agents of this run, or of the whole workspace. With expect it is written only if nobody else has written meanwhile. " +
		`Example: {"key": "rates", "value": {"EUR": 1.1}, "ttl": "24h"} gives {"version": 1}.`,
}

// maxRaces is how often others may write between reading and writing before an attempt without expect gives up.
const maxRaces = 8

func (b shared) set(ctx context.Context, a coordinator.Attempt, in SetInput) (SetOutput, coordinator.Label, error) {
	value, ttl, err := b.checked(in)
	if err != nil {
		return SetOutput{}, "", coordinator.Permanent(err)
	}
	board, err := b.board()
	if err != nil {
		return SetOutput{}, "", err
	}
	v := memory.Value{Key: in.Key, Value: value, Label: a.Label, By: a.Key}
	for range maxRaces {
		version, err := write(ctx, board, in.in(a), v, in.Expect, ttl)
		if errors.Is(err, memory.ErrConflict) && in.Expect == nil {
			continue
		}
		if errors.Is(err, memory.ErrConflict) && a.Number <= 1 {
			err = coordinator.Permanent(err)
		}
		return SetOutput{version}, coordinator.Trusted, refused(err)
	}
	return SetOutput{}, "", coordinator.NotDone(fmt.Errorf("%s: others wrote it %d times meanwhile", in.Key, maxRaces))
}

// checked returns the value in its canonical form, and how long it is kept.
func (b shared) checked(in SetInput) (json.RawMessage, time.Duration, error) {
	if len(in.Value) == 0 {
		in.Value = json.RawMessage("null")
	}
	value, err := coordinator.Canonical(in.Value)
	if err != nil {
		return nil, 0, fmt.Errorf("value: %w", err)
	}
	if len(value) > b.settings.MaxValue {
		return nil, 0, fmt.Errorf("value: it has %d bytes; %d is the most (max_value)", len(value), b.settings.MaxValue)
	}
	most := b.settings.MaxTTL
	if in.TTL == "" {
		return value, most, nil
	}
	ttl, err := time.ParseDuration(in.TTL)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("ttl: %q is no duration; write 90m or 24h", in.TTL)
	case ttl <= 0:
		return nil, 0, fmt.Errorf("ttl: %s is not more than nothing", in.TTL)
	case most > 0 && ttl > most:
		return nil, 0, fmt.Errorf("ttl: %s is longer than %s (max_ttl)", in.TTL, most)
	}
	return value, ttl, nil
}

// write sets a value unless this very attempt has done so before: its key stands beside the value, and the value is the same.
func write(ctx context.Context, board memory.Blackboard, scope memory.Scope, v memory.Value, expect *int64, ttl time.Duration) (int64, error) {
	old, err := board.Get(ctx, scope, v.Key)
	switch {
	case errors.Is(err, memory.ErrNotFound):
		old = memory.Value{}
	case err != nil:
		return 0, err
	case old.By == v.By && v.By != "" && bytes.Equal(old.Value, v.Value):
		return old.Version, nil
	}
	if expect == nil {
		expect = &old.Version
	}
	return board.Set(ctx, scope, v, expect, ttl)
}
