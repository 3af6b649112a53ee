package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
)

// Shop is what the application had before: its customers and its cash.
type Shop struct {
	customers map[string]Customer

	mu      sync.Mutex
	refunds map[string]Refund // by idempotency key
}

// Customer is somebody who buys things.
type Customer struct {
	Name  string `json:"name"`
	Email string `json:"email" validate:"required,email"`
}

// Refund is money that goes back.
type Refund struct {
	Order  string  `json:"order" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0,lte=500"`
}

// NewShop returns a shop with two customers.
func NewShop() *Shop {
	s := &Shop{customers: map[string]Customer{}, refunds: map[string]Refund{}}
	for _, c := range []Customer{{"Ada Ohm", "ada@example.com"}, {"Bo Volt", "bo@example.com"}} {
		s.customers[c.Email] = c
	}
	return s
}

// Find is a tool: a plain function with a typed input and output.
func (s *Shop) Find(_ context.Context, in struct {
	Email string `json:"email" validate:"required,email"`
}) (Customer, error) {
	if c, ok := s.customers[in.Email]; ok {
		return c, nil
	}
	return Customer{}, coordinator.Permanent(fmt.Errorf("nobody here has the address %s", in.Email))
}

// Refund pays back once for each key, however often it is called with it.
func (s *Shop) Refund(ctx context.Context, r Refund) (Refund, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refunds[coordinator.KeyFrom(ctx)] = r
	return r, nil
}
