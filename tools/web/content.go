package web

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"os"
	"path"
	"slices"

	"github.com/tuttirun/tutti/tools/folder"
)

// content reads all that a request carries, so that it can be sent again and nothing is sent when a file is missing.
func (sv *service) content(c Content) (data []byte, kind string, err error) {
	ways := 0
	for _, given := range []bool{len(c.JSON) > 0, len(c.Form)+len(c.Files) > 0, c.File != "", c.Text != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, "", errors.New("a request carries one of json, form (with files), file, text")
	case len(c.JSON) > 0:
		data, kind = c.JSON, "application/json"
	case len(c.Files) > 0:
		data, kind, err = sv.multipart(c)
	case len(c.Form) > 0:
		data, kind = []byte(encodeForm(c.Form)), "application/x-www-form-urlencoded"
	case c.File != "":
		data, err = sv.load(c.File)
		kind = typeOf(c.File)
	case c.Text != "":
		data, kind = []byte(c.Text), "text/plain; charset=utf-8"
	}
	if err != nil {
		return nil, "", err
	}
	if most := sv.settings.MaxSend; len(data) > most {
		return nil, "", fmt.Errorf("the content has %d bytes; %d is the limit, see max_send in the settings", len(data), most)
	}
	return data, kind, nil
}

func (sv *service) load(name string) (data []byte, err error) {
	err = sv.folder.Within(name, func(root *os.Root, local string) error {
		data, err = folder.Load(root, local, sv.settings.MaxSend)
		return err
	})
	return data, err
}

func typeOf(name string) string {
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func encodeForm(form map[string]Values) string {
	out := url.Values{}
	for name, values := range form {
		out[name] = values
	}
	return out.Encode()
}

// boundary divides the parts of a form. It is fixed so that a repeated request is the same to the byte, which services that
// compare keys with contents (Idempotency-Key) insist on.
const boundary = "tutti-7MA4YWxkTrZu0gW5vYh2c8Qd"

func (sv *service) multipart(c Content) ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		return nil, "", err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Form)) {
		for _, value := range c.Form[name] {
			if err := w.WriteField(name, value); err != nil {
				return nil, "", err
			}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(c.Files)) {
		data, err := sv.load(c.Files[field])
		if err != nil {
			return nil, "", fmt.Errorf("files.%s: %w", field, err)
		}
		if bytes.Contains(data, []byte("--"+boundary)) {
			return nil, "", fmt.Errorf("files.%s: it holds the line that divides the parts of a form", field)
		}
		if b.Len()+len(data) > sv.settings.MaxSend {
			return nil, "", fmt.Errorf("the files of the form have more than %d bytes together; see max_send in the settings", sv.settings.MaxSend)
		}
		part, err := w.CreateFormFile(field, path.Base(c.Files[field]))
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write(data); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}
