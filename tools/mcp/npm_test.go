//go:build npm && unix

package mcp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/mcp"
)

// The peer that the protocol's authors publish to try clients with. It needs node, npm and npm's registry:
//
//	go test -tags npm -run Everything ./tools/mcp
const everything = "@modelcontextprotocol/server-everything@2026.8.31"

func TestTheRealServerEverythingOverStdio(t *testing.T) {
	tryEverything(t, mcp.Server{Command: []string{"npx", "-y", everything}, Env: map[string]string{"TOKEN": "canary-7281"}, StartTimeout: 2 * time.Minute})
}

func TestTheRealServerEverythingOverHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command("npx", "-y", everything, "streamableHttp")
	cmd.Env = append(os.Environ(), "PORT="+address[strings.LastIndexByte(address, ':')+1:])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() })
	eventually(t, 2*time.Minute, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	tryEverything(t, mcp.Server{URL: "http://" + address + "/mcp", Private: []string{address}})
}

func tryEverything(t *testing.T, server mcp.Server) {
	server.Effects = map[string]coordinator.Effect{"get-sum": coordinator.EffectNone}
	server.Save = "saved"
	dir, s := t.TempDir(), mcp.Settings{Servers: map[string]mcp.Server{"everything": server}}
	changes, err := mcp.Accept(t.Context(), dir, s, "everything")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tools", len(changes.Added))
	workers := open(t, dir, s)
	for _, c := range []struct{ tool, input, want string }{
		{"echo", `{"message":"hello <tutti>"}`, `{"text":"Echo: hello <tutti>"}`},
		{"get-sum", `{"a":2,"b":40}`, `{"text":"The sum of 2 and 40 is 42."}`},
		{"get-structured-content", `{"location":"Chicago"}`, `"temperature":36`},
		{"get-tiny-image", `{}`, `"path":"saved/`},
		{"get-annotated-message", `{"messageType":"error","includeImage":true}`, `Error: Operation failed`},
		{"get-resource-links", `{"count":2}`, `"kind":"link"`},
		{"get-resource-reference", `{"resourceType":"Text","resourceId":1}`, `"kind":"resource"`},
		{"trigger-long-running-operation", `{"duration":1,"steps":2}`, `Long running operation completed`},
	} {
		t.Run(c.tool, func(t *testing.T) {
			got, err := do(t.Context(), workers["everything."+c.tool], c.input)
			if err != nil || !strings.Contains(got, c.want) {
				t.Errorf("%s %v, want %s", got, err, c.want)
			}
			t.Log(got)
		})
	}
	t.Run("the others answer in some way", func(t *testing.T) {
		for name, w := range workers {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			got, err := do(ctx, w, `{}`)
			cancel()
			t.Logf("%s (%s): %.300s %v", name, w.Card().Effect, got, err)
		}
	})
	t.Run("input that breaks the schema is refused here", func(t *testing.T) {
		_, err := do(t.Context(), workers["everything.get-sum"], `{"a":"two","b":1}`)
		if f := coordinator.FailureOf(err); f == nil || !f.Permanent {
			t.Errorf("%+v", f)
		}
	})
	t.Run("an error of a tool is shown", func(t *testing.T) {
		_, err := do(t.Context(), workers["everything.get-resource-reference"], `{"resourceType":"Text","resourceId":-1}`)
		if err == nil || !strings.Contains(err.Error(), "resourceId") {
			t.Error(err)
		}
		t.Log(fmt.Sprint(err))
	})
	t.Run("a changed description is refused until it is accepted", func(t *testing.T) { refuseThenAccept(t, dir, s) })
}
