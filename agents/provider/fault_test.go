package provider

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterIsReadInAllItsForms(t *testing.T) {
	for name, tt := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"milliseconds first": {http.Header{"Retry-After-Ms": {"250"}, "Retry-After": {"1"}}, 250 * time.Millisecond},
		"seconds":            {http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		"a date in the past": {http.Header{"Retry-After": {"Wed, 21 Oct 2015 07:28:00 GMT"}}, 0},
		"negative":           {http.Header{"Retry-After": {"-3"}}, 0},
		"nonsense":           {http.Header{"Retry-After": {"soon"}}, 0},
		"absent":             {http.Header{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := retryAfter(tt.header); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	at := http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
	if got := retryAfter(at); got < 59*time.Minute || got > time.Hour {
		t.Errorf("a date in an hour gives %s", got)
	}
}
