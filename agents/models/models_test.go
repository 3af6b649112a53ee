package models_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/tmc/langchaingo/llms"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/models"
	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/coordinator"
)

func TestOpenAIModelIsAskedAtItsBaseURL(t *testing.T) {
	p := modeltest.New(t, modeltest.Text("hello"))
	m, err := models.Open("openai/meta/llama-3", models.Settings{BaseURL: p.URL()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := llms.GenerateFromSinglePrompt(t.Context(), m, "hi")
	if err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if name := p.Requests()[0].Model; name != "meta/llama-3" {
		t.Errorf("asked for model %q", name)
	}
}

func TestOfflineModelOpensWithoutSettings(t *testing.T) {
	if m, err := models.Open("offline", models.Settings{}); err != nil || m == nil {
		t.Errorf("%v, %v", m, err)
	}
}

func TestAgentReadsATextOnTheOfflineModel(t *testing.T) {
	m, err := models.Open("offline", models.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := agents.New(agents.Config{
		Name: "invoice-reader", Model: m, Instructions: "Read the invoice.",
		Output: json.RawMessage(`{"type":"object","properties":{"invoice_number":{"type":"string"}},"required":["invoice_number"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.Do(t.Context(), coordinator.Attempt{Run: "r", Path: "read", Input: json.RawMessage(`{"document":"ACME Ltd\nInvoice number: R-2026-17\nTotal: 119.00 EUR\n"}`)})
	if err != nil || string(r.Output) != `{"invoice_number":"R-2026-17"}` {
		t.Fatalf("%s, %v", r.Output, err)
	}
	if r.Confidence == nil || r.Confidence.Score <= 0 {
		t.Errorf("confidence %+v", r.Confidence)
	}
}

func TestUnknownModelListsWhatExists(t *testing.T) {
	for _, name := range []string{"", "gpt-4o", "openai", "openai/", "offline/x"} {
		_, err := models.Open(name, models.Settings{})
		if err == nil || !strings.Contains(err.Error(), "there are offline, openai/<model> and anthropic/<model>") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMissingKeyIsFoundBeforeAnythingIsSent(t *testing.T) {
	t.Setenv("MY_KEY", "")
	_, err := models.Open("openai/x", models.Settings{APIKeyEnv: "MY_KEY"})
	if err == nil || !strings.Contains(err.Error(), "model openai/x: openai: no API key: set the environment variable MY_KEY") {
		t.Errorf("error %v", err)
	}
}

func TestSettingsReadAlikeFromJSONAndYAML(t *testing.T) {
	want := models.Settings{
		BaseURL: "http://localhost:11434/v1", APIKeyEnv: "K", Timeout: 90 * time.Second, Retries: -1,
		MaxWait: time.Minute, MaxBody: 9, Format: "json_object", Price: agents.Price{Input: 0.15, Output: 0.6, Cached: 0.075},
	}
	var fromJSON, fromYAML models.Settings
	text := `{"base_url":"http://localhost:11434/v1","api_key_env":"K","timeout":90000000000,"retries":-1,"max_wait":60000000000,"max_body":9,
		"format":"json_object","price":{"input":0.15,"output":0.6,"cached":0.075}}`
	if err := json.Unmarshal([]byte(text), &fromJSON); err != nil || !reflect.DeepEqual(fromJSON, want) {
		t.Errorf("JSON: %+v, %v", fromJSON, err)
	}
	text = `
base_url: http://localhost:11434/v1
api_key_env: K
timeout: 90s
retries: -1
max_wait: 1m
max_body: 9
format: json_object
price: {input: 0.15, output: 0.6, cached: 0.075}
`
	if err := yaml.UnmarshalWithOptions([]byte(text), &fromYAML, yaml.Strict()); err != nil || !reflect.DeepEqual(fromYAML, want) {
		t.Errorf("YAML: %+v, %v", fromYAML, err)
	}
}

func TestSettingsSurviveARoundTrip(t *testing.T) {
	in := models.Settings{Timeout: time.Second, Price: agents.Price{Input: 1}}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out models.Settings
	if err := json.Unmarshal(raw, &out); err != nil || !reflect.DeepEqual(out, in) {
		t.Errorf("%+v, %v", out, err)
	}
}
