package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/tuttirun/tutti/coordinator/pipeline"
)

// flatten separates the mistakes in files that an error holds, each once and in order, from everything else it says.
func flatten(err error) (mistakes []pipeline.Mistake, others []string) {
	for _, e := range leaves(err) {
		if file := (*pipeline.Error)(nil); errors.As(e, &file) {
			mistakes = append(mistakes, file.Mistakes...)
		} else {
			others = append(others, e.Error())
		}
	}
	slices.SortStableFunc(mistakes, func(a, b pipeline.Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(mistakes), others
}

// leaves takes an exit and errors.Join apart; an error with a text of its own stays whole.
func leaves(err error) []error {
	switch e := err.(type) { //nolint:errorlint // this very error, not what it wraps
	case nil:
		return nil
	case *exit:
		return leaves(e.err)
	case interface{ Unwrap() []error }:
		if !isJoin(err, e.Unwrap()) {
			return []error{err}
		}
		var out []error
		for _, part := range e.Unwrap() {
			out = append(out, leaves(part)...)
		}
		return out
	}
	return []error{err}
}

func isJoin(err error, parts []error) bool {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n") == err.Error()
}

// wording is what people read: every mistake with its line, then how many there are.
func wording(mistakes []pipeline.Mistake, others []string) string {
	parts := others
	if len(mistakes) > 0 {
		parts = append(parts, (&pipeline.Error{Mistakes: mistakes}).Error())
	}
	return strings.Join(parts, "\n")
}
