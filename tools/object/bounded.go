package object

import (
	"errors"
	"io"
	"net/http"
)

// maxAnswer bounds, in bytes, what a store says beside the content of objects: a list of 1000 keys, an error. The client of S3
// reads such answers whole.
const maxAnswer = 8 << 20

var errAnswer = errors.New("the store's answer does not end")

// bounded lets no answer of a store be larger than it can have to be.
type bounded struct {
	next http.RoundTripper
	most int64 // bytes of an object; whoever reads one says so itself when it is more
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := int64(maxAnswer)
	if resp.StatusCode < 300 && req.URL.Query().Get("x-id") == "GetObject" { // the client's name of the operation
		limit = max(limit, b.most+1)
	}
	resp.Body = &boundedBody{resp.Body, limit}
	return resp, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errAnswer
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
