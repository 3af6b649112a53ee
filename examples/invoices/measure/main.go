// Command measure reads the invoices of a folder with the offline rules and compares what they say with what people
// wrote down beside them.
//
//	go run ./examples/invoices/measure [-accept 0.9] [-verbose] DIR
//
// DIR holds NAME.pdf (or .txt, .html, …) and NAME.json with {"invoice_number", "date", "amount"}, or a list of one such
// object. For each document and field it prints what was expected, what was found, how sure the rules are, and the
// verdict: right or wrong, or asked where they are less sure than the threshold. It ends with 1 if anything is wrong
// without asking, or if there is nothing to measure. A document that cannot be read (a scan) counts as asked.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/files"
)

// invoiceSchema lets the agent say that it did not find a field.
const invoiceSchema = `{
	"type": "object",
	"properties": {
		"number": {"type": ["string", "null"], "description": "The number of the invoice"},
		"date": {"type": ["string", "null"], "format": "date", "description": "The day it was issued"},
		"total": {"type": ["number", "null"], "description": "What is to be paid, tax included"}
	},
	"required": ["number", "date", "total"]
}`

var names = []string{"number", "date", "total"}

func main() {
	accept := flag.Float64("accept", 0.9, "how sure a field must be to need no person")
	verbose := flag.Bool("verbose", false, "say why, for each field")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: measure [-accept 0.9] [-verbose] DIR")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *accept, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(dir string, accept float64, verbose bool) error {
	cases, err := readCases(dir)
	if err != nil {
		return err
	}
	workers, err := files.New(dir, files.Settings{})
	if err != nil {
		return err
	}
	byName, err := tools.Map(workers...)
	if err != nil {
		return err
	}
	defer func() { _ = tools.Close(workers...) }()
	reader, err := agents.New(agents.Config{Name: "invoice-reader", Model: offline.New(offline.Options{}), Output: json.RawMessage(invoiceSchema)})
	if err != nil {
		return err
	}
	m := measurement{text: byName["files.text"], reader: reader, accept: accept, verbose: verbose}
	m.table = tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(m.table, "DOCUMENT\tFIELD\tEXPECTED\tFOUND\tCONFIDENCE\tVERDICT")
	for _, c := range cases {
		if err := m.measure(context.Background(), c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if err := m.table.Flush(); err != nil {
		return err
	}
	return m.report()
}

// testCase is a document and what people read in it.
type testCase struct {
	name   string // of the document, in the folder
	expect map[string]any
}

func readCases(dir string) ([]testCase, error) {
	expectations, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for _, file := range expectations {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := testCase{}
		c.name = document(strings.TrimSuffix(file, ".json"))
		if c.expect, err = expected(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s: no NAME.json with an expectation", dir)
	}
	return cases, nil
}

// document is the file beside an expectation. If there is none, reading it will say so.
func document(stem string) string {
	for _, extension := range []string{".pdf", ".txt", ".html", ".eml", ".csv", ".md"} {
		if _, err := os.Stat(stem + extension); err == nil {
			return filepath.Base(stem) + extension
		}
	}
	return filepath.Base(stem) + ".pdf"
}

func expected(raw []byte) (map[string]any, error) {
	var list []map[string]any
	if err := json.Unmarshal(raw, &list); err != nil {
		var one map[string]any
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%d expectations, want 1", len(list))
	}
	return map[string]any{"number": list[0]["invoice_number"], "date": list[0]["date"], "total": list[0]["amount"]}, nil
}

// measurement runs documents through the tool and the agent and counts.
type measurement struct {
	text, reader  coordinator.Worker
	accept        float64
	verbose       bool
	table         *tabwriter.Writer
	field, whole  verdicts
	documents     int
	fields        int // with an expectation
	wholeAccepted int
}

type verdicts struct{ right, wrong, asked, askedRight int }

func (v *verdicts) add(sure, right bool) string {
	switch {
	case !sure && right:
		v.asked++
		v.askedRight++
		return "asked (was right)"
	case !sure:
		v.asked++
		return "asked"
	case right:
		v.right++
		return "right"
	}
	v.wrong++
	return "WRONG"
}

func (m *measurement) measure(ctx context.Context, c testCase) error {
	input, err := json.Marshal(files.PathInput{Path: c.name})
	if err != nil {
		return err
	}
	text, err := m.text.Do(ctx, coordinator.Attempt{Run: "measure", Path: "text", Input: input})
	if failure := coordinator.FailureOf(err); failure != nil && failure.Permanent {
		m.count(c, nil, &coordinator.Confidence{Veto: failure.Message})
		return nil
	}
	if err != nil {
		return err
	}
	var content files.TextOutput
	if err := json.Unmarshal(text.Output, &content); err != nil {
		return err
	}
	input, err = json.Marshal(map[string]string{"document": content.Content})
	if err != nil {
		return err
	}
	result, err := m.reader.Do(ctx, coordinator.Attempt{Run: "measure", Path: "read", Input: input, Label: coordinator.Untrusted})
	if err != nil {
		return err
	}
	var found map[string]any
	if err := json.Unmarshal(result.Output, &found); err != nil {
		return err
	}
	m.count(c, found, result.Confidence)
	return nil
}

func (m *measurement) count(c testCase, found map[string]any, sure *coordinator.Confidence) {
	m.documents++
	wholeSure := sure.Veto == "" && sure.Score >= m.accept
	if wholeSure {
		m.wholeAccepted++
	}
	if sure.Signals == nil {
		fmt.Fprintf(m.table, "%s\t\t\t%s\t\t\n", c.name, sure.Veto)
	}
	for _, name := range names {
		if c.expect[name] == nil {
			continue
		}
		m.fields++
		signal := fieldSignal(sure, name)
		right := same(found[name], c.expect[name])
		verdict := m.field.add(signal.Score >= m.accept && found[name] != nil, right)
		m.whole.add(wholeSure, right)
		fmt.Fprintf(m.table, "%s\t%s\t%v\t%v\t%.2f\t%s\n", c.name, name, shown(c.expect[name]), shown(found[name]), signal.Score, verdict)
		if m.verbose {
			fmt.Fprintf(m.table, "\t\t\t%s\t\t\n", signal.Note)
		}
	}
}

func fieldSignal(c *coordinator.Confidence, name string) coordinator.Signal {
	for _, s := range c.Signals {
		if s.Field == name {
			return s
		}
	}
	return coordinator.Signal{}
}

func shown(v any) any {
	if v == nil {
		return "-"
	}
	return v
}

// same compares amounts to the cent and everything else as text.
func same(found, want any) bool {
	a, ok := found.(float64)
	if b, err := strconv.ParseFloat(fmt.Sprint(want), 64); ok && err == nil {
		return math.Abs(a-b) < 0.005
	}
	return found != nil && fmt.Sprint(found) == fmt.Sprint(want)
}

var errWrong = errors.New("fields were wrong without asking")

func (m *measurement) report() error {
	line := func(what string, v verdicts) {
		fmt.Printf("%-34s %3d right, %3d wrong, %3d asked (of which %d would have been right)\n", what, v.right, v.wrong, v.asked, v.askedRight)
	}
	fmt.Printf("\n%d documents, %d fields, accepted from %.2f\n", m.documents, m.fields, m.accept)
	line("each field by its own confidence:", m.field)
	line("each document by its least sure:", m.whole)
	fmt.Printf("documents accepted whole: %d of %d\n", m.wholeAccepted, m.documents)
	if m.field.wrong > 0 {
		return fmt.Errorf("%d %w", m.field.wrong, errWrong)
	}
	return nil
}
