package tools

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

type notesContext struct{}

type notes struct {
	mu    sync.Mutex
	lines []string
}

// Note leaves a line for people beside the result, such as "written to outbox/1.eml, no SMTP server is configured".
// Outside a tool's function it does nothing.
func Note(ctx context.Context, format string, args ...any) {
	n, ok := ctx.Value(notesContext{}).(*notes)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func withNotes(ctx context.Context) (context.Context, *notes) {
	n := &notes{}
	return context.WithValue(ctx, notesContext{}, n), n
}

func (n *notes) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "; ")
}
