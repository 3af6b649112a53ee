// Package api is a small customer database with an HTTP door: what a bought CRM looks like from outside. Nothing in it knows
// Tutti.
//
//	GET    /customers                      {customers: [...]}
//	POST   /customers                      201 with the customer and its number; 409 if the register number is known
//	DELETE /customers/{number}             204; 409 while it has letters
//	PUT    /customers/{number}/compliance  {verdict, risk, reason}
//	PUT    /customers/{number}/status      {status}; 409 before compliance has spoken
//	POST   /customers/{number}/letters     {subject, text}: 201 with a draft and its id
//	PUT    /letters/{id}/status            {status: sent}
//	DELETE /letters/{id}                   204; 409 once it is sent
//	GET    /totals                         {totals: [{country, customers, monthly_volume}]}
//	GET    /history?what=customer+deleted  {history: [{seq, what, customer, name}]}
//
// Every request needs the bearer token. Whatever changes something may carry an Idempotency-Key: what was done under a key
// is done once, and asking again gets the same answer. Key, change and answer are stored in one transaction.
package api
