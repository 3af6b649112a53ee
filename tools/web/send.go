package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tuttirun/tutti/coordinator"
)

// answer is what a service said.
type answer struct {
	status int
	header http.Header
	body   []byte
	url    *url.URL // that answered, after redirects
}

// send makes the request once and returns an answer that is fine. Every error says what is known: see failure.go.
func (sv *service) send(ctx context.Context, t *target, most int) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, sv.settings.Timeout)
	defer cancel()
	var body io.Reader
	if t.content != nil {
		body = bytes.NewReader(t.content)
	}
	req, err := http.NewRequestWithContext(ctx, t.method, t.url.String(), body)
	if err != nil {
		return answer{}, coordinator.Permanent(fmt.Errorf("%s: the URL cannot be used", t))
	}
	req.Header = t.header.Clone()
	resp, err := t.client.Do(req)
	if err != nil {
		return answer{}, t.lost(fmt.Errorf("%s: %w", t, timeout(ctx, Bare(err), sv.settings.Timeout)))
	}
	defer resp.Body.Close()
	if !t.expects(resp.StatusCode) {
		return answer{}, fmt.Errorf("%s: %w%s", t, Failure(resp, sv.settings.RetryAfter, sv.secrets), advice(t, resp))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	if err != nil {
		return answer{}, t.lost(fmt.Errorf("%s: %s, but its answer broke off: %w", t, status(resp.StatusCode), timeout(ctx, err, sv.settings.Timeout)))
	}
	if len(data) > most {
		return answer{}, t.tooMuch(resp.StatusCode, most)
	}
	return answer{resp.StatusCode, resp.Header, data, resp.Request.URL}, nil
}

// String names a request in messages.
func (t *target) String() string { return t.method + " " + t.name }

// timeout says whose time ran out. What is known about the error stays.
func timeout(ctx context.Context, err error, after time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) {
		return late{err, after}
	}
	return err
}

type late struct {
	error
	after time.Duration
}

func (l late) Error() string {
	return fmt.Sprintf("no whole answer within %s (timeout in the settings) or the attempt's own time", l.after)
}

func (l late) Unwrap() error { return l.error }

// Repeating within an attempt, where the request may be repeated although the worker's other requests may not.
const (
	maxSends = 3
	pause    = 250 * time.Millisecond // before the second; twice as long before the third
)

// sendUntilClear sends again while nobody knows what came of it, if the request allows that: PUT, DELETE, and whatever
// carries a key. Once in doubt, only an answer that is fine ends the doubt: a 404 may well mean that the DELETE before, whose
// answer was lost, has been done.
func (sv *service) sendUntilClear(ctx context.Context, t *target, most int) (answer, error) {
	var doubt error
	for n := 1; ; n++ {
		a, err := sv.send(ctx, t, most)
		if err == nil {
			return a, nil
		}
		f := coordinator.FailureOf(err)
		switch {
		case doubt != nil:
			doubt = errors.New(doubt.Error() + "; then " + f.Message) // as text: what the later one knows is not known of the earlier
		case f.NotDone:
			return a, err
		default:
			doubt = err
		}
		if n == maxSends || f.Permanent || !t.repeatable() || !rest(ctx, max(f.After, pause<<(n-1))) {
			return a, doubt
		}
	}
}

// repeatable reports whether sending the request twice does the same as sending it once (RFC 9110, 9.2.2).
func (t *target) repeatable() bool {
	return safe(t.method) || t.method == http.MethodPut || t.method == http.MethodDelete || t.keyed
}

// rest waits, unless there is no time for it.
func rest(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
