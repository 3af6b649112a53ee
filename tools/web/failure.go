package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/plaintext"
	"github.com/tuttirun/tutti/tools/secret"
)

// verdict is what a status says about the work.
type verdict int

const (
	unclear verdict = iota // it may have been done
	later                  // nothing happened, and it may work another time
	refused                // nothing happened, and asking again is no use
)

// judge reads a status that is not fine. Deliberate says that the service named a time to come back, so it was the service
// itself that declined, not something between us that lost its answer.
func judge(method string, status int, deliberate bool) verdict {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return later
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return refused
	case http.StatusServiceUnavailable:
		if deliberate {
			return later
		}
	}
	switch {
	case status >= 500 && safe(method):
		return later
	case status >= 500:
		return unclear
	case status >= 400 || safe(method):
		return refused
	}
	return unclear // it was answered well, but not as the step expects
}

// Failure is the error of an answer that is not fine: its status, the beginning of its text, and what is known, as the
// package's comment has it. A Retry-After is honoured up to most. The body is read, not closed; of its text, the secrets are
// masked before it is cut, for a half of one is none to look for.
func Failure(resp *http.Response, most time.Duration, secrets *secret.Set) error {
	text := status(resp.StatusCode)
	if more := excerpt(resp.Body, secrets); more != "" {
		text += ": " + more
	}
	err := errors.New(text)
	wait, deliberate := retryAfter(resp.Header, most)
	if acted(resp.Request) { // the answer of a redirect's target says nothing about the work
		return err
	}
	switch judge(first(resp.Request).Method, resp.StatusCode, deliberate) {
	case later:
		return coordinator.RetryAfter(err, wait)
	case refused:
		return coordinator.Permanent(err)
	}
	return err
}

// first is the request that a chain of redirects began with.
func first(req *http.Request) *http.Request {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	return req
}

// advice is what a step's author can do about a status.
func advice(t *target, resp *http.Response) string {
	switch code := resp.StatusCode; {
	case code < 300:
		return fmt.Sprintf(" (the step expects %v)", t.Expect)
	case code < 400 && code != http.StatusNotModified:
		return " (redirects are not followed there)"
	case code == http.StatusUnauthorized && t.endpoint == nil:
		return " (a url goes without credentials; configure an endpoint with auth)"
	}
	return ""
}

// lost is the error of a request whose answer did not come. What the client marked stands.
func (t *target) lost(err error) error {
	if safe(t.method) {
		return coordinator.NotDone(err)
	}
	return err
}

func (t *target) tooMuch(code, most int) error {
	err := fmt.Errorf("%s: %s, but its answer has more than %d bytes; see max_bytes and max_save in the settings", t, status(code), most)
	if safe(t.method) {
		return coordinator.Permanent(err)
	}
	return err
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// retryAfter reads the header Retry-After (RFC 9110, 10.2.3): seconds, or a date, which is compared with the service's own.
func retryAfter(h http.Header, most time.Duration) (wait time.Duration, given bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, most), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), most), true
}

const (
	excerptRead  = 8 << 10
	excerptUsed  = excerptRead / 2 // so that no secret up to that size is cut by where reading ends
	excerptShown = 300
)

// excerpt is the beginning of an answer's text, on one line.
func excerpt(body io.Reader, secrets *secret.Set) string {
	data, err := io.ReadAll(io.LimitReader(body, excerptRead))
	if err != nil && len(data) == 0 {
		return ""
	}
	text, binary := plaintext.Decode(data)
	if binary {
		return ""
	}
	text = secrets.Mask(text)
	text = text[:min(len(text), excerptUsed)]
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }), " ")
	if runes := []rune(text); len(runes) > excerptShown {
		text = string(runes[:excerptShown]) + "…"
	}
	return text
}
