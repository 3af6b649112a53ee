// Crm is the customer database of the onboarding example, on its own.
//
//	CRM_TOKEN=choose-one go run ./examples/onboarding/crm [-addr 127.0.0.1:8095] [-db crm.db] [-busy 20] [-lose 11]
//
// It listens on loopback only, until it is told to stop.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tuttirun/tutti/examples/onboarding/crm/api"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8095", "where to listen; loopback only")
	db := flag.String("db", "crm.db", "the database file; it is made if there is none")
	var h api.Hiccups
	flag.IntVar(&h.Busy, "busy", 0, "decline every so many-th change with 503 and Retry-After (0: none)")
	flag.IntVar(&h.Lose, "lose", 0, "make every so many-th change and lose the answer (0: none)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *addr, *db, h); err != nil {
		fmt.Fprintln(os.Stderr, "crm:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, addr, db string, h api.Hiccups) (err error) {
	token := os.Getenv("CRM_TOKEN")
	if token == "" {
		return errors.New("CRM_TOKEN is not set: choose a token, and give the same to tutti")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("%s is not on this machine's loopback", l.Addr()), l.Close())
	}
	crm, err := api.Open(db, token, h)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, crm.Close()) }()
	server := &http.Server{Handler: crm, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns the reason
	fmt.Fprintf(os.Stderr, "crm: http://%s, database %s\n", l.Addr(), db)
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
