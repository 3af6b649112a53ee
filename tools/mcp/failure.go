package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/secret"
	"github.com/tuttirun/tutti/tools/web"
)

// maxError bounds what of a server's words goes into an error, in characters.
const maxError = 2000

// harmless variables are passed on without being masked in errors, where paths and languages help.
var harmless = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM"}

// secretsOf are the values that a server was given and may repeat in what it says.
func secretsOf(s Server) *secret.Set {
	hidden := new(secret.Set)
	hide := func(name, value string) {
		if len(value) >= secret.MinLength {
			_ = hidden.Add(name, value) // it refuses short ones only
		}
	}
	for name, value := range s.Env {
		hide(name, value)
	}
	for _, name := range s.Pass {
		if !slices.Contains(harmless, name) && !strings.HasPrefix(name, "LC_") {
			hide(name, os.Getenv(name))
		}
	}
	for name, value := range s.Headers {
		hide(name, value)
		if _, credential, ok := strings.Cut(value, " "); ok { // Bearer …
			hide(name, credential)
		}
	}
	if u, err := url.Parse(s.URL); err == nil {
		password, _ := u.User.Password()
		hide("url", password)
		for _, values := range u.Query() {
			for _, value := range values {
				hide("url", value)
			}
		}
	}
	return hidden
}

// unreached describes why a server could not be started or asked for its tools: nothing was called.
func (s *server) unreached(err error, using *session) error {
	text := s.explain(err, using)
	if f := coordinator.FailureOf(err); f.Permanent {
		return coordinator.Permanent(text)
	}
	return coordinator.NotDone(text)
}

// failure describes why a call failed, and what is known about it.
func (s *server) failure(ctx context.Context, err error, using *session, e *exchange) error {
	if lost(err) {
		using.lost.Store(true)
	}
	known := err
	if refusal := e.refusal(); refusal != nil {
		known = refusal
	}
	switch f := coordinator.FailureOf(known); { // web.Guard marks what was not sent
	case f.Permanent:
		return coordinator.Permanent(s.explain(known, using))
	case f.After > 0:
		return coordinator.RetryAfter(s.explain(known, using), f.After)
	case f.NotDone:
		return coordinator.NotDone(s.explain(known, using))
	}
	if s.life.Err() != nil {
		return fmt.Errorf("the MCP server %s was closed during the call", s.name)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("the MCP server %s did not answer within %s (see timeout in its settings)", s.name, s.settings.Timeout)
	}
	if rpc := (*jsonrpc.Error)(nil); errors.As(err, &rpc) && refused(rpc) {
		return coordinator.Permanent(s.explain(err, using))
	}
	return s.explain(err, using)
}

// refused reports whether a protocol error says that the request was not taken up. The TypeScript SDK gives the code of bad
// parameters to bad results too, which are found when everything has happened.
func refused(e *jsonrpc.Error) bool {
	switch e.Code {
	case jsonrpc.CodeParseError, jsonrpc.CodeInvalidRequest, jsonrpc.CodeMethodNotFound:
		return true
	case jsonrpc.CodeInvalidParams:
		return !strings.Contains(strings.ToLower(e.Message), "output")
	}
	return false
}

// explain words an error with the server's name and, if its process said something, the end of that. Only a context's error
// stays in the chain: marks in it may be about another request.
func (s *server) explain(err error, using *session) error {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return fmt.Errorf("the MCP server %s: %s%w", s.name, s.circumstances(using, false), cause)
		}
	}
	text := s.hidden.Mask(web.Bare(err).Error())
	return fmt.Errorf("the MCP server %s: %s%s", s.name, s.circumstances(using, lost(err)), line(text, maxError))
}

// lost reports whether an error leaves a connection in a state that nobody knows: it is neither an answer by the protocol
// nor our own impatience.
func lost(err error) bool {
	rpc := (*jsonrpc.Error)(nil)
	return !errors.As(err, &rpc) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// circumstances tells of a process that has ended, or has something to say. A process that is lost is about to end.
func (s *server) circumstances(using *session, lost bool) string {
	if using == nil || using.process == nil {
		return ""
	}
	ended := ""
	if p := using.process; (lost || using.over()) && p.gone(drainGrace) {
		ended = fmt.Sprintf("it has ended (%s); ", p.cmd.ProcessState)
	}
	return ended + s.said(using)
}

// said is the end of what a process wrote beside the protocol. It is cut first and masked then: half a secret at the cut is
// dropped with its line.
func (s *server) said(using *session) string {
	if using == nil || using.process == nil {
		return ""
	}
	text := using.process.said.String()
	if len(text) >= tailBytes {
		_, text, _ = strings.Cut(text, "\n")
	}
	text = visible(s.hidden.Mask(colours.ReplaceAllString(text, "")), tailBytes)
	if text == "" {
		return ""
	}
	return fmt.Sprintf("it said %q; ", text)
}

// colours are a terminal's control sequences.
var colours = regexp.MustCompile("\x1b\\[[0-9;?]*[a-zA-Z]")
