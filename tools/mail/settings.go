package mail

import (
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/schema"
)

// Settings of mail.send, as they stand in a workspace file under tools: mail. Without a host, mails go to the outbox.
type Settings struct {
	Host       string   `json:"host,omitempty" validate:"omitempty,hostname|ip"`
	Port       int      `json:"port,omitempty" validate:"gte=0,lte=65535"` // 0: 465 for tls, else 587
	TLS        string   `json:"tls,omitempty" validate:"omitempty,oneof=starttls tls none"`
	User       string   `json:"user,omitempty"`
	Password   string   `json:"password,omitempty"`
	From       string   `json:"from,omitempty"`                        // "Name <address>"; needed with a host
	Outbox     string   `json:"outbox,omitempty"`                      // folder in the workspace; "": outbox
	Allow      []string `json:"allow,omitempty"`                       // addresses, or @domains, that may get mail; empty: all
	Recipients int      `json:"recipients,omitempty" validate:"gte=0"` // of one mail; 0: 50
	MaxBytes   int64    `json:"max_bytes,omitempty" validate:"gte=0"`  // of all attachments of a mail; 0: 10 MiB
}

// Defaults of Settings.
const (
	DefaultRecipients = 50
	DefaultMaxBytes   = 10 << 20
	DefaultOutbox     = "outbox"
)

// Fixed limits.
const (
	maxAttachments = 20
	maxSubject     = 500     // bytes
	maxText        = 1 << 20 // bytes
	serverTimeout  = 30 * time.Second
)

// New returns mail.send for a workspace.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	if s.Outbox == "" {
		s.Outbox = DefaultOutbox
	}
	if s.Recipients == 0 {
		s.Recipients = DefaultRecipients
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	m := &mailer{settings: s, host: s.Host}
	if err := m.configure(); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	var err error
	if m.root, err = os.OpenRoot(dir); err != nil {
		return nil, fmt.Errorf("mail: workspace: %w", err)
	}
	o := tools.Options{
		Effect: coordinator.EffectUnrepeatable, Authority: []string{"to", "cc", "bcc", "attachments", "template"}, Close: m.root.Close,
	}
	if s.Host == "" {
		o.Effect, o.Reconcile = coordinator.EffectIdempotent, m.reconcile
	}
	text := "Sends a mail, as plain text or from a Markdown template of the workspace. " +
		`Example: {"to": "finance@example.com", "subject": "Booked R-1", "template": "mail/booked.md", "data": {"number": "R-1"}} ` +
		`gives {"message_id": "<…>", "recipients": ["finance@example.com"]}.`
	return []coordinator.Worker{tools.New("mail.send", text, m.send, o)}, nil
}

// mailer sends mails one at a time over connections of their own.
type mailer struct {
	root     *os.Root
	settings Settings
	from     *mail.Address
	host     string
	options  []smtp.Option
}

func (m *mailer) configure() error {
	s := m.settings
	if err := schema.CheckPath(s.Outbox); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if s.From == "" && s.Host == "" {
		s.From = "tutti@localhost"
	}
	var err error
	if m.from, err = mail.ParseAddress(s.From); err != nil {
		return fmt.Errorf("from: %q is not an address such as \"Invoices <robot@example.com>\"", s.From)
	}
	if s.Host == "" {
		return nil
	}
	m.options = []smtp.Option{smtp.WithoutNoop()}
	if err := m.encryption(s); err != nil {
		return err
	}
	if s.User == "" {
		return nil
	}
	if s.Password == "" {
		return errors.New("password: it is missing, and user is set; name a secret, as in {secret: smtp}")
	}
	m.options = append(m.options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(s.User), smtp.WithPassword(s.Password))
	return nil
}

func (m *mailer) encryption(s Settings) error {
	switch port := s.Port; s.TLS {
	case "", "starttls":
		if port == 0 {
			port = 587
		}
		m.options = append(m.options, smtp.WithTLSPolicy(smtp.TLSMandatory), smtp.WithPort(port))
	case "tls":
		if port == 0 {
			port = 465
		}
		m.options = append(m.options, smtp.WithSSL(), smtp.WithPort(port))
	case "none":
		if s.User != "" {
			return errors.New("tls: with none, the password would go unencrypted; use starttls or tls")
		}
		if port == 0 {
			port = 587
		}
		m.options = append(m.options, smtp.WithTLSPolicy(smtp.NoTLS), smtp.WithPort(port))
	default:
		return fmt.Errorf("tls: %q is none of starttls, tls, none", s.TLS)
	}
	return nil
}

// allowed reports whether an address may get mail from here.
func (m *mailer) allowed(address string) bool {
	if len(m.settings.Allow) == 0 {
		return true
	}
	address = strings.ToLower(address)
	for _, a := range m.settings.Allow {
		a = strings.ToLower(a)
		if a == address || strings.HasPrefix(a, "@") && strings.HasSuffix(address, a) {
			return true
		}
	}
	return false
}
