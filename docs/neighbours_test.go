package docs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tuttirun/tutti/agents/modeltest"
	"github.com/tuttirun/tutti/memory/memorytest"
)

// neighbours starts the servers that a page speaks to, and returns their addresses by those that stand on the page.
func neighbours(t *testing.T, dir, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for shown, start := range map[string]func(*testing.T, string) string{
		"127.0.0.1:8080":           shop,
		"127.0.0.1:8065":           webhook,
		"127.0.0.1:8090":           assistant,
		"127.0.0.1:9000":           bucket,
		"127.0.0.1:11434":          model,
		"port: 2525":               postOffice,
		"redis://127.0.0.1:6379/0": func(t *testing.T, _ string) string { return memorytest.Redis(t) },
	} {
		if strings.Contains(text, shown) {
			out[shown] = start(t, dir)
		}
	}
	return out
}

// serve returns the address of a server over HTTP.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

// shop is a small API with customers. It wants a token, is busy the first time, and knows a request that it has seen.
func shop(t *testing.T, _ string) string {
	var mu sync.Mutex
	customers, seen, busy := []map[string]any{}, map[string]map[string]any{}, true
	mux := http.NewServeMux()
	mux.HandleFunc("GET /customers", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer(w, http.StatusOK, customers)
	})
	mux.HandleFunc("POST /customers", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if busy {
			busy = false
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if seen[key] == nil {
			c := map[string]any{}
			if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			c["id"] = len(customers) + 1
			customers, seen[key] = append(customers, c), c
		}
		answer(w, http.StatusCreated, seen[key])
	})
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer crm-4711-0815" {
			answer(w, http.StatusUnauthorized, map[string]any{"error": "who are you?"})
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// webhook is a chat: what is posted stands in chat.log of the workspace.
func webhook(t *testing.T, dir string) string {
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var message struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := os.WriteFile(filepath.Join(dir, "chat.log"), []byte(message.Text+"\n"), 0o600); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, "ok")
	}))
}

// assistant is an MCP server with two tools.
func assistant(t *testing.T, _ string) string {
	s := mcp.NewServer(&mcp.Implementation{Name: "assistant", Version: "1"}, nil)
	type item struct {
		Item string `json:"item"`
	}
	type stock struct {
		Count int `json:"count"`
	}
	mcp.AddTool(s, &mcp.Tool{Name: "stock", Description: "How many there are of an item.", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}},
		func(_ context.Context, _ *mcp.CallToolRequest, in item) (*mcp.CallToolResult, stock, error) {
			return nil, stock{Count: 10 * len(in.Item)}, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "order", Description: "Orders an item."},
		func(_ context.Context, _ *mcp.CallToolRequest, in item) (*mcp.CallToolResult, any, error) {
			return nil, nil, fmt.Errorf("nobody sells %s", in.Item)
		})
	return serve(t, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, nil))
}

// bucket is an S3 store with the bucket "papers".
func bucket(t *testing.T, _ string) string {
	backend := s3mem.New()
	if err := backend.CreateBucket("papers"); err != nil {
		t.Fatal(err)
	}
	return serve(t, gofakes3.New(backend).Server())
}

// model is a provider of language models that sorts letters, and asks for the stock before it answers.
func model(t *testing.T, _ string) string {
	return strings.TrimSuffix(strings.TrimPrefix(modeltest.Func(t, reply).URL(), "http://"), "/v1")
}

func reply(r modeltest.Request) modeltest.Reply {
	used := modeltest.Usage{Input: 200, Output: 20}
	if r.Model == "out-of-order" {
		return modeltest.Overloaded()
	}
	if r.Last().Role == "tool" {
		return modeltest.Text("Yes, we have 4 bolts.").Using(used)
	}
	for _, tool := range r.Tools {
		if strings.Contains(tool.Name, "stock") {
			return modeltest.Calls(modeltest.Call{Name: tool.Name, Arguments: `{"item": "bolt"}`}).Using(used)
		}
	}
	kind, sure := "question", 0.6
	if strings.Contains(r.Last().Content, "broken") {
		kind, sure = "complaint", 0.97
	}
	return modeltest.JSON(map[string]any{"answer": map[string]any{"kind": kind}, "confidence": sure}).Using(used)
}

// postOffice is a mail server that takes everything; the latest mail stands in mail.log of the workspace.
func postOffice(t *testing.T, dir string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				if mail := receive(c); mail != "" {
					_ = os.WriteFile(filepath.Join(dir, "mail.log"), []byte(mail), 0o600)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return fmt.Sprintf("port: %d", l.Addr().(*net.TCPAddr).Port)
}

// receive speaks SMTP (RFC 5321) as far as one mail needs it.
func receive(c net.Conn) (mail string) {
	fmt.Fprint(c, "220 mail ESMTP\r\n")
	data, lines := false, bufio.NewScanner(c)
	for lines.Scan() {
		line := lines.Text()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case data && line == ".":
			data = false
			fmt.Fprint(c, "250 taken\r\n")
		case data:
			mail += line + "\n"
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return mail
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
	return mail
}
