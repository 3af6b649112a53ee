package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// chatFormat is OpenAI's chat completions.
type chatFormat struct{}

func (chatFormat) fault(reply Reply) map[string]any {
	return map[string]any{"error": map[string]any{"message": reply.message, "type": reply.code, "code": reply.code}}
}

// answer is a reply in the form of a chat.completion object. Thoughts stay with the model.
func (chatFormat) answer(reply Reply, request Request, n int) map[string]any {
	message := map[string]any{"role": "assistant", "content": nil, "refusal": nil}
	if reply.text != "" {
		message["content"] = reply.text
	}
	if reply.refusal != "" {
		message["refusal"] = reply.refusal
	}
	if len(reply.calls) > 0 {
		var calls []any
		for i, c := range reply.calls {
			function := map[string]any{"name": c.Name, "arguments": c.Arguments}
			calls = append(calls, map[string]any{"id": callID(c, n, i), "type": "function", "function": function})
		}
		message["tool_calls"] = calls
	}
	return map[string]any{
		"id": fmt.Sprintf("chatcmpl-%d", n), "object": "chat.completion", "created": 1, "model": request.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": finish(reply)}},
		"usage":   usage(reply.usage),
	}
}

func finish(reply Reply) any {
	if reply.finish == "" {
		return nil
	}
	return reply.finish
}

func usage(u Usage) map[string]any {
	return map[string]any{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     map[string]any{"cached_tokens": u.Cached},
		"completion_tokens_details": map[string]any{"reasoning_tokens": 0},
	}
}

// stream sends a reply as server-sent events: text in small pieces, parallel calls interleaved by their index.
func stream(w http.ResponseWriter, request Request, reply Reply, n int) {
	chunks := chunks(reply, request, n)
	w.Header().Set("Content-Type", "text/event-stream")
	if reply.fault == truncated {
		chunks = chunks[:len(chunks)/2]
	}
	for _, c := range chunks {
		body, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		send(w, fmt.Appendf(nil, "data: %s\n\n", body))
		flush(w)
	}
	if reply.fault == truncated {
		panic(http.ErrAbortHandler)
	}
	send(w, []byte("data: [DONE]\n\n"))
}

func chunks(reply Reply, request Request, n int) []any {
	var out []any
	add := func(delta map[string]any, finish any) {
		out = append(out, map[string]any{
			"id": fmt.Sprintf("chatcmpl-%d", n), "object": "chat.completion.chunk", "created": 1, "model": request.Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		})
	}
	add(map[string]any{"role": "assistant", "content": ""}, nil)
	for _, piece := range pieces(reply.text) {
		add(map[string]any{"content": piece}, nil)
	}
	for i, c := range reply.calls {
		function := map[string]any{"name": c.Name, "arguments": ""}
		add(map[string]any{"tool_calls": []any{map[string]any{"index": i, "id": callID(c, n, i), "type": "function", "function": function}}}, nil)
	}
	for round, left := 0, true; left; round++ {
		left = false
		for i, c := range reply.calls {
			if parts := pieces(c.Arguments); round < len(parts) {
				left = true
				function := map[string]any{"arguments": parts[round]}
				add(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": function}}}, nil)
			}
		}
	}
	add(map[string]any{}, finish(reply))
	if request.IncludeUsage {
		out = append(out, map[string]any{
			"id": fmt.Sprintf("chatcmpl-%d", n), "object": "chat.completion.chunk", "created": 1, "model": request.Model,
			"choices": []any{}, "usage": usage(reply.usage),
		})
	}
	return out
}

// pieces cuts text into runs of eight characters.
func pieces(text string) []string {
	const size = 8
	var out []string
	for runes := []rune(text); len(runes) > 0; {
		n := min(size, len(runes))
		out = append(out, string(runes[:n]))
		runes = runes[n:]
	}
	return out
}
