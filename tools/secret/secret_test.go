package secret_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/secret"
)

const canary = `kanarie-"7&b</+=é`

func set(t *testing.T, pairs ...string) *secret.Set {
	t.Helper()
	s := new(secret.Set)
	for i := 0; i < len(pairs); i += 2 {
		if err := s.Add(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestMaskFindsASecretHoweverItIsWritten(t *testing.T) {
	s := set(t, "crm", canary)
	quoted, _ := json.Marshal(canary)
	for name, text := range map[string]string{
		"plain":       "token " + canary + " refused",
		"json":        string(quoted),
		"query":       "https://x.example/?key=" + url.QueryEscape(canary),
		"path":        "https://x.example/" + url.PathEscape(canary),
		"json of php": strings.ReplaceAll(string(quoted), "/", `\/`),
		"small query": "https://x.example/?key=" + strings.ToLower(url.QueryEscape(canary)),
		"html":        "<p>" + html.EscapeString(canary) + "</p>",
		"basic":       "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+canary)),
		"basic, 1 on": "Basic " + base64.StdEncoding.EncodeToString([]byte("adam:"+canary)),
		"basic, 2 on": "Basic " + base64.URLEncoding.EncodeToString([]byte("adams:"+canary)),
	} {
		got := s.Mask(text)
		if !strings.Contains(got, "[secret crm]") || strings.Contains(got, "kanarie") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestASecretOfSeveralLinesIsMaskedOnOne(t *testing.T) {
	s := set(t, "key", "-----BEGIN KEY-----\nMIIEcanary\r\n  ZZZZcanary\n-----END KEY-----\n")
	if got := s.Mask("refused: -----BEGIN KEY----- MIIEcanary ZZZZcanary -----END KEY-----"); got != "refused: [secret key]" {
		t.Error(got)
	}
}

func TestACardTellsNoSecret(t *testing.T) {
	schema := json.RawMessage(`{"description":"` + "ask with card-canary" + `"}`)
	w := tools.New("x", "uses card-canary", func(context.Context, json.RawMessage) (any, error) { return nil, nil }, tools.Options{Input: schema, Output: schema})
	c := secret.Guard(w, set(t, "x", "card-canary")).Card()
	if text := c.Description + string(c.Input) + string(c.Output); strings.Contains(text, "canary") || c.Name != "x" {
		t.Errorf("%+v", c)
	}
}

func TestTheLongerSecretIsMaskedAsItself(t *testing.T) {
	s := set(t, "short", "abcdef", "long", "abcdefghi")
	if got := s.Mask("abcdefghi abcdef"); got != "[secret long] [secret short]" {
		t.Error(got)
	}
}

func TestMaskedJSONStaysJSON(t *testing.T) {
	s := set(t, "pin", "12345678")
	for raw, want := range map[string]string{
		`{"pin":12345678}`:                  `{"pin":"[secret pin]"}`,
		`{"12345678":[null,true,1]}`:        `{"[secret pin]":[null,true,1]}`,
		`"\u0031\u0032345678"`:              `"[secret pin]"`,
		`{"n":1.50}`:                        `{"n":1.50}`,
		`{"a":"x 12345678 y","b":12345678}`: `{"a":"x [secret pin] y","b":"[secret pin]"}`,
	} {
		if got := string(s.MaskJSON(json.RawMessage(raw))); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestNoFormOfASecretSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringN(secret.MinLength, 40, -1).Draw(t, "value")
		s := new(secret.Set)
		if err := s.Add("x", value); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(map[string]string{"before": rapid.String().Draw(t, "text"), "value": "<" + value + ">"})
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]string
		if err := json.Unmarshal(s.MaskJSON(raw), &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out["value"], strings.ToValidUTF8(value, "\ufffd")) {
			t.Fatalf("%q shows in %q", value, out["value"])
		}
	})
}

func TestThePartsOfASecretURLAreMasked(t *testing.T) {
	s := set(t, "hook", "https://hooks.example/services/T000/B000%26/XXXXXXXX", "db", "postgres://ada:gehe%26im@db.example/shop")
	for _, text := range []string{"no route /services/T000/B000&/XXXXXXXX", "POST /services/T000/B000%26/XXXXXXXX", `password "gehe&im" is wrong`} {
		if got := s.Mask(text); !strings.Contains(got, "[secret ") || strings.Contains(got, "XXXX") || strings.Contains(got, "gehe") {
			t.Error(got)
		}
	}
	if got := s.Mask("the table /shop at hooks.example"); got != "the table /shop at hooks.example" {
		t.Errorf("what is no secret is masked: %s", got)
	}
}

func TestAShortSecretIsRefusedWithoutBeingTold(t *testing.T) {
	err := new(secret.Set).Add("x", "hunte")
	if err == nil || strings.Contains(err.Error(), "hunte") {
		t.Error(err)
	}
}

type leaky struct{ closed *bool }

func (leaky) Card() coordinator.Card { return coordinator.Card{Name: "leaky"} }

func (leaky) Do(context.Context, coordinator.Attempt) (coordinator.Result, error) {
	raw, _ := json.Marshal(canary)
	return coordinator.Result{
		Output: raw, State: raw, Exchange: raw, Note: canary, Calls: []coordinator.Call{{Use: "x", Input: raw}},
		Confidence: &coordinator.Confidence{Veto: canary, Signals: []coordinator.Signal{{Name: "a", Note: canary}}},
	}, coordinator.RetryAfter(errors.New("refused: "+canary), time.Minute)
}

func (l leaky) Reconcile(context.Context, coordinator.Attempt) (coordinator.Result, bool, error) {
	raw, _ := json.Marshal(canary)
	return coordinator.Result{Output: raw}, true, nil
}

func (l leaky) Close() error { *l.closed = true; return nil }

func TestAGuardedWorkerTellsNoSecret(t *testing.T) {
	closed := false
	w := secret.Guard(leaky{&closed}, set(t, "crm", canary))
	r, err := w.Do(t.Context(), coordinator.Attempt{})
	said, _ := json.Marshal(r)
	if text := string(said) + err.Error(); strings.Contains(text, "kanarie") || strings.Count(text, "[secret crm]") != 8 {
		t.Error(text)
	}
	if f := coordinator.FailureOf(err); !f.NotDone || f.After != time.Minute {
		t.Errorf("what is known about the failure is lost: %+v", f)
	}
	r, happened, err := w.(coordinator.Reconciler).Reconcile(t.Context(), coordinator.Attempt{})
	if string(r.Output) != `"[secret crm]"` || !happened || err != nil {
		t.Errorf("%s, %v, %v", r.Output, happened, err)
	}
	if err := w.(io.Closer).Close(); err != nil || !closed {
		t.Error("not closed", err)
	}
}
