package anthropic

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/provider"
	"github.com/tuttirun/tutti/coordinator"
)

// transport is the SDK's HTTP client.
type transport struct{ client *provider.Client }

func (t transport) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, &agents.ProviderError{Provider: name, Message: "request", Err: err}
	}
	answer, err := t.client.Send(r.Context(), r, body)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(answer)), ContentLength: int64(len(answer)),
	}, nil
}

// wireAnswer is what is looked at before the SDK reads an answer, which it does leniently.
type wireAnswer struct {
	Type       string            `json:"type"`
	Error      *provider.Fault   `json:"error"`
	Content    []json.RawMessage `json:"content"`
	StopReason string            `json:"stop_reason"`
	Details    struct {
		Category    string `json:"category"`
		Explanation string `json:"explanation"`
	} `json:"stop_details"`
	Usage struct {
		Input   int64 `json:"input_tokens"`
		Output  int64 `json:"output_tokens"`
		Read    int64 `json:"cache_read_input_tokens"`
		Written int64 `json:"cache_creation_input_tokens"`
	} `json:"usage"`
}

// checkAnswer refuses what is no whole answer.
func checkAnswer(body []byte) error {
	e := &agents.ProviderError{Provider: name, Status: http.StatusOK}
	var a wireAnswer
	if err := json.Unmarshal(body, &a); err != nil {
		e.Message, e.Err = "the answer is not a message: "+provider.Excerpt(body), err
		return e
	}
	u := a.Usage
	e.Usage = coordinator.Usage{Input: u.Input + u.Read + u.Written, Output: u.Output, Cached: u.Read}
	switch {
	case a.Error != nil: // some gateways report errors with HTTP 200
		a.Error.Fill(e)
	case a.Type != "message" || a.Content == nil:
		e.Message = "the answer is not a message: " + provider.Excerpt(body)
	case a.StopReason == "":
		e.Message = "the answer broke off: it has no stop_reason"
	case a.StopReason == string(sdk.StopReasonRefusal):
		e.Code, e.Message = agents.CodeRefusal, "the model does not want to answer"
		if why := a.Details.Explanation; why != "" {
			e.Message = provider.Excerpt([]byte(why))
		}
	default:
		return nil
	}
	return e
}
