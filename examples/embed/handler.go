package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/memory"
)

//go:embed page.html
var page []byte

// maxBody is how many bytes a request may have.
const maxBody = 64 << 10

// Handler is the desk's page and its API.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // whoever hung up does not want it
	})
	mux.HandleFunc("POST /tickets", answering(http.StatusAccepted, d.submit))
	mux.HandleFunc("GET /tickets/{id}", answering(http.StatusOK, d.status))
	mux.HandleFunc("GET /tickets/{id}/events", d.events)
	mux.HandleFunc("GET /questions", answering(http.StatusOK, d.questions))
	mux.HandleFunc("POST /questions/{id}", answering(http.StatusOK, d.decide))
	return http.NewCrossOriginProtection().Handler(mux) // no other site answers questions for whoever is logged in
}

// tickets is where the store keeps which run a ticket is. An application with a database keeps it there.
var tickets = memory.Scope{Kind: "workspace"}

// submit takes a ticket in. Its id is the idempotency key: a client that heard no answer sends it again.
func (d *Desk) submit(r *http.Request) (any, error) {
	var t struct{ ID, Text string }
	if err := body(r, &t); err != nil || t.ID == "" || t.Text == "" {
		return nil, &local.InputError{Plan: ticket.Name, Err: errors.Join(errors.New("want an id and a text"), err)}
	}
	run, err := d.rt.Submit(r.Context(), local.Task{
		Plan: ticket, Input: map[string]string{"text": t.Text}, Label: coordinator.Untrusted, Key: "ticket " + t.ID, By: "web",
	})
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(run)
	if err == nil {
		_, err = d.store.Set(r.Context(), tickets, memory.Value{Key: "ticket " + t.ID, Value: value}, nil, 0)
	}
	return map[string]string{"id": t.ID, "run": run}, err
}

func (d *Desk) runOf(ctx context.Context, id string) (run string, err error) {
	v, err := d.store.Get(ctx, tickets, "ticket "+id)
	if err != nil {
		return "", fmt.Errorf("ticket %s: %w", id, err)
	}
	return run, json.Unmarshal(v.Value, &run)
}

// status tells how far a ticket is: its run is read from the journal, whoever works on it.
func (d *Desk) status(r *http.Request) (any, error) {
	id, err := d.runOf(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	run, err := d.rt.Load(r.Context(), id)
	if err != nil {
		return nil, err
	}
	output, _ := run.Output("")
	return map[string]any{"run": id, "status": run.Status(), "output": output, "failure": run.Failure(), "steps": run.Steps()}, nil
}

// events streams a ticket's progress. A client that comes back says with Last-Event-ID what it has seen.
func (d *Desk) events(w http.ResponseWriter, r *http.Request) {
	id, err := d.runOf(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	after, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64) // none: from the beginning
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for e, err := range d.rt.Watch(r.Context(), id, after) {
		if err != nil {
			return
		}
		data, _ := json.Marshal(map[string]any{"path": e.Path, "worker": e.Worker, "status": e.Status}) // text only
		fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, data)
		if http.NewResponseController(w).Flush() != nil {
			return
		}
	}
}

// question is an open question and what may be answered.
type question struct {
	coordinator.Escalation
	Verbs []coordinator.Verb `json:"verbs"`
}

func (d *Desk) questions(r *http.Request) (any, error) {
	open, _, err := d.store.Inbox(r.Context(), memory.InboxFilter{})
	all := make([]question, len(open))
	for i, q := range open {
		all[i] = question{q, q.Reason.Verbs()}
	}
	return all, err
}

// decide gives a person's answer to the runtime, which checks it. Who they are is this application's business: here they say it.
func (d *Desk) decide(r *http.Request) (any, error) {
	var decision coordinator.Decision
	if err := body(r, &decision); err != nil {
		return nil, &local.DecisionError{Escalation: r.PathValue("id"), Err: err}
	}
	return map[string]string{"answered": r.PathValue("id")}, d.rt.Decide(r.Context(), r.PathValue("id"), decision)
}

func body(r *http.Request, into any) error {
	return json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody)).Decode(into)
}

func answering(ok int, do func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			fail(w, err)
			return
		}
		reply(w, ok, v)
	}
}

// fail answers with the status that an error of the runtime or the store stands for.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, new(*local.InputError)), errors.As(err, new(*local.DecisionError)):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, memory.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, memory.ErrKeyReused), errors.Is(err, memory.ErrNotOpen), errors.Is(err, memory.ErrEnded):
		status = http.StatusConflict
	case errors.Is(err, memory.ErrUnavailable), errors.Is(err, local.ErrClosed):
		status = http.StatusServiceUnavailable
	}
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever hung up does not want it
}
