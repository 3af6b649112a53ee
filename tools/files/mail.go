package files

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/tuttirun/tutti/tools/plaintext"
)

// Limits of one mail.
const (
	maxParts     = 200
	maxPartDepth = 10
)

var errBadMail = errors.New("the mail cannot be read")

// shownHeaders are what a person sees of a mail's head, in this order.
var shownHeaders = []string{"From", "Reply-To", "To", "Cc", "Date", "Subject"}

// mailText is a mail as its reader sees it: the head, the text (or the page, where there is no text), the names of what
// is attached.
func mailText(data []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(data, []byte("From ")); ok { // mbox
		_, data, _ = bytes.Cut(rest, []byte("\n"))
	}
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadMail, err)
	}
	var b strings.Builder
	words := mime.WordDecoder{CharsetReader: charset.NewReaderLabel}
	for _, name := range shownHeaders {
		if value := message.Header.Get(name); value != "" {
			if decoded, err := words.DecodeHeader(value); err == nil {
				value = decoded
			}
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(strings.Fields(value), " "))
		}
	}
	parts := &mailParts{words: words}
	if err := parts.walk(header(message.Header), message.Body, 0); err != nil {
		return "", fmt.Errorf("%w: %w", errBadMail, err)
	}
	b.WriteString("\n" + strings.Join(parts.texts, "\n"))
	if len(parts.attached) > 0 {
		b.WriteString("\nAttachments:\n" + strings.Join(parts.attached, ""))
	}
	return b.String(), nil
}

type header map[string][]string

func (h header) get(key string) string { return mail.Header(h).Get(key) }

type mailParts struct {
	words    mime.WordDecoder
	texts    []string
	attached []string
	count    int
}

func (m *mailParts) walk(h header, body io.Reader, depth int) error {
	if m.count++; m.count > maxParts || depth > maxPartDepth {
		return fmt.Errorf("more than %d parts or %d levels", maxParts, maxPartDepth)
	}
	kind, params, err := mime.ParseMediaType(h.get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", map[string]string{}
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return m.multipart(kind, multipart.NewReader(body, params["boundary"]), depth)
	}
	content, err := io.ReadAll(transferDecoder(h.get("Content-Transfer-Encoding"), body))
	if err != nil && len(content) == 0 {
		return fmt.Errorf("part %d: %w", m.count, err)
	}
	disposition, named, _ := mime.ParseMediaType(h.get("Content-Disposition"))
	name := named["filename"]
	if name == "" {
		name = params["name"]
	}
	if disposition == "attachment" || name != "" || !strings.HasPrefix(kind, "text/") {
		m.attach(name, kind, len(content))
		return nil
	}
	text, err := partText(kind, params["charset"], content)
	m.texts = append(m.texts, text)
	return err
}

// multipart reads the parts in order; of alternatives it keeps the plain text, or else the last one that has any.
func (m *mailParts) multipart(kind string, reader *multipart.Reader, depth int) error {
	before := len(m.texts)
	plain := -1
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // mails are often cut off
			break
		}
		if err != nil {
			return err
		}
		if err := m.walk(header(part.Header), part, depth+1); err != nil {
			return err
		}
		media, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if media == "text/plain" && len(m.texts) > before && strings.TrimSpace(m.texts[len(m.texts)-1]) != "" {
			plain = len(m.texts) - 1
		}
	}
	if kind == "multipart/alternative" && len(m.texts) > before+1 {
		if plain < 0 {
			plain = len(m.texts) - 1
		}
		m.texts = append(m.texts[:before], m.texts[plain])
	}
	return nil
}

func (m *mailParts) attach(name, kind string, size int) {
	if decoded, err := m.words.DecodeHeader(name); err == nil {
		name = decoded
	}
	if name == "" {
		name = "without a name"
	}
	m.attached = append(m.attached, fmt.Sprintf("- %s (%s, %d bytes)\n", strings.Join(strings.Fields(name), " "), kind, size))
}

func transferDecoder(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

func partText(kind, charsetName string, content []byte) (string, error) {
	text, _ := plaintext.Decode(content)
	if charsetName != "" {
		if r, err := charset.NewReaderLabel(charsetName, bytes.NewReader(content)); err == nil {
			if converted, err := io.ReadAll(r); err == nil {
				text = plaintext.Newlines(string(converted))
			}
		}
	}
	if kind == "text/html" {
		return htmlText(text)
	}
	return text, nil
}
