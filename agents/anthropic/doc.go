// Package anthropic is a model behind Anthropic's messages API, on its own SDK: Claude at Anthropic, or at a gateway that
// speaks the same.
//
// Parallel calls and their results, tool_choice, system prompts and structured outputs go through whole. The transport is
// package provider's, as it is for agents/openai: short disturbances are ridden out, errors are agents.ProviderError,
// answers are bounded and fetched whole. A streaming function gets the whole answer as one chunk.
//
// # Thinking
//
// Claude signs what it thinks and wants it back, unchanged, while it awaits the results of its calls. An answer that holds
// a thought carries its blocks as they came (agents.InfoOwn); an agent keeps them in its state and gives them back with
// agents.ContextWithOwn. Blocks of another provider or another model are left out: nobody else accepts them. Where the
// thoughts before open calls are missing, because another model made the calls, a fixed budget of thinking is not asked
// for in that request: the API would refuse it.
//
// # Structured outputs
//
// With a schema in the context (agents.ContextWithSchema) the request asks for output_config.format, where its JSON Schema
// subset can express it (see closedSchema), else the prompt has to do; the agent checks the answer in any case.
//
// # Prompt caching
//
// The tools and the system prompt are marked with cache_control, and, once a conversation goes back and forth, its end:
// its next request finds all that came before. Settings.NoCache leaves the marks out.
package anthropic
