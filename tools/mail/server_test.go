package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a small SMTP server. answers replaces its reply to a command; "drop" closes the connection instead.
// The end of the content counts as the command ".".
type server struct {
	t       *testing.T
	l       net.Listener
	tls     *tls.Config
	answers map[string]string

	mu    sync.Mutex
	mails []received
	log   []string
}

type received struct {
	from string
	to   []string
	data string
}

func listen(t *testing.T, answers map[string]string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, answers)
}

func serveOn(t *testing.T, l net.Listener, answers map[string]string) *server {
	s := &server{t: t, l: l, answers: answers, tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return s
}

func (s *server) port() int { return s.l.Addr().(*net.TCPAddr).Port }

func (s *server) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

func (s *server) serve(c net.Conn) {
	defer func() { c.Close() }()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 test ESMTP\r\n")
	var m received
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.Fields(line + " ?")[0])
		s.mu.Lock()
		s.log = append(s.log, verb)
		s.mu.Unlock()
		answer := map[string]string{"EHLO": "250-test\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 STARTTLS", "DATA": "354 go", "QUIT": "221 bye", "STARTTLS": "220 go"}[verb]
		if answer == "" {
			answer = "250 ok"
		}
		if verb == "AUTH" {
			answer = "235 ok"
			if want := base64.StdEncoding.EncodeToString([]byte("\x00robot\x00secret")); !strings.HasSuffix(line, want) {
				answer = "535 wrong password"
			}
		}
		if other, ok := s.answers[verb]; ok {
			answer = other
		}
		if answer == "drop" {
			return
		}
		fmt.Fprint(c, answer+"\r\n")
		switch verb {
		case "STARTTLS":
			secure := tls.Server(c, s.tls)
			c, r = secure, bufio.NewReader(secure)
		case "MAIL":
			m = received{from: line}
		case "RCPT":
			m.to = append(m.to, line)
		case "DATA":
			if !strings.HasPrefix(answer, "354") {
				continue
			}
			if !s.content(c, r, &m) {
				return
			}
		case "QUIT":
			return
		}
	}
}

func (s *server) content(c net.Conn, r *bufio.Reader, m *received) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		m.data += strings.TrimPrefix(line, ".")
	}
	answer := "250 taken"
	if other, ok := s.answers["."]; ok {
		answer = other
	}
	if answer == "drop" {
		return false
	}
	if strings.HasPrefix(answer, "250") {
		s.mu.Lock()
		s.mails = append(s.mails, *m)
		s.mu.Unlock()
	}
	fmt.Fprint(c, answer+"\r\n")
	return true
}

var certificate tls.Certificate

// TestMain makes a certificate for localhost that this process trusts.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		panic(err)
	}
	if err := makeCertificate(dir); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	file := filepath.Join(dir, "ca.pem")
	os.Setenv("SSL_CERT_FILE", file)
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

func decode64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}
