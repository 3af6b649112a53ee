package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
)

const canary = "canary-9f2b71c4-token-of-the-crm"

// opened starts the office in a folder of its own, and returns what it prints.
func opened(t *testing.T, h api.Hiccups) (*office, *bytes.Buffer) {
	t.Helper()
	t.Setenv("CRM_TOKEN", canary)
	out := new(bytes.Buffer)
	o, err := open(t.TempDir(), h, out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	})
	return o, out
}

// rows reads the CRM's database directly: each row is its columns as text, with a space between them.
func rows(t *testing.T, o *office, query string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(o.ws.Dir, "crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	out := []string{}
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// events reads the journal of a run.
func events(t *testing.T, o *office, run string) []coordinator.Event {
	t.Helper()
	var out []coordinator.Event
	for e, err := range o.rt.Store().Read(t.Context(), run, 0) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func failures(all []coordinator.Event, text string) int {
	n := 0
	for _, e := range all {
		if e.Kind == coordinator.Failed && strings.Contains(e.Failure.Message, text) {
			n++
		}
	}
	return n
}

// outcome is the output of the pipeline onboard.
type outcome struct {
	Outcome, Number, Reason, Report string
}

func outcomeOf(t *testing.T, run *coordinator.Run) outcome {
	t.Helper()
	raw, ok := run.Output("")
	if !ok {
		return outcome{}
	}
	var out outcome
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSevenCustomersMeetTheirSevenFates(t *testing.T) {
	o, out := opened(t, hiccups)
	runs, err := o.day(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]struct {
		status coordinator.Status
		outcome
		failure string
	}{
		"brackwater-logistics":    {coordinator.StatusDone, outcome{"active", "C-1001", "a usual business of usual size", "out/customers/C-1001.html"}, ""},
		"hollowell-textiles":      {coordinator.StatusDone, outcome{"not verified", "", "the passport has expired", ""}, ""},
		"larkfield-wholesale":     {coordinator.StatusDone, outcome{"active", "C-1002", "more than 100 000 EUR a month", "out/customers/C-1002.html"}, ""},
		"otterbourne-instruments": {coordinator.StatusDone, outcome{"active", "C-1003", "a usual business of usual size", "out/customers/C-1003.html"}, ""},
		"pennywhistle-games":      {coordinator.StatusFailed, outcome{}, "step activated_by_lead: rejected by iris"},
		"tidewater-coffee":        {coordinator.StatusDone, outcome{"active", "C-1005", "a usual business of usual size", "out/customers/C-1005.html"}, ""},
		"zephyrine-maritime":      {coordinator.StatusFailed, outcome{}, "step cleared_by_hand: rejected by rhea"},
	} {
		run := runs[name]
		if got := outcomeOf(t, run); run.Status() != want.status || got != want.outcome {
			t.Errorf("%s: %s %+v, want %s %+v", name, run.Status(), got, want.status, want.outcome)
		}
		if f := run.Failure(); (f != nil) != (want.failure != "") || f != nil && !strings.HasPrefix(f.Message, want.failure) {
			t.Errorf("%s: failed with %v, want %q", name, f, want.failure)
		}
	}
	if len(runs) != 7 || len(o.answers) > 0 {
		t.Errorf("%d customers were taken on, and %d answers were never asked for", len(runs), len(o.answers))
	}
	t.Run("the CRM holds the four who were taken", func(t *testing.T) { checkCRM(t, o) })
	t.Run("everybody got the mails meant for them", func(t *testing.T) { checkMails(t, o) })
	t.Run("what was done for the two who were rejected is undone", func(t *testing.T) { checkUndone(t, o) })
	t.Run("a CRM that hiccups does nothing twice", func(t *testing.T) { checkHiccups(t, o, runs) })
	t.Run("the requester's own yes is refused and kept", func(t *testing.T) { checkFourEyes(t, o, runs["larkfield-wholesale"].ID()) })
	t.Run("the pages are written", func(t *testing.T) { checkPages(t, o) })
	t.Run("the token stands nowhere", func(t *testing.T) { checkToken(t, o, out.String(), runs) })
}

func checkCRM(t *testing.T, o *office) {
	same(t, "customers", rows(t, o, `select number || ' ' || name || ', ' || risk || ', ' || status || ', ' || monthly_cents from customers order by id`), []string{
		"C-1001 Brackwater Logistics B.V., low, active, 4200000",
		"C-1002 Larkfield Wholesale Ltd, medium, active, 38000000",
		"C-1003 Otterbourne Instruments GmbH, low, active, 2730000",
		"C-1005 Tidewater Coffee Roasters Ltd, low, active, 1850000",
	})
	same(t, "letters", rows(t, o, `select c.number || ' ' || l.subject || ', ' || l.status from letters l join customers c on c.id = l.customer order by l.id`), []string{
		"C-1001 Welcome to Harbourline Payments, sent",
		"C-1002 Welcome to Harbourline Payments, sent",
		"C-1003 Welcome to Harbourline Payments, sent",
		"C-1005 Welcome to Harbourline Payments, sent",
	})
}

func checkMails(t *testing.T, o *office) {
	const received, welcome, closed = "We have received your application", "Welcome to Harbourline Payments", "Your application"
	mails, err := o.mails()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, m := range mails {
		got[m.to] = append(got[m.to], m.subject)
	}
	want := map[string][]string{
		"accounts@larkfield.example":       {received, welcome},
		"h.falk@otterbourne.example":       {received, welcome},
		"ines@hollowell.example":           {"Your application: we need another document"},
		"joost.verhage@brackwater.example": {received, welcome, "Your application: something is missing"},
		"mara.lindqvist@tidewater.example": {received, welcome},
		"office@zephyrine.example":         {received, closed},
		"team@pennywhistle.example":        {received, closed},
	}
	for to, subjects := range want {
		same(t, "mails to "+to, got[to], subjects)
	}
	if len(got) != len(want) {
		t.Errorf("mails went to %d people, want %d", len(got), len(want))
	}
}

// Letters before their customer: the CRM refuses the other order, so the undo must have run in reverse.
func checkUndone(t *testing.T, o *office) {
	same(t, "history", rows(t, o, `select customer || ' ' || what from history where customer in ('C-1004', 'C-1006') order by seq`), []string{
		"C-1004 customer added", "C-1004 letter drafted", "C-1004 compliance noted", "C-1004 letter deleted", "C-1004 customer deleted",
		"C-1006 customer added", "C-1006 letter drafted", "C-1006 letter deleted", "C-1006 customer deleted",
	})
}

func checkHiccups(t *testing.T, o *office, runs map[string]*coordinator.Run) {
	lost, busy := 0, 0
	for _, run := range runs {
		all := events(t, o, run.ID())
		lost += failures(all, "EOF")
		busy += failures(all, "503")
	}
	again := len(rows(t, o, `select what from history where what = 'asked again'`))
	if busy == 0 || lost == 0 || again != lost {
		t.Errorf("the CRM was busy %d times and lost %d answers, and was asked again for %d", busy, lost, again)
	}
	if added := rows(t, o, `select name from history where what = 'customer added'`); len(added) != 6 {
		t.Errorf("customers were added %d times, want 6: %v", len(added), added)
	}
}

func checkFourEyes(t *testing.T, o *office, run string) {
	var got []string
	for _, e := range events(t, o, run) {
		switch e.Kind {
		case coordinator.Denied:
			got = append(got, "denied "+e.By+" "+e.Path)
		case coordinator.Decided:
			got = append(got, fmt.Sprintf("%s %s %s", e.Decision.Verb, e.By, e.Path))
		}
	}
	same(t, "who decided", got, []string{"denied dana activated_by_lead", "approve iris activated_by_lead"})
}

func checkPages(t *testing.T, o *office) {
	pages, err := fs.Glob(o.ws.Root.FS(), "out/customers/*.html")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "pages", pages, []string{"out/customers/C-1001.html", "out/customers/C-1002.html", "out/customers/C-1003.html", "out/customers/C-1005.html"})
	page, err := o.ws.Root.ReadFile("out/onboarding-" + today + ".html")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"4 customers are in the CRM", "<svg", "Tidewater Coffee Roasters Ltd", "398,500", "Zephyrine Maritime N.V."} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the report lacks %s", part)
		}
	}
}

// checkToken looks for the CRM's token in what was printed, in every file of the workspace, and in the journals.
func checkToken(t *testing.T, o *office, printed string, runs map[string]*coordinator.Run) {
	if strings.Contains(printed, canary) {
		t.Error("the token was printed")
	}
	err := fs.WalkDir(os.DirFS(o.ws.Dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(o.ws.Dir, name))
		if bytes.Contains(data, []byte(canary)) {
			t.Errorf("the token stands in %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for name, run := range runs {
		if journal := must(json.Marshal(events(t, o, run.ID()))); bytes.Contains(journal, []byte(canary)) {
			t.Errorf("the token stands in the journal of %s", name)
		}
	}
}

// Every second change is made and its answer lost, that of a customer's own record too.
func TestALostAnswerMakesNoSecondCustomer(t *testing.T) {
	o, out := opened(t, api.Hiccups{Lose: 2})
	lost := 0
	for _, customer := range []string{"tidewater-coffee", "otterbourne-instruments"} {
		run, err := o.onboard(t.Context(), customer)
		if err != nil || outcomeOf(t, run).Outcome != "active" {
			t.Fatalf("%s: %v\n%s", customer, err, out)
		}
		lost += failures(events(t, o, run.ID()), "EOF")
	}
	recordLost := strings.Contains(out.String(), "POST crm /customers: EOF")
	if added := rows(t, o, `select customer from history where what = 'customer added'`); len(added) != 2 || !recordLost || lost < 8 {
		t.Errorf("added %v while %d answers were lost, one of them of a record: %v", added, lost, recordLost)
	}
	same(t, "letters", rows(t, o, `select customer || ' ' || status from letters order by id`), []string{"1 sent", "2 sent"})
}

func TestACustomerWhoComesTwiceIsRefusedAndTheFirstRecordStands(t *testing.T) {
	o, _ := opened(t, api.Hiccups{})
	for _, want := range []coordinator.Status{coordinator.StatusDone, coordinator.StatusFailed} {
		run, err := o.onboard(t.Context(), "tidewater-coffee")
		if err != nil || run.Status() != want {
			t.Fatalf("%v %v, want %s", run.Status(), err, want)
		}
		if f := run.Failure(); f != nil && !strings.Contains(f.Message, "is the customer C-1001 already") {
			t.Errorf("the failure does not say why: %s", f.Message)
		}
	}
	same(t, "history", rows(t, o, `select what || ' ' || customer from history order by seq`), []string{
		"customer added C-1001", "letter drafted C-1001", "compliance noted C-1001", "status active C-1001", "letter sent C-1001",
	})
}

// Pennywhistle's run waits for a lead. A colleague may not cancel it; ops may, and then the record and the draft go.
func TestOnlyOpsAndTheRequesterCancelARunAndWhatItDidIsUndone(t *testing.T) {
	o, _ := opened(t, api.Hiccups{})
	f, err := o.ws.Pipeline("onboard")
	if err != nil {
		t.Fatal(err)
	}
	input := map[string]string{"application": "customers/pennywhistle-games/application.txt", "today": today}
	id, err := o.rt.Submit(t.Context(), local.Task{Plan: f.Plan, Input: input, By: requester})
	if err != nil {
		t.Fatal(err)
	}
	var waits *local.WaitingError
	if _, err := o.rt.Wait(t.Context(), id); !errors.As(err, &waits) || !waits.Open[0].FourEyes {
		t.Fatalf("the run does not wait for a lead: %v", err)
	}
	var barred *local.RightsError
	if err := o.rt.Cancel(t.Context(), id, "milo"); !errors.As(err, &barred) {
		t.Fatalf("milo cancels: %v", err)
	}
	if held := rows(t, o, `select name from customers`); len(held) != 1 {
		t.Fatalf("after a refused cancel the CRM holds %v", held)
	}
	if err := o.rt.Cancel(t.Context(), id, "sol"); err != nil {
		t.Fatal(err)
	}
	run, err := o.rt.Wait(context.WithoutCancel(t.Context()), id)
	if run == nil || run.Status() != coordinator.StatusCancelled {
		t.Fatalf("after the cancel: %v", err)
	}
	same(t, "history", rows(t, o, `select what from history order by seq`), []string{
		"customer added", "letter drafted", "compliance noted", "letter deleted", "customer deleted",
	})
}

func TestTheSourceFolderIsLeftAlone(t *testing.T) {
	o, _ := opened(t, api.Hiccups{})
	if _, err := o.onboard(t.Context(), "brackwater-logistics"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"customers/brackwater-logistics/register.txt", "out", "crm.db"} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is in the example's own folder", name)
		}
		if _, err := os.Stat(filepath.Join(o.ws.Dir, name)); err != nil {
			t.Errorf("%s is not in the copy: %v", name, err)
		}
	}
}

func TestAFolderWithSomethingInItIsRefused(t *testing.T) {
	t.Setenv("CRM_TOKEN", canary)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, api.Hiccups{}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("%v", err)
	}
}

func TestTheReadmeTellsOfEveryCustomerAndEveryFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	told := func(name string) {
		if !bytes.Contains(readme, []byte("`"+name+"`")) {
			t.Errorf("README.md does not mention %s", name)
		}
	}
	for _, c := range must(fs.ReadDir(files, "customers")) {
		told(c.Name())
	}
	for _, folder := range []string{"pipelines", "rules"} {
		for _, f := range must(fs.ReadDir(files, folder)) {
			told(folder + "/" + f.Name())
		}
	}
}
