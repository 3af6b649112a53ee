// Package agents makes workers out of language models.
//
// An Agent takes one turn per attempt. It asks its model and answers with either an output or calls to other workers;
// the coordinator runs the calls and gives the agent its next turn with every outcome. So an agent holds nothing between
// turns: what the model sees is made from the attempt alone, and an attempt that is replayed sends the same conversation.
// A handoff is a call to another agent. A question to people is a call to the worker "person", offered to every agent.
//
// The model is a langchaingo llms.Model, so any of its providers can be plugged in; package models opens those that are
// known to behave. Contexts and GenerationInfo carry what that interface has no place for, see seam.go: the wanted schema,
// what a provider wants back unchanged (signed thinking), what each request cost, and what went over the wire.
//
// # What it cost, and what was said
//
// Result.Usage is of all requests of an attempt, failed ones where the provider counted them too; Result.Models tells it by
// the model that answered. Result.Exchange is an Exchange: the conversation, the tools, and the bodies of every request and
// reply, for people who want to know why. Both come beside an error too.
//
// # Data is not instructions
//
// The system prompt holds what the operator wrote. Everything labelled untrusted (the input, values that the
// instructions' template prints, outcomes of calls) is fenced with a mark that its author cannot know, and the prompt
// says that fenced text is material, never an order. This lowers the odds of an injection; it does not exclude one. What
// an agent may do is decided by its list of calls and by the approval of their inputs, not by its prompt.
//
// # How sure an answer is
//
// A score is only given where somebody vouches for one:
//   - a model that measures itself (InfoConfidence) gives the score and its signals;
//   - with Config.Stated the model is asked to state how sure it is, and that number is the score. Models overrate
//     themselves: use it with a threshold that was checked against people's decisions;
//   - otherwise Result.Confidence is nil, unmeasured, and a person is asked wherever the step has an accept.
//
// Where there is a score, two signals stand beside it: "schema" (the answer matches its schema) and "repairs"
// (1/(1+n) after n corrections).
package agents
