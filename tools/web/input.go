package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"golang.org/x/net/http/httpguts"
)

// Address is where a request goes and what it says besides its content.
type Address struct {
	Endpoint string            `json:"endpoint,omitempty" jsonschema_description:"name of a service that the workspace configures, credentials included; or else url"`
	Path     string            `json:"path,omitempty" validate:"max=4000" jsonschema_description:"below the endpoint's address, such as /customers/17"`
	URL      string            `json:"url,omitempty" validate:"max=8000" jsonschema_description:"the address in full, for what needs no credentials; or else endpoint and path"`
	Query    map[string]Values `json:"query,omitempty" validate:"max=100" jsonschema_description:"parameters after the question mark; a list repeats one; null leaves it out"`
	Headers  map[string]string `json:"headers,omitempty" validate:"max=50" jsonschema_description:"such as Accept; never credentials"`
	Expect   []int             `json:"expect,omitempty" validate:"max=50,dive,gte=200,lte=599" jsonschema_description:"statuses that are fine, such as [200, 404]; without it, 200 to 299"`
}

// Values are the values of one parameter: a string, number or boolean, a list of such, or null for none.
type Values []string

// UnmarshalJSON keeps numbers as they are written.
func (v *Values) UnmarshalJSON(raw []byte) error {
	*v = nil
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, item := range list {
		text, err := scalar(item)
		if err != nil {
			return err
		}
		if text != nil {
			*v = append(*v, *text)
		}
	}
	return nil
}

func scalar(raw json.RawMessage) (*string, error) {
	text := string(raw)
	switch {
	case text == "null":
		return nil, nil
	case text[0] == '"':
		err := json.Unmarshal(raw, &text)
		return &text, err
	case text[0] == '{' || text[0] == '[':
		return nil, errors.New("a parameter is a string, number, boolean, or a list of such")
	}
	return &text, nil
}

// JSONSchema says so to the reflector.
func (Values) JSONSchema() *jsonschema.Schema {
	one := []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}, {Type: "null"}}
	return &jsonschema.Schema{AnyOf: append(one, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: one}})}
}

// Content is what a request carries: one of its fields, or form and files together.
type Content struct {
	JSON  json.RawMessage   `json:"json,omitempty" jsonschema_description:"any value, sent as JSON"`
	Form  map[string]Values `json:"form,omitempty" validate:"max=1000" jsonschema_description:"fields of a form"`
	Files map[string]string `json:"files,omitempty" validate:"max=20" jsonschema_description:"files of a form: a path in the workspace for each field"`
	File  string            `json:"file,omitempty" jsonschema:"format=path" jsonschema_description:"path of a file in the workspace, sent as it is"`
	Text  string            `json:"text,omitempty" jsonschema_description:"plain text; another type is said by the header Content-Type"`
}

// SaveTo is a file for an answer.
type SaveTo struct {
	Save      string `json:"save,omitempty" jsonschema:"format=path" jsonschema_description:"path in the workspace of a file for the answer"`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema_description:"replace a file that has other content"`
}

// GetInput asks for something.
type GetInput struct {
	Address
	Method string `json:"method,omitempty" validate:"omitempty,oneof=GET HEAD" jsonschema_description:"GET unless it says HEAD"`
	Pages  *Pages `json:"pages,omitempty" jsonschema_description:"follow the pages of a long answer and collect their items"`
}

// DownloadInput asks for a file.
type DownloadInput struct {
	Address
	Save      string `json:"save" validate:"required" jsonschema:"format=path" jsonschema_description:"path in the workspace of the file to write"`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema_description:"replace a file that has other content"`
}

// RequestInput asks for anything.
type RequestInput struct {
	Address
	Method string `json:"method" validate:"required,oneof=GET HEAD OPTIONS POST PUT PATCH DELETE"`
	Content
	SaveTo
}

// protocol are the headers that belong to the connection or are ours to set.
var protocol = set("Host", "Content-Length", "Transfer-Encoding", "Connection", "Proxy-Connection", "Keep-Alive", "Te",
	"Trailer", "Upgrade", "Expect", "Accept-Encoding", "Http2-Settings")

// credential are the headers that say who asks.
var credential = set("Authorization", "Proxy-Authorization", "Cookie", "Cookie2")

func set(names ...string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, name := range names {
		out[name] = true
	}
	return out
}

func checkHeader(name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("%q is not a header's name", name)
	case !httpguts.ValidHeaderFieldValue(value):
		return fmt.Errorf("%s: a value is one line of text", name)
	case protocol[canonical]:
		return fmt.Errorf("%s belongs to the protocol and cannot be set", name)
	}
	return nil
}

// header returns the headers of a step.
func (a Address) header() (http.Header, error) {
	out := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		if err := checkHeader(name, a.Headers[name]); err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		if credential[http.CanonicalHeaderKey(name)] {
			return nil, fmt.Errorf("headers: %s is a credential: it belongs in the auth of an endpoint in tutti.yaml, as a secret", name)
		}
		out.Set(name, a.Headers[name])
	}
	return out, nil
}

// expects reports whether a status is fine.
func (a Address) expects(status int) bool {
	if len(a.Expect) > 0 {
		return slices.Contains(a.Expect, status)
	}
	return status >= 200 && status < 300
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
