package openapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/secret"
)

// answer reads what the server said: an output, or what is known of the failure.
func (a *api) answer(o *operation, resp *http.Response, used map[*tokens]string) (any, error) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, int64(a.settings.MaxBytes)+1))
	hide := a.mask(used)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, o.refusal(resp, hide(raw), len(used) > 0)
	}
	if err != nil {
		return nil, fmt.Errorf("the server answered %s, and then the answer broke off: %w", resp.Status, err)
	}
	if len(raw) > a.settings.MaxBytes {
		err := fmt.Errorf("the server answered %s with more than %d bytes; see max_bytes in the settings", resp.Status, a.settings.MaxBytes)
		if !o.card.Effect.Changes() {
			return nil, coordinator.Permanent(err)
		}
		return nil, err // it was done
	}
	return output(resp, hide(raw))
}

// output is the answer's JSON, or its text; bytes that are neither come as base64.
func output(resp *http.Response, raw []byte) (any, error) {
	ctx, media := resp.Request.Context(), resp.Header.Get("Content-Type")
	switch {
	case len(raw) == 0:
		return nil, nil
	case isJSON(media) || media == "":
		if _, err := coordinator.Canonical(raw); err == nil {
			return json.RawMessage(raw), nil
		}
		if media != "" {
			tools.Note(ctx, "the answer calls itself %s and is not; it is given as text", media)
		}
	}
	if utf8.Valid(raw) {
		return string(raw), nil
	}
	tools.Note(ctx, "the answer is %s; it is given as base64", media)
	return base64.StdEncoding.EncodeToString(raw), nil
}

// refusal says what an answer other than success means for the step.
func (o *operation) refusal(resp *http.Response, raw []byte, tokens bool) error {
	err := fmt.Errorf("%s %s: the server answered %s%s", o.method, o.path, resp.Status, excerpt(raw))
	status := resp.StatusCode
	switch {
	case status == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "":
		return err // a proxy says this too, when an answer was lost
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return coordinator.RetryAfter(err, retryAfter(resp.Header, time.Now()))
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return coordinator.NotDone(err) // the request was not taken (RFC 9110, 15.5.9; RFC 8470, 5.2)
	case status == http.StatusUnauthorized && tokens:
		return coordinator.NotDone(err) // the next attempt gets a new token
	case status >= 400 && status < 500:
		return coordinator.Permanent(err)
	case status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect:
		return coordinator.Permanent(fmt.Errorf("%w; a change follows no redirect: correct the server's address", err))
	case status < 400:
		err = fmt.Errorf("%w; a change follows no redirect, and it may have been done", err)
	}
	return err
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3). 0 leaves it to the step.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// excerpt is the beginning of an answer, in one line.
func excerpt(raw []byte) string {
	text := shorten(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, string(raw)), maxExcerpt)
	if text == "" {
		return ""
	}
	return ": " + text
}

// mask takes credentials out of what a server repeats. Short ones stay: they stand in answers by chance.
func (a *api) mask(used map[*tokens]string) func([]byte) []byte {
	var hidden secret.Set
	for _, s := range append(slices.Collect(maps.Values(used)), a.secrets...) {
		_ = hidden.Add("of "+a.name, s) // an error says that it is too short
	}
	return func(raw []byte) []byte {
		if json.Valid(raw) {
			return hidden.MaskJSON(raw)
		}
		return []byte(hidden.Mask(string(raw)))
	}
}
