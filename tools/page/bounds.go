package page

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"text/template"
	"text/template/parse"
)

// A template may come from an agent. Its loops need write nothing, and its variables may double with every round; so it is
// asked at each round whether it may go on, and no text of it outgrows a page.

// bounds are functions that templates have anyway, made to end.
func bounds(ctx context.Context) map[string]any {
	return map[string]any{
		"goOn":    func() (bool, error) { return false, ctx.Err() },
		"print":   func(args ...any) (string, error) { return bounded(fmt.Sprint(args...)) },
		"println": func(args ...any) (string, error) { return bounded(fmt.Sprintln(args...)) },
		"printf":  printf,
		"js":      func(args ...any) (string, error) { return bounded(template.JSEscaper(args...)) },
	}
}

func bounded(s string) (string, error) {
	if len(s) > MaxOutput {
		return "", errTooLong
	}
	return s, nil
}

// wide is a verb that makes much out of little.
var wide = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{4}|\*)`)

func printf(format string, args ...any) (string, error) {
	if wide.MatchString(format) {
		return "", errors.New("a width or precision has at most three digits")
	}
	return bounded(fmt.Sprintf(format, args...))
}

// goOn is {{if goOn}}{{end}}, which prints nothing wherever it stands.
func goOn(at parse.Pos) parse.Node {
	word := parse.NewIdentifier("goOn").SetTree(nil).SetPos(at)
	pipe := &parse.PipeNode{NodeType: parse.NodePipe, Pos: at, Cmds: []*parse.CommandNode{
		{NodeType: parse.NodeCommand, Pos: at, Args: []parse.Node{word}},
	}}
	return &parse.IfNode{BranchNode: parse.BranchNode{
		NodeType: parse.NodeIf, Pos: at, Pipe: pipe, List: &parse.ListNode{NodeType: parse.NodeList, Pos: at},
	}}
}
