package main

import (
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// Shop is the application that orders come from: a JSON API over orders in memory. Now and then it is too busy to answer.
type Shop struct {
	mu       sync.Mutex
	token    string
	orders   []Order
	requests int             // that came in, refused ones included
	refused  map[string]bool // requests that were, by what they want
}

// Order is what a customer bought.
type Order struct {
	Number   string `json:"number"`
	Customer string `json:"customer"`
	Country  string `json:"country"`
	VATID    string `json:"vat_id,omitempty"`
	Cents    int64  `json:"cents"`
	State    string `json:"state"`            // open, paid or cancelled
	Booked   string `json:"booked,omitempty"` // the reference under which accounting has it
}

//go:embed data/orders.json
var orders []byte

// NewShop opens a shop with a day's orders. Whoever asks must bear the token.
func NewShop(token string) (*Shop, error) {
	s := &Shop{token: token, refused: map[string]bool{}}
	return s, json.Unmarshal(orders, &s.orders)
}

// Orders returns all orders as they are now.
func (s *Shop) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.orders)
}

// Restore brings yesterday's backup back: nothing in it is marked as booked.
func (s *Shop) Restore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.orders {
		s.orders[i].Booked = ""
	}
}

// busyEvery is how many requests the shop answers before it is busy; who comes back for the same is let in.
const busyEvery = 7

// Requests returns how many came in.
func (s *Shop) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Handler serves the API.
func (s *Shop) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", s.list)
	mux.HandleFunc("PUT /orders/{number}/booked", s.mark)
	mux.HandleFunc("DELETE /orders/{number}/booked", s.mark)
	return bearer(s.token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests++
		if wants := r.Method + r.URL.Path; s.requests%busyEvery == 0 && !s.refused[wants] {
			s.refused[wants] = true
			busy(w)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// bearer lets those in who know the token.
func bearer(token string, next http.Handler) http.Handler {
	want := []byte("Bearer " + token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// busy refuses a request before anything was done about it, and says when to come back.
func busy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "0")
	http.Error(w, "busy, come back at once", http.StatusServiceUnavailable)
}

// pageSize is how many orders the shop shows at a time.
const pageSize = 5

// list answers {orders: […], next: 2}; on the last page next is null.
func (s *Shop) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var found []Order
	for _, o := range s.orders {
		if o.State == q.Get("state") && strconv.FormatBool(o.Booked != "") == q.Get("booked") {
			found = append(found, o)
		}
	}
	page, err := strconv.Atoi(q.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	from := min((page-1)*pageSize, len(found))
	to := min(from+pageSize, len(found))
	answer := map[string]any{"orders": append([]Order{}, found[from:to]...), "next": nil}
	if to < len(found) {
		answer["next"] = page + 1
	}
	reply(w, http.StatusOK, answer)
}

func (s *Shop) mark(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(s.orders, func(o Order) bool { return o.Number == r.PathValue("number") })
	if i < 0 {
		http.Error(w, "no such order", http.StatusNotFound)
		return
	}
	var body struct {
		Reference string `json:"reference"`
	}
	if r.Method == http.MethodPut {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Reference == "" {
			http.Error(w, "a reference, please", http.StatusBadRequest)
			return
		}
	}
	s.orders[i].Booked = body.Reference
	reply(w, http.StatusOK, s.orders[i])
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever hung up does not want it
}
