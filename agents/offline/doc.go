// Package offline is a model that works without a network and without a language model: rules read fields out of text.
//
// It is an llms.Model, so an agent can use it in place of one. It does three things, always in the same way for the same
// input, and says plainly when something else is asked of it:
//   - with an output schema (agents.ContextWithSchema) it extracts the schema's fields from what the user said: by labels
//     in English, German, French and Dutch, by formats (amounts, dates, IBAN, …) and by the schema's own words;
//   - offered tools, it calls the one whose words the task uses, if the text holds the arguments;
//   - otherwise it quotes what its tools returned.
//
// # Which property is which field
//
// A property is recognised by its name (invoice_number, dueDate, total), else by its title, else its own words are the
// label to look for. The annotation "x-labels": ["PO box", …] adds labels. The type and the format say what a value
// looks like.
//
// # How sure it is
//
// Each answer carries a coordinator.Confidence (agents.InfoConfidence), one signal per field. A field's score is what the
// document shows: how clearly it is labelled, whether other places agree, whether there are rivals, whether net and tax
// add up to the total. The numbers are ordered with care, not measured: calibrate them with a gate where it matters.
// The rules ask rather than guess: rivals, dates that can be read in two ways, a language they do not know, credit notes
// and reminders stay below 0.9. The whole answer is as sure as its least sure required field.
//
// A required field that is not found is null (its type must allow null) or left out, never an invented value; the
// confidence then has a veto that names it, so a person is asked with the rest as the proposal.
package offline
