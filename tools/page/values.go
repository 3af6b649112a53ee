package page

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// Values must not become markup. So a Markdown template is executed with a token in the place of each value, made of
// letters and digits, which mean nothing in Markdown anywhere; the Markdown becomes HTML; then the tokens become the
// values, escaped for the place where they stand.
const tokenMark = "TuttiValue"

var token = regexp.MustCompile(tokenMark + `([0-9]+)x`)

// values are those of one page, by number.
type values struct {
	list []any
	size int // bytes
}

func (v *values) token(value any) (string, error) {
	if markup, ok := value.(template.HTML); ok {
		v.list, v.size = append(v.list, markup), v.size+len(markup)
	} else {
		shown, err := display(value)
		if err != nil {
			return "", err
		}
		v.list, v.size = append(v.list, shown), v.size+len(shown)
	}
	if v.size > MaxOutput {
		return "", errTooLong
	}
	return fmt.Sprintf("%s%dx", tokenMark, len(v.list)-1), nil
}

// showValues ends every pipeline that prints something with show, as html/template does with its escapers. What may be done
// again and again, a template and the inside of a range, begins with goOn.
func showValues(tree *parse.Tree) {
	if tree != nil && tree.Root != nil {
		showIn(tree.Root)
		tree.Root.Nodes = append([]parse.Node{goOn(tree.Root.Pos)}, tree.Root.Nodes...)
	}
}

func showIn(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			showIn(child)
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			show := parse.NewIdentifier("show").SetTree(nil).SetPos(n.Pos)
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{show}})
		}
	case *parse.IfNode:
		showIn(n.List)
		showIn(n.ElseList)
	case *parse.RangeNode:
		showIn(n.List)
		showIn(n.ElseList)
		n.List.Nodes = append([]parse.Node{goOn(n.Pos)}, n.List.Nodes...)
	case *parse.WithNode:
		showIn(n.List)
		showIn(n.ElseList)
	}
}

// markdownRenderer leaves raw HTML and dangerous links out, which is goldmark's default. It makes no links by itself.
var markdownRenderer = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough))

func (v *values) toHTML(source string) (string, error) {
	var b bytes.Buffer
	if err := markdownRenderer.Convert([]byte(source), &b); err != nil {
		return "", fmt.Errorf("markdown: %w", err)
	}
	out := attribute.ReplaceAllStringFunc(b.String(), v.inAttribute)
	out = alone.ReplaceAllStringFunc(out, func(p string) string {
		t := token.FindString(p)
		if _, markup := v.of(t).(template.HTML); markup {
			return t
		}
		return p
	})
	out = token.ReplaceAllStringFunc(out, func(t string) string {
		switch value := v.of(t).(type) {
		case template.HTML:
			return string(value)
		case string:
			return strings.ReplaceAll(html.EscapeString(value), "\n", "<br>\n")
		}
		return ""
	})
	if len(out) > MaxOutput {
		return "", errTooLong
	}
	return out, nil
}

func (v *values) of(t string) any {
	i, err := strconv.Atoi(token.FindStringSubmatch(t)[1])
	if err != nil || i >= len(v.list) {
		return nil
	}
	return v.list[i]
}

var (
	// goldmark writes attributes in double quotes and escapes those in text, so nothing else looks like one.
	attribute = regexp.MustCompile(`\b(?:href|src|alt|title)="[^"]*` + tokenMark + `[^"]*"`)
	// a paragraph that is nothing but one token may hold a table or a chart: those may not stand in a <p>
	alone = regexp.MustCompile(`<p>(` + tokenMark + `[0-9]+x)</p>`)
)

// inAttribute puts values into an attribute: a whole URL must lead somewhere harmless, a part of one is escaped as such.
func (v *values) inAttribute(attr string) string {
	name, text, _ := strings.Cut(strings.TrimSuffix(attr, `"`), `="`)
	link := name == "href" || name == "src"
	whole := token.FindString(text) == text
	text = token.ReplaceAllStringFunc(text, func(t string) string {
		value, _ := v.of(t).(string)
		if link && !whole {
			return url.PathEscape(value)
		}
		return html.EscapeString(value)
	})
	if link && whole && !harmless(html.UnescapeString(text)) {
		text = "#"
	}
	return name + `="` + text + `"`
}

func harmless(link string) bool {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "mailto":
		return true
	}
	return u.Scheme == "" && u.Host == ""
}

// markdownHTML renders a value that the template's author takes for Markdown.
func markdownHTML(v any) (template.HTML, error) {
	source, err := display(v)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := markdownRenderer.Convert([]byte(source), &b); err != nil {
		return "", fmt.Errorf("markdown: %w", err)
	}
	return template.HTML(b.String()), nil
}
