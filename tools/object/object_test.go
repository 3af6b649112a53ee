package object

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/tooltest"
)

func TestAFileGoesToTheStoreAndComesBack(t *testing.T) {
	b := newBench(t, nil)
	const content = "%PDF-1.7\x00\xff binary"
	tooltest.Write(t, b.dir, "in.pdf", content)
	var put PutOutput
	b.do("object.put", map[string]any{"key": "2026/Größe 1+2.pdf", "path": "in.pdf"}, &put)
	if !put.Changed || put.Bytes != len(content) || len(put.SHA256) != 64 {
		t.Errorf("%+v", put)
	}
	if got, kind := b.stored("tutti/2026/Größe 1+2.pdf"); got != content || kind != "application/pdf" {
		t.Errorf("stored %q as %s", got, kind)
	}
	var saved Saved
	b.do("object.download", map[string]any{"key": "2026/Größe 1+2.pdf", "path": "new/out.pdf"}, &saved)
	if got, err := os.ReadFile(filepath.Join(b.dir, "new/out.pdf")); err != nil || string(got) != content || !saved.Changed || saved.Path != "new/out.pdf" {
		t.Errorf("%+v, %q, %v", saved, got, err)
	}
	b.do("object.download", map[string]any{"key": "2026/Größe 1+2.pdf", "path": "new/out.pdf"}, &saved)
	if saved.Changed {
		t.Error("the same file again is a change")
	}
}

func TestTextIsReadAsText(t *testing.T) {
	b := newBench(t, nil)
	b.do("object.put", map[string]any{"store": "archive", "key": "a.txt", "text": "Grüße"}, nil)
	var got Text
	b.do("object.get", map[string]any{"key": "a.txt"}, &got)
	if got.Text != "Grüße" || got.Bytes != 7 || !strings.HasPrefix(got.ContentType, "text/plain") || got.ETag == "" {
		t.Errorf("%+v", got)
	}
	if _, err := time.Parse(time.RFC3339, got.Modified); err != nil {
		t.Error(err)
	}
	tooltest.Write(t, b.dir, "b.bin", "\x00\x01\x02")
	b.do("object.put", map[string]any{"key": "b.bin", "path": "b.bin"}, nil)
	if err := b.try("object.get", map[string]any{"key": "b.bin"}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "object.download") {
		t.Errorf("error %v", err)
	}
}

func TestAnObjectWithOtherContentIsOnlyReplacedWithOverwrite(t *testing.T) {
	b := newBench(t, nil)
	b.do("object.put", map[string]any{"key": "a.txt", "text": "one"}, nil)
	for _, other := range []string{"two", "longer"} {
		if err := b.try("object.put", map[string]any{"key": "a.txt", "text": other}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "overwrite") {
			t.Errorf("error %v", err)
		}
	}
	if got, _ := b.stored("tutti/a.txt"); got != "one" {
		t.Errorf("stored %q", got)
	}
	var put PutOutput
	b.do("object.put", map[string]any{"key": "a.txt", "text": "one"}, &put)
	if put.Changed {
		t.Error("the same content again is a change")
	}
	b.do("object.put", map[string]any{"key": "a.txt", "text": "two", "overwrite": true}, &put)
	if got, _ := b.stored("tutti/a.txt"); got != "two" || !put.Changed {
		t.Errorf("stored %q, %+v", got, put)
	}
}

func TestARepeatedPutAfterALostAnswerFindsItsOwnObject(t *testing.T) {
	b := newBench(t, nil)
	b.server.lose.Store(true)
	err := b.try("object.put", map[string]any{"key": "a.txt", "text": "one"}, nil)
	if f := coordinator.FailureOf(err); f == nil || f.NotDone {
		t.Fatalf("a lost answer is %+v: nobody knows what happened", f)
	}
	var put PutOutput
	b.do("object.put", map[string]any{"key": "a.txt", "text": "one"}, &put)
	if put.Changed {
		t.Error("it was written twice")
	}
}

func TestAConflictAtTheLastMomentIsSeenByTheStore(t *testing.T) {
	for other, conflict := range map[string]bool{"one": false, "two": true} {
		b := newBench(t, nil)
		b.spoil(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut { // between the look and the write
				if _, err := b.server.backend.PutObject("invoices", "tutti/a.txt", nil, strings.NewReader(other), int64(len(other)), nil); err != nil {
					t.Error(err)
				}
			}
			return false
		})
		err := b.try("object.put", map[string]any{"key": "a.txt", "text": "one"}, nil)
		if conflict != tooltest.Permanent(err) || !conflict && err != nil {
			t.Errorf("%s: error %v", other, err)
		}
		if got, _ := b.stored("tutti/a.txt"); got != other {
			t.Errorf("%s became %q", other, got)
		}
	}
}

func TestDeletingTwiceIsNoError(t *testing.T) {
	b := newBench(t, nil)
	b.do("object.put", map[string]any{"key": "a.txt", "text": "one"}, nil)
	for range 2 {
		b.do("object.delete", map[string]any{"key": "a.txt"}, nil)
	}
	if err := b.try("object.get", map[string]any{"key": "a.txt"}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "no such object") {
		t.Errorf("error %v", err)
	}
}

func TestListsGoOnWhereTheyEnded(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.MaxList = 7 })
	var want []string
	for i := range 20 {
		key := fmt.Sprintf("2026/%02d.txt", i)
		want = append(want, key)
		b.do("object.put", map[string]any{"key": key, "text": key}, nil)
	}
	b.do("object.put", map[string]any{"key": "2025/x.txt", "text": "x"}, nil)
	if _, err := b.server.backend.PutObject("invoices", "tutti-other/y.txt", nil, strings.NewReader("y"), 1, nil); err != nil {
		t.Fatal(err)
	}
	var all []string
	for after, more := "", true; more; {
		var got List
		b.do("object.list", map[string]any{"prefix": "2026/", "after": after, "limit": 50}, &got)
		if len(got.Objects) > 7 || len(got.Objects) == 0 {
			t.Fatalf("%d objects", len(got.Objects))
		}
		for _, o := range got.Objects {
			all = append(all, o.Key)
		}
		after, more = got.Next, got.More
	}
	if !slices.Equal(all, want) {
		t.Errorf("%v", all)
	}
	var whole List
	b.do("object.list", map[string]any{"limit": 1}, &whole)
	if len(whole.Objects) != 1 || whole.Objects[0].Key != "2025/x.txt" || !whole.More {
		t.Errorf("%+v", whole)
	}
}

func TestKeysDoNotLeaveThePrefix(t *testing.T) {
	b := newBench(t, nil)
	if _, err := b.server.backend.PutObject("invoices", "secret.txt", nil, strings.NewReader("s"), 1, nil); err != nil {
		t.Fatal(err)
	}
	before := b.server.requests.Load()
	for _, key := range []string{"../secret.txt", "a/../../secret.txt", "/secret.txt", "./secret.txt", "a//b", "a/", `..\secret.txt`, "a\nb", strings.Repeat("k", maxKey)} {
		for worker, input := range map[string]map[string]any{
			"object.get": {"key": key}, "object.delete": {"key": key},
			"object.put": {"key": key, "text": "x", "overwrite": true}, "object.download": {"key": key, "path": "x"},
		} {
			if err := b.try(worker, input, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "key") {
				t.Errorf("%s %q: error %v", worker, key, err)
			}
		}
	}
	for _, input := range []map[string]any{{"prefix": "../"}, {"prefix": "a/../../"}, {"prefix": "/"}, {"after": "../x"}} {
		var got List
		if err := b.try("object.list", input, &got); !tooltest.Permanent(err) && len(got.Objects) > 0 {
			t.Errorf("%v: %v, %v", input, got, err)
		}
	}
	if n := b.server.requests.Load() - before; n > 1 { // the prefix "/" is asked for, below tutti/
		t.Errorf("%d requests were sent", n)
	}
}

func TestPathsStayInTheWorkspace(t *testing.T) {
	b := newBench(t, nil)
	b.do("object.put", map[string]any{"key": "a", "text": "x"}, nil)
	for worker, input := range map[string]map[string]any{
		"object.put": {"key": "b", "path": "../x"}, "object.download": {"key": "a", "path": "/etc/x", "overwrite": true},
	} {
		if err := b.try(worker, input, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "outside") {
			t.Errorf("%s: error %v", worker, err)
		}
	}
}

func TestAWrongKeyIsRefusedAndNeverShown(t *testing.T) {
	b := newBench(t, func(s *Settings) {
		set := s.Stores["archive"]
		set.SecretKey = "wrong-canary-key"
		s.Stores["archive"] = set
	})
	err := b.try("object.get", map[string]any{"key": "a"}, nil)
	if !tooltest.Permanent(err) || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Fatalf("error %v", err)
	}
	if strings.Contains(err.Error(), "wrong-canary-key") || strings.Contains(err.Error(), accessKey) {
		t.Errorf("the error shows a key: %v", err)
	}
}

func TestStatusesSayWhatIsKnown(t *testing.T) {
	b := newBench(t, nil)
	for status, want := range map[int]coordinator.Failure{
		http.StatusServiceUnavailable:  {NotDone: true, After: busyPause},
		http.StatusTooManyRequests:     {NotDone: true, After: busyPause},
		http.StatusInternalServerError: {},
		http.StatusForbidden:           {NotDone: true, Permanent: true},
		http.StatusTemporaryRedirect:   {NotDone: true, Permanent: true},
	} {
		b.spoil(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", "http://169.254.169.254/")
			w.WriteHeader(status)
			return true
		})
		before := b.server.requests.Load()
		got := coordinator.FailureOf(b.try("object.delete", map[string]any{"key": "a"}, nil))
		if got == nil || got.NotDone != want.NotDone || got.Permanent != want.Permanent || got.After != want.After {
			t.Errorf("%d: %+v", status, got)
		}
		if n := b.server.requests.Load() - before; n != 1 {
			t.Errorf("%d: %d requests in one attempt", status, n)
		}
	}
}

func TestAMissingBucketIsNamed(t *testing.T) {
	b := newBench(t, func(s *Settings) {
		set := s.Stores["archive"]
		set.Bucket = "nowhere"
		s.Stores["archive"] = set
	})
	if err := b.try("object.list", map[string]any{}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "no bucket nowhere") {
		t.Errorf("error %v", err)
	}
}

func TestPrivateAddressesNeedASetting(t *testing.T) {
	b := newBench(t, func(s *Settings) {
		set := s.Stores["archive"]
		set.Private = false
		s.Stores["archive"] = set
	})
	err := b.try("object.put", map[string]any{"key": "a", "text": "x"}, nil)
	if !tooltest.Permanent(err) || !strings.Contains(err.Error(), "may not be reached") {
		t.Errorf("error %v", err)
	}
	if n := b.server.requests.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestAServerThatIsAwayIsNotDone(t *testing.T) {
	b := newBench(t, nil)
	b.server.Close()
	f := coordinator.FailureOf(b.try("object.put", map[string]any{"key": "a", "text": "x", "overwrite": true}, nil))
	if f == nil || !f.NotDone || f.Permanent || strings.Contains(f.Message, "http://") {
		t.Errorf("%+v", f)
	}
}

func TestSizesHaveLimits(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.MaxBytes, s.MaxText = 10, 5 })
	tooltest.Write(t, b.dir, "large", "12345678901")
	for _, input := range []map[string]any{{"key": "a", "path": "large"}, {"key": "a", "text": "12345678901"}} {
		if err := b.try("object.put", input, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "limit of 10 bytes") {
			t.Errorf("error %v", err)
		}
	}
	b.do("object.put", map[string]any{"key": "six", "text": "123456"}, nil)
	if err := b.try("object.get", map[string]any{"key": "six"}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "limit of 5 bytes") {
		t.Errorf("error %v", err)
	}
	if _, err := b.server.backend.PutObject("invoices", "tutti/huge", nil, strings.NewReader("12345678901"), 11, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.try("object.download", map[string]any{"key": "huge", "path": "h"}, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "limit of 10 bytes") {
		t.Errorf("error %v", err)
	}
}

// A store that never ends its answer: the client of S3 would read lists and errors until the memory is full.
func TestAnAnswerWithoutEndIsGivenUp(t *testing.T) {
	b := newBench(t, nil)
	sent := atomic.Int64{}
	b.spoil(func(w http.ResponseWriter, r *http.Request) bool {
		text := strings.Repeat("<Contents><Key>tutti/k</Key></Contents>", 1000)
		if r.URL.Query().Has("list-type") {
			fmt.Fprint(w, "<ListBucketResult>")
		} else {
			w.WriteHeader(http.StatusBadRequest)
		}
		for {
			n, err := fmt.Fprint(w, text)
			if sent.Add(int64(n)); err != nil {
				return true
			}
		}
	})
	for worker, input := range map[string]map[string]any{
		"object.list": {}, "object.get": {"key": "a"}, "object.put": {"key": "a", "text": "x", "overwrite": true}, "object.delete": {"key": "a"},
	} {
		sent.Store(0)
		if err := b.try(worker, input, nil); err == nil {
			t.Errorf("%s: no error", worker)
		}
		if n := sent.Load(); n > 4*maxAnswer { // buffers of the connection included
			t.Errorf("%s: %d bytes were read", worker, n)
		}
	}
}

// What is cut must be masked before: half a credential is none to look for.
func TestACredentialIsNotCutInTwo(t *testing.T) {
	s := &store{name: "archive", hide: hider(Store{AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "x"})}
	refusal := &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusForbidden}},
		Err:      &smithy.GenericAPIError{Code: "Denied", Message: strings.Repeat(".", 260) + "AKIAIOSFODNN7EXAMPLE"},
	}}
	if text := s.failure(t.Context(), "k", refusal).Error(); strings.Contains(text, "AKIA") {
		t.Error(text)
	}
}

func TestSettingsSayWhatIsWrongWithThem(t *testing.T) {
	for want, set := range map[string]Store{
		"there must be both":       {Bucket: "b", AccessKey: "a"},
		"not the name of a bucket": {Bucket: "a/b"},
		"must begin with https://": {Bucket: "b", Endpoint: "s3.example.com"},
		"a host alone":             {Bucket: "b", Endpoint: "https://s3.example.com/b"},
		"credentials belong in":    {Bucket: "b", Endpoint: "https://canary:canary@s3.example.com"},
		"prefix: ":                 {Bucket: "b", Prefix: "a/../b"},
	} {
		_, err := New(t.TempDir(), Settings{Stores: map[string]Store{"x": set}})
		if err == nil || !strings.Contains(err.Error(), "stores.x") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := New(t.TempDir(), Settings{}); err == nil || !strings.Contains(err.Error(), "no store") {
		t.Errorf("error %v", err)
	}
}

func TestAnUnknownStoreIsNamed(t *testing.T) {
	b := newBench(t, func(s *Settings) { s.Stores["other"] = s.Stores["archive"] })
	for _, input := range []map[string]any{{"key": "a"}, {"key": "a", "store": "nope"}} {
		if err := b.try("object.get", input, nil); !tooltest.Permanent(err) || !strings.Contains(err.Error(), "archive, other") {
			t.Errorf("error %v", err)
		}
	}
}

func TestTheBucketMayStandInTheHost(t *testing.T) {
	s := Store{Bucket: "invoices", Endpoint: "https://s3.example.com"}
	u, err := parseEndpoint(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	if g := guardOf(u, s); !slices.Equal(g.Hosts, []string{"s3.example.com:443", "invoices.s3.example.com:443"}) || g.Private != nil {
		t.Errorf("%+v", g)
	}
}
