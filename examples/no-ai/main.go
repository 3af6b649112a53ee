// No-ai moves orders from a shop into accounting, with tools, two applications that have bad days, and no model at all.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
)

func main() {
	dir, err := os.MkdirTemp("", "tutti-no-ai-")
	if err == nil {
		err = tell(context.Background(), dir, os.Stdout)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// tell runs the four nights of the story in a folder, and compares both applications at the end.
func tell(ctx context.Context, dir string, out io.Writer) (err error) {
	n, err := open(dir, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close(ctx)) }()

	n.scene("First night. The period is locked, which shows at the end: everything is taken back.")
	n.books.Day(true)
	if err := n.move(ctx, "2026-09-28"); !errors.As(err, new(*local.RunError)) {
		return fmt.Errorf("the first night ends with %w, want a run that failed", err)
	}
	if err := n.count(); err != nil {
		return err
	}

	n.scene("Second night. Both are busy at times, one answer is lost, one order is large, one customer is refused.")
	n.books.Day(false)
	if err := errors.Join(n.move(ctx, "2026-09-29"), n.count()); err != nil {
		return err
	}

	n.scene("The second night again, under its key: the same run. Nobody is asked for anything.")
	if err := errors.Join(n.move(ctx, "2026-09-29"), n.count()); err != nil {
		return err
	}

	n.scene("Third night. The shop was restored from a backup and has forgotten what is booked.")
	n.shop.Restore()
	if err := errors.Join(n.move(ctx, "2026-09-30"), n.count()); err != nil {
		return err
	}

	n.scene("What both have in the end")
	if err := n.compare(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nThe reports are in %s.\n", filepath.Join(dir, "out"))
	return err
}

// move carries out the pipeline for one night. The night is in the key: a second time it is the same run.
func (n *nights) move(ctx context.Context, night string) error {
	file, err := n.ws.Pipeline("move-orders")
	if err != nil {
		return err
	}
	id, err := n.rt.Submit(ctx, local.Task{
		Goal: "Move the orders of " + night, Plan: file.Plan, Input: map[string]string{"night": night}, Key: "orders " + night, By: "cron",
	})
	if err != nil {
		return err
	}
	run, err := n.rt.Wait(ctx, id)
	if err != nil {
		return err
	}
	output, _ := run.Output("")
	_, err = fmt.Fprintf(n.out, "result   %s\n", output)
	return err
}

// people play the bookkeeper Bo. In real life the question waits in the inbox.
func (n *nights) people(_ context.Context, q coordinator.Escalation) (coordinator.Decision, error) {
	if q.Reason != coordinator.ReasonApproval {
		return coordinator.Decision{}, fmt.Errorf("nobody expected the question %q", q.Question)
	}
	return coordinator.Decision{Verb: n.bo, By: "bo", Comment: "the fleet order, signed in May"}, nil
}

func (n *nights) scene(title string) { fmt.Fprintf(n.out, "\n%s\n\n", title) }

// count says how much of the work stands.
func (n *nights) count() error {
	vouchers, err := n.books.Vouchers()
	if err != nil {
		return err
	}
	marked := 0
	for _, o := range n.shop.Orders() {
		if o.Booked != "" {
			marked++
		}
	}
	_, err = fmt.Fprintf(n.out, "so far   vouchers in the books: %d, orders marked in the shop: %d, messages to the team: %d\n"+
		"         requests to the shop: %d, to change the books: %d\n", len(vouchers), marked, n.chat.count(), n.shop.Requests(), n.books.Changes())
	return err
}

// compare puts the rows of both applications side by side. A difference that nobody can explain is an error.
func (n *nights) compare() error {
	vouchers, err := n.books.Vouchers()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(n.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ORDER\tSTATE\tIN THE SHOP\tIN THE BOOKS\tREFERENCE\tACCOUNT\t")
	var wrong []error
	for _, o := range n.shop.Orders() {
		v, booked := vouchers[o.Number]
		cents, remark := "-", ""
		switch {
		case booked && (v.Cents != o.Cents || v.Reference != o.Booked):
			remark = "DIFFERS"
			wrong = append(wrong, fmt.Errorf("%s differs: %+v in the shop, %+v in the books", o.Number, o, v))
		case booked:
			cents = euros(v.Cents)
		case o.State == "paid" && o.Cents > 0:
			remark = "left behind"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.Number, o.State, euros(o.Cents), cents, v.Reference, v.Account, remark)
	}
	return errors.Join(append(wrong, table.Flush())...)
}

func euros(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
