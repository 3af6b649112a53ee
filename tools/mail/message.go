package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/mail"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	smtp "github.com/wneessen/go-mail"

	"github.com/tuttirun/tutti/tools/page"
	"github.com/tuttirun/tutti/tools/schema"
)

// addresses are one or more mail addresses: a string, in which commas divide them, or a list of such.
type addresses []string

func (a *addresses) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*a = addresses{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// JSONSchema says so to the reflector.
func (addresses) JSONSchema() *jsonschema.Schema {
	one := uint64(1)
	text := &jsonschema.Schema{Type: "string", MinLength: &one}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text, MinItems: &one}}}
}

type input struct {
	To          addresses       `json:"to" jsonschema_description:"who gets it: an address such as ada@example.com, or a list"`
	Cc          addresses       `json:"cc,omitempty" jsonschema_description:"who gets a copy"`
	Bcc         addresses       `json:"bcc,omitempty" jsonschema_description:"who gets a copy that the others don't see"`
	Subject     string          `json:"subject" validate:"required,max=500" jsonschema_description:"one line"`
	Text        string          `json:"text,omitempty" jsonschema_description:"the body as plain text; or else template"`
	Template    string          `json:"template,omitempty" jsonschema:"format=path" jsonschema_description:"path of a Markdown template in the workspace; or else text"`
	Data        json.RawMessage `json:"data,omitempty" jsonschema_description:"what the template shows"`
	Attachments []string        `json:"attachments,omitempty" validate:"max=20" jsonschema_description:"paths of files in the workspace"`
}

// body is what a mail says.
type body struct{ text, html string }

// file is an attachment.
type file struct {
	name string
	data []byte
}

// envelope is who gets a mail, checked.
type envelope struct {
	to, cc, bcc []*mail.Address
}

func (m *mailer) address(in input) (envelope, error) {
	var e envelope
	var err error
	for _, list := range []struct {
		name string
		in   addresses
		out  *[]*mail.Address
	}{{"to", in.To, &e.to}, {"cc", in.Cc, &e.cc}, {"bcc", in.Bcc, &e.bcc}} {
		if *list.out, err = m.parse(list.name, list.in); err != nil {
			return e, err
		}
	}
	if n := len(e.all()); n > m.settings.Recipients {
		return e, fmt.Errorf("the mail has %d recipients; %d is the limit, see recipients in the settings", n, m.settings.Recipients)
	}
	return e, nil
}

func (m *mailer) parse(field string, list addresses) ([]*mail.Address, error) {
	var out []*mail.Address
	for _, text := range list {
		if hasControl(text) {
			return nil, fmt.Errorf("%s: an address is one line of text", field)
		}
		found, err := mail.ParseAddressList(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a mail address", field, text)
		}
		for _, a := range found {
			if hasControl(a.Name) || hasControl(a.Address) {
				return nil, fmt.Errorf("%s: an address is one line of text", field)
			}
			if !m.allowed(a.Address) {
				return nil, fmt.Errorf("%s: %s may not get mail from here; see allow in the settings", field, a.Address)
			}
		}
		out = append(out, found...)
	}
	return out, nil
}

func (e envelope) all() []string {
	var out []string
	for _, list := range [][]*mail.Address{e.to, e.cc, e.bcc} {
		for _, a := range list {
			out = append(out, a.Address)
		}
	}
	return out
}

// hasControl finds what could end a header and begin another one.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

func (m *mailer) body(ctx context.Context, in input) (body, error) {
	if len(in.Text) > maxText {
		return body{}, fmt.Errorf("text has %d bytes; %d is the limit", len(in.Text), maxText)
	}
	switch {
	case (in.Text == "") == (in.Template == ""):
		return body{}, fmt.Errorf("a mail has a text or a template, one of the two")
	case in.Text != "":
		return body{text: in.Text}, nil
	}
	t, err := page.Open(m.root, in.Template, page.Funcs{})
	if err != nil {
		return body{}, err
	}
	if !t.Markdown() {
		return body{}, fmt.Errorf("template %s: a mail's template is Markdown, a file that ends in .md", in.Template)
	}
	text, err := t.Text(ctx, in.Data)
	if err != nil {
		return body{}, err
	}
	fragment, err := t.HTML(ctx, in.Data)
	return body{text, htmlHead + fragment + htmlFoot}, err
}

// Mail clients know little CSS; this much they know.
const (
	htmlHead = `<!doctype html>
<html><head><meta charset="utf-8"><style>
body { font: 15px/1.5 -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: #1f2328; max-width: 42em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid #d8dee4; text-align: left; vertical-align: top; }
th:empty { padding: 0; border: 0; }
code { font-family: ui-monospace, Consolas, monospace; font-size: 90%; }
blockquote { margin: 0; padding-left: 1em; border-left: 3px solid #d8dee4; }
</style></head><body>
`
	htmlFoot = "</body></html>\n"
)

// files reads the attachments, all of them now: an error must not come when half a mail is out.
func (m *mailer) files(names []string) ([]file, error) {
	if len(names) > maxAttachments {
		return nil, fmt.Errorf("attachments: %d is the limit", maxAttachments)
	}
	left := m.settings.MaxBytes
	var out []file
	for _, name := range names {
		if err := schema.CheckPath(name); err != nil {
			return nil, fmt.Errorf("attachments: %s: %w", name, err)
		}
		if info, err := m.root.Stat(name); err == nil && !info.Mode().IsRegular() { // a pipe would block for ever
			return nil, fmt.Errorf("attachments: %s is not a regular file", name)
		}
		f, err := m.root.Open(name)
		if err != nil {
			return nil, fmt.Errorf("attachments: %w", err)
		}
		data, err := io.ReadAll(io.LimitReader(f, left+1))
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("attachments: %s: %w", name, err)
		}
		if left -= int64(len(data)); left < 0 {
			return nil, fmt.Errorf("attachments: together they have more than %d bytes, see max_bytes in the settings", m.settings.MaxBytes)
		}
		if base := path.Base(name); hasControl(base) {
			return nil, fmt.Errorf("attachments: %q is no name that a mail can carry", base)
		} else {
			out = append(out, file{base, data})
		}
	}
	return out, nil
}

// compose builds the message; nothing in it can fail later.
func (m *mailer) compose(key string, in input, e envelope, b body, files []file) (*smtp.Msg, error) {
	if hasControl(in.Subject) {
		return nil, fmt.Errorf("subject must be one line")
	}
	msg := smtp.NewMsg(smtp.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(e.to...)
	if len(e.cc) > 0 {
		msg.CcMailAddress(e.cc...)
	}
	if len(e.bcc) > 0 {
		msg.BccMailAddress(e.bcc...)
	}
	msg.Subject(in.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(m.messageID(key))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office replies
	msg.SetBodyString(smtp.TypeTextPlain, b.text)
	if b.html != "" {
		msg.AddAlternativeString(smtp.TypeTextHTML, b.html)
	}
	for _, f := range files {
		msg.AttachReadSeeker(f.name, bytes.NewReader(f.data))
	}
	return msg, nil
}

// messageID is the same for every try at the same piece of work.
func (m *mailer) messageID(key string) string {
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return digest(key)[:32] + "@" + domain
}

func digest(key string) string {
	sum := sha256.Sum256([]byte("mail\x00" + key))
	return hex.EncodeToString(sum[:])
}
