package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/tuttirun/tutti/agents"
)

// Client sends the requests of one model. It is safe for concurrent use.
type Client struct {
	BaseURL string
	Key     string // "": none is sent

	name    string
	check   func(answer []byte) error
	client  *http.Client
	timeout time.Duration
	retries int
	backoff time.Duration
	maxWait time.Duration
	maxBody int64
}

// Send sends a request with this body until it succeeds, fails for good, or has been tried often enough, and returns the
// body of a whole answer. Errors are *agents.ProviderError, or the context's own.
func (c *Client) Send(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
	w := agents.WireFrom(ctx)
	w.Request = body
	for w.Tries = 1; ; w.Tries++ {
		answer, err := c.once(ctx, r, body)
		w.Reply = c.masked(answer)
		if err == nil {
			return answer, nil
		}
		if !c.again(ctx, err, w.Tries) {
			return nil, err
		}
	}
}

// again waits for the next try; false when there shall be none.
func (c *Client) again(ctx context.Context, err error, tries int) bool {
	var failed *agents.ProviderError
	if tries > c.retries || !errors.As(err, &failed) || !failed.Passing() || failed.Status == http.StatusOK || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	wait := failed.After
	if wait == 0 {
		wait = c.maxWait
		if tries < 16 { // beyond, the shift could overflow
			wait = min(c.backoff<<(tries-1), c.maxWait)
		}
		wait -= time.Duration(rand.Int64N(int64(wait)/4 + 1)) //nolint:gosec // spreads load, guards nothing
	}
	if deadline, ok := ctx.Deadline(); wait > c.maxWait || (ok && time.Until(deadline) <= wait) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once makes one HTTP exchange. The body of an answer comes back beside an error too.
func (c *Client) once(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r = r.Clone(limited)
	r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	response, err := c.client.Do(r)
	if err != nil {
		return nil, c.broken(ctx, limited, err)
	}
	defer func() { _ = response.Body.Close() }() // all that matters was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, c.maxBody+1))
	switch {
	case err != nil:
		return answer, c.broken(ctx, limited, err)
	case int64(len(answer)) > c.maxBody:
		return nil, &agents.ProviderError{Provider: c.name, Status: response.StatusCode, Message: fmt.Sprintf("the answer is longer than %d bytes", c.maxBody)}
	case response.StatusCode != http.StatusOK:
		return answer, c.refused(response, c.masked(answer))
	}
	return answer, c.check(c.masked(answer))
}

// broken describes an exchange that did not come to its end.
func (c *Client) broken(ctx, limited context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", c.name, ctx.Err())
	case limited.Err() != nil:
		return &agents.ProviderError{Provider: c.name, Message: fmt.Sprintf("no answer within %s", c.timeout), Err: limited.Err()}
	}
	return &agents.ProviderError{Provider: c.name, Err: err}
}

// refused reads an HTTP error.
func (c *Client) refused(response *http.Response, body []byte) error {
	var answer struct {
		Error Fault `json:"error"`
	}
	e := &agents.ProviderError{Provider: c.name, Status: response.StatusCode, After: retryAfter(response.Header)}
	if json.Unmarshal(body, &answer) == nil && answer.Error.Message != "" {
		answer.Error.Fill(e)
		return e
	}
	e.Message = Excerpt(body)
	if location := response.Header.Get("Location"); location != "" {
		e.Message = "redirected to " + location + ": correct base_url"
	}
	return e
}

// masked takes the key out of a body: some servers repeat it when they complain.
func (c *Client) masked(body []byte) []byte {
	if len(c.Key) < minKey {
		return body
	}
	return bytes.ReplaceAll(body, []byte(c.Key), []byte("[key]"))
}

// minKey is the length from which a key is one, in bytes: placeholders such as "none" occur in honest answers.
const minKey = 6
