package provider

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Defaults of Settings.
const (
	DefaultTimeout = 2 * time.Minute
	DefaultRetries = 2
	DefaultBackoff = 500 * time.Millisecond
	DefaultMaxWait = 15 * time.Second
	DefaultMaxBody = 8 << 20
)

// Settings of a connection; the zero value takes what Home says and the defaults.
type Settings struct {
	BaseURL   string // "": Home's
	APIKey    string // "": the variable APIKeyEnv
	APIKeyEnv string // "": Home's at its own address; elsewhere no key is sent, so that it goes nowhere else

	Timeout time.Duration // of one HTTP exchange; 0: DefaultTimeout
	Retries int           // repetitions after a passing failure; 0: DefaultRetries, negative: none
	Backoff time.Duration // before the first repetition, doubled for each further one; 0: DefaultBackoff
	MaxWait time.Duration // longest wait in between: a provider that asks for more gets it from the coordinator; 0: DefaultMaxWait
	MaxBody int64         // bytes of an answer; 0: DefaultMaxBody

	Client *http.Client // nil: a client of its own that follows no redirects
}

// Home is what a provider is without settings.
type Home struct {
	Name      string // for errors, e.g. "openai"
	BaseURL   string
	APIKeyEnv string
}

// Connect checks the settings. It sends nothing. Check reads an answer with HTTP 200 and refuses what is no whole answer.
func Connect(home Home, s Settings, check func(answer []byte) error) (*Client, error) {
	base, err := url.Parse(cmp.Or(s.BaseURL, home.BaseURL))
	if err != nil {
		return nil, errors.New("base_url is not a URL") // the URL itself may hold a password
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("base_url %q: want something like %s", base.Redacted(), home.BaseURL)
	}
	key, err := apiKey(home, s)
	if err != nil {
		return nil, err
	}
	c := &Client{
		BaseURL: base.String(), Key: key, name: home.Name, check: check, client: s.Client,
		timeout: cmp.Or(s.Timeout, DefaultTimeout), retries: max(cmp.Or(s.Retries, DefaultRetries), 0),
		backoff: cmp.Or(s.Backoff, DefaultBackoff), maxWait: cmp.Or(s.MaxWait, DefaultMaxWait),
		maxBody: cmp.Or(s.MaxBody, DefaultMaxBody),
	}
	if c.timeout < 0 || c.backoff < 0 || c.maxWait < 0 || c.maxBody < 0 {
		return nil, errors.New("timeout, backoff, max_wait and max_body must not be negative")
	}
	if c.client == nil {
		c.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return c, nil
}

func apiKey(home Home, s Settings) (string, error) {
	if s.APIKey != "" {
		return s.APIKey, nil
	}
	name := s.APIKeyEnv
	if name == "" {
		if s.BaseURL != "" {
			return "", nil
		}
		name = home.APIKeyEnv
	}
	if key := os.Getenv(name); key != "" {
		return key, nil
	}
	return "", fmt.Errorf("no API key: set the environment variable %s, or api_key", name)
}
