//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package memory

import (
	"errors"
	"os"
	"testing"
)

// The client may still be dialling in the background when its store is closed.
func TestDialAfterCloseDoesNotStartTheServerAgain(t *testing.T) {
	dir, err := os.MkdirTemp("", "tutti") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := Embedded(t.Context(), EmbeddedOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	h := store.(*embedded).home
	if _, err := h.dial(t.Context(), "unix", h.socket); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
	if h.answers(t.Context()) {
		t.Error("a server runs that nobody uses")
		_ = h.stop(t.Context())
	}
}
