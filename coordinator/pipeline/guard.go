package pipeline

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// What one file may hold. These keep a hostile file cheap; a sensible one is far below them.
const (
	maxBytes  = 1 << 20
	maxTokens = 250_000
	maxNodes  = 100_000 // values, after aliases are expanded
	maxDepth  = 100     // lists and mappings inside each other
	maxKeys   = 5_000   // of one mapping: the parser's work grows with their square
)

func tooDeep() string {
	return fmt.Sprintf("lists and mappings are nested more than %d deep", maxDepth)
}

// guard looks at words of YAML in their order, without recursion, for what the parser cannot take.
type guard struct {
	flow         int // brackets that are open
	line, inLine int // words of this line that each open a level
	columns      []column
	content      bool // something but directives and separators was there
	ended        bool // by a separator after content
}

// column counts the keys of a mapping that is not in brackets.
type column struct{ at, keys int }

// refuses returns why the file must not be parsed, or "".
func (g *guard) refuses(t *token.Token) (message, hint string) {
	if t.Position.Line != g.line {
		g.line, g.inLine = t.Position.Line, 0
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow++
	case token.SequenceEndType, token.MappingEndType:
		g.flow--
	case token.SequenceEntryType:
		g.inLine++
		g.leave(t.Position.Column)
	case token.MappingKeyType:
		g.inLine++
		g.key(t.Position.Column)
	case token.MappingValueType:
		if t.Prev != nil {
			g.key(t.Prev.Position.Column)
		}
	case token.TagType, token.AnchorType, token.DirectiveType:
		g.inLine++
	}
	switch {
	case g.flow > maxDepth || g.inLine > maxDepth:
		return tooDeep(), ""
	case len(g.columns) > 0 && g.columns[len(g.columns)-1].keys > maxKeys:
		return fmt.Sprintf("a mapping has more than %d keys", maxKeys), ""
	case g.second(t):
		return "a second document starts here", "put it into a file of its own"
	}
	return "", ""
}

// leave ends the mappings to the right of a column.
func (g *guard) leave(at int) {
	for len(g.columns) > 0 && g.columns[len(g.columns)-1].at > at {
		g.columns = g.columns[:len(g.columns)-1]
	}
}

func (g *guard) key(at int) {
	if g.flow > 0 {
		return
	}
	g.leave(at)
	if n := len(g.columns); n == 0 || g.columns[n-1].at < at {
		g.columns = append(g.columns, column{at: at})
	}
	g.columns[len(g.columns)-1].keys++
}

// second reports the start of a second document: --- after content, or content after its end.
func (g *guard) second(t *token.Token) bool {
	switch t.Type {
	case token.DocumentHeaderType:
		return g.content
	case token.DocumentEndType:
		g.ended = g.content
	case token.DirectiveType, token.CommentType:
	default:
		if t.Prev != nil && t.Prev.Type == token.DirectiveType || t.Prev != nil && t.Prev.Prev != nil && t.Prev.Prev.Type == token.DirectiveType {
			return false // its name and its value
		}
		g.content = true
		return g.ended
	}
	return false
}
