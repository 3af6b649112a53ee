package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/secret"
	"github.com/tuttirun/tutti/tools/web"
)

// Settings of notify.send, as they stand in a workspace file under tools: notify.
type Settings struct {
	web.Guard
	Channels   map[string]Channel `json:"channels"`
	Timeout    time.Duration      `json:"timeout,omitempty"`     // of one message; 0: 15s
	MaxText    int                `json:"max_text,omitempty"`    // characters of a message; 0: 8000
	RetryAfter time.Duration      `json:"retry_after,omitempty"` // longest Retry-After that is waited for; 0: 1h
}

// Channel is a place where messages go.
type Channel struct {
	URL         string `json:"url"`                   // of the incoming webhook; a secret
	Description string `json:"description,omitempty"` // who reads it: for planners and people
	Format      string `json:"format,omitempty"`      // slack, markdown or plain; "": slack
	Private     bool   `json:"private,omitempty"`     // the webhook's host is not public and may be reached nevertheless
}

// Input is a message.
type Input struct {
	Channel string `json:"channel,omitempty" jsonschema_description:"name of a channel; may be left out when there is only one"`
	Title   string `json:"title,omitempty" validate:"max=200" jsonschema_description:"one line, shown above the text"`
	Text    string `json:"text" validate:"required" jsonschema_description:"a little Markdown: **bold**, lists, [links](https://…), code"`
}

// Output says where a message went.
type Output struct {
	Channel string `json:"channel"`
	Status  int    `json:"status"`
}

// New returns notify.send for the channels of the settings. Nothing is sent before a step asks for it.
func New(_ string, s Settings) ([]coordinator.Worker, error) {
	secrets := &secret.Set{}
	n, err := newNotifier(s, secrets)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	w := tools.New("notify.send", n.describe(), n.send, tools.Options{
		Effect: coordinator.EffectUnrepeatable, Authority: []string{"channel"}, Close: n.close,
	})
	if _, err := tools.Map(w); err != nil {
		return nil, err
	}
	return []coordinator.Worker{secret.Guard(w, secrets)}, nil
}

type notifier struct {
	channels   map[string]channel
	maxText    int
	timeout    time.Duration
	retryAfter time.Duration
	secrets    *secret.Set
}

// channel is a Channel, checked.
type channel struct {
	Channel
	client *http.Client
	format func(title, text string) string
}

func newNotifier(s Settings, secrets *secret.Set) (*notifier, error) {
	wrong := []error{s.Guard.Check()}
	if len(s.Channels) == 0 {
		wrong = append(wrong, errors.New("no channel is configured; name one under channels, with the url of its webhook"))
	}
	if s.Timeout < 0 || s.MaxText < 0 || s.RetryAfter < 0 {
		wrong = append(wrong, errors.New("timeout, max_text and retry_after must not be negative"))
	}
	n := &notifier{channels: map[string]channel{}, maxText: s.MaxText, timeout: s.Timeout, retryAfter: s.RetryAfter, secrets: secrets}
	if n.maxText == 0 {
		n.maxText = 8000
	}
	if n.timeout == 0 {
		n.timeout = 15 * time.Second
	}
	if n.retryAfter == 0 {
		n.retryAfter = time.Hour
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Channels)) {
		c, err := newChannel(name, s.Channels[name], s.Guard, secrets)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("channel %s: %w", name, err))
		}
		n.channels[name] = c
	}
	return n, errors.Join(wrong...)
}

func newChannel(name string, c Channel, g web.Guard, secrets *secret.Set) (channel, error) {
	format, ok := formats[c.Format]
	if !ok {
		return channel{}, fmt.Errorf("format: %q is none of slack, markdown, plain", c.Format)
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return channel{}, errors.New("url is missing: the address of its incoming webhook, as a secret")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return channel{}, errors.New("url: it is not the address of a webhook, which begins with https://")
	}
	wrong := []error{secrets.Add("url of "+name, c.URL)}
	if path := u.RequestURI(); len(path) >= secret.MinLength {
		wrong = append(wrong, secrets.Add("url of "+name, path))
	}
	client, err := g.For(u, c.Private).Client(0)
	return channel{c, client, format}, errors.Join(append(wrong, err)...)
}

func (n *notifier) close() error {
	for _, c := range n.channels {
		c.client.CloseIdleConnections()
	}
	return nil
}

func (n *notifier) describe() string {
	var b strings.Builder
	b.WriteString(`Posts a message to a chat channel. Example: {"channel": "ops", "title": "Nightly import", "text": "**312** invoices booked"}.`)
	for _, name := range n.names() {
		fmt.Fprintf(&b, "\nchannel %s", name)
		if text := n.channels[name].Description; text != "" {
			b.WriteString(": " + text)
		}
	}
	return b.String()
}

func (n *notifier) names() []string { return slices.Sorted(maps.Keys(n.channels)) }

func (n *notifier) send(ctx context.Context, in Input) (Output, error) {
	if in.Channel == "" && len(n.channels) == 1 {
		in.Channel = n.names()[0]
	}
	c, ok := n.channels[in.Channel]
	if !ok {
		return Output{}, coordinator.Permanent(fmt.Errorf("channel: there is none called %q; there is %s", in.Channel, strings.Join(n.names(), ", ")))
	}
	if strings.ContainsAny(in.Title, "\r\n") {
		return Output{}, coordinator.Permanent(errors.New("title: it is one line"))
	}
	text := c.format(in.Title, in.Text)
	if size := utf8.RuneCountInString(text); size > n.maxText {
		return Output{}, coordinator.Permanent(fmt.Errorf("text: the message has %d characters; %d is the limit, see max_text in the settings", size, n.maxText))
	}
	status, err := n.post(ctx, c, text)
	if err != nil {
		return Output{}, fmt.Errorf("channel %s: %w", in.Channel, err)
	}
	return Output{in.Channel, status}, nil
}

// post tells a webhook. What is known about an error is marked on it.
func (n *notifier) post(ctx context.Context, c channel, text string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return 0, coordinator.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return 0, coordinator.Permanent(errors.New("its url cannot be used"))
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "tutti")
	resp, err := c.client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, fmt.Errorf("no answer within %s (timeout in the settings) or the attempt's own time: %w", n.timeout, web.Bare(err))
	}
	if err != nil {
		return 0, web.Bare(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return 0, web.Failure(resp, n.retryAfter, n.secrets)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection serves again; the message is posted whatever this gives
	return resp.StatusCode, nil
}
