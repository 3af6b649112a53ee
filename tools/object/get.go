package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/folder"
	"github.com/tuttirun/tutti/tools/plaintext"
)

// Name names an object.
type Name struct {
	Store string `json:"store,omitempty" jsonschema_description:"which one; may be left out when there is only one"`
	Key   string `json:"key" validate:"required" jsonschema_description:"below the prefix of the store, such as 2026/R-1.pdf"`
}

// Facts are what a store knows about an object.
type Facts struct {
	Key         string `json:"key"`
	Bytes       int    `json:"bytes"`
	ContentType string `json:"content_type,omitempty"`
	ETag        string `json:"etag,omitempty"`
	Modified    string `json:"modified,omitempty" jsonschema_description:"RFC 3339, by the store's clock"`
}

// Text is what object.get gives.
type Text struct {
	Facts
	Text string `json:"text"`
}

func (d *depot) get(ctx context.Context, in Name) (Text, error) {
	s, err := d.find(in.Store)
	if err != nil {
		return Text{}, coordinator.Permanent(err)
	}
	data, facts, err := s.fetch(ctx, in.Key, min(d.limits.MaxText, d.limits.MaxBytes))
	if err != nil {
		return Text{}, err
	}
	text, binary := plaintext.Decode(data)
	if binary {
		return Text{}, coordinator.Permanent(fmt.Errorf("store %s: %s: it holds binary data; object.download saves it as a file", s.name, in.Key))
	}
	return Text{facts, text}, nil
}

// DownloadInput names an object and the file to make of it.
type DownloadInput struct {
	Name
	Path      string `json:"path" validate:"required" jsonschema_description:"The file, relative to the workspace. Missing folders are made."`
	Overwrite bool   `json:"overwrite,omitempty" jsonschema_description:"Replace a file that has other content."`
}

// Saved is what object.download gives.
type Saved struct {
	Facts
	Path    string `json:"path"`
	Changed bool   `json:"changed" jsonschema_description:"False if the file was like this before."`
}

func (d *depot) download(ctx context.Context, in DownloadInput) (Saved, error) {
	s, err := d.find(in.Store)
	if err != nil {
		return Saved{}, coordinator.Permanent(err)
	}
	var out Saved
	err = d.folder.Change(in.Path, func(root *os.Root, local string) error {
		data, facts, err := s.fetch(ctx, in.Key, d.limits.MaxBytes)
		if err != nil {
			return coordinator.NotDone(err)
		}
		out = Saved{Facts: facts, Path: folder.Shown(local)}
		out.Changed, err = folder.Write(root, local, string(data), in.Overwrite)
		return err
	})
	return out, err
}

// fetch reads an object of at most limit bytes.
func (s *store) fetch(ctx context.Context, key string, limit int) ([]byte, Facts, error) {
	full, err := s.full(key)
	if err != nil {
		return nil, Facts{}, coordinator.Permanent(err)
	}
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &full})
	if err != nil {
		return nil, Facts{}, s.failure(ctx, key, err)
	}
	defer out.Body.Close()
	tooLarge := coordinator.Permanent(fmt.Errorf("store %s: %s: it is larger than the limit of %d bytes", s.name, key, limit))
	if aws.ToInt64(out.ContentLength) > int64(limit) {
		return nil, Facts{}, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, int64(limit)+1))
	switch {
	case err != nil:
		return nil, Facts{}, s.failure(ctx, key, err)
	case len(data) > limit:
		return nil, Facts{}, tooLarge
	case out.ContentLength != nil && int64(len(data)) != *out.ContentLength:
		return nil, Facts{}, s.failure(ctx, key, errors.New("the connection ended before the object did"))
	}
	return data, Facts{
		Key: key, Bytes: len(data), ContentType: aws.ToString(out.ContentType), ETag: aws.ToString(out.ETag), Modified: instant(out.LastModified),
	}, nil
}

func instant(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
