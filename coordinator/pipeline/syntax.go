package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readSource reads YAML into nodes. Whatever is wrong with the YAML itself is a mistake of the source, whose root is then nil.
func readSource(name string, data []byte) *source {
	s := &source{name: name, meant: map[span]string{}}
	text, ok := s.text(data)
	if !ok {
		return s
	}
	s.lines = strings.Split(text, "\n")
	tokens, ok := s.tokens(text)
	if !ok {
		return s
	}
	// Duplicate keys are found below, all of them and in linear time.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.syntaxMistake(err)
		return s
	}
	body, ok := s.onlyDocument(file)
	if !ok {
		return s
	}
	b := builder{source: s, anchors: map[string]*node{}}
	if root := b.build(body, span{1, 1, 1}); !b.stopped {
		s.root = root
	}
	return s
}

// text checks the encoding and takes what editors add: a byte order mark, carriage returns.
func (s *source) text(data []byte) (string, bool) {
	switch {
	case len(data) > maxBytes:
		s.mistake(span{}, fmt.Sprintf("the file is larger than %d MiB", maxBytes>>20), "")
		return "", false
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		s.mistake(span{}, "the file is UTF-16", "save it as UTF-8")
		return "", false
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	s.lines = strings.Split(text, "\n")
	for i, line := range s.lines {
		if at := unreadable(line); at >= 0 {
			message := fmt.Sprintf("the control character %U", []rune(line[at:])[0])
			if r, size := utf8.DecodeRuneInString(line[at:]); r == utf8.RuneError && size == 1 {
				message = "a byte that is not UTF-8"
			}
			s.mistake(span{i + 1, utf8.RuneCountInString(line[:at]) + 1, 1}, message, "remove it, or save the file as UTF-8")
			return "", false
		}
	}
	if strings.TrimSpace(text) == "" {
		s.mistake(span{}, "the file is empty", "")
		return "", false
	}
	return text, true
}

// unreadable returns where a line holds what YAML does not allow, or -1.
func unreadable(line string) int {
	for at, r := range line {
		if r < ' ' && r != '\t' || r == 0x7F || r == '\uFEFF' {
			return at
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(line[at:]); size == 1 {
				return at
			}
		}
	}
	return -1
}

// tokens refuses what would make the parser slow or its stack deep, before it runs.
func (s *source) tokens(text string) (token.Tokens, bool) {
	tokens := lexer.Tokenize(text)
	var g guard
	for _, t := range tokens {
		if message, hint := g.refuses(t); message != "" {
			s.mistake(spanOf(t), message, hint)
			return nil, false
		}
	}
	if len(tokens) > maxTokens {
		s.mistake(span{}, fmt.Sprintf("the file holds more than %d words of YAML", maxTokens), "")
		return nil, false
	}
	return tokens, true
}

// onlyDocument returns the file's content. A second document was refused before.
func (s *source) onlyDocument(file *ast.File) (ast.Node, bool) {
	for _, d := range file.Docs {
		if _, directive := d.Body.(*ast.DirectiveNode); !directive && d.Body != nil {
			return d.Body, true
		}
	}
	s.mistake(span{}, "the file is empty", "")
	return nil, false
}

// syntaxMistake says in our words what the YAML parser found.
func (s *source) syntaxMistake(err error) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		s.mistake(span{}, "the YAML cannot be read: "+strings.SplitN(err.Error(), "\n", 2)[0], "")
		return
	}
	at := spanOf(syntax.Token)
	line := ""
	if at.line <= len(s.lines) {
		line = s.lines[at.line-1]
	}
	if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
		s.mistake(span{at.line, strings.Index(indent, "\t") + 1, 1}, "a tab in the indentation", "YAML is indented with spaces")
		return
	}
	if before, _, found := strings.Cut(line, "${{"); found && !strings.HasSuffix(before, `"`) && !strings.HasSuffix(before, "'") {
		at = span{at.line, utf8.RuneCountInString(before) + 1, 3}
		s.mistake(at, "YAML reads these braces as a mapping", `put the whole value in quotes: "${{ … }}"`)
		return
	}
	message, hint := inOurWords(syntax.Message)
	s.mistake(at, message, hint)
}

// inOurWords replaces the parser's messages that people meet most.
func inOurWords(message string) (string, string) {
	const quote = "put the whole value in quotes"
	switch {
	case strings.Contains(message, "mapping value is not allowed"):
		return `a second ": " in one line`, quote + " if it belongs to the text"
	case strings.Contains(message, "reserved character"):
		return "a value cannot start with this character", quote
	case strings.Contains(message, "could not find end character"):
		return "a quoted text that does not end", "add the closing quote"
	case strings.Contains(message, "sequence end token"):
		return "this list is not closed", "add the missing ]"
	case strings.Contains(message, "flow mapping end token"), strings.Contains(message, "flow map end token"):
		return "this mapping is not closed", "add the missing }"
	case strings.Contains(message, "']'"):
		return "a list is not closed before this", "add the missing , or ]"
	case strings.Contains(message, "'}'"):
		return "a mapping is not closed before this", "add the missing , or }"
	case strings.Contains(message, "value is not allowed in this context"), strings.Contains(message, "pre-defined"):
		return "this does not fit what stands before it", "check the indentation and the quotes"
	case strings.Contains(message, "non-map value"), strings.Contains(message, "unexpected key name"):
		return `expected "key: value"`, "check the indentation, and that a space follows the colon"
	}
	return message, ""
}

func spanOf(t *token.Token) span {
	if t == nil || t.Position == nil {
		return span{1, 1, 1}
	}
	width := utf8.RuneCountInString(strings.TrimSpace(strings.SplitN(strings.TrimLeft(t.Origin, " \t\n"), "\n", 2)[0]))
	return span{t.Position.Line, t.Position.Column, max(1, width)}
}
