package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
)

// summary shows what the example left behind: rows, mails, what was undone, and where everything lies.
func (o *office) summary(ctx context.Context, page string) error {
	customers, err := o.crmCustomers(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "\n%d customers in the CRM\n", len(customers))
	t := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  NUMBER\tNAME\tRISK\tSTATUS\tVOLUME")
	for _, c := range customers {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%.2f EUR\n", c.Number, c.Name, c.Risk, c.Status, c.MonthlyVolume)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := o.showHistory(ctx); err != nil {
		return err
	}
	mails, err := o.mails()
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "\n%d mails in %s\n", len(mails), filepath.Join(o.ws.Dir, outbox))
	for _, m := range mails {
		fmt.Fprintf(t, "  %s\t%s\n", m.to, m.subject)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "\nreport    %s\ncustomers %s\nCRM       %s\n",
		filepath.Join(o.ws.Dir, page), filepath.Join(o.ws.Dir, "out", "customers"), filepath.Join(o.ws.Dir, "crm.db"))
	return nil
}

// showHistory tells what was undone, and how often the CRM was asked for the same thing again.
func (o *office) showHistory(ctx context.Context) error {
	history, err := o.crmHistory(ctx)
	if err != nil {
		return err
	}
	again := 0
	fmt.Fprintf(o.out, "\nundone in the CRM\n")
	for _, e := range history {
		switch e.What {
		case "asked again":
			again++
		case "customer deleted", "letter deleted":
			fmt.Fprintf(o.out, "  %s  %s  %s\n", e.Customer, e.What, e.Name)
		}
	}
	fmt.Fprintf(o.out, "\n%d answers of the CRM were lost and asked for again; nothing was done twice\n", again)
	return nil
}

func (o *office) crmCustomers(ctx context.Context) ([]api.Customer, error) {
	var answer struct{ Customers []api.Customer }
	err := o.fromCRM(ctx, "/customers", &answer)
	return answer.Customers, err
}

func (o *office) crmHistory(ctx context.Context) ([]api.Event, error) {
	var answer struct{ History []api.Event }
	err := o.fromCRM(ctx, "/history", &answer)
	return answer.History, err
}

// fromCRM asks the CRM as any other program would.
func (o *office) fromCRM(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.crmURL+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("CRM_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return fmt.Errorf("crm: %s: %s: %s", path, resp.Status, text)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

const outbox = "out/mail"

// sentMail is a mail of the outbox.
type sentMail struct{ to, subject string }

// mails lists what was written to whom, sorted.
func (o *office) mails() ([]sentMail, error) {
	names, err := fs.Glob(o.ws.Root.FS(), outbox+"/*.eml")
	if err != nil {
		return nil, err
	}
	var all []sentMail
	for _, name := range names {
		m, err := o.mail(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b sentMail) int {
		return cmp.Or(strings.Compare(a.to, b.to), strings.Compare(a.subject, b.subject))
	})
	return all, nil
}

func (o *office) mail(name string) (sentMail, error) {
	f, err := o.ws.Root.Open(name)
	if err != nil {
		return sentMail{}, err
	}
	defer f.Close()
	m, err := mail.ReadMessage(f)
	if err != nil {
		return sentMail{}, err
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) == 0 {
		return sentMail{}, errors.Join(errors.New("it is addressed to nobody"), err)
	}
	return sentMail{to[0].Address, m.Header.Get("Subject")}, nil
}
