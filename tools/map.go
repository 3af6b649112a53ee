package tools

import (
	"errors"
	"fmt"
	"io"

	"github.com/tuttirun/tutti/coordinator"
)

// Map registers workers by the names on their cards. Two workers of one name are an error, and so is a tool whose
// declaration cannot work; all of them are reported at once.
func Map(workers ...coordinator.Worker) (map[string]coordinator.Worker, error) {
	out := make(map[string]coordinator.Worker, len(workers))
	var wrong []error
	for _, w := range workers {
		if d, ok := w.(interface{ err() error }); ok && d.err() != nil {
			wrong = append(wrong, d.err())
		}
		name := w.Card().Name
		if _, twice := out[name]; twice {
			wrong = append(wrong, fmt.Errorf("two workers are called %q", name))
		}
		out[name] = w
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return out, nil
}

// Close closes the workers that are io.Closers, all of them, and joins their errors.
func Close(workers ...coordinator.Worker) error {
	var wrong []error
	for _, w := range workers {
		if c, ok := w.(io.Closer); ok {
			wrong = append(wrong, c.Close())
		}
	}
	return errors.Join(wrong...)
}
