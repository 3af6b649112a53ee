// Package models opens language models by name: "offline", "openai/<model>" for everything that speaks OpenAI's API, and
// "anthropic/<model>". It knows what they cost, and asks another one when a provider is out of order.
//
// Any other langchaingo model is plugged in from Go: agents.Config.Model takes it as it is; Named gives it a name and a
// price, and Fallback puts it beside others.
package models
