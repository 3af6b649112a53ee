package modeltest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Reply is one scripted answer. Make it with the functions below. It reads the same in every format: a finish reason,
// say, is OpenAI's word here and becomes Anthropic's on the way.
type Reply struct {
	thought []Thought
	text    string
	calls   []Call
	finish  string // finish_reason; "" leaves it null
	refusal string
	usage   Usage

	status  int // other than 0 and 200: an error
	code    string
	message string
	after   time.Duration
	raw     []byte // sent as it is
	fault   fault
}

type fault int

const (
	none      fault = iota
	hang            // no answer until Release, or until the client has gone
	truncated       // the connection closes amid the answer
	cut             // the connection closes before an answer
)

// Call is a tool call of the model. An ID is made up if it is empty.
type Call struct {
	ID        string
	Name      string
	Arguments string // JSON, or whatever a confused model writes
}

// Usage is what the provider says was used, in tokens. Input includes Cached, what was read from a cache, and Written, what
// was written to one; OpenAI does not tell the latter.
type Usage struct{ Input, Output, Cached, Written int }

// Thought is a block of a model's thinking: Text with its Signature, or Redacted alone.
type Thought struct{ Text, Signature, Redacted string }

// Text answers with text.
func Text(text string) Reply {
	return Reply{text: text, finish: "stop", usage: Usage{Input: 10, Output: 5}}
}

// JSON answers with v encoded as JSON.
func JSON(v any) Reply {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("modeltest: %v", err)) // the script itself is wrong
	}
	return Text(string(raw))
}

// Calls answers with tool calls, in parallel if there are several.
func Calls(calls ...Call) Reply {
	return Reply{calls: calls, finish: "tool_calls", usage: Usage{Input: 10, Output: 5}}
}

// Using returns the reply with another usage.
func (r Reply) Using(u Usage) Reply { r.usage = u; return r }

// Thinking returns the reply with a thought before everything else. Anthropic's format signs it, and refuses a
// conversation in which it does not come back as it was; OpenAI's keeps it to itself.
func (r Reply) Thinking(text string) Reply {
	r.thought = append(slices.Clip(r.thought), Thought{Text: text, Signature: sign("thinking", text)})
	return r
}

// ThinkingHidden returns the reply with a thought that only the provider can read.
func (r Reply) ThinkingHidden(text string) Reply {
	r.thought = append(slices.Clip(r.thought), Thought{Redacted: sign("redacted", text)})
	return r
}

// Saying returns the reply with text beside its calls.
func (r Reply) Saying(text string) Reply { r.text = text; return r }

// Finish returns the reply with another finish_reason; "" makes it null.
func (r Reply) Finish(reason string) Reply { r.finish = reason; return r }

// Length answers with text that was cut off at the token limit.
func Length(text string) Reply { return Text(text).Finish("length") }

// Refusal answers that the model does not want to. Anthropic's format has no place for why beside its explanation.
func Refusal(why string) Reply {
	return Reply{refusal: why, finish: "stop"}
}

// RateLimited is HTTP 429 with Retry-After, which counts whole seconds, and OpenAI's retry-after-ms. A zero duration
// leaves both out.
func RateLimited(after time.Duration) Reply {
	r := Error(429, "rate_limit_exceeded", "Rate limit reached.")
	r.after = after
	return r
}

// Overloaded is HTTP 529, with which Anthropic says that it has too much to do.
func Overloaded() Reply { return Error(529, "overloaded_error", "Overloaded") }

// Error is an HTTP error. Anthropic's format has a type of its own for each status; code is used where it is one.
func Error(status int, code, message string) Reply {
	return Reply{status: status, code: code, message: message}
}

// Hang does not answer until Release is called or the client goes away.
func Hang() Reply { return Reply{fault: hang} }

// Truncated breaks off amid the given reply: half of its bytes, or, when streaming, half of its chunks without [DONE].
func Truncated(r Reply) Reply { r.fault = truncated; return r }

// Cut closes the connection without an answer.
func Cut() Reply { return Reply{fault: cut} }

// Raw answers HTTP 200 with this body, whatever it is.
func Raw(body string) Reply { return Reply{raw: []byte(body)} }

// Garbage answers HTTP 200 with a page that is no JSON, as proxies do.
func Garbage() Reply { return Raw("<html><body>Bad gateway</body></html>") }

// NoChoices answers without any choice: OpenAI's format, with Raw.
func NoChoices() Reply {
	return Raw(`{"id":"chatcmpl-0","object":"chat.completion","created":0,"model":"test","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}`)
}
