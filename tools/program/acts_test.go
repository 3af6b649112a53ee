//go:build unix

package program_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// acts are what the player can do.
var acts = map[string]func(){
	"echo":        func() { _, err := io.Copy(os.Stdout, os.Stdin); must(err) },
	"environment": func() { must(json.NewEncoder(os.Stdout).Encode(os.Environ())) },
	"arguments":   func() { must(json.NewEncoder(os.Stdout).Encode(os.Args[1:])) },
	"exit":        exit,
	"flood":       flood,
	"deaf":        func() { must(os.Stdin.Close()); fmt.Print("did not listen") },
	"hang":        func() { hang() },
	"stubborn":    func() { signal.Ignore(syscall.SIGTERM); hang() },
	"polite":      polite,
	"family":      func() { bear(false); hang() },
	"leave":       func() { leave(false) },
	"escape":      func() { leave(true) },
}

// exit ends with the status that its argument names, and says the rest on standard error.
func exit() {
	status, err := strconv.Atoi(os.Args[1])
	must(err)
	fmt.Fprint(os.Stderr, strings.Join(os.Args[2:], " "))
	os.Exit(status)
}

func flood() {
	for line := []byte(strings.Repeat("x", 4095) + "\n"); ; {
		if _, err := os.Stdout.Write(line); err != nil {
			os.Exit(3)
		}
	}
}

// call tells the test that it is there.
func call() net.Conn {
	conn, err := net.Dial("tcp", os.Getenv("TEST_ADDRESS"))
	must(err)
	return conn
}

// hang stays until somebody ends it, or hangs up.
func hang() { _, _ = io.Copy(io.Discard, call()) }

// leave calls, has a child that calls too, and goes when the test hangs up.
func leave(escaped bool) {
	conn := call()
	bear(escaped)
	_, _ = io.Copy(io.Discard, conn)
	fmt.Print("gone")
}

// polite stops when it is told to, with the status that its argument names.
func polite() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	defer call().Close()
	<-told
	exit()
}

// bear starts a child that holds standard output and error open, and doesn't wait for it.
func bear(escaped bool) {
	self, err := os.Executable()
	must(err)
	child := exec.Command(self)
	child.Env = []string{"ACT=stubborn", "GORACE=" + os.Getenv("GORACE"), "TEST_ADDRESS=" + os.Getenv("TEST_ADDRESS")}
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: escaped}
	must(child.Start())
}
