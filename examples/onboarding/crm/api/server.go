package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed schema.sql
var schema string

// maxBody bounds a request.
const maxBody = 1 << 20 // bytes

// Server is the CRM over one database file. Close it.
type Server struct {
	db            *sql.DB
	authorization [sha256.Size]byte // digest of the header that is wanted
	hiccups       Hiccups
	mux           *http.ServeMux

	changing sync.Mutex // one change at a time: the database allows no more, and hiccups are counted
	counted  int        // changes asked for so far
}

// Open opens the database, and makes it if there is none. Requests must carry the token.
func Open(file, token string, h Hiccups) (*Server, error) {
	if token == "" {
		return nil, errors.New("crm: a token is missing: anybody could change customers")
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=foreign_keys(1)&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("crm: %w", err)
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("crm: %s: %w", file, err), db.Close())
	}
	s := &Server{db: db, authorization: sha256.Sum256([]byte("Bearer " + token)), hiccups: h, mux: http.NewServeMux()}
	s.routes()
	return s, nil
}

// Close closes the database.
func (s *Server) Close() error { return s.db.Close() }

func (s *Server) routes() {
	s.mux.HandleFunc("GET /customers", s.read(listCustomers))
	s.mux.HandleFunc("GET /totals", s.read(totals))
	s.mux.HandleFunc("GET /history", s.read(history))
	s.mux.HandleFunc("POST /customers", s.change(addCustomer))
	s.mux.HandleFunc("DELETE /customers/{number}", s.change(deleteCustomer))
	s.mux.HandleFunc("PUT /customers/{number}/compliance", s.change(noteCompliance))
	s.mux.HandleFunc("PUT /customers/{number}/status", s.change(setStatus))
	s.mux.HandleFunc("POST /customers/{number}/letters", s.change(addLetter))
	s.mux.HandleFunc("PUT /letters/{id}/status", s.change(sendLetter))
	s.mux.HandleFunc("DELETE /letters/{id}", s.change(deleteLetter))
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given := sha256.Sum256([]byte(r.Header.Get("Authorization")))
	if subtle.ConstantTimeCompare(given[:], s.authorization[:]) != 1 {
		w.Header().Set("WWW-Authenticate", "Bearer")
		answerOf(http.StatusUnauthorized, problem{"a valid token is missing"}).write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// answer is a response that can be kept and given again.
type answer struct {
	status int
	body   []byte
}

func answerOf(status int, v any) answer {
	if v == nil {
		return answer{status, []byte{}}
	}
	body, err := json.Marshal(v)
	if err != nil {
		return answer{http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)}
	}
	return answer{status, append(body, '\n')}
}

func (a answer) write(w http.ResponseWriter) {
	if len(a.body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone asks again
}

// problem is the body of every answer that is not fine.
type problem struct {
	Error string `json:"error"`
}

// refusal is an error that the client is to blame for.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Sprintf(format, args...)}
}

// work answers a request within a transaction; an error rolls it back.
type work func(tx *sql.Tx, r *http.Request, body []byte) (answer, error)

func (s *Server) read(do work) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tx, err := s.db.BeginTx(r.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			failed(err).write(w)
			return
		}
		defer tx.Rollback()
		a, err := do(tx, r, nil)
		if err != nil {
			a = failed(err)
		}
		a.write(w)
	}
}

// change does something once for each key, with the hiccups that were asked for.
func (s *Server) change(do work) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			failed(refuse(http.StatusRequestEntityTooLarge, "more than %d bytes", maxBody)).write(w)
			return
		}
		s.changing.Lock()
		defer s.changing.Unlock()
		s.counted++
		if s.hiccups.busy(s.counted) {
			w.Header().Set("Retry-After", "1")
			failed(refuse(http.StatusServiceUnavailable, "busy, nothing was done")).write(w)
			return
		}
		a, err := s.once(do, r, body)
		if err != nil {
			a = failed(err)
		}
		if s.hiccups.loses(s.counted) {
			panic(http.ErrAbortHandler) // the connection closes, and the client never learns what was done
		}
		a.write(w)
	}
}

// failed is the answer to an error. What is our own fault is not told to everybody.
func failed(err error) answer {
	if r := (refusal{}); errors.As(err, &r) {
		return answerOf(r.status, problem{r.text})
	}
	return answerOf(http.StatusInternalServerError, problem{"the database does not answer"})
}

// once does the work, keeps its answer under the request's key, and gives that answer when the key comes again.
func (s *Server) once(do work, r *http.Request, body []byte) (answer, error) {
	tx, err := s.db.BeginTx(r.Context(), nil)
	if err != nil {
		return answer{}, err
	}
	defer tx.Rollback()
	key, digest := r.Header.Get("Idempotency-Key"), digestOf(r, body)
	if a, seen, err := given(tx, key, digest); err != nil || seen {
		return a, errors.Join(err, tx.Commit())
	}
	a, err := do(tx, r, body)
	if err != nil {
		return a, err
	}
	if key != "" {
		if _, err := tx.Exec(`insert into answers (key, digest, status, body) values (?, ?, ?, ?)`, key, digest, a.status, a.body); err != nil {
			return a, err
		}
	}
	return a, tx.Commit()
}

// given returns what was answered under a key. The same key with another request is a mistake of the client.
func given(tx *sql.Tx, key, digest string) (a answer, seen bool, err error) {
	if key == "" {
		return a, false, nil
	}
	var before string
	err = tx.QueryRow(`select digest, status, body from answers where key = ?`, key).Scan(&before, &a.status, &a.body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, false, nil
	case err != nil:
		return a, false, err
	case before != digest:
		return a, false, refuse(http.StatusUnprocessableEntity, "this key was used for another request")
	}
	return a, true, record(tx, "asked again", "", "")
}

func digestOf(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.Path)
	_, _ = io.Copy(h, bytes.NewReader(body)) // neither can fail
	return fmt.Sprintf("%x", h.Sum(nil))
}

// record writes a line of history.
func record(tx *sql.Tx, what, customer, name string) error {
	_, err := tx.Exec(`insert into history (what, customer, name) values (?, ?, ?)`, what, customer, name)
	return err
}

func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return refuse(http.StatusBadRequest, "the body is not the JSON that is expected: %v", err)
	}
	return nil
}
