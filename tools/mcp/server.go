package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/secret"
)

// restartWindow is the time in which a server may be started Server.Restarts times.
const restartWindow = time.Minute

// minFrame is the least limit of one message, for lists of tools.
const minFrame = 8 << 20

// server is one configured server: it is started, or connected to, when it is needed.
type server struct {
	name     string
	dir      string // of the workspace
	settings Server
	accepted map[string]definition // by tool
	hidden   *secret.Set

	life context.Context // ends with Close
	end  context.CancelFunc

	turn    chan struct{} // whoever holds its one token may use what follows
	session *session
	starts  []time.Time
	leaving sync.WaitGroup // sessions over HTTP that are being ended
}

// session is one connection to a server.
type session struct {
	*sdk.ClientSession
	process  *process // nil over HTTP
	client   *http.Client
	ended    chan struct{} // closed when the connection is gone
	lost     atomic.Bool   // a call found it gone
	stale    atomic.Bool   // the server said that its tools changed
	checked  time.Time
	rejected map[string]error // tools that are not what was accepted
}

func newServer(dir, name string, s Server, accepted map[string]definition) *server {
	out := &server{name: name, dir: dir, settings: s, accepted: accepted, hidden: secretsOf(s), turn: make(chan struct{}, 1)}
	out.life, out.end = context.WithCancel(context.Background())
	out.turn <- struct{}{}
	return out
}

// call makes one call of a tool. What it knows about a failure is marked.
func (s *server) call(ctx context.Context, tool string, input map[string]json.RawMessage) (*sdk.CallToolResult, error) {
	ctx, stop := s.living(ctx)
	defer stop()
	using, err := s.use(ctx, tool)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, s.settings.Timeout)
	defer cancel()
	var e exchange
	result, err := using.CallTool(context.WithValue(bounded, exchangeContext{}, &e), &sdk.CallToolParams{Name: tool, Arguments: input})
	if err != nil {
		return nil, s.failure(ctx, err, using, &e)
	}
	return result, nil
}

// living ends a context with the server: closing awaits no call.
func (s *server) living(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// use returns a connection over which a tool may be called: its tools were compared with the accepted ones.
func (s *server) use(ctx context.Context, tool string) (*session, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	if s.session != nil && s.session.over() {
		s.drop()
	}
	if s.session == nil {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
	}
	if old := s.session; old.stale.Load() || time.Since(old.checked) > s.settings.Recheck {
		if err := s.compare(ctx); err != nil {
			s.drop() // the next call begins anew
			return nil, err
		}
	}
	if err := s.session.rejected[tool]; err != nil {
		return nil, coordinator.Permanent(err)
	}
	return s.session, nil
}

func (s *server) take(ctx context.Context) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return coordinator.NotDone(fmt.Errorf("the MCP server %s: %w", s.name, ctx.Err()))
	}
	if s.life.Err() != nil {
		s.give()
		return coordinator.NotDone(fmt.Errorf("the MCP server %s is closed", s.name))
	}
	return nil
}

func (s *server) give() { s.turn <- struct{}{} }

// begin starts the server, or connects to it. An error means that no tool was called.
func (s *server) begin(ctx context.Context) error {
	if err := s.mayStart(time.Now()); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, s.settings.StartTimeout)
	defer cancel()
	made, err := s.connect(bounded)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return coordinator.NotDone(fmt.Errorf("the MCP server %s: %sit did not answer within %s (see start_timeout in its settings)",
			s.name, s.said(made), s.settings.StartTimeout))
	}
	if err != nil {
		return s.unreached(err, made)
	}
	s.session = made
	return nil
}

// mayStart bounds how often a program that keeps dying is started.
func (s *server) mayStart(now time.Time) error {
	if s.settings.URL != "" {
		return nil
	}
	s.starts = slices.DeleteFunc(s.starts, func(t time.Time) bool { return now.Sub(t) > restartWindow })
	if len(s.starts) < s.settings.Restarts {
		s.starts = append(s.starts, now)
		return nil
	}
	wait := restartWindow - now.Sub(s.starts[0])
	return coordinator.RetryAfter(fmt.Errorf("the MCP server %s was started %d times within a minute and did not last; it is left alone for %s (see restarts in its settings)",
		s.name, len(s.starts), wait.Round(time.Second)), wait)
}

// connect makes a session. Beside an error it returns what was made so far, already ended, for what it said.
func (s *server) connect(ctx context.Context) (*session, error) {
	made := &session{ended: make(chan struct{})}
	transport, err := s.open(made)
	if err != nil {
		return made, err
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "tutti", Version: "1"}, &sdk.ClientOptions{
		Logger:                 slog.New(slog.DiscardHandler),
		Capabilities:           &sdk.ClientCapabilities{}, // no sampling, no elicitation, no roots
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { made.stale.Store(true) },
	})
	// A server that is silent while it is written to would hold Connect for ever: what it is connected by is closed then.
	stop := context.AfterFunc(ctx, made.cut)
	made.ClientSession, err = client.Connect(ctx, transport, &sdk.ClientSessionOptions{ProtocolVersion: s.settings.Protocol})
	if !stop() { // whatever Connect makes of it
		if err == nil {
			_ = made.ClientSession.Close()
		}
		err = ctx.Err()
	}
	if err != nil {
		made.cut()
		return made, err
	}
	go func() {
		_ = made.Wait() // why is told by the call that it fails
		close(made.ended)
	}()
	made.stale.Store(true)
	return made, nil
}

func (s *server) open(made *session) (transport sdk.Transport, err error) {
	if s.settings.URL != "" {
		transport, made.client, err = s.reach()
		return transport, err
	}
	if made.process, err = startProcess(s.dir, s.settings); err != nil {
		return nil, err
	}
	return made.process.transport(s.frame()), nil
}

// frame bounds one message: a result as JSON in JSON, and some room.
func (s *server) frame() int { return max(minFrame, 2*s.settings.MaxOutput+64<<10) }

// over reports whether a session can no longer be used.
func (c *session) over() bool {
	if c.lost.Load() {
		return true
	}
	if c.process != nil {
		select {
		case <-c.process.exited:
			return true
		default:
		}
	}
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// cut ends what a session stands on.
func (c *session) cut() {
	if c.process != nil {
		c.process.stop()
	}
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}

// close ends a session. Over HTTP the server is told first, and calls that are under way are awaited.
func (c *session) close() {
	if c.process != nil {
		c.process.stop()
	}
	_ = c.ClientSession.Close() // the connection is gone anyway
	<-c.ended
	c.cut()
}

// drop lets the current session go. A process is awaited: two of one kind may be in each other's way.
func (s *server) drop() {
	switch old := s.session; {
	case old == nil:
	case old.process != nil:
		old.close()
	default:
		s.leaving.Go(old.close)
	}
	s.session = nil
}

// close ends the server. What is being called returns at once.
func (s *server) close() error {
	s.end()
	<-s.turn
	defer s.give()
	s.drop()
	s.leaving.Wait()
	return nil
}

// compare asks the server for its tools and finds those that are not what was accepted.
func (s *server) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.settings.StartTimeout)
	defer cancel()
	using := s.session
	using.stale.Store(false) // before asking: a notice that comes meanwhile counts
	now, err := s.list(ctx, using)
	if err != nil {
		return s.unreached(fmt.Errorf("list of its tools: %w", err), using)
	}
	using.checked, using.rejected = time.Now(), map[string]error{}
	for name, old := range s.accepted {
		current, there := now[name]
		if !there {
			using.rejected[name] = fmt.Errorf("the MCP server %s no longer has this tool; %s", s.name, s.howToAccept())
		} else if parts := old.differences(current); len(parts) > 0 {
			using.rejected[name] = fmt.Errorf("the MCP server %s now describes this tool differently than it was accepted (%s); nothing was done; %s",
				s.name, strings.Join(parts, ", "), s.howToAccept())
		}
	}
	return nil
}

func (s *server) howToAccept() string {
	return "to see the change and accept it, run: tutti workers accept " + s.name
}

// list asks for all tools that a server has.
func (s *server) list(ctx context.Context, using *session) (map[string]definition, error) {
	out := map[string]definition{}
	params := (*sdk.ListToolsParams)(nil)
	for page := 0; ; page++ {
		result, err := using.ListTools(ctx, params)
		if err != nil {
			return nil, err
		}
		for _, t := range result.Tools {
			if err := s.add(out, t); err != nil {
				return nil, err
			}
		}
		if result.NextCursor == "" {
			return out, nil
		}
		if page >= s.settings.MaxTools {
			return nil, coordinator.Permanent(fmt.Errorf("it does not end after %d pages", page+1))
		}
		params = &sdk.ListToolsParams{Cursor: result.NextCursor}
	}
}

func (s *server) add(to map[string]definition, t *sdk.Tool) error {
	d, err := define(t)
	if err != nil {
		return coordinator.Permanent(fmt.Errorf("%s: %w", line(t.Name, maxToolName), err))
	}
	if _, twice := to[d.Name]; twice {
		return coordinator.Permanent(fmt.Errorf("two of them are called %s", line(d.Name, maxToolName)))
	}
	if len(to) >= s.settings.MaxTools {
		return coordinator.Permanent(fmt.Errorf("it has more than %d tools; see max_tools in its settings", s.settings.MaxTools))
	}
	to[d.Name] = d
	return nil
}
