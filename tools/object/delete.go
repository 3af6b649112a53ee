package object

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuttirun/tutti/coordinator"
)

// Deleted is what object.delete gives: the object is not there any more, or never was.
type Deleted struct {
	Key string `json:"key"`
}

func (d *depot) remove(ctx context.Context, in Name) (Deleted, error) {
	s, err := d.find(in.Store)
	if err != nil {
		return Deleted{}, coordinator.Permanent(err)
	}
	full, err := s.full(in.Key)
	if err != nil {
		return Deleted{}, coordinator.Permanent(err)
	}
	_, err = s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &full})
	if code, _ := answer(err); err != nil && code != "NoSuchKey" { // S3 says 204 to that, some others do not
		return Deleted{}, s.failure(ctx, in.Key, err)
	}
	return Deleted{in.Key}, nil
}
