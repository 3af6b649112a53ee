package memory

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed *.lua
var sources embed.FS

// script is one of the embedded Lua files: the only places where several keys change together.
type script struct{ name, source, sha string }

var (
	createScript = load("create")
	appendScript = load("append")
	postScript   = load("post")
	peekScript   = load("peek")
	claimScript  = load("claim")
	renewScript  = load("renew")
	offerScript  = load("offer")
	setScript    = load("set")
	sayScript    = load("say")

	scripts = []*script{
		createScript, appendScript, postScript, peekScript, claimScript, renewScript, offerScript, setScript, sayScript,
	}
)

func load(name string) *script {
	source, err := sources.ReadFile(name + ".lua")
	if err != nil {
		panic(err) // embedded above
	}
	return &script{name: name, source: string(source), sha: redis.NewScript(string(source)).Hash()}
}

// call is one execution of a script. After evalAll it has an answer or an error.
type call struct {
	script *script
	keys   []string
	args   []any
	answer answer
	err    error
}

// answer is what a script returned: what became of the call, the store's time, and more.
type answer []any

func (a answer) what() string { return a.text(0) }

func (a answer) text(i int) string {
	if i < len(a) {
		s, _ := a[i].(string)
		return s
	}
	return ""
}

func (a answer) number(i int) int64 {
	if i < len(a) {
		n, _ := a[i].(int64)
		return n
	}
	return 0
}

func (s *redisStore) eval(ctx context.Context, c call) (answer, error) {
	s.evalAll(ctx, []*call{&c})
	return c.answer, c.err
}

// evalAll sends all calls in one pipeline. A server that has lost the scripts (restarted, flushed) gets them again, and those calls
// that it refused; a refused call has done nothing.
func (s *redisStore) evalAll(ctx context.Context, calls []*call) {
	s.send(ctx, calls)
	var refused []*call
	for _, c := range calls {
		if redis.HasErrorPrefix(c.err, "NOSCRIPT") {
			refused = append(refused, c)
		}
	}
	if len(refused) == 0 {
		return
	}
	if err := s.loadScripts(ctx); err != nil {
		for _, c := range refused {
			c.err = err
		}
		return
	}
	s.send(ctx, refused)
}

func (s *redisStore) send(ctx context.Context, calls []*call) {
	pipe := s.client.Pipeline()
	replies := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		replies[i] = pipe.EvalSha(ctx, c.script.sha, c.keys, c.args...)
	}
	_, execErr := pipe.Exec(ctx)
	for i, c := range calls {
		raw, err := replies[i].Result()
		if err == nil && raw == nil {
			err = execErr
		}
		c.answer, c.err = nil, s.failure(ctx, "script "+c.script.name, err)
		if c.err != nil {
			continue
		}
		list, ok := raw.([]any)
		if !ok || len(list) < 2 {
			c.err = fmt.Errorf("script %s: unexpected answer %v", c.script.name, raw)
			continue
		}
		c.answer = list
		s.clock.observe(c.answer.number(1))
	}
}

func (s *redisStore) loadScripts(ctx context.Context) error {
	pipe := s.client.Pipeline()
	for _, script := range scripts {
		pipe.ScriptLoad(ctx, script.source)
	}
	_, err := pipe.Exec(ctx)
	return s.failure(ctx, "loading scripts", err)
}

// header renders a script's JSON argument.
func header(v any) string {
	raw, err := marshal(v)
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return string(raw)
}

// transient are the refusals after which the same command may succeed later. The server did nothing.
var transient = []string{"LOADING", "BUSY", "MISCONF", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "max number of clients"}

func isTransient(err error) bool {
	for _, prefix := range transient {
		if redis.HasErrorPrefix(err, prefix) || strings.Contains(err.Error(), "-"+prefix+" ") {
			return true
		}
	}
	return false
}
