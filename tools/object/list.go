package object

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuttirun/tutti/coordinator"
)

// ListInput says which objects to list.
type ListInput struct {
	Store  string `json:"store,omitempty" jsonschema_description:"which one; may be left out when there is only one"`
	Prefix string `json:"prefix,omitempty" jsonschema_description:"What the keys begin with, below the prefix of the store; all if left out."`
	Limit  int    `json:"limit,omitempty" validate:"gte=0" jsonschema_description:"At most so many."`
	After  string `json:"after,omitempty" jsonschema_description:"Only keys behind this one: the next of the list before."`
}

// List is what object.list gives, sorted by key.
type List struct {
	Objects []Facts `json:"objects"`
	More    bool    `json:"more"`
	Next    string  `json:"next,omitempty" jsonschema_description:"where to go on: the after of another call"`
}

func (d *depot) list(ctx context.Context, in ListInput) (List, error) {
	s, err := d.find(in.Store)
	if err != nil {
		return List{}, coordinator.Permanent(err)
	}
	for field, text := range map[string]string{"prefix": in.Prefix, "after": in.After} {
		if err := checkStart(text); err != nil {
			return List{}, coordinator.Permanent(fmt.Errorf("%s: %w", field, err))
		}
	}
	if in.Limit == 0 || in.Limit > d.limits.MaxList {
		in.Limit = d.limits.MaxList
	}
	return s.list(ctx, in)
}

// checkStart is checkKey for the beginning of a key, which may be empty and may end anywhere.
func checkStart(text string) error {
	if text = strings.TrimSuffix(text, "/"); text == "" {
		return nil
	}
	return checkKey(text)
}

// list asks for pages until it has enough: servers may give fewer objects than they are asked for.
func (s *store) list(ctx context.Context, in ListInput) (List, error) {
	out := List{Objects: []Facts{}}
	req := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(s.prefix + in.Prefix)}
	if in.After != "" {
		req.StartAfter = aws.String(s.prefix + in.After)
	}
	for {
		const page = 1000 // S3 gives no more at a time
		req.MaxKeys = aws.Int32(int32(min(in.Limit-len(out.Objects), page)))
		got, err := s.s3.ListObjectsV2(ctx, req)
		if err != nil {
			return List{}, s.failure(ctx, "list "+in.Prefix, err)
		}
		for _, o := range got.Contents {
			key, ours := strings.CutPrefix(aws.ToString(o.Key), s.prefix)
			if !ours || key == "" || len(out.Objects) == in.Limit {
				continue
			}
			out.Objects = append(out.Objects, Facts{
				Key: key, Bytes: int(aws.ToInt64(o.Size)), ETag: aws.ToString(o.ETag), Modified: instant(o.LastModified),
			})
		}
		req.ContinuationToken = got.NextContinuationToken
		switch more := aws.ToBool(got.IsTruncated); {
		case !more || aws.ToString(got.NextContinuationToken) == "":
			return out, nil
		case len(out.Objects) == in.Limit:
			out.More, out.Next = true, out.Objects[in.Limit-1].Key
			return out, nil
		}
	}
}
