package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
)

// intake is what became of one document.
type intake struct {
	Document string  `json:"document"`
	Number   string  `json:"number"`
	Seller   string  `json:"seller"`
	Currency string  `json:"currency"`
	Total    float64 `json:"total"`
	Action   string  `json:"action"`
	Reason   string  `json:"reason"`
	Booked   bool    `json:"booked"`
}

// demoSummary shows what the demo left behind, and how to look closer.
func (s *session) demoSummary(ctx context.Context, run *coordinator.Run) error {
	answers, err := s.answersGiven(ctx, run.ID())
	if err != nil {
		return err
	}
	var rows [][]string
	for _, st := range run.Steps() {
		if !strings.HasPrefix(st.Path, "invoices[") || parentOf(st.Path) != "invoices" {
			continue
		}
		var in intake
		if json.Unmarshal(st.Output, &in) != nil || in.Document == "" {
			rows = append(rows, []string{line(string(st.Input)), "", "", "failed", ""})
			continue
		}
		rows = append(rows, []string{
			filepath.Base(line(in.Document)), line(in.Seller), fmt.Sprintf("%10.2f %s", in.Total, line(in.Currency)), fate(in), answers[st.Path],
		})
	}
	fmt.Fprintln(s.out)
	s.table([]string{"DOCUMENT", "SELLER", "     TOTAL", "WHAT", "PEOPLE"}, rows)
	if err := s.demoLedger(ctx); err != nil {
		return err
	}
	s.demoPlaces(run)
	return nil
}

func fate(in intake) string {
	if in.Booked {
		return "booked"
	}
	return "not booked: " + line(in.Reason)
}

// answersGiven lists by item what people were asked and said.
func (s *session) answersGiven(ctx context.Context, run string) (map[string]string, error) {
	out := map[string]string{}
	for e, err := range s.store.Read(ctx, run, 0) {
		if err != nil {
			return nil, err
		}
		if e.Kind == coordinator.Decided {
			item, _, _ := strings.Cut(e.Path, "]")
			out[item+"]"] += fmt.Sprintf("%s: %s  ", line(e.Decision.By), e.Decision.Verb)
		}
	}
	return out, nil
}

// demoLedger prints the month's rows, read with the workspace's own statement.
func (s *session) demoLedger(ctx context.Context) error {
	query := s.workers["sql.query"]
	input, _ := json.Marshal(map[string]any{ // plain strings: cannot fail
		"db": "ledger", "statement": "list_invoices", "args": map[string]string{"month": demoMonth},
	})
	res, err := query.Do(ctx, coordinator.Attempt{Input: input})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var table struct {
		Rows []struct {
			Date, Seller, Number, Currency, Account string
			Total                                   float64
		} `json:"rows"`
	}
	if err := json.Unmarshal(res.Output, &table); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	fmt.Fprintf(s.out, "\n%s of %s in the ledger\n", count(len(table.Rows), "row"), demoMonth)
	var rows [][]string
	for _, r := range table.Rows {
		rows = append(rows, []string{r.Date, line(r.Seller), line(r.Number), fmt.Sprintf("%10.2f %s", r.Total, r.Currency), r.Account})
	}
	s.table([]string{"DATE", "SELLER", "NUMBER", "     TOTAL", "ACCOUNT"}, rows)
	return nil
}

// demoPlaces tells where everything lies.
func (s *session) demoPlaces(run *coordinator.Run) {
	dir := shortest(s.ws.Dir)
	var made struct {
		Page string `json:"page"`
	}
	if output, _ := run.Output(""); json.Unmarshal(output, &made) == nil && made.Page != "" {
		fmt.Fprintf(s.out, "\nreport   %s\n", filepath.Join(dir, line(made.Page)))
	}
	if mails := s.mails(); len(mails) > 0 {
		fmt.Fprintf(s.out, "mails    %s in %s\n", count(len(mails), "mail"), filepath.Join(dir, filepath.Dir(mails[0])))
	}
	fmt.Fprintf(s.out, "ledger   %s\n", filepath.Join(dir, "ledger.db"))
	fmt.Fprintf(s.out, "journal  %s\n", s.storeName())
	if s.kept() {
		fmt.Fprintf(s.out, "\nLook closer:\n  %s\n  %s\n  %s\n", s.command("runs", "show", run.ID()), s.command("runs", "list"), s.command("doctor"))
	}
	fmt.Fprintf(s.out, "Be the people yourself: run tutti demo in a terminal, or\n  %s\n", s.command("run", "invoice-intake", "--set", "document=inbox/ballycarrow-BC-0611.pdf"))
}

// mails lists the mails that the run wrote: those that are not in the inbox.
func (s *session) mails() []string {
	var out []string
	_ = fs.WalkDir(s.ws.Root.FS(), ".", func(name string, d fs.DirEntry, err error) error { // what cannot be read is not listed
		if err != nil || d.IsDir() && name == demoFolder {
			return fs.SkipDir
		}
		if !d.IsDir() && filepath.Ext(name) == ".eml" {
			out = append(out, name)
		}
		return nil
	})
	return out
}
