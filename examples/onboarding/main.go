// Onboarding takes on seven business customers, from the documents they sent to an open account, or to none.
//
//	go run ./examples/onboarding [-dir DIR]
//
// It copies the workspace into a folder of its own, starts a CRM on a loopback port, runs the pipeline onboard for every
// customer, plays the people of answers.yaml, and ends with what the CRM holds, which mails went out, and what was undone.
// No key, no network. README.md says how to be the people yourself.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
)

// today is the day that the played customers are taken on: their passports expire before or after it.
const today = "2026-09-30"

// hiccups of the CRM: now and then it is busy, and now and then its answer is lost after the work was done.
var hiccups = api.Hiccups{Busy: 25, Lose: 7}

func main() {
	dir := flag.String("dir", "", "an empty folder for the workspace (default: a new one among the temporary files)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := play(ctx, *dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "onboarding:", err)
		os.Exit(1)
	}
}

func play(ctx context.Context, dir string, out io.Writer) (err error) {
	if err := os.Setenv("CRM_TOKEN", rand.Text()); err != nil { // tutti.yaml finds it there
		return err
	}
	o, err := open(dir, hiccups, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	_, err = o.day(ctx)
	return err
}

// day takes on every customer, writes the report and sums up. It returns the customers' runs.
func (o *office) day(ctx context.Context) (map[string]*coordinator.Run, error) {
	fmt.Fprintf(o.out, "The workspace is in %s.\nThe CRM listens on %s. Nobody sits here, so the people of answers.yaml are played.\n", o.ws.Dir, o.crmURL)
	runs := map[string]*coordinator.Run{}
	for _, name := range o.customers() {
		fmt.Fprintf(o.out, "\n%s\n", name)
		run, err := o.onboard(ctx, name)
		if err != nil {
			return runs, err
		}
		runs[name] = run
	}
	fmt.Fprintf(o.out, "\nthe report\n")
	page, err := o.report(ctx)
	if err != nil {
		return runs, err
	}
	return runs, o.summary(ctx, page)
}
