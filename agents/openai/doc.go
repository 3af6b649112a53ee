// Package openai is a model behind any endpoint that speaks OpenAI's chat completions: OpenAI, Azure's v1 endpoint,
// Ollama's /v1, vLLM, Groq, Mistral, DeepSeek, Gemini's compatible endpoint and others.
//
// The requests are langchaingo's; the transport is package provider's. It rides out short disturbances (and leaves long
// ones to the coordinator, which holds nothing while it waits), turns what goes wrong into agents.ProviderError, bounds what
// it reads, and refuses answers that broke off. Answers are fetched whole: a stream that breaks looks like a short answer,
// and streamed parallel calls get mixed up below us. A streaming function gets the whole answer as one chunk.
//
// With a schema in the context (agents.ContextWithSchema) the request asks for it: as a strict json_schema where strict
// mode can express it, else as json_object, else only by the prompt. In strict mode an optional property is one that may
// be null; such nulls are taken out of the answer again, so that it matches the schema as it was written.
package openai
