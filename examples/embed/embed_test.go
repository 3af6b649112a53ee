package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/memory"
)

const lamp = "Order number: W-1017\nEmail: ada@example.com\nAmount: 49.90 EUR\n\nThe lamp arrived broken. I would like my money back.\n"

// client talks to a desk as a browser does.
type client struct {
	t    *testing.T
	base string
	stop func()
}

// start opens a desk over a store; stop closes it as a deployment would.
func start(t *testing.T, store memory.Store, m llms.Model, shop *Shop) *client {
	t.Helper()
	desk, err := NewDesk(store, m, shop)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(desk.Handler())
	var c *client
	c = &client{t, server.URL, func() {
		if c.base == "" {
			return
		}
		c.base = ""
		server.Close()
		if err := desk.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}}
	t.Cleanup(c.stop)
	return c
}

func (c *client) do(method, path string, in any, want int, out any) {
	c.t.Helper()
	var content io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		c.t.Fatalf("%s %s: %s, want %d (%v)\n%s", method, path, resp.Status, want, err, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			c.t.Fatalf("%s %s: %v\n%s", method, path, err, raw)
		}
	}
}

// follow reads a ticket's events after a number, up to one of a kind, and returns the kinds and the last number.
func (c *client) follow(id, after, until string) (kinds []string, last string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/tickets/"+id+"/events", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", after)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if number, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			last = number
		}
		if kind, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if kinds = append(kinds, kind); kind == until {
				return kinds, last
			}
		}
	}
	c.t.Fatalf("the stream ends after %v, before %s", kinds, until)
	return nil, ""
}

type shown struct {
	Run, Status string
	Output      struct {
		Customer, Decision string
		Refund             *Refund
	}
}

func (c *client) question() (q question) {
	c.t.Helper()
	var open []question
	c.do("GET", "/questions", nil, http.StatusOK, &open)
	if len(open) != 1 {
		c.t.Fatalf("%d questions are open, want 1", len(open))
	}
	return open[0]
}

func TestATicketSurvivesARestartAndIsRefundedOnce(t *testing.T) {
	store, shop, rules := memory.NewWith(memory.Options{Workspace: workspace}), NewShop(), offline.New(offline.Options{})
	t.Cleanup(func() { store.Close() })
	c := start(t, store, rules, shop)
	send := map[string]string{"id": "t1", "text": lamp}
	var first, second struct{ Run string }
	c.do("POST", "/tickets", send, http.StatusAccepted, &first)
	c.do("POST", "/tickets", send, http.StatusAccepted, &second)
	if first.Run == "" || first.Run != second.Run {
		t.Fatalf("the same ticket is %q, then %q", first.Run, second.Run)
	}
	c.do("POST", "/tickets", map[string]string{"id": "t1", "text": "something else"}, http.StatusConflict, nil)
	_, seen := c.follow("t1", "", "asked")
	c.stop() // while a person is awaited

	c = start(t, store, rules, shop)
	q := c.question()
	if q.Asked != "Ada Ohm wants 49.9 back for W-1017. Shall they?" {
		t.Errorf("asked: %q", q.Asked)
	}
	c.do("POST", "/questions/"+q.ID, map[string]any{"verb": "answer", "output": "refund"}, http.StatusUnprocessableEntity, nil) // who?
	c.do("POST", "/questions/"+q.ID, map[string]any{"verb": "answer", "by": "cleo", "output": "perhaps"}, http.StatusUnprocessableEntity, nil)
	c.do("POST", "/questions/"+q.ID, map[string]any{"verb": "answer", "by": "cleo", "output": "refund"}, http.StatusOK, nil)
	kinds, _ := c.follow("t1", seen, "ended")
	if !strings.Contains(strings.Join(kinds, " "), "decided") || strings.Contains(strings.Join(kinds, " "), "submitted") {
		t.Errorf("after the restart the stream says %v", kinds)
	}
	c.do("POST", "/questions/"+q.ID, map[string]any{"verb": "answer", "by": "cleo", "output": "refund"}, http.StatusConflict, nil)
	var s shown
	c.do("GET", "/tickets/t1", nil, http.StatusOK, &s)
	if s.Status != "done" || s.Output.Customer != "Ada Ohm" || s.Output.Refund == nil || *s.Output.Refund != (Refund{"W-1017", 49.9}) {
		t.Errorf("the ticket ends as %+v", s)
	}
	if len(shop.refunds) != 1 {
		t.Errorf("%d refunds, want 1", len(shop.refunds))
	}
}

func TestWhatCannotBeReadIsAskedAndAmended(t *testing.T) {
	store, shop := memory.NewWith(memory.Options{Workspace: workspace}), NewShop()
	t.Cleanup(func() { store.Close() })
	c := start(t, store, offline.New(offline.Options{}), shop)
	c.do("POST", "/tickets", map[string]string{"id": "t2", "text": "My lamp is broken!"}, http.StatusAccepted, nil)
	_, seen := c.follow("t2", "", "asked")
	c.do("POST", "/questions/"+c.question().ID, map[string]any{
		"verb": "amend", "by": "cleo", "output": map[string]any{"order_number": "W-9", "email": "bo@example.com", "amount": 12},
	}, http.StatusOK, nil)
	c.follow("t2", seen, "asked")
	c.do("POST", "/questions/"+c.question().ID, map[string]any{"verb": "answer", "by": "cleo", "output": "decline"}, http.StatusOK, nil)
	c.follow("t2", "", "ended")
	var s shown
	c.do("GET", "/tickets/t2", nil, http.StatusOK, &s)
	if s.Status != "done" || s.Output.Customer != "Bo Volt" || s.Output.Decision != "decline" || s.Output.Refund != nil || len(shop.refunds) != 0 {
		t.Errorf("the ticket ends as %+v, with %d refunds", s, len(shop.refunds))
	}
}

// parrot is the smallest language model: it always gives the same answer.
type parrot string

func (p parrot) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: string(p), StopReason: "stop"}}}, nil
}

func (p parrot) Call(ctx context.Context, prompt string, o ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, p, prompt, o...)
}

func TestAnyLangchaingoModelReadsTickets(t *testing.T) {
	store := memory.NewWith(memory.Options{Workspace: workspace})
	t.Cleanup(func() { store.Close() })
	c := start(t, store, parrot(`{"order_number": "W-5", "email": "bo@example.com", "amount": 5}`), NewShop())
	c.do("POST", "/tickets", map[string]string{"id": "t3", "text": lamp}, http.StatusAccepted, nil)
	_, seen := c.follow("t3", "", "asked")
	q := c.question() // the model does not measure itself, so a person looks at what it read
	if q.Reason != "low_confidence" {
		t.Fatalf("asked because of %s", q.Reason)
	}
	c.do("POST", "/questions/"+q.ID, map[string]any{"verb": "approve", "by": "cleo"}, http.StatusOK, nil)
	c.follow("t3", seen, "asked")
	if q := c.question(); q.Asked != "Bo Volt wants 5 back for W-5. Shall they?" {
		t.Errorf("asked: %q", q.Asked)
	}
}

func TestMistakesHaveTheirStatus(t *testing.T) {
	store := memory.NewWith(memory.Options{Workspace: workspace})
	t.Cleanup(func() { store.Close() })
	c := start(t, store, offline.New(offline.Options{}), NewShop())
	c.do("POST", "/tickets", map[string]string{"id": "t4"}, http.StatusUnprocessableEntity, nil)
	c.do("POST", "/tickets", map[string]string{"id": "t4", "text": strings.Repeat("x", maxBody)}, http.StatusUnprocessableEntity, nil)
	c.do("GET", "/tickets/nobody", nil, http.StatusNotFound, nil)
	c.do("GET", "/tickets/nobody/events", nil, http.StatusNotFound, nil)
	c.do("POST", "/questions/r-0-0.1", map[string]any{"verb": "approve", "by": "cleo"}, http.StatusNotFound, nil)
	var open []question
	c.do("GET", "/questions", nil, http.StatusOK, &open)
	if open == nil || len(open) != 0 {
		t.Errorf("questions: %v, want an empty list", open)
	}
}

func TestAnOpenStreamDoesNotHoldUpTheEnd(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	t.Setenv("OPENAI_API_KEY", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener) }()
	c := &client{t: t, base: "http://" + listener.Addr().String()}
	c.do("POST", "/tickets", map[string]string{"id": "t5", "text": lamp}, http.StatusAccepted, nil)
	stream, err := http.Get(c.base + "/tickets/t5/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	cancel()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream ends with %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
