package data

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// JSONInput names a JSON file, or a part of it.
type JSONInput struct {
	Path  string `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace."`
	At    string `json:"at,omitempty" jsonschema_description:"A JSON pointer (RFC 6901) such as /orders/0/total; the whole file if left out."`
	Lines *bool  `json:"lines,omitempty" jsonschema_description:"The file is JSON Lines, and its value a list; by its name (.jsonl, .ndjson) if left out."`
}

// JSONValue is what json.read gives.
type JSONValue struct {
	Value json.RawMessage `json:"value"`
	Path  string          `json:"path"`
}

func (d *desk) readJSON(_ context.Context, in JSONInput) (JSONValue, error) {
	data, shown, err := d.load(in.Path)
	if err != nil {
		return JSONValue{}, err
	}
	value, err := d.parse(data, isLines(in.Path, in.Lines))
	if err == nil && in.At != "" {
		value, err = at(value, in.At)
	}
	if err != nil {
		return JSONValue{}, permanent("%s: %w", in.Path, err)
	}
	return JSONValue{value, shown}, nil
}

func isLines(name string, setting *bool) bool {
	if setting != nil {
		return *setting
	}
	ext := strings.ToLower(path.Ext(name))
	return ext == ".jsonl" || ext == ".ndjson"
}

// parse checks a document; what it returns is valid JSON.
func (d *desk) parse(data []byte, lines bool) (json.RawMessage, error) {
	if !utf8.Valid(data) || bytes.HasPrefix(data, []byte("\ufeff")) { // RFC 8259 forbids both, and Windows writes both
		text, binary := plaintext.Decode(data)
		if binary {
			return nil, errors.New("it holds binary data, not JSON")
		}
		data = []byte(text)
	}
	if !lines {
		return data, check(data, 1)
	}
	list, n := []json.RawMessage{}, 0
	for line := range bytes.Lines(data) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(list) == d.limits.MaxRows {
			return nil, fmt.Errorf("line %d: more than %d values (max_rows)", n, d.limits.MaxRows)
		}
		if err := check(line, n); err != nil {
			return nil, err
		}
		list = append(list, line)
	}
	return json.Marshal(list)
}

// check finds the first mistake and says where it is; the text begins at the given line.
func check(data []byte, line int) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var whole json.RawMessage
	err := decoder.Decode(&whole)
	offset := decoder.InputOffset()
	if err == nil {
		if rest := bytes.TrimLeft(data[offset:], " \t\r\n"); len(rest) > 0 {
			offset, err = int64(len(data)-len(rest)), errors.New("more than one value (a JSON Lines file? then set lines)")
		}
	}
	if err == nil {
		_, err = coordinator.Decode(whole)
		return err
	}
	if wrong := (*json.SyntaxError)(nil); errors.As(err, &wrong) {
		offset = max(wrong.Offset-1, 0)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		offset, err = int64(len(data)), errors.New("it ends before the value does")
	}
	before := data[:min(int(offset), len(data))]
	line += bytes.Count(before, []byte("\n"))
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("line %d, character %d: %w", line, column, err)
}

// JSONOutput is a JSON file to write, or a part of one to set.
type JSONOutput struct {
	Path      string          `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace. Missing folders are made."`
	Value     json.RawMessage `json:"value"`
	At        string          `json:"at,omitempty" jsonschema_description:"Set only this part of a file that is there: a JSON pointer (RFC 6901) such as /orders/0/total. The rest stays as it is."`
	Lines     *bool           `json:"lines,omitempty" jsonschema_description:"Write a list as JSON Lines; by its name (.jsonl, .ndjson) if left out."`
	Compact   bool            `json:"compact,omitempty" jsonschema_description:"Without line breaks."`
	Overwrite bool            `json:"overwrite,omitempty" jsonschema_description:"Replace a file that has other content; needed to set a part."`
}

func (d *desk) writeJSON(_ context.Context, in JSONOutput) (Written, error) {
	content, err := d.formatJSON(in)
	if err != nil {
		return Written{}, err
	}
	return d.store(in.Path, content, in.Overwrite)
}

func (d *desk) formatJSON(in JSONOutput) (string, error) {
	value, err := coordinator.Canonical(in.Value)
	if err != nil {
		return "", permanent("value: %w", err)
	}
	switch lines := isLines(in.Path, in.Lines); {
	case in.At != "" && lines:
		return "", permanent("at: a part of a JSON Lines file cannot be set; write the whole file")
	case in.At != "":
		return d.withPart(in, value)
	case lines:
		content, err := asLines(value)
		return content, coordinator.Permanent(err)
	}
	return indent(value, in.Compact, "") + "\n", nil
}

// withPart is the file's text with one value in it exchanged. It is read now and compared when it is written: nothing of it
// but the part changes, not even its spaces.
func (d *desk) withPart(in JSONOutput, value json.RawMessage) (string, error) {
	data, _, err := d.load(in.Path)
	if err != nil {
		return "", err
	}
	document, err := d.parse(data, false)
	if err == nil {
		document, err = set(document, in.At, value, in.Compact)
	}
	if err != nil {
		return "", permanent("%s: %w", in.Path, err)
	}
	return string(document), nil
}

func asLines(value json.RawMessage) (string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return "", errors.New("value: JSON Lines are written from a list")
	}
	var b strings.Builder
	for _, v := range list {
		b.Write(v)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// indent writes a value as people read it, each line after the first behind the prefix.
func indent(value json.RawMessage, compact bool, prefix string) string {
	var b bytes.Buffer
	if compact || json.Indent(&b, value, prefix, "  ") != nil {
		return string(value)
	}
	return b.String()
}
