package anthropic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"
	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
)

// callOptions reads the options of a call; NaN stands for a temperature that nobody asked for.
func callOptions(options []llms.CallOption) llms.CallOptions {
	o := llms.CallOptions{Temperature: math.NaN()}
	for _, option := range options {
		option(&o)
	}
	return o
}

// params makes a request. What the API is known to refuse is an error here, with a clearer word.
func (m *model) params(ctx context.Context, messages []llms.MessageContent, o llms.CallOptions) (sdk.MessageNewParams, error) {
	as := cmp.Or(o.Model, m.settings.Model)
	talk, err := newConversation(messages, agents.OwnFrom(ctx), as)
	if err != nil {
		return sdk.MessageNewParams{}, err
	}
	p := sdk.MessageNewParams{
		Model: as, MaxTokens: int64(cmp.Or(o.MaxTokens, m.settings.MaxTokens)),
		System: talk.system, Messages: talk.messages, StopSequences: o.StopWords,
	}
	if p.Tools, err = toolParams(o.Tools); err != nil {
		return p, err
	}
	if p.ToolChoice, err = toolChoice(o.ToolChoice); err != nil {
		return p, err
	}
	m.structure(&p, agents.SchemaFrom(ctx))
	m.sample(&p, o)
	if err := m.think(&p, talk); err != nil {
		return p, err
	}
	if !m.settings.NoCache {
		mark(&p)
	}
	return p, nil
}

func (m *model) structure(p *sdk.MessageNewParams, schema json.RawMessage) {
	p.OutputConfig.Effort = sdk.OutputConfigEffort(m.settings.Effort)
	if len(schema) == 0 || m.settings.Format == FormatNone {
		return
	}
	if closed, ok := closedSchema(schema); ok {
		p.OutputConfig.Format = sdk.JSONOutputFormatParam{Schema: closed}
	}
}

func (m *model) sample(p *sdk.MessageNewParams, o llms.CallOptions) {
	if !math.IsNaN(o.Temperature) {
		p.Temperature = sdk.Float(o.Temperature)
	}
	if o.TopP > 0 {
		p.TopP = sdk.Float(o.TopP)
	}
	if o.TopK > 0 {
		p.TopK = sdk.Int(int64(o.TopK))
	}
}

// think asks for thinking. A budget is on top of the answer's tokens.
func (m *model) think(p *sdk.MessageNewParams, talk *conversation) error {
	t := m.settings.Thinking
	budget := t.budget()
	if t == "" || budget > 0 && talk.lacksThought {
		return nil
	}
	if budget > 0 {
		switch {
		case !param.IsOmitted(p.Temperature):
			return errors.New("temperature does not go with a budget of thinking: leave one of them out")
		case p.ToolChoice.OfAny != nil || p.ToolChoice.OfTool != nil:
			return errors.New("a forced tool does not go with a budget of thinking: leave one of them out")
		}
		p.MaxTokens += budget
	}
	p.SetExtraFields(map[string]any{"thinking": t.param()})
	return nil
}

func toolParams(tools []llms.Tool) ([]sdk.ToolUnionParam, error) {
	var out []sdk.ToolUnionParam
	for _, t := range tools {
		if t.Function == nil {
			continue
		}
		schema, err := json.Marshal(t.Function.Parameters)
		if err != nil {
			return nil, fmt.Errorf("tool %s: parameters: %w", t.Function.Name, err)
		}
		if string(schema) == "null" {
			schema = []byte(`{"type":"object","properties":{}}`)
		}
		tool := sdk.ToolParam{Name: t.Function.Name, InputSchema: param.Override[sdk.ToolInputSchemaParam](json.RawMessage(schema))}
		if t.Function.Description != "" {
			tool.Description = sdk.String(t.Function.Description)
		}
		out = append(out, sdk.ToolUnionParam{OfTool: &tool})
	}
	return out, nil
}

// toolChoice reads langchaingo's: "auto", "none", "required" (or "any"), or one tool.
func toolChoice(choice any) (sdk.ToolChoiceUnionParam, error) {
	var u sdk.ToolChoiceUnionParam
	switch c := choice.(type) {
	case nil:
		return u, nil
	case llms.ToolChoice:
		if c.Function != nil {
			return sdk.ToolChoiceParamOfTool(c.Function.Name), nil
		}
		return toolChoice(c.Type)
	case *llms.ToolChoice:
		return toolChoice(*c)
	case string:
		switch c {
		case "":
			return u, nil
		case "auto":
			u.OfAuto = &sdk.ToolChoiceAutoParam{}
			return u, nil
		case "none":
			u.OfNone = &sdk.ToolChoiceNoneParam{}
			return u, nil
		case "any", "required":
			u.OfAny = &sdk.ToolChoiceAnyParam{}
			return u, nil
		}
	}
	return u, fmt.Errorf("tool choice %v: want auto, none, required or an llms.ToolChoice", choice)
}

// mark sets cache_control where a later request can start from: behind the tools, behind the system prompt, and, once the
// conversation goes back and forth, at its end. Four marks are allowed.
func mark(p *sdk.MessageNewParams) {
	here := sdk.NewCacheControlEphemeralParam()
	if n := len(p.Tools); n > 0 {
		p.Tools[n-1].OfTool.CacheControl = here
	}
	if n := len(p.System); n > 0 {
		p.System[n-1].CacheControl = here
	}
	n := len(p.Messages)
	if n < 3 || p.Messages[n-1].Role != sdk.MessageParamRoleUser {
		return
	}
	content := p.Messages[n-1].Content
	switch last := content[len(content)-1]; {
	case last.OfText != nil:
		last.OfText.CacheControl = here
	case last.OfToolResult != nil:
		last.OfToolResult.CacheControl = here
	}
}
