package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// Output is what mail.send returns.
type Output struct {
	MessageID  string   `json:"message_id"`
	Recipients []string `json:"recipients" jsonschema_description:"the addresses of to, cc and bcc"`
	File       string   `json:"file,omitempty" jsonschema_description:"where the mail was written when there is no mail server"`
}

func (m *mailer) send(ctx context.Context, in input) (Output, error) {
	key := coordinator.KeyFrom(ctx)
	if key == "" {
		return Output{}, coordinator.Permanent(errors.New("the attempt has no key, so nobody could tell a repetition"))
	}
	msg, out, err := m.prepare(ctx, key, in)
	if err != nil {
		return Output{}, err
	}
	if m.host == "" {
		return m.keep(ctx, key, in, msg, out)
	}
	return out, m.deliver(ctx, msg)
}

// prepare does everything that can go wrong before anything leaves.
func (m *mailer) prepare(ctx context.Context, key string, in input) (*smtp.Msg, Output, error) {
	e, err := m.address(in)
	if err != nil {
		return nil, Output{}, coordinator.Permanent(err)
	}
	b, err := m.body(ctx, in)
	if err != nil {
		if ctx.Err() != nil {
			return nil, Output{}, coordinator.NotDone(err)
		}
		return nil, Output{}, coordinator.Permanent(err)
	}
	files, err := m.files(in.Attachments)
	if err != nil {
		return nil, Output{}, coordinator.Permanent(err)
	}
	msg, err := m.compose(key, in, e, b, files)
	if err != nil {
		return nil, Output{}, coordinator.Permanent(err)
	}
	return msg, Output{MessageID: "<" + m.messageID(key) + ">", Recipients: e.all()}, nil
}

func (m *mailer) deliver(ctx context.Context, msg *smtp.Msg) error {
	timeout := serverTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(min(timeout, time.Until(deadline)), time.Millisecond)
	}
	options := append(slices.Clone(m.options), smtp.WithTimeout(timeout))
	if m.settings.TLS != "tls" {
		line := &line{}
		defer line.hangUp()
		options = append(options, smtp.WithDialContextFunc(line.dial))
	}
	client, err := smtp.NewClient(m.host, options...)
	if err != nil {
		return coordinator.Permanent(fmt.Errorf("mail server %s: %w", m.host, err))
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // what fails after that, such as a goodbye, is no failure
		return nil
	}
	return outcome(fmt.Errorf("mail server %s: %w", m.host, err))
}

// line is the connection to the server. The library leaves it open after a failed login, so we close it; with tls the library
// must dial by itself, or it doesn't know that the line is encrypted, and the collector closes what is left.
type line struct{ conn net.Conn }

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = c
	return c, nil
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // it is closed already after a proper goodbye
	}
}

// outcome says what is known. Before the content, nothing was sent; a server that answers the finished message with a
// code has refused it; anything else in between is open.
func outcome(err error) error {
	answered := (*textproto.Error)(nil)
	refused := errors.As(err, &answered)
	sending := (*smtp.SendError)(nil)
	if errors.As(err, &sending) {
		refused = sending.ErrorCode() >= 400
		switch sending.Reason {
		case smtp.ErrWriteContent, smtp.ErrAmbiguous:
			return err
		case smtp.ErrSMTPDataClose:
			if !refused {
				return err
			}
		}
		if sending.ErrorCode() >= 500 {
			return coordinator.Permanent(err)
		}
		return coordinator.NotDone(err)
	}
	if refused && answered.Code >= 500 { // a login, for instance
		return coordinator.Permanent(err)
	}
	return coordinator.NotDone(err) // no connection
}

// keep writes the mail to the outbox, unless it is there.
func (m *mailer) keep(ctx context.Context, key string, in input, msg *smtp.Msg, out Output) (Output, error) {
	out.File = m.fileName(key, in.Subject)
	if _, err := m.root.Stat(out.File); err == nil {
		tools.Note(ctx, "%s was there already; no mail server is configured", out.File)
		return out, nil
	}
	if bcc := msg.GetBccString(); len(bcc) > 0 {
		msg.SetGenHeader("X-Bcc", strings.Join(bcc, ", ")) // no server sees this file, and people may want to know
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return Output{}, coordinator.NotDone(fmt.Errorf("outbox: %w", err))
	}
	if err := m.write(out.File, b.Bytes()); err != nil {
		return Output{}, coordinator.NotDone(fmt.Errorf("outbox: %w", err))
	}
	tools.Note(ctx, "written to %s; no mail server is configured", out.File)
	return out, nil
}

// write puts a whole file in place or none.
func (m *mailer) write(name string, data []byte) error {
	if err := m.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := name + ".part"
	if err := m.root.WriteFile(part, data, 0o600); err != nil {
		return err
	}
	return m.root.Rename(part, name)
}

// fileName begins with the subject, for people, and ends with the key's digest.
func (m *mailer) fileName(key, subject string) string {
	const most = 40
	slug := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, subject)
	slug = strings.Join(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' }), "-")
	slug = strings.Trim(slug[:min(len(slug), most)], "-")
	if slug == "" {
		slug = "mail"
	}
	return path.Join(m.settings.Outbox, slug+"-"+digest(key)[:12]+".eml")
}

// reconcile looks into the outbox.
func (m *mailer) reconcile(_ context.Context, a coordinator.Attempt) (any, bool, error) {
	var in input
	if err := json.Unmarshal(a.Input, &in); err != nil {
		return nil, false, err
	}
	e, err := m.address(in)
	if err != nil {
		return nil, false, err
	}
	out := Output{MessageID: "<" + m.messageID(a.Key) + ">", Recipients: e.all(), File: m.fileName(a.Key, in.Subject)}
	_, err = m.root.Stat(out.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return out, err == nil, err
}
