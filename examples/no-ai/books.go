package main

import (
	"bytes"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	_ "modernc.org/sqlite" // the driver
)

// Books is the accounting application: a JSON API over a sqlite file. It knows requests by their Idempotency-Key, and it
// has bad days: it is busy, and once it books a voucher and the answer is lost on its way.
type Books struct {
	mu      sync.Mutex
	token   string
	db      *sql.DB
	locked  bool            // an auditor is at work: no batch can be closed
	changes int             // requests that wanted to change something
	had     map[string]bool // the accidents that happened today
}

// Voucher is an order as accounting has it.
type Voucher struct {
	Order     string `json:"order"`
	Customer  string `json:"customer"`
	Cents     int64  `json:"cents"`
	Account   string `json:"account"`
	Tax       string `json:"tax"`
	Reference string `json:"reference"`
	Batch     string `json:"batch"`
}

//go:embed data/books.sql
var schema string

// OpenBooks opens the file, and makes it when it is not there.
func OpenBooks(file, token string) (*Books, error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("books %s: %w", file, err), db.Close())
	}
	return &Books{token: token, db: db, had: map[string]bool{}}, nil
}

// Close closes the file.
func (b *Books) Close() error { return b.db.Close() }

// Vouchers returns what is booked, by order.
func (b *Books) Vouchers() (map[string]Voucher, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows, err := b.db.Query(`select "order", customer, cents, account, tax, reference, batch from vouchers`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]Voucher{}
	for rows.Next() {
		var v Voucher
		if err := rows.Scan(&v.Order, &v.Customer, &v.Cents, &v.Account, &v.Tax, &v.Reference, &v.Batch); err != nil {
			return nil, err
		}
		out[v.Order] = v
	}
	return out, rows.Err()
}

// Day begins a day with accidents of its own; an auditor may lock the period.
func (b *Books) Day(locked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.locked = locked
	clear(b.had)
}

// Changes returns how many requests wanted to change something.
func (b *Books) Changes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changes
}

// Handler serves the API.
func (b *Books) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /vouchers/{order}", answering(b.find))
	mux.HandleFunc("POST /vouchers", b.once(b.book))
	mux.HandleFunc("DELETE /vouchers/{order}", b.once(b.remove))
	mux.HandleFunc("POST /batches/{batch}/close", b.once(b.closeBatch))
	return bearer(b.token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
}

// action answers a request with a status and a value.
type action func(r *http.Request) (int, any)

func answering(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, v := do(r)
		reply(w, status, v)
	}
}

// once does what a request wants, unless its key was seen before: then the answer is that of the first time.
func (b *Books) once(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b.changes++
		status, answer, err := b.remembered(r, do)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case status == http.StatusServiceUnavailable:
			busy(w)
		case b.accident("lost", bytes.Contains(answer, []byte("W1007"))):
			http.Error(w, "the application did not answer in time", http.StatusGatewayTimeout) // it did: this is a proxy's word
		default:
			reply(w, status, json.RawMessage(answer))
		}
	}
}

func (b *Books) remembered(r *http.Request, do action) (status int, answer []byte, err error) {
	key := r.Header.Get("Idempotency-Key")
	err = b.db.QueryRow("select status, answer from requests where key = ?", key).Scan(&status, &answer)
	if !errors.Is(err, sql.ErrNoRows) {
		return status, answer, err
	}
	status, v := do(r)
	if answer, err = json.Marshal(v); err == nil && status < 300 {
		_, err = b.db.Exec("insert into requests (key, status, answer) values (?, ?, ?)", key, status, string(answer))
	}
	return status, answer, err
}

// accident reports whether something goes wrong here, which it does once.
func (b *Books) accident(name string, here bool) bool {
	if !here || b.had[name] {
		return false
	}
	b.had[name] = true
	return true
}

func problem(status int, format string, args ...any) (int, any) {
	return status, map[string]string{"error": fmt.Sprintf(format, args...)}
}

func (b *Books) find(r *http.Request) (int, any) {
	var reference string
	err := b.db.QueryRow(`select reference from vouchers where "order" = ?`, r.PathValue("order")).Scan(&reference)
	if err != nil {
		return problem(http.StatusNotFound, "%s is not booked", r.PathValue("order"))
	}
	return http.StatusOK, map[string]string{"reference": reference}
}

func (b *Books) book(r *http.Request) (int, any) {
	var v Voucher
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil || v.Order == "" || v.Reference == "" || v.Cents <= 0 {
		return problem(http.StatusBadRequest, "that is no voucher")
	}
	if b.accident("busy", v.Order == "W1003") {
		return http.StatusServiceUnavailable, nil
	}
	if v.Customer == "Handelshuis Terpstra" {
		return problem(http.StatusUnprocessableEntity, "%s is in liquidation, its account is closed", v.Customer)
	}
	_, err := b.db.Exec(`insert into vouchers ("order", customer, cents, account, tax, reference, batch) values (?, ?, ?, ?, ?, ?, ?)`,
		v.Order, v.Customer, v.Cents, v.Account, v.Tax, v.Reference, v.Batch)
	if err != nil {
		return problem(http.StatusConflict, "%s: %v", v.Order, err)
	}
	return http.StatusCreated, v
}

func (b *Books) remove(r *http.Request) (int, any) {
	if _, err := b.db.Exec(`delete from vouchers where "order" = ?`, r.PathValue("order")); err != nil {
		return problem(http.StatusConflict, "%v", err)
	}
	return http.StatusOK, map[string]string{"removed": r.PathValue("order")}
}

func (b *Books) closeBatch(r *http.Request) (int, any) {
	var said, have struct {
		Vouchers int   `json:"vouchers"`
		Cents    int64 `json:"cents"`
	}
	if b.locked {
		return problem(http.StatusConflict, "the period is locked, an auditor is at work")
	}
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
		return problem(http.StatusBadRequest, "vouchers and cents, please")
	}
	err := b.db.QueryRow("select count(*), coalesce(sum(cents), 0) from vouchers where batch = ?", r.PathValue("batch")).Scan(&have.Vouchers, &have.Cents)
	if err != nil || said != have {
		return problem(http.StatusUnprocessableEntity, "you say %+v, the books say %+v", said, have)
	}
	return http.StatusOK, have
}
