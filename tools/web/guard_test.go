package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/web"
)

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// counting serves on an address of the loopback network and counts what reaches it.
func counting(t *testing.T, address string, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	return serve(t, listen(t, address), h)
}

func serve(t *testing.T, l net.Listener, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if h != nil {
			h(w, r)
		}
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s, &n
}

func client(t *testing.T, g web.Guard, r *net.Resolver) *http.Client {
	t.Helper()
	c, err := g.ClientOf(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func refusedAs(err error) *web.RefusedError {
	var r *web.RefusedError
	errors.As(err, &r)
	return r
}

func portOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	srv, reached := counting(t, "127.0.0.1:0", nil)
	port := portOf(t, srv)
	c := client(t, web.Guard{}, nil)
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "localhost", "localhost.", "LOCALHOST", "0.0.0.0", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1",
		"100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
		"[::1]", "[::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:db8::1]", "[fec0::1]", "[::127.0.0.1]",
		"2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "017700000001", "127.0.0.1.", "0", "127.0.0.08",
	} {
		_, err := get(t, c, "http://"+host+":"+port+"/")
		r := refusedAs(err)
		if r == nil || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if !strings.Contains(r.Error(), "may not be reached") || r.Why == "" {
			t.Errorf("%s: %v", host, r)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

func TestRefusalSaysWhatWouldAllowIt(t *testing.T) {
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	port := portOf(t, srv)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err := get(t, client(t, web.Guard{}, nil), "http://"+host+":"+port+"/")
		want := fmt.Sprintf(`add "%s:%s" to private in the tool's settings`, host, port)
		r := refusedAs(err)
		if r == nil || r.Allow != want || r.Address == "" {
			t.Fatalf("%+v", r)
		}
		text, err := get(t, client(t, web.Guard{Private: []string{host + ":" + port}}, nil), "http://"+host+":"+port+"/")
		if text != "hello" || err != nil {
			t.Errorf("followed the advice: %q %v", text, err)
		}
	}
	_, err := get(t, client(t, web.Guard{}, nil), "http://169.254.169.254/latest/meta-data/")
	if r := refusedAs(err); r == nil || !strings.Contains(r.Error(), "link-local") {
		t.Error(err)
	}
}

func TestPrivatePermitsExactlyWhatItLists(t *testing.T) {
	a, _ := counting(t, "127.0.0.1:0", nil)
	b, other := counting(t, "127.0.0.1:0", nil)
	pa, pb := portOf(t, a), portOf(t, b)
	for _, c := range []struct {
		private, url string
		ok           bool
	}{
		{"127.0.0.1:" + pa, "http://127.0.0.1:" + pa, true},
		{"127.0.0.1:" + pa, "http://127.0.0.1:" + pb, false},
		{"127.0.0.1:" + pa, "http://localhost:" + pa, true}, // it is about the address
		{"127.0.0.2", "http://127.0.0.1:" + pa, false},
		{"127.0.0.1", "http://127.0.0.1:" + pa, true},
		{"127.0.0.0/31", "http://127.0.0.1:" + pa, true},
		{"127.0.0.2/31", "http://127.0.0.1:" + pa, false},
		{"::ffff:127.0.0.1", "http://127.0.0.1:" + pa, true},
		{"localhost:" + pa, "http://localhost:" + pa, true},
		{"Localhost.", "http://localhost:" + pa, true},
		{"localhost:" + pa, "http://127.0.0.1:" + pa, false}, // it is about the name
		{"localhost:" + pa, "http://localhost:" + pb, false},
		{"::1", "http://127.0.0.1:" + pa, false},
		{"10.0.0.0/8", "http://127.0.0.1:" + pa, false},
	} {
		_, err := get(t, client(t, web.Guard{Private: []string{c.private}}, nil), c.url)
		if (err == nil) != c.ok || !c.ok && refusedAs(err) == nil {
			t.Errorf("private %s, %s: %v", c.private, c.url, err)
		}
	}
	if n := other.Load(); n != 0 {
		t.Errorf("%d requests reached the other port", n)
	}
}

func TestHostsBoundTheNames(t *testing.T) {
	srv, _ := counting(t, "127.0.0.1:0", nil)
	port := portOf(t, srv)
	names := &nameServer{answers: map[string][]string{"a.test.": {"127.0.0.1"}, "b.a.test.": {"127.0.0.1"}, "xa.test.": {"127.0.0.1"}}}
	resolver := names.start(t)
	for _, c := range []struct {
		hosts string
		host  string
		ok    bool
	}{
		{"a.test", "a.test", true},
		{"a.test", "A.test.", true},
		{"a.test", "b.a.test", false},
		{"a.test", "xa.test", false},
		{"*.a.test", "b.a.test", true},
		{"*.a.test", "a.test", false},
		{"*.a.test", "xa.test", false},
		{"a.test:" + port, "a.test", true},
		{"a.test:1", "a.test", false},
	} {
		c2 := client(t, web.Guard{Hosts: []string{c.hosts}, Private: []string{"127.0.0.1"}}, resolver)
		_, err := get(t, c2, "http://"+c.host+":"+port)
		if (err == nil) != c.ok || !c.ok && (refusedAs(err) == nil || !strings.Contains(err.Error(), "hosts")) {
			t.Errorf("hosts %s, %s: %v", c.hosts, c.host, err)
		}
	}
}

func TestRebindingGainsNothing(t *testing.T) {
	outer, inner := twins(t)
	permitted, reached := serve(t, outer, nil)
	_, secret := serve(t, inner, nil)
	names := &nameServer{answers: map[string][]string{"rebind.test.": {"127.0.0.2", "127.0.0.1"}}}
	c := client(t, web.Guard{Private: []string{"127.0.0.2"}}, names.start(t))
	target := "http://rebind.test:" + portOf(t, permitted)
	if _, err := get(t, c, target); err != nil {
		t.Fatalf("the first answer is permitted: %v", err)
	}
	c.CloseIdleConnections()
	_, err := get(t, c, target)
	r := refusedAs(err)
	if r == nil || r.Address != inner.Addr().String() || !strings.HasPrefix(r.Host, "rebind.test:") {
		t.Errorf("%v", err)
	}
	if reached.Load() != 1 || secret.Load() != 0 {
		t.Errorf("reached %d and %d", reached.Load(), secret.Load())
	}
}

// twins listen on one port of 127.0.0.2 and 127.0.0.1.
func twins(t *testing.T) (outer, inner net.Listener) {
	t.Helper()
	for range 20 { // the port may be in use on the other address
		outer = listen(t, "127.0.0.2:0")
		_, port, _ := net.SplitHostPort(outer.Addr().String())
		inner, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return outer, inner
		}
		outer.Close()
	}
	t.Fatal("no port is free on both addresses")
	return nil, nil
}

func TestPermittedNameDoesNotLeadToMetadata(t *testing.T) {
	names := &nameServer{answers: map[string][]string{"crm.test.": {"169.254.169.254"}}}
	_, err := get(t, client(t, web.Guard{Private: []string{"crm.test"}}, names.start(t)), "http://crm.test/latest")
	if r := refusedAs(err); r == nil || !strings.Contains(r.Allow, "169.254.169.254") {
		t.Errorf("%v", err)
	}
}

func TestRedirectsAreJudgedToo(t *testing.T) {
	inner, secret := counting(t, "127.0.0.1:0", nil)
	port := portOf(t, inner)
	var to atomic.Value
	srv, _ := counting(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to.Load().(string))
		w.WriteHeader(http.StatusFound)
	})
	c := client(t, web.Guard{Private: []string{"127.0.0.2"}, Redirects: 3}, nil)
	for _, location := range []string{inner.URL, "http://localhost:" + port, "//[::1]:" + port, "http://2130706433:" + port, "file:///etc/passwd", "gopher://127.0.0.1:" + port} {
		to.Store(location)
		_, err := get(t, c, srv.URL)
		if refusedAs(err) == nil || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%s: %v", location, err)
		}
	}
	to.Store(srv.URL)
	if _, err := get(t, c, srv.URL); err == nil || !strings.Contains(err.Error(), "more than 3 redirects") {
		t.Errorf("endless: %v", err)
	}
	if _, err := get(t, client(t, web.Guard{Private: []string{"127.0.0.2"}, Redirects: -1}, nil), srv.URL); err != nil {
		t.Errorf("not followed: %v", err)
	}
	if secret.Load() != 0 {
		t.Error("the private server was reached")
	}
}

func TestRefusedRedirectOfAPostIsNotNotDone(t *testing.T) {
	for status, permanent := range map[int]bool{303: false, 302: false, 307: true, 308: true} {
		srv, _ := counting(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
		})
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader("x"))
		_, err := client(t, web.Guard{Private: []string{"127.0.0.2"}}, nil).Do(req)
		if f := coordinator.FailureOf(err); refusedAs(err) == nil || f.Permanent != permanent || f.NotDone != permanent {
			t.Errorf("%d: %+v", status, f)
		}
	}
}

func TestNothingSecretFollowsARedirectElsewhere(t *testing.T) {
	var mu sync.Mutex
	var got http.Header
	elsewhere, _ := counting(t, "127.0.0.1:0", func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = r.Header.Clone()
	})
	srv, _ := counting(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"?key=hunter2hunter2", nil)
	for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "X-Anything"} {
		req.Header.Set(name, "hunter2hunter2")
	}
	req.Header.Set("Accept", "text/plain")
	resp, err := client(t, web.Guard{Private: []string{"127.0.0.1"}}, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(fmt.Sprint(got), "hunter2") {
		t.Errorf("%v", got)
	}
	if got.Get("Accept") != "text/plain" {
		t.Errorf("Accept is %q", got.Get("Accept"))
	}
}

func TestNoProxyOfTheEnvironment(t *testing.T) {
	proxy, used := counting(t, "127.0.0.1:0", nil)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	names := &nameServer{answers: map[string][]string{"a.test.": {"127.0.0.1"}}}
	_, err := get(t, client(t, web.Guard{}, names.start(t)), "http://a.test/")
	if refusedAs(err) == nil || used.Load() != 0 {
		t.Errorf("%v, %d", err, used.Load())
	}
}

func TestWithoutAConnectionNothingHappened(t *testing.T) {
	srv, _ := counting(t, "127.0.0.1:0", nil)
	srv.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader("x"))
	_, err := client(t, web.Guard{Private: []string{"127.0.0.1"}}, nil).Do(req)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent {
		t.Errorf("%+v", f)
	}
}

func TestGuardSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		g    web.Guard
		want string
	}{
		{web.Guard{Hosts: []string{"https://example.com"}}, "hosts[0]"},
		{web.Guard{Hosts: []string{"ok.example", "a b"}}, "hosts[1]"},
		{web.Guard{Hosts: []string{"a*b"}}, "hosts[0]"},
		{web.Guard{Hosts: []string{""}}, "hosts[0]"},
		{web.Guard{Hosts: []string{"a:99999"}}, "hosts[0]"},
		{web.Guard{Private: []string{"10.0.0.0/99"}}, "10.1.0.0/16"},
		{web.Guard{Private: []string{"10.0.0.1/8"}}, "write 10.0.0.0/8"},
		{web.Guard{Private: []string{"*.internal"}}, "in full"},
		{web.Guard{Private: []string{"http://x"}}, "private[0]"},
	} {
		if err := c.g.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.g, err)
		}
		if _, err := c.g.Client(time.Second); err == nil {
			t.Errorf("%+v gave a client", c.g)
		}
	}
	good := web.Guard{Hosts: []string{"example.com", "*.example.com:8443", "[2001:db8::1]:80"}, Private: []string{"::1", "[::1]:80", "10.0.0.0/8", "crm", "crm:80", "127.0.0.1:8080"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

// nameServer answers on a UDP socket of the loopback network: each address of a name for one query, the last one for ever.
type nameServer struct {
	mu      sync.Mutex
	answers map[string][]string
}

func (n *nameServer) start(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := n.reply(buf[:size]); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *nameServer) reply(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RCode: dnsmessage.RCodeNameError}, Questions: m.Questions}
	n.mu.Lock()
	defer n.mu.Unlock()
	addresses, ok := n.answers[strings.ToLower(q.Name.String())]
	if ok {
		out.RCode = dnsmessage.RCodeSuccess
	}
	if ok && q.Type == dnsmessage.TypeA {
		if len(addresses) > 1 {
			n.answers[strings.ToLower(q.Name.String())] = addresses[1:]
		}
		out.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(addresses[0]).To4())},
		}}
	}
	return out.Pack()
}
