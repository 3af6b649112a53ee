package memorytest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
)

// Proxy stands between a store and its server and loses answers: the request is carried out, the connection ends before the reply
// is through. That is the failure that tells a store which is safe to resend from one that writes twice.
type Proxy struct {
	listener net.Listener
	socket   string // the server's

	mu    sync.Mutex
	lose  []byte // lose the answer to the next request that contains this
	times int
	lost  chan struct{}
}

// NewProxy listens on a unix socket of its own in front of the server.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(s.dir, "proxy.sock"))
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	p := &Proxy{listener: l, socket: s.socket()}
	go p.serve() // ends with the listener, its connections with the store or the server
	t.Cleanup(func() { _ = l.Close() })
	return p
}

// URL is what memory.Open takes.
func (p *Proxy) URL() string {
	return (&url.URL{Scheme: "unix", Path: p.listener.Addr().String()}).String()
}

// LoseAnswer loses the answers to the next so many requests that contain text, such as a command's name in lower case ("evalsha").
// The channel is closed when the last one is lost.
func (p *Proxy) LoseAnswer(text string, times int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose, p.times, p.lost = []byte(text), times, make(chan struct{})
	return p.lost
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		link := &link{proxy: p, client: client, server: server}
		go link.requests()
		go link.replies()
	}
}

// link is one proxied connection.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu     sync.Mutex
	doomed bool // a request went through whose answer is to be lost
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (l *link) requests() {
	defer l.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		if n > 0 {
			if l.proxy.dooms(buf[:n]) {
				l.mu.Lock()
				l.doomed = true
				l.mu.Unlock()
			}
			if _, err := l.server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) dooms(request []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.times > 0 && bytes.Contains(request, p.lose)
}

// spend counts a lost answer.
func (p *Proxy) spend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.times--; p.times == 0 {
		close(p.lost)
	}
}

// replies passes answers on, until one is to be lost: it has arrived here, so the server has done the work.
func (l *link) replies() {
	defer l.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		doomed := l.doomed
		l.mu.Unlock()
		if doomed {
			l.proxy.spend()
			return
		}
		if _, err := l.client.Write(buf[:n]); err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}
