package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/coordinator/local"
	"github.com/tuttirun/tutti/coordinator/pipeline"
	"github.com/tuttirun/tutti/tools"
)

// nights is the stage of the story: two applications and a chat on loopback addresses, and the runtime between them.
type nights struct {
	out     io.Writer
	shop    *Shop
	books   *Books
	chat    *chat
	servers []*httptest.Server
	ws      *pipeline.Workspace
	workers map[string]coordinator.Worker
	rt      *local.Runtime
	bo      coordinator.Verb // what Bo says to a large order
}

// open sets the stage up in a folder. Close it, also after an error of what follows.
func open(dir string, out io.Writer) (*nights, error) {
	n := &nights{out: out, bo: coordinator.Approve, chat: &chat{out: out}}
	shopToken, booksToken := rand.Text(), rand.Text()
	var err error
	if n.shop, err = NewShop(shopToken); err != nil {
		return nil, err
	}
	if n.books, err = OpenBooks(filepath.Join(dir, "books.db"), booksToken); err != nil {
		return nil, err
	}
	shop, books, chat := n.serve(n.shop.Handler()), n.serve(n.books.Handler()), n.serve(n.chat)
	for name, value := range map[string]string{
		"SHOP_URL": shop, "SHOP_TOKEN": shopToken, "BOOKS_URL": books, "BOOKS_TOKEN": booksToken, "TEAM_WEBHOOK": chat + "/hook/" + rand.Text(),
	} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err == nil {
		n.ws, n.workers, err = openWorkspace(dir)
	}
	if err == nil {
		n.rt, err = local.New(local.Options{
			Workers: n.workers, Workspace: n.ws.Name, Limits: n.ws.Limits, Rights: n.ws.MayDecide,
			People: n.people, Observe: progress(out, n.workers),
		})
	}
	if err != nil {
		return nil, errors.Join(err, n.close(context.Background()))
	}
	return n, nil
}

func (n *nights) serve(h http.Handler) string {
	s := httptest.NewServer(h) // 127.0.0.1, on a port that is free
	n.servers = append(n.servers, s)
	return s.URL
}

// close ends what open began, whatever of it there is.
func (n *nights) close(ctx context.Context) error {
	var wrong []error
	if n.rt != nil {
		wrong = append(wrong, n.rt.Close(ctx))
	}
	wrong = append(wrong, tools.Close(slices.Collect(maps.Values(n.workers))...))
	if n.ws != nil {
		wrong = append(wrong, n.ws.Close())
	}
	for _, s := range n.servers {
		s.Close()
	}
	return errors.Join(append(wrong, n.books.Close())...)
}

// chat is where the team reads messages: an incoming webhook as Slack has them.
type chat struct {
	out  io.Writer
	seen atomic.Int64
}

func (c *chat) count() int64 { return c.seen.Load() }

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.seen.Add(1)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(c.out, "chat     %s\n", body)
	fmt.Fprint(w, "ok")
}
