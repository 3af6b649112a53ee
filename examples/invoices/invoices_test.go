// Package invoices_test runs the example as people would, with the people of answers.yaml.
package invoices_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tuttirun/tutti/agents"
	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/files"
	"github.com/tuttirun/tutti/tools/mail"
	"github.com/tuttirun/tutti/tools/report"
	"github.com/tuttirun/tutti/tools/rules"
	"github.com/tuttirun/tutti/tools/sqldb"
)

// answer is one entry of answers.yaml.
type answer struct {
	Document string           `json:"document"`
	Number   string           `json:"number"`
	Reason   string           `json:"reason"`
	By       string           `json:"by"`
	Verb     coordinator.Verb `json:"verb"`
	Output   json.RawMessage  `json:"output"`
	Comment  string           `json:"comment"`
}

func readAnswers(t *testing.T) []answer {
	t.Helper()
	raw, err := yaml.YAMLToJSON(read(t, "answers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []answer
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// workspace is a copy of the example that a test may write into.
func workspace(t *testing.T) *pipeline.Workspace {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"tutti.yaml", "inbox", "mail", "pipelines", "report", "rules", "sql"} {
		target := filepath.Join(dir, name)
		info, err := os.Stat(name)
		if err == nil && info.IsDir() {
			err = os.CopyFS(target, os.DirFS(name))
		} else if err == nil {
			err = os.WriteFile(target, read(t, name), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := pipeline.OpenWorkspace(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// workers wires what tutti.yaml configures, and checks the workspace with it.
func workers(t *testing.T, w *pipeline.Workspace) map[string]coordinator.Worker {
	t.Helper()
	var list []coordinator.Worker
	add := func(some []coordinator.Worker, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, some...)
	}
	var ledger sqldb.Settings
	if err := w.DecodeTool("sql", &ledger); err != nil {
		t.Fatal(err)
	}
	var outbox mail.Settings
	if err := w.DecodeTool("mail", &outbox); err != nil {
		t.Fatal(err)
	}
	add(files.New(w.Dir, files.Settings{}))
	add(rules.New(w.Dir, rules.Settings{}))
	add(sqldb.New(w.Dir, ledger))
	add(mail.New(w.Dir, outbox))
	add(report.New(w.Dir, report.Settings{}))
	t.Cleanup(func() {
		if err := tools.Close(list...); err != nil {
			t.Error(err)
		}
	})
	for name, a := range w.Agents {
		agent, err := agents.New(agents.Config{
			Name: name, Description: a.Description, Instructions: a.Instructions, Output: a.Output, NoPerson: a.NoPerson,
			Model: offline.New(offline.Options{}),
		})
		add([]coordinator.Worker{agent}, err)
	}
	for _, f := range w.Pipelines {
		add([]coordinator.Worker{pipeline.Worker(f)}, nil)
	}
	byName, err := tools.Map(list...)
	if err != nil {
		t.Fatal(err)
	}
	card := func(name string) (coordinator.Card, bool) {
		if worker, ok := byName[name]; ok {
			return worker.Card(), true
		}
		return coordinator.Card{}, false
	}
	if err := w.Check(card); err != nil {
		t.Fatal(err)
	}
	return byName
}

// start submits the demo's pipeline; people answers for the people.
func start(t *testing.T, w *pipeline.Workspace, people func(coordinator.Escalation) (coordinator.Decision, error)) (*local.Runtime, string) {
	t.Helper()
	rt, err := local.New(local.Options{
		Workers: workers(t, w), Workspace: w.Name, Rights: w.MayDecide,
		People: func(_ context.Context, e coordinator.Escalation) (coordinator.Decision, error) { return people(e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f, err := w.Pipeline("intake-folder")
	if err != nil {
		t.Fatal(err)
	}
	run, err := rt.Submit(t.Context(), local.Task{Plan: f.Plan, Input: map[string]string{"folder": "inbox", "month": "2026-09"}})
	if err != nil {
		t.Fatal(err)
	}
	return rt, run
}

// intake runs the demo to its end, with people who answer, and returns its output.
func intake(t *testing.T, w *pipeline.Workspace, answers []answer) map[string]any {
	t.Helper()
	asked := make(chan coordinator.Escalation, 100)
	rt, id := start(t, w, func(e coordinator.Escalation) (coordinator.Decision, error) {
		asked <- e
		for _, a := range answers {
			if a.Reason == string(e.Reason) && strings.Contains(string(e.Input), a.Number) {
				return coordinator.Decision{Verb: a.Verb, By: a.By, Output: a.Output, Comment: a.Comment}, nil
			}
		}
		return coordinator.Decision{}, fmt.Errorf("nobody answers %s: %s", e.Path, e.Question)
	})
	run, err := rt.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) != len(answers) {
		t.Errorf("people were asked %d times, want %d", len(asked), len(answers))
	}
	raw, _ := run.Output("")
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// row is an invoice as the ledger keeps it.
type row struct {
	number, date, currency, seller, iban string
	net, tax, total                      int64 // cents
}

func rowOf(in invoice) row {
	return row{in.Number, in.Date, in.Currency, in.Seller, *in.IBAN, cents(in.Net), cents(in.Tax), cents(in.Total)}
}

// ledger returns what is booked of the inbox, by document.
func ledger(t *testing.T, w *pipeline.Workspace) map[string]row {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.Dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`select document, number, date, currency, seller, iban, net_cents, tax_cents, total_cents
		from invoices where document like 'inbox/%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]row{}
	for rows.Next() {
		var document string
		var r row
		if err := rows.Scan(&document, &r.number, &r.date, &r.currency, &r.seller, &r.iban, &r.net, &r.tax, &r.total); err != nil {
			t.Fatal(err)
		}
		out[document] = r
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func mails(t *testing.T, w *pipeline.Workspace) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(w.Dir, "out", "mail", "booked-*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func TestEveryInvoiceEndsAsExpected(t *testing.T) {
	w := workspace(t)
	out := intake(t, w, readAnswers(t))
	have, want := ledger(t, w), 0
	for _, e := range readExpected(t) {
		got, booked := have[e.Document]
		if booked != (e.Action != "reject") || booked && got != rowOf(e.booked()) {
			t.Errorf("%s: booked %v as %+v", e.Document, booked, got)
		}
		if booked {
			want++
		}
	}
	if out["booked"] != float64(want) || out["failed"] != 0.0 || mails(t, w) != want {
		t.Errorf("%d are in the ledger, %v are reported, %v failed, %d mails are written", want, out["booked"], out["failed"], mails(t, w))
	}
	page, err := os.ReadFile(filepath.Join(w.Dir, out["page"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"<svg", "13,102.84", "verlaine-TV-26-0781.pdf"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the summary lacks %s", part)
		}
	}
}

func TestWhatTheCFORefusesIsNotBookedAndTheOthersGoOn(t *testing.T) {
	w := workspace(t)
	answers := readAnswers(t)
	refused := ""
	for i, a := range answers {
		if a.Reason == string(coordinator.ReasonApproval) {
			answers[i].Verb, refused = coordinator.Reject, a.Document
		}
	}
	out := intake(t, w, answers)
	have := ledger(t, w)
	if _, booked := have[refused]; booked || refused == "" {
		t.Errorf("%s is booked", refused)
	}
	if len(have) != 11 || out["failed"] != 0.0 || mails(t, w) != 11 {
		t.Errorf("%d are booked, %v failed, %d mails are written; want 11, 0, 11", len(have), out["failed"], mails(t, w))
	}
}

func TestCancelTakesTheBookingsBack(t *testing.T) {
	w := workspace(t)
	rt, id := start(t, w, func(coordinator.Escalation) (coordinator.Decision, error) {
		return coordinator.Decision{}, errors.New("nobody is in")
	})
	_, err := rt.Wait(t.Context(), id)
	var waiting *local.WaitingError
	if !errors.As(err, &waiting) || len(waiting.Open) != 3 {
		t.Fatalf("the run ends with %v, want three open questions", err)
	}
	if have := ledger(t, w); len(have) != 9 {
		t.Fatalf("%d are booked while people are awaited, want 9", len(have))
	}
	if err := rt.Cancel(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	run, err := rt.Wait(t.Context(), id)
	if run == nil || run.Status() != coordinator.StatusCancelled {
		t.Fatalf("after the cancel: %v, %v", run, err)
	}
	if have := ledger(t, w); len(have) != 0 {
		t.Errorf("%d are still booked", len(have))
	}
}
