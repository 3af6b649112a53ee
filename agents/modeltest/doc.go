// Package modeltest is a model provider for tests: a server on the loopback interface that speaks OpenAI's chat
// completions and Anthropic's messages over HTTP, answers from one script in whichever of them it is asked, and fails in
// the ways real providers fail.
//
//	provider := modeltest.New(t, modeltest.Calls(modeltest.Call{Name: "mail_send", Arguments: `{"to":"a@example.com"}`}), modeltest.Text("sent"))
//	model, err := openai.New(openai.Settings{Model: "test", BaseURL: provider.URL()})
//
// It is strict where they are: a conversation with an unanswered tool call, a tool name with a dot, a strict schema with
// an optional key, a thought whose signature does not fit and the like are refused with HTTP 400, as they would be in
// production.
package modeltest
