package mail_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/tooltest"
)

const booked = `Invoice **{{.number}}** from {{.seller}} is booked.

| | |
|---|---:|
| Total | {{money .total "EUR"}} |
`

func workspace(t *testing.T) string {
	t.Helper()
	return tooltest.Folder(t, map[string]string{"mail/booked.md": booked, "mail/page.html": "<p>{{.x}}</p>", "report/a b.txt": "hello"})
}

func sender(t *testing.T, dir string, s mail.Settings) coordinator.Worker {
	t.Helper()
	return tooltest.Open(t, mail.New, dir, s)["mail.send"]
}

func send(ctx context.Context, w coordinator.Worker, key, input string) (coordinator.Result, error) {
	return tooltest.Do(ctx, w, key, input)
}

func plainServer(t *testing.T, answers map[string]string) (*server, mail.Settings) {
	s := listen(t, answers)
	return s, mail.Settings{Host: "127.0.0.1", Port: s.port(), TLS: "none", From: "Invoices <robot@quillford.example>"}
}

const full = `{"to": "Ada <ada@quillford.example>, bo@quillford.example", "cc": ["cy@quillford.example"], "bcc": ["dee@quillford.example"],
	"subject": "Booked: Örtl & Söhne", "template": "mail/booked.md", "data": {"number": "R-1", "seller": "<b>[x](http://evil.example)</b>", "total": 1044.45},
	"attachments": ["report/a b.txt"]}`

func TestMailArrivesWithTextHTMLAndAttachment(t *testing.T) {
	srv, settings := plainServer(t, nil)
	w := sender(t, workspace(t), settings)
	r, err := send(t.Context(), w, "key", full)
	if err != nil {
		t.Fatal(err)
	}
	got := srv.received()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	if want := "[RCPT TO:<ada@quillford.example> RCPT TO:<bo@quillford.example> RCPT TO:<cy@quillford.example> RCPT TO:<dee@quillford.example>]"; fmt.Sprint(got[0].to) != want {
		t.Errorf("recipients %v", got[0].to)
	}
	m, err := netmail.ReadMessage(strings.NewReader(got[0].data))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if subject != "Booked: Örtl & Söhne" {
		t.Errorf("subject %q", subject)
	}
	var out mail.Output
	if err := json.Unmarshal(r.Output, &out); err != nil || out.MessageID == "" || out.MessageID != m.Header.Get("Message-ID") {
		t.Errorf("output %s, message id %s", r.Output, m.Header.Get("Message-ID"))
	}
	if strings.Contains(got[0].data, "dee@") {
		t.Error("the blind copy is visible")
	}
	parts := leaves(t, m.Header.Get("Content-Type"), m.Body)
	for kind, want := range map[string]string{
		"text/plain; charset=UTF-8":                 "Invoice **R-1** from <b>[x](http://evil.example)</b> is booked.",
		"text/html; charset=UTF-8":                  "<p>Invoice <strong>R-1</strong> from &lt;b&gt;[x](http://evil.example)&lt;/b&gt; is booked.</p>",
		`text/plain; charset=utf-8; name="a b.txt"`: "hello",
	} {
		if !strings.Contains(parts[kind], want) {
			t.Errorf("part %s: %s\nof %v", kind, parts[kind], parts)
		}
	}
}

// leaves returns the decoded parts by content type.
func leaves(t *testing.T, kind string, body io.Reader) map[string]string {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if !strings.HasPrefix(media, "multipart/") {
		return out
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind := p.Header.Get("Content-Type"); strings.HasPrefix(kind, "multipart/") {
			for k, v := range leaves(t, kind, p) {
				out[k] = v
			}
			continue
		}
		data, _ := io.ReadAll(p)
		switch p.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			data, _ = io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(data))))
		case "base64":
			data, _ = decode64(string(data))
		}
		out[p.Header.Get("Content-Type")] = string(data)
	}
}

func TestErrorsSayWhatIsKnown(t *testing.T) {
	const input = `{"to": "ada@quillford.example", "subject": "s", "text": "t"}`
	for _, c := range []struct {
		name               string
		answers            map[string]string
		notDone, permanent bool
		sent               int
	}{
		{"no greeting to mail", map[string]string{"EHLO": "drop", "HELO": "drop"}, true, false, 0},
		{"sender refused", map[string]string{"MAIL": "550 no"}, true, true, 0},
		{"sender refused for now", map[string]string{"MAIL": "451 later"}, true, false, 0},
		{"recipient refused", map[string]string{"RCPT": "550 nobody here"}, true, true, 0},
		{"dropped at the recipient", map[string]string{"RCPT": "drop"}, true, false, 0},
		{"content refused", map[string]string{"DATA": "554 no"}, true, true, 0},
		{"message refused", map[string]string{".": "554 spam"}, true, true, 0},
		{"message refused for now", map[string]string{".": "452 full"}, true, false, 0},
		{"dropped after the message", map[string]string{".": "drop"}, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, settings := plainServer(t, c.answers)
			_, err := send(t.Context(), sender(t, workspace(t), settings), "key", input)
			f := coordinator.FailureOf(err)
			if f == nil || f.NotDone != c.notDone || f.Permanent != c.permanent {
				t.Errorf("%+v", f)
			}
			if got := len(srv.received()); got != c.sent {
				t.Errorf("%d mails were taken", got)
			}
		})
	}
}

func TestTakenMailIsSentWhateverFollows(t *testing.T) {
	for _, answers := range []map[string]string{{"RSET": "drop"}, {"RSET": "500 what", "QUIT": "drop"}, {"QUIT": "drop"}} {
		srv, settings := plainServer(t, answers)
		if _, err := send(t.Context(), sender(t, workspace(t), settings), "key", `{"to": "ada@quillford.example", "subject": "s", "text": "t"}`); err != nil {
			t.Errorf("%v: %v", answers, err)
		}
		if got := len(srv.received()); got != 1 {
			t.Errorf("%v: %d mails", answers, got)
		}
	}
}

func TestServerThatIsAwayIsNotDone(t *testing.T) {
	srv, settings := plainServer(t, nil)
	srv.l.Close()
	_, err := send(t.Context(), sender(t, workspace(t), settings), "key", `{"to": "ada@quillford.example", "subject": "s", "text": "t"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent {
		t.Errorf("%+v", f)
	}
}

func TestLoginIsEncrypted(t *testing.T) {
	srv := listen(t, nil)
	s := mail.Settings{Host: "localhost", Port: srv.port(), User: "robot", Password: "secret", From: "robot@quillford.example"}
	const input = `{"to": "ada@quillford.example", "subject": "s", "text": "t"}`
	if _, err := send(t.Context(), sender(t, workspace(t), s), "key", input); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(srv.log, " "); !strings.Contains(got, "STARTTLS EHLO AUTH MAIL") {
		t.Errorf("dialogue %s", got)
	}
	s.Password = "guess"
	_, err := send(t.Context(), sender(t, workspace(t), s), "key", input)
	if f := coordinator.FailureOf(err); f == nil || !f.Permanent || strings.Contains(f.Message, "guess") {
		t.Errorf("%+v", f)
	}
	plain := listen(t, map[string]string{"EHLO": "250 test"})
	s.Port = plain.port()
	_, err = send(t.Context(), sender(t, workspace(t), s), "key", input)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || len(plain.received()) != 0 {
		t.Errorf("without encryption: %+v", f)
	}
}

func TestLoginWorksOnALineThatIsEncryptedFromTheStart(t *testing.T) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	srv := serveOn(t, l, nil)
	s := mail.Settings{Host: "localhost", Port: srv.port(), TLS: "tls", User: "robot", Password: "secret", From: "robot@quillford.example"}
	if _, err := send(t.Context(), sender(t, workspace(t), s), "key", `{"to": "ada@quillford.example", "subject": "s", "text": "t"}`); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(srv.log, " "); got != "EHLO AUTH MAIL RCPT DATA RSET QUIT" {
		t.Errorf("dialogue %s", got)
	}
}

func TestWithoutAServerMailsGoToTheOutboxOnce(t *testing.T) {
	dir := workspace(t)
	w := sender(t, dir, mail.Settings{})
	a := coordinator.Attempt{Key: "key", Input: json.RawMessage(full)}
	if w.Card().Effect != coordinator.EffectIdempotent {
		t.Errorf("effect %s", w.Card().Effect)
	}
	r := w.(coordinator.Reconciler)
	if _, happened, err := r.Reconcile(t.Context(), a); err != nil || happened {
		t.Errorf("before: %v %v", happened, err)
	}
	first, err := w.Do(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	var out mail.Output
	if err := json.Unmarshal(first.Output, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.File, "outbox/booked-rtl-s-hne-") || first.Note != "written to "+out.File+"; no mail server is configured" {
		t.Errorf("%s, %q", first.Output, first.Note)
	}
	before, err := os.ReadFile(filepath.Join(dir, out.File))
	if err != nil || !strings.Contains(string(before), "X-Bcc: <dee@quillford.example>") {
		t.Errorf("%v\n%s", err, before)
	}
	second, err := w.Do(t.Context(), a)
	if err != nil || string(second.Output) != string(first.Output) || !strings.Contains(second.Note, "there already") {
		t.Errorf("%s %q %v", second.Output, second.Note, err)
	}
	found, happened, err := r.Reconcile(t.Context(), a)
	if err != nil || !happened || string(found.Output) != string(first.Output) {
		t.Errorf("after: %s %v %v", found.Output, happened, err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, "outbox")); len(files) != 1 {
		t.Errorf("%d files", len(files))
	}
}

func TestOnlyAServerlessSenderCanReconcile(t *testing.T) {
	_, settings := plainServer(t, nil)
	w := sender(t, workspace(t), settings)
	if _, ok := w.(coordinator.Reconciler); ok || w.Card().Effect != coordinator.EffectUnrepeatable {
		t.Error("a mail server cannot be asked what it has taken")
	}
}

func TestMailThatCannotBeRightIsRefused(t *testing.T) {
	dir := workspace(t)
	tooltest.Write(t, dir, "large", string(make([]byte, 101)))
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	w := sender(t, dir, mail.Settings{Allow: []string{"@quillford.example", "eve@other.example"}, Recipients: 2, MaxBytes: 100})
	mailTo := func(to string) string {
		raw, _ := json.Marshal(map[string]any{"to": to, "subject": "s", "text": "t"})
		return string(raw)
	}
	for _, c := range []struct{ input, want string }{
		{mailTo("ada@quillford.example\r\nBcc: eve@evil.example"), "to: an address is one line of text"},
		{mailTo("=?utf-8?q?a=0d=0aBcc:_eve@evil.example?= <ada@quillford.example>"), "is not a mail address"},
		{mailTo("ada"), `to: "ada" is not a mail address`},
		{mailTo(""), "to must not be empty"},
		{mailTo("ada@evil.example"), "to: ada@evil.example may not get mail from here"},
		{mailTo("ada@evilquillford.example"), "may not get mail"},
		{mailTo("a@quillford.example, b@quillford.example, EVE@other.example"), "the mail has 3 recipients; 2 is the limit"},
		{`{"to": "ada@quillford.example", "subject": "s\nBcc: eve@evil.example", "text": "t"}`, "subject must be one line"},
		{`{"to": "ada@quillford.example", "subject": "` + strings.Repeat("x", 501) + `", "text": "t"}`, "subject must have at most 500 characters"},
		{`{"to": [], "subject": "s", "text": "t"}`, "to must have at least 1 item"},
		{`{"to": "ada@quillford.example", "subject": "s"}`, "a text or a template, one of the two"},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "t", "template": "mail/booked.md"}`, "a text or a template, one of the two"},
		{`{"to": "ada@quillford.example", "subject": "s", "template": "mail/booked.md", "data": {"number": 1}}`, `template mail/booked.md:1:31: the data has no field "seller"`},
		{`{"to": "ada@quillford.example", "subject": "s", "template": "mail/page.html", "data": {"x": 1}}`, "a mail's template is Markdown"},
		{`{"to": "ada@quillford.example", "subject": "s", "template": "../booked.md"}`, `must not hold ".."`},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "t", "attachments": ["large"]}`, "more than 100 bytes"},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "t", "attachments": ["link"]}`, "escapes"},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "t", "attachments": ["none.pdf"]}`, "none.pdf: no such file"},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "t", "attachments": [` + strings.Repeat(`"x", `, 20) + `"x"]}`, "at most 20 items"},
		{`{"to": "ada@quillford.example", "subject": "s", "text": "` + strings.Repeat("x", 1<<20+1) + `"}`, "text has 1048577 bytes"},
	} {
		_, err := send(t.Context(), w, "key", c.input)
		if err == nil || !strings.Contains(err.Error(), c.want) || !coordinator.FailureOf(err).Permanent {
			t.Errorf("%.120s\n got %v\nwant %s", c.input, err, c.want)
		}
	}
	if _, err := send(t.Context(), w, "", mailTo("ada@quillford.example")); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "outbox")); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestSettingsThatCannotWorkAreRefusedAtStart(t *testing.T) {
	for _, c := range []struct {
		s    mail.Settings
		want string
	}{
		{mail.Settings{Host: "h"}, "from:"},
		{mail.Settings{Host: "h", From: "nobody"}, "from:"},
		{mail.Settings{Host: "h", From: "a@b.example", User: "u"}, "password: it is missing"},
		{mail.Settings{Host: "h", From: "a@b.example", User: "u", TLS: "none"}, "unencrypted"},
		{mail.Settings{Host: "h", From: "a@b.example", TLS: "ssl"}, "none of starttls, tls, none"},
		{mail.Settings{Outbox: "../out"}, "outbox:"},
	} {
		if _, err := mail.New(t.TempDir(), c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.s, err)
		}
	}
}

func TestWhatIsPrivateIsNotSent(t *testing.T) {
	dir := workspace(t)
	tooltest.Write(t, dir, ".tutti/key.md", "geheim")
	w := sender(t, dir, mail.Settings{})
	for _, input := range []string{
		`{"to": "ada@quillford.example", "subject": "s", "text": "t", "attachments": [".tutti/key.md"]}`,
		`{"to": "ada@quillford.example", "subject": "s", "template": ".tutti/key.md"}`,
	} {
		if _, err := send(t.Context(), w, "key", input); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", input, err)
		}
	}
}
