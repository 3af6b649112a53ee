package blackboard

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/memory"
)

// GetInput is the input of blackboard.get.
type GetInput struct {
	Where
	Key      string `json:"key" validate:"required,max=1000" jsonschema:"description=which value"`
	Required bool   `json:"required,omitempty" jsonschema:"description=fail when there is no such value"`
}

// GetOutput is what blackboard.get gives. A key that is not there is found: false with the value null and version 0.
type GetOutput struct {
	Found   bool            `json:"found"`
	Value   json.RawMessage `json:"value"`
	Version int64           `json:"version" jsonschema:"description=give it to blackboard.set as expect to change the value only if nobody else has"`
	By      string          `json:"by,omitempty"`
	At      *time.Time      `json:"at,omitempty"`
	Expires *time.Time      `json:"expires,omitempty"`
}

var getCard = coordinator.Card{
	Name: "blackboard.get", Effect: coordinator.EffectRead,
	Description: "Reads a value that was shared with the steps and agents of this run, or of the whole workspace. " +
		`Example: {"key": "rates"} gives {"found": true, "value": {"EUR": 1.1}, "version": 3}.`,
}

func (b shared) get(ctx context.Context, a coordinator.Attempt, in GetInput) (GetOutput, coordinator.Label, error) {
	board, err := b.board()
	if err != nil {
		return GetOutput{}, "", err
	}
	v, err := board.Get(ctx, in.in(a), in.Key)
	if errors.Is(err, memory.ErrNotFound) && !in.Required {
		return GetOutput{Value: json.RawMessage("null")}, coordinator.Trusted, nil
	}
	if errors.Is(err, memory.ErrNotFound) {
		return GetOutput{}, "", coordinator.Permanent(err)
	}
	if err != nil {
		return GetOutput{}, "", err
	}
	out := GetOutput{Found: true, Value: v.Value, Version: v.Version, By: v.By, At: &v.At}
	if !v.Expires.IsZero() {
		out.Expires = &v.Expires
	}
	return out, labelOf(v), nil
}

// labelOf is the label of a value; one without counts as untrusted.
func labelOf(v memory.Value) coordinator.Label { return coordinator.Trusted.Join(v.Label) }

// ListInput is the input of blackboard.list.
type ListInput struct {
	Where
	Prefix string `json:"prefix,omitempty" validate:"max=1000" jsonschema:"description=only keys that begin with this"`
}

// Listed is one value of a list.
type Listed struct {
	Key     string          `json:"key"`
	Value   json.RawMessage `json:"value"`
	Version int64           `json:"version"`
}

// ListOutput is what blackboard.list gives, sorted by key.
type ListOutput struct {
	Values  []Listed `json:"values"`
	Left    int      `json:"left,omitempty" jsonschema:"description=values that are there and not in this list: it was full"`
	Present int      `json:"count"`
}

var listCard = coordinator.Card{
	Name: "blackboard.list", Effect: coordinator.EffectRead,
	Description: "Lists the values that were shared with the steps and agents of this run, or of the whole workspace, sorted by key. " +
		`Example: {"prefix": "rate."} gives {"values": [{"key": "rate.EUR", "value": 1.1, "version": 3}], "count": 1}.`,
}

func (b shared) list(ctx context.Context, a coordinator.Attempt, in ListInput) (ListOutput, coordinator.Label, error) {
	board, err := b.board()
	if err != nil {
		return ListOutput{}, "", err
	}
	all, err := board.List(ctx, in.in(a))
	if err != nil {
		return ListOutput{}, "", err
	}
	out, label, bytes := ListOutput{Values: []Listed{}}, coordinator.Trusted, 0
	for _, v := range all {
		if !strings.HasPrefix(v.Key, in.Prefix) {
			continue
		}
		bytes += len(v.Key) + len(v.Value)
		if out.Left > 0 || len(out.Values) == b.settings.MaxValues || bytes > b.settings.MaxBytes {
			out.Left++
			continue
		}
		out.Values = append(out.Values, Listed{v.Key, v.Value, v.Version})
		label = label.Join(labelOf(v))
	}
	out.Present = len(out.Values)
	return out, label, nil
}
