package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
)

const (
	accessKey = "AKIDTEST0001"
	secretKey = "canary-secret-key-7f3a"
)

// s3Server is an S3 server in this process: it stores objects, and lets in only who has signed with the right key.
type s3Server struct {
	*httptest.Server
	backend  gofakes3.Backend
	requests atomic.Int64
	spoil    atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool] // answers in place of the server if true
	lose     atomic.Bool                                                       // does the work of the next PUT and says nothing
}

func newS3Server(t *testing.T) *s3Server {
	t.Helper()
	s := &s3Server{backend: s3mem.New()}
	if err := s.backend.CreateBucket("invoices"); err != nil {
		t.Fatal(err)
	}
	real := gofakes3.New(s.backend).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if spoil := s.spoil.Load(); spoil != nil && (*spoil)(w, r) {
			return
		}
		if err := checkSignature(r); err != nil {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>SignatureDoesNotMatch</Code><Message>%s, key id %s</Message></Error>", err, accessKey)
			return
		}
		if r.Method == http.MethodPut && s.lose.CompareAndSwap(true, false) {
			real.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		real.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// checkSignature signs the request as its sender should have done (AWS Signature Version 4) and compares; the content must be
// the one that was signed.
func checkSignature(r *http.Request) error {
	given := r.Header.Get("Authorization")
	_, rest, ok := strings.Cut(given, "SignedHeaders=")
	if !ok {
		return fmt.Errorf("the request is not signed")
	}
	names, _, _ := strings.Cut(rest, ",")
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	for _, name := range strings.Split(names, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if r.Header.Get("X-Amz-Content-Sha256") != hash {
		return fmt.Errorf("the content is not the one that was signed: %s", r.Header.Get("X-Amz-Content-Sha256"))
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	keys := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.SignHTTP(context.Background(), keys, again, hash, "s3", DefaultRegion, at); err != nil {
		return err
	}
	if again.Header.Get("Authorization") != given {
		return fmt.Errorf("the signature does not match")
	}
	return nil
}

// bench is a workspace with one store, archive, below the prefix tutti.
type bench struct {
	t       *testing.T
	dir     string
	server  *s3Server
	workers map[string]coordinator.Worker
}

func newBench(t *testing.T, change func(*Settings)) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), server: newS3Server(t)}
	s := Settings{Stores: map[string]Store{"archive": {
		Endpoint: b.server.URL, Bucket: "invoices", Prefix: "tutti", AccessKey: accessKey, SecretKey: secretKey, PathStyle: true, Private: true,
	}}}
	if change != nil {
		change(&s)
	}
	b.workers = tooltest.Open(t, New, b.dir, s)
	return b
}

func (b *bench) try(worker string, input map[string]any, output any) error {
	b.t.Helper()
	return tooltest.Call(b.t.Context(), b.workers[worker], "k", input, output)
}

func (b *bench) do(worker string, input map[string]any, output any) {
	b.t.Helper()
	if err := b.try(worker, input, output); err != nil {
		b.t.Fatalf("%s %v: %v", worker, input, err)
	}
}

// stored returns what the server has under a whole key.
func (b *bench) stored(key string) (content, kind string) {
	b.t.Helper()
	o, err := b.server.backend.GetObject("invoices", key, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer o.Contents.Close()
	data, err := io.ReadAll(o.Contents)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data), o.Metadata["Content-Type"]
}

func (b *bench) spoil(f func(w http.ResponseWriter, r *http.Request) bool) { b.server.spoil.Store(&f) }
