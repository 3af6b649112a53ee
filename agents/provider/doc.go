// Package provider is the way to a provider of language models over HTTP, below agents/openai and agents/anthropic.
//
// It rides out short disturbances and leaves long ones to the coordinator, which holds nothing while it waits; turns what
// goes wrong into agents.ProviderError; bounds the time and the size of an answer; follows no redirects, which would carry
// the key elsewhere; and shows the bodies, never the headers, to agents.ContextWithWire.
package provider
