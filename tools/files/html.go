package files

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxDepth bounds nested elements; what lies deeper is left out.
const maxDepth = 500

// htmlText is the text that a reader of the page sees: no scripts, no hidden parts, tables as tables.
func htmlText(source string) (string, error) {
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return "", fmt.Errorf("HTML: %w", err)
	}
	w := &htmlWriter{}
	w.node(root, 0)
	return squeeze(w.b.String()), nil
}

type htmlWriter struct {
	b    strings.Builder
	open bool // text was written since the last line break
	gap  bool // a space is due before the next text
	pre  int  // inside <pre>
}

func (w *htmlWriter) node(n *html.Node, depth int) {
	if depth > maxDepth {
		return
	}
	switch {
	case n.Type == html.TextNode:
		w.text(n.Data)
		return
	case n.Type == html.ElementNode && hidden(n):
		return
	case n.DataAtom == atom.Br:
		w.newline()
		return
	case n.DataAtom == atom.Table && !holdsTable(n):
		w.table(n, depth)
		return
	}
	block := blocks[n.DataAtom]
	if block {
		w.endLine()
	}
	switch n.DataAtom {
	case atom.Li:
		w.text("- ")
	case atom.Pre, atom.Textarea:
		w.pre++
		defer func() { w.pre-- }()
	case atom.Td, atom.Th:
		w.gap = true
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
	if block {
		w.endLine()
		if spaced[n.DataAtom] {
			w.b.WriteByte('\n')
		}
	}
}

func (w *htmlWriter) text(s string) {
	if w.pre > 0 {
		w.b.WriteString(s)
		w.open = !strings.HasSuffix(s, "\n")
		return
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		w.gap = w.gap || s != ""
		return
	}
	if w.open && (w.gap || strings.ContainsAny(s[:1], " \t\r\n")) {
		w.b.WriteByte(' ')
	}
	w.b.WriteString(strings.Join(words, " "))
	w.open = true
	w.gap = strings.ContainsAny(s[len(s)-1:], " \t\r\n")
}

func (w *htmlWriter) newline() {
	w.b.WriteByte('\n')
	w.open, w.gap = false, false
}

func (w *htmlWriter) endLine() {
	if w.open {
		w.newline()
	}
	w.gap = false
}

// table writes a table that holds no other one: those that do only arrange a page.
func (w *htmlWriter) table(n *html.Node, depth int) {
	w.endLine()
	var rows [][]string
	collectRows(n, depth, &rows)
	writeTable(&w.b, rows)
	w.b.WriteByte('\n')
}

func collectRows(n *html.Node, depth int, rows *[][]string) {
	if depth > maxDepth || n.Type == html.ElementNode && hidden(n) {
		return
	}
	if n.DataAtom == atom.Caption {
		*rows = append(*rows, []string{cellText(n, depth)})
		return
	}
	if n.DataAtom == atom.Tr {
		var row []string
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if (c.DataAtom == atom.Td || c.DataAtom == atom.Th) && !hidden(c) {
				row = append(row, cellText(c, depth))
			}
		}
		if strings.Join(row, "") != "" {
			*rows = append(*rows, row)
		}
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		collectRows(c, depth+1, rows)
	}
}

func cellText(n *html.Node, depth int) string {
	w := &htmlWriter{}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
	return strings.Join(strings.Fields(w.b.String()), " ")
}

func holdsTable(n *html.Node) bool {
	for d := range n.Descendants() {
		if d.DataAtom == atom.Table {
			return true
		}
	}
	return false
}

// hidden reports elements that a reader does not see. Text hidden in a page is a common way to talk to a model past its user.
func hidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Template, atom.Noscript, atom.Svg, atom.Object, atom.Iframe:
		return true
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "style":
			style := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") {
				return true
			}
		}
	}
	return false
}

var (
	blocks = atoms(atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Center, atom.Dd, atom.Div, atom.Dl,
		atom.Dt, atom.Fieldset, atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Header, atom.Hr, atom.Li, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Table, atom.Tbody,
		atom.Tr, atom.Ul)
	spaced = atoms(atom.Blockquote, atom.Dl, atom.H1, atom.H2, atom.H3, atom.H4, atom.Ol, atom.P, atom.Pre, atom.Table, atom.Ul)
)

func atoms(list ...atom.Atom) map[atom.Atom]bool {
	set := map[atom.Atom]bool{}
	for _, a := range list {
		set[a] = true
	}
	return set
}

// squeeze keeps at most one empty line in a row and none at the ends.
func squeeze(s string) string {
	var b strings.Builder
	empty := 0
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, " \t\n")
		if line == "" {
			empty++
			continue
		}
		if empty > 0 && b.Len() > 0 {
			b.WriteByte('\n')
		}
		empty = 0
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
