package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

// busyPause is how long a store that has too much to do is left alone.
const busyPause = 5 * time.Second

// failure says what is known after an error. One without an answer of the store keeps what the guard knows about it.
func (s *store) failure(ctx context.Context, key string, err error) error {
	named := func(text string) error {
		return fmt.Errorf("store %s: %s: %s", s.name, key, clip(s.hide.Replace(text)))
	}
	code, status := answer(err)
	switch {
	case status == 0 && ctx.Err() != nil:
		return fmt.Errorf("store %s: %s: %w", s.name, key, ctx.Err())
	case status == 0:
		return fmt.Errorf("store %s: %s: %w", s.name, key, web.Bare(err))
	case code == "NoSuchBucket":
		return coordinator.Permanent(fmt.Errorf("store %s: there is no bucket %s", s.name, s.bucket))
	case status == http.StatusNotFound:
		return coordinator.Permanent(named("there is no such object"))
	case status == http.StatusNotImplemented && code == "NotImplemented":
		return coordinator.Permanent(named("the store cannot write only what is new (If-None-Match); set overwrite to write anyway"))
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return coordinator.RetryAfter(named(message(err, status)), busyPause)
	case status >= 300 && status < 500:
		return coordinator.Permanent(named(message(err, status)))
	}
	return named(message(err, status))
}

// answer reads what the store said: its code, such as NoSuchKey, and the HTTP status, 0 if there was no answer.
func answer(err error) (code string, status int) {
	if e := (smithy.APIError)(nil); errors.As(err, &e) {
		code = e.ErrorCode()
	}
	if e := (*awshttp.ResponseError)(nil); errors.As(err, &e) && e.Response != nil && e.Response.Response != nil {
		status = e.HTTPStatusCode()
	}
	return code, status
}

func message(err error, status int) string {
	text := fmt.Sprintf("status %d %s", status, http.StatusText(status))
	if e := (smithy.APIError)(nil); errors.As(err, &e) && e.ErrorMessage() != "" {
		text += ": " + e.ErrorCode() + ": " + e.ErrorMessage()
	}
	return text
}

func clip(s string) string {
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
