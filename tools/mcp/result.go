package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"os"
	"path"
	"reflect"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/folder"
)

// Answer is the output of a tool that gives no structured content.
type Answer struct {
	Text    string    `json:"text" jsonschema_description:"all texts of the answer, joined by line breaks"`
	Content []Content `json:"content,omitempty" jsonschema_description:"what else the answer held"`
}

// Content is one part of an answer that is no plain text.
type Content struct {
	Kind        string `json:"kind"` // image, audio, resource, link, other
	MIMEType    string `json:"mime_type,omitempty"`
	URI         string `json:"uri,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Text        string `json:"text,omitempty"` // of a resource that is text
	Bytes       int64  `json:"bytes,omitempty"`
	SHA256      string `json:"sha256,omitempty"`
	Path        string `json:"path,omitempty"` // in the workspace, if the settings say where to save
}

// output makes a worker's output of what a tool answered.
func (t *tool) output(ctx context.Context, r *sdk.CallToolResult) (json.RawMessage, error) {
	if r.IsError {
		return nil, t.refusal(r)
	}
	if r.StructuredContent == nil {
		if len(t.Output) > 0 {
			return nil, errors.New("it answered without the structured content that its output schema promises")
		}
		return t.answer(ctx, r.Content)
	}
	raw, err := exact(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := t.small(raw); err != nil {
		return nil, err
	}
	if err := t.promised.Validate(raw); err != nil {
		return nil, fmt.Errorf("its answer does not keep to its output schema: %s", line(err.Error(), maxError))
	}
	return raw, nil
}

// refusal is the error that a tool reports itself.
func (t *tool) refusal(r *sdk.CallToolResult) error {
	text := line(t.server.hidden.Mask(texts(r.Content)), maxError)
	if text == "" {
		text = "it reports an error without saying which"
	}
	err := errors.New(text)
	if t.server.settings.Errors == "not_done" {
		return coordinator.NotDone(err)
	}
	// What the TypeScript SDK says of arguments before the tool sees them.
	if strings.HasPrefix(text, "MCP error -32602: Input validation error") {
		return coordinator.Permanent(err)
	}
	return err
}

func texts(content []sdk.Content) string {
	var parts []string
	for _, c := range content {
		if t, ok := c.(*sdk.TextContent); ok {
			parts = append(parts, t.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// small refuses an output that is larger than it may be. For a tool with an effect the error leaves in doubt what it should:
// it happened, and its result is lost.
func (t *tool) small(raw []byte) error {
	if most := t.server.settings.MaxOutput; len(raw) > most {
		err := fmt.Errorf("its answer has %d bytes; %d is the limit: ask for less, or raise max_output in its settings", len(raw), most)
		if t.effect == coordinator.EffectNone || t.effect == coordinator.EffectRead {
			return coordinator.Permanent(err)
		}
		return err
	}
	return nil
}

// exact returns the structured content with its numbers as the server wrote them. The SDK reads them as floating point;
// beyond 2^53 the text that repeats the content is what is exact.
func exact(ctx context.Context, r *sdk.CallToolResult) (json.RawMessage, error) {
	for _, c := range r.Content {
		t, ok := c.(*sdk.TextContent)
		if !ok {
			continue
		}
		var same any
		if json.Unmarshal([]byte(t.Text), &same) == nil && reflect.DeepEqual(same, r.StructuredContent) {
			return coordinator.Canonical(json.RawMessage(t.Text))
		}
	}
	if n := len(r.Content); n > 0 && !onlyText(r.Content) {
		tools.Note(ctx, "the answer held other content beside the structured one; it was left out")
	}
	if inexact(r.StructuredContent) {
		tools.Note(ctx, "whole numbers above 2^53 in the answer may have lost digits")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r.StructuredContent); err != nil {
		return nil, err
	}
	return coordinator.Canonical(b.Bytes())
}

func onlyText(content []sdk.Content) bool {
	for _, c := range content {
		if _, ok := c.(*sdk.TextContent); !ok {
			return false
		}
	}
	return true
}

func inexact(v any) bool {
	switch v := v.(type) {
	case float64:
		return math.Abs(v) > 1<<53 && v == math.Trunc(v)
	case []any:
		for _, item := range v {
			if inexact(item) {
				return true
			}
		}
	case map[string]any:
		for _, item := range v {
			if inexact(item) {
				return true
			}
		}
	}
	return false
}

// answer describes unstructured content.
func (t *tool) answer(ctx context.Context, content []sdk.Content) (json.RawMessage, error) {
	a := Answer{Text: texts(content)}
	for _, c := range content {
		if _, ok := c.(*sdk.TextContent); ok {
			continue
		}
		one, err := t.describe(c)
		if err != nil { // the tool has done its work: a disk that is full does not undo it
			tools.Note(ctx, "%v", err)
		}
		a.Content = append(a.Content, one)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return raw, t.small(raw)
}

func (t *tool) describe(c sdk.Content) (Content, error) {
	switch c := c.(type) {
	case *sdk.ImageContent:
		return t.data(Content{Kind: "image", MIMEType: c.MIMEType}, c.Data)
	case *sdk.AudioContent:
		return t.data(Content{Kind: "audio", MIMEType: c.MIMEType}, c.Data)
	case *sdk.ResourceLink:
		out := Content{Kind: "link", URI: c.URI, Name: c.Name, Description: c.Description, MIMEType: c.MIMEType}
		if c.Size != nil {
			out.Bytes = *c.Size
		}
		return out, nil
	case *sdk.EmbeddedResource:
		if c.Resource == nil {
			return Content{Kind: "resource"}, nil
		}
		out := Content{Kind: "resource", URI: c.Resource.URI, MIMEType: c.Resource.MIMEType, Text: c.Resource.Text}
		if c.Resource.Blob == nil {
			return out, nil
		}
		return t.data(out, c.Resource.Blob)
	}
	return Content{Kind: "other"}, nil
}

// data describes bytes, and keeps them if the settings say where. Equal bytes are kept once.
func (t *tool) data(c Content, data []byte) (Content, error) {
	sum := sha256.Sum256(data)
	c.Bytes, c.SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
	if t.server.settings.Save == "" {
		return c, nil
	}
	f, err := folder.New(t.server.dir)
	if err != nil {
		return c, err
	}
	name := path.Join(t.server.settings.Save, c.SHA256[:32]+extension(c.MIMEType))
	err = f.Change(name, func(root *os.Root, local string) error {
		_, err := folder.Write(root, local, string(data), true)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("content of the answer was not kept: %w", err)
	}
	c.Path = name
	return c, nil
}

// extension is the usual one of a few types that people open; a server's word chooses no other.
func extension(mimeType string) string {
	kind, _, err := mime.ParseMediaType(mimeType)
	if err != nil {
		return ".bin"
	}
	known := map[string]string{
		"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "audio/wav": ".wav", "audio/mpeg": ".mp3",
		"application/pdf": ".pdf", "application/gzip": ".gz", "application/zip": ".zip", "application/json": ".json", "text/plain": ".txt", "text/csv": ".csv",
	}
	if ext, ok := known[kind]; ok {
		return ext
	}
	return ".bin"
}
