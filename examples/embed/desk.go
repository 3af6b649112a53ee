package main

import (
	"context"
	"errors"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
	"github.com/tuttirun/tutti/tools"
)

// Desk answers tickets: an agent reads them, the shop knows the customer, a person decides, the shop pays back.
type Desk struct {
	rt    *local.Runtime
	store memory.Store // also keeps which run a ticket is
	own   []coordinator.Worker
}

// ticket is the plan of every ticket. Text from outside is data in it, never an expression.
var ticket = &coordinator.Plan{
	Name: "ticket",
	Steps: []coordinator.Step{
		{ID: "facts", Use: "reader", With: map[string]any{"ticket": "${{ input.text }}"}, Accept: coordinator.Accept{Threshold: 0.9}},
		{ID: "customer", Use: "customers.find", With: map[string]any{"email": "${{ steps.facts.email }}"}},
		{ID: "decision", Use: coordinator.Person, With: map[string]any{
			"question": "${{ steps.customer.name }} wants ${{ steps.facts.amount }} back for ${{ steps.facts.order_number }}. Shall they?",
			"options":  []any{"refund", "decline"},
		}},
		{ID: "refund", If: `steps.decision == "refund"`, Use: "shop.refund", With: map[string]any{
			"order": "${{ steps.facts.order_number }}", "amount": "${{ steps.facts.amount }}",
		}},
	},
	Output: map[string]any{"customer": "${{ steps.customer.name }}", "decision": "${{ steps.decision }}", "refund": "${{ steps.refund }}"},
}

// facts is what the reader finds in a ticket; what is not there is null, and a person is asked.
const facts = `{
  "type": "object",
  "properties": {
    "order_number": {"type": ["string", "null"]},
    "email": {"type": ["string", "null"], "format": "email"},
    "amount": {"type": ["number", "null"], "description": "what they want back", "x-labels": ["amount", "paid"]}
  },
  "required": ["order_number", "email", "amount"], "additionalProperties": false
}`

// NewDesk opens a desk over a store, a model and the shop's own functions. Runs that a former desk left go on here.
func NewDesk(store memory.Store, m llms.Model, shop *Shop) (*Desk, error) {
	reader, err := agents.New(agents.Config{
		Name: "reader", Model: m, NoPerson: true, Output: []byte(facts),
		Instructions: "Read who wrote the ticket, about which order, and how much money they want back.",
	})
	if err != nil {
		return nil, err
	}
	own := []coordinator.Worker{
		reader,
		tools.New("customers.find", "Finds a customer by email address.", shop.Find, tools.Options{Effect: coordinator.EffectRead, Trusted: true}),
		tools.New("shop.refund", "Pays money back.", shop.Refund, tools.Options{Effect: coordinator.EffectIdempotent, Authority: []string{"order", "amount"}}),
	}
	workers, err := tools.Map(own...)
	if err != nil {
		return nil, err
	}
	rt, err := local.New(local.Options{Workers: workers, Store: store, Workspace: workspace, Rights: mayDecide})
	return &Desk{rt: rt, store: store, own: own}, err
}

// mayDecide is the application's own idea of rights.
func mayDecide(by string, _ coordinator.Escalation) error {
	if by == "" {
		return errors.New("say who you are")
	}
	return nil
}

// Close finishes what is in flight and lets go of the runs. The store stays open: it is the caller's.
func (d *Desk) Close(ctx context.Context) error {
	return errors.Join(d.rt.Close(ctx), tools.Close(d.own...))
}
