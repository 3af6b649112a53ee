// Embed is a web application of its own that has Tutti inside: a support desk whose tickets are runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/tuttirun/tutti/agents/offline"
	"github.com/tuttirun/tutti/memory"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen; port 0 is any that is free")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		err = serve(ctx, listener)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// serve runs the desk until ctx ends. What is in flight is finished, what waits for people waits on in the store.
func serve(ctx context.Context, listener net.Listener) (err error) {
	store, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	m, err := model()
	if err != nil {
		return err
	}
	desk, err := NewDesk(store, m, NewShop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, within(desk.Close)) }()
	fmt.Printf("The desk is open: http://%s/ (%s)\n", listener.Addr(), store.Durability().Text)
	server := &http.Server{
		Handler: desk.Handler(), ReadHeaderTimeout: 5 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, // event streams end with it
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return within(server.Shutdown) // before the runtime closes
	}
}

// within gives something ten seconds to end.
func within(end func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return end(ctx)
}

// workspace is part of every key in the store, so that applications can share a Redis.
const workspace = "support-desk"

// openStore opens the Redis that REDIS_URL names. Without one nothing survives the process.
func openStore(ctx context.Context) (memory.Store, error) {
	if url := os.Getenv("REDIS_URL"); url != "" {
		return memory.Open(ctx, url, memory.Options{Workspace: workspace})
	}
	return memory.NewWith(memory.Options{Workspace: workspace}), nil
}

// model is any llms.Model of langchaingo; nothing else in this program knows which. Without a key it is rules.
func model() (llms.Model, error) {
	if os.Getenv("OPENAI_API_KEY") == "" {
		return offline.New(offline.Options{}), nil
	}
	return openai.New() // OPENAI_MODEL and OPENAI_BASE_URL say which
}
