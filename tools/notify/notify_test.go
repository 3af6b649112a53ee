package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/notify"
	"github.com/tuttirun/tutti/tools/tooltest"
	"github.com/tuttirun/tutti/tools/web"
)

const path = "/services/T024/B1/kZ9xW2vQ"

// hook is a webhook that answers with a status and keeps the last text.
type hook struct {
	*httptest.Server
	text    atomic.Value
	posted  atomic.Int64
	answer  func(w http.ResponseWriter)
	problem atomic.Value
}

func start(t *testing.T, answer func(w http.ResponseWriter)) *hook {
	t.Helper()
	h := &hook{answer: answer}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.posted.Add(1)
		var body struct{ Text string }
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil || r.Method != http.MethodPost || r.URL.Path != path || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			h.problem.Store(r.Method + " " + r.URL.Path + " " + string(data))
		}
		h.text.Store(body.Text)
		h.answer(w)
	}))
	t.Cleanup(func() {
		h.Close()
		if p := h.problem.Load(); p != nil {
			t.Errorf("asked wrongly: %s", p)
		}
	})
	return h
}

func fine(w http.ResponseWriter) { _, _ = io.WriteString(w, "ok") }

func says(status int, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no_service for "+path)
	}
}

func sender(t *testing.T, s notify.Settings) coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, notify.New, "", s)["notify.send"]
}

func (h *hook) sender(t *testing.T, format string) coordinator.Worker {
	return sender(t, notify.Settings{Channels: map[string]notify.Channel{"ops": {URL: h.URL + path, Format: format, Private: true, Description: "who is on duty"}}})
}

func send(t *testing.T, w coordinator.Worker, in any) (string, error) {
	t.Helper()
	var out json.RawMessage
	err := tooltest.Call(t.Context(), w, "k", in, &out)
	return string(out), err
}

type m = map[string]any

func TestMessageIsWrittenAsTheServiceReadsIt(t *testing.T) {
	h := start(t, fine)
	const text = "# Done **now**\n- **312** booked, ~~2~~ [report](https://a.example/r?x=1&y=2)\n* ![logo](https://a.example/l.png) `**a** <b>`\n```\n- **x** [a](b)\n```\n<!channel> <https://evil.example|bank> @here & @alligator"
	for format, want := range map[string]string{
		"": "*Night &amp; ∗day∗*\n*Done now*\n• *312* booked, ~2~ report (https://a.example/r?x=1&amp;y=2)\n• logo (https://a.example/l.png) `**a** &lt;b&gt;`\n```\n- **x** [a](b)\n```\n" +
			"&lt;!channel&gt; &lt;https://evil.example|bank&gt; @\u200bhere &amp; @alligator",
		"markdown": "**Night & ∗day∗**\n\n# Done **now**\n- **312** booked, ~~2~~ report (https://a.example/r?x=1&y=2)\n* logo (https://a.example/l.png) `**a** <b>`\n```\n- **x** [a](b)\n```\n" +
			"<\u200b!channel> <\u200bhttps://evil.example|bank> @\u200bhere & @alligator",
		"plain": "Night & *day*\n" + strings.NewReplacer("<!", "<\u200b!", "<https", "<\u200bhttps", "@here", "@\u200bhere").Replace(text),
	} {
		out, err := send(t, h.sender(t, format), m{"title": "Night & *day*", "text": text})
		if err != nil || out != `{"channel":"ops","status":200}` {
			t.Errorf("%s %v", out, err)
		}
		if got := h.text.Load(); got != want {
			t.Errorf("%s\n got %q\nwant %q", format, got, want)
		}
	}
}

func TestErrorsSayWhatIsKnownAndKeepTheAddress(t *testing.T) {
	for _, c := range []struct {
		name               string
		answer             func(http.ResponseWriter)
		notDone, permanent bool
		after              time.Duration
	}{
		{"400", says(400), true, true, 0},
		{"404", says(404), true, true, 0},
		{"410", says(410), true, true, 0},
		{"429", says(429, "Retry-After", "30"), true, false, 30 * time.Second},
		{"429 for a week", says(429, "Retry-After", "604800"), true, false, time.Hour},
		{"500", says(500), false, false, 0},
		{"503", says(503), false, false, 0},
		{"hang up", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, c.answer)
			_, err := send(t, h.sender(t, ""), m{"channel": "ops", "text": "x"})
			f := coordinator.FailureOf(err)
			if f == nil || f.NotDone != c.notDone || f.Permanent != c.permanent || f.After != c.after || h.posted.Load() != 1 {
				t.Errorf("%+v, posted %d times", f, h.posted.Load())
			}
			if strings.Contains(f.Message, path) || strings.Contains(f.Message, "kZ9xW2vQ") || !strings.Contains(f.Message, "channel ops: ") {
				t.Error(f.Message)
			}
		})
	}
	h := start(t, fine)
	h.Close()
	_, err := send(t, h.sender(t, ""), m{"text": "x"})
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent || strings.Contains(f.Message, path) {
		t.Errorf("away: %+v", f)
	}
}

func TestServiceThatHangsIsInDoubt(t *testing.T) {
	over := make(chan struct{})
	h := start(t, func(http.ResponseWriter) { <-over })
	t.Cleanup(func() { close(over) })
	w := sender(t, notify.Settings{Timeout: 50 * time.Millisecond, Channels: map[string]notify.Channel{"ops": {URL: h.URL + path, Private: true}}})
	_, err := send(t, w, m{"text": "x"})
	if f := coordinator.FailureOf(err); f == nil || f.NotDone || strings.Contains(f.Message, path) || !strings.Contains(f.Message, "no answer within 50ms") {
		t.Errorf("%+v", f)
	}
}

func TestOnlyPublicHostsUnlessTheChannelIsPrivate(t *testing.T) {
	h := start(t, fine)
	w := sender(t, notify.Settings{Channels: map[string]notify.Channel{"ops": {URL: h.URL + path}}})
	_, err := send(t, w, m{"text": "x"})
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || !strings.Contains(f.Message, "may not be reached") || strings.Contains(f.Message, path) || h.posted.Load() != 0 {
		t.Errorf("%+v", f)
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	h := start(t, fine)
	c := notify.Channel{URL: h.URL + path, Private: true}
	w := sender(t, notify.Settings{MaxText: 10, Channels: map[string]notify.Channel{"ops": c, "team": c}})
	for _, x := range []struct {
		in   m
		want string
	}{
		{m{"text": "x"}, "there is ops, team"},
		{m{"channel": "boss", "text": "x"}, `none called "boss"`},
		{m{"channel": "ops", "text": ""}, "text"},
		{m{"channel": "ops", "text": "12345678901"}, "max_text"},
		{m{"channel": "ops", "text": "x", "title": "a\nb"}, "one line"},
		{m{"channel": "ops", "text": "x", "url": "https://evil.example"}, "url"},
	} {
		if _, err := send(t, w, x.in); err == nil || !strings.Contains(err.Error(), x.want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%v: %v", x.in, err)
		}
	}
	if h.posted.Load() != 0 {
		t.Error("something was posted")
	}
}

func TestCardNamesChannelsNotAddresses(t *testing.T) {
	card := start(t, fine).sender(t, "").Card()
	raw, err := json.Marshal(card)
	if err != nil || !strings.Contains(card.Description, "channel ops: who is on duty") || strings.Contains(string(raw), path) || card.Effect != coordinator.EffectUnrepeatable {
		t.Errorf("%s %v", raw, err)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	one := func(c notify.Channel) notify.Settings {
		return notify.Settings{Channels: map[string]notify.Channel{"ops": c}}
	}
	for _, c := range []struct {
		s    notify.Settings
		want string
	}{
		{notify.Settings{}, "no channel is configured"},
		{one(notify.Channel{}), "channel ops: url is missing"},
		{one(notify.Channel{URL: "kZ9xW2vQ"}), "begins with https"},
		{one(notify.Channel{URL: "ftp://kZ9xW2vQ/x"}), "begins with https"},
		{one(notify.Channel{URL: "https://a.example/kZ9xW2vQ", Format: "html"}), "none of slack, markdown, plain"},
		{notify.Settings{MaxText: -1}, "negative"},
		{notify.Settings{Guard: web.Guard{Private: []string{"*"}}}, "private[0]"},
	} {
		if _, err := notify.New("", c.s); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "kZ9xW2vQ") {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
