//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package memory

import (
	"context"
	"fmt"
	"runtime"
)

// Embedded needs unix sockets and file locks, which this system lacks.
func Embedded(context.Context, EmbeddedOptions) (Store, error) {
	return nil, fmt.Errorf("%w: no embedded server on %s", ErrNoRedisServer, runtime.GOOS)
}
