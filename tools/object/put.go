package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/folder"
)

// PutInput is an object to write: a file or a text.
type PutInput struct {
	Name
	Path        string  `json:"path,omitempty" jsonschema_description:"The file that it is made of, relative to the workspace."`
	Text        *string `json:"text,omitempty" jsonschema_description:"The content itself, in place of a file."`
	ContentType string  `json:"content_type,omitempty" validate:"max=255" jsonschema_description:"By the ending of the key if left out."`
	Overwrite   bool    `json:"overwrite,omitempty" jsonschema_description:"Replace an object that has other content."`
}

// PutOutput says what became of it.
type PutOutput struct {
	Key     string `json:"key"`
	Bytes   int    `json:"bytes"`
	SHA256  string `json:"sha256"`
	ETag    string `json:"etag,omitempty"`
	Changed bool   `json:"changed" jsonschema_description:"False if the object was like this before, as far as that was looked at: with overwrite it is written anyway."`
}

func (d *depot) put(ctx context.Context, in PutInput) (PutOutput, error) {
	s, err := d.find(in.Store)
	if err != nil {
		return PutOutput{}, coordinator.Permanent(err)
	}
	full, err := s.full(in.Key)
	if err != nil {
		return PutOutput{}, coordinator.Permanent(err)
	}
	content, err := d.content(in)
	if err != nil {
		return PutOutput{}, coordinator.NotDone(err)
	}
	sum := sha256.Sum256(content)
	out := PutOutput{Key: in.Key, Bytes: len(content), SHA256: hex.EncodeToString(sum[:])}
	if !in.Overwrite {
		if there, etag, err := s.holds(ctx, full, in.Key, content); err != nil || there {
			out.ETag = etag
			return out, err
		}
	}
	out.ETag, err = s.write(ctx, full, in, content)
	out.Changed = err == nil
	if _, status := answer(err); status == http.StatusPreconditionFailed || status == http.StatusConflict { // somebody was faster
		var there bool
		if there, out.ETag, err = s.holds(ctx, full, in.Key, content); there {
			return out, nil
		} else if err == nil {
			err = coordinator.NotDone(fmt.Errorf("store %s: %s: it is being changed by somebody else", s.name, in.Key))
		}
		return out, err
	}
	if err != nil {
		err = s.failure(ctx, in.Key, err)
	}
	return out, err
}

func (d *depot) content(in PutInput) (content []byte, err error) {
	switch {
	case (in.Path == "") == (in.Text == nil):
		return nil, coordinator.Permanent(errors.New("path or text: exactly one of them says what to write"))
	case in.Text != nil && len(*in.Text) > d.limits.MaxBytes:
		return nil, coordinator.Permanent(fmt.Errorf("text: it is larger than the limit of %d bytes", d.limits.MaxBytes))
	case in.Text != nil:
		return []byte(*in.Text), nil
	}
	err = d.folder.Within(in.Path, func(root *os.Root, local string) (err error) {
		content, err = folder.Load(root, local, d.limits.MaxBytes)
		return err
	})
	return content, err
}

// holds compares an object with a content. One that is not there is no error; another content is.
func (s *store) holds(ctx context.Context, full, key string, content []byte) (there bool, etag string, err error) {
	head, err := s.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &full})
	if _, status := answer(err); status == http.StatusNotFound { // the answer to HEAD has no body that names the bucket
		return false, "", nil
	}
	if err != nil {
		return false, "", coordinator.NotDone(s.failure(ctx, key, err))
	}
	different := coordinator.Permanent(fmt.Errorf("store %s: %s: it exists with other content: set overwrite to replace it, or choose another key", s.name, key))
	if aws.ToInt64(head.ContentLength) != int64(len(content)) {
		return false, "", different
	}
	now, facts, err := s.fetch(ctx, key, len(content))
	if err != nil {
		return false, "", coordinator.NotDone(err)
	}
	if !bytes.Equal(now, content) {
		return false, "", different
	}
	return true, facts.ETag, nil
}

func (s *store) write(ctx context.Context, full string, in PutInput, content []byte) (etag string, err error) {
	kind := in.ContentType
	if kind == "" {
		kind = typeOf(in)
	}
	req := &s3.PutObjectInput{Bucket: &s.bucket, Key: &full, Body: bytes.NewReader(content), ContentType: &kind}
	if !in.Overwrite {
		req.IfNoneMatch = aws.String("*")
	}
	out, err := s.s3.PutObject(ctx, req)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

func typeOf(in PutInput) string {
	if kind := mime.TypeByExtension(path.Ext(in.Key)); kind != "" {
		return kind
	}
	if in.Text != nil {
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
