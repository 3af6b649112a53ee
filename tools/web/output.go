package web

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"os"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/folder"
	"github.com/tuttirun/tutti/tools/plaintext"
)

var errExists = errors.New("it exists already: set overwrite to replace it, or choose another name")

// Output is an answer.
type Output struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers" jsonschema_description:"those that matter, by their names in lower case"`
	JSON    json.RawMessage   `json:"json,omitempty" jsonschema_description:"the answer, if it is JSON"`
	Text    string            `json:"text,omitempty" jsonschema_description:"the answer, if it is other text"`
	Bytes   int               `json:"bytes" jsonschema_description:"of the answer"`
	Saved   string            `json:"saved,omitempty" jsonschema_description:"path of the file that holds the answer"`
	Pages   int               `json:"pages,omitempty" jsonschema_description:"how many were read; json holds the items of all"`
	More    bool              `json:"more,omitempty" jsonschema_description:"there are more pages than were to be read"`
}

// shownHeaders are what steps use headers for.
var shownHeaders = []string{
	"Content-Type", "Content-Disposition", "Content-Language", "Etag", "Last-Modified", "Location", "Link", "Retry-After",
	"X-Request-Id", "X-Total-Count", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset",
}

const maxHeaderShown = 4000

// output turns an answer into what a step sees.
func output(ctx context.Context, a answer) Output {
	out := outline(a)
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case len(a.body) == 0:
		return out
	case isJSON(kind):
		if canonical, err := coordinator.Canonical(a.body); err == nil {
			out.JSON = canonical
			return out
		}
		tools.Note(ctx, "the answer says that it is %s, but it is not", kind)
	}
	text, binary := plaintext.Decode(a.body)
	if binary {
		tools.Note(ctx, "%d bytes of %s were not kept: save them to a file", len(a.body), kind)
		return out
	}
	out.Text = text
	return out
}

func outline(a answer) Output {
	out := Output{Status: a.status, Headers: map[string]string{}, Bytes: len(a.body)}
	for _, name := range shownHeaders {
		if values := a.header.Values(name); len(values) > 0 {
			text := strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
			out.Headers[strings.ToLower(name)] = text[:min(len(text), maxHeaderShown)]
		}
	}
	return out
}

func isJSON(kind string) bool {
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// save writes an answer to a file. It is written whole or not at all.
func (sv *service) save(a answer, name string, overwrite bool) (Output, error) {
	out := outline(a)
	err := sv.folder.Change(name, func(root *os.Root, local string) error {
		out.Saved = folder.Shown(local)
		_, err := folder.Write(root, local, string(a.body), overwrite)
		return err
	})
	return out, err
}

// reserve refuses a name that could not be written to, before anything is sent.
func (sv *service) reserve(name string, overwrite bool) error {
	return sv.folder.Change(name, func(root *os.Root, local string) error {
		like, err := folder.Compare(root, local, "")
		if err == nil && like == folder.Different && !overwrite {
			return coordinator.Permanent(errExists)
		}
		return err
	})
}
