package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// part prints one part of a document, as --get names it: text without quotes, everything else as JSON on one line. A part
// that is not there, or null, is an empty line, so that the exit code goes on telling what became of the run.
func (a *app) part(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var doc any
	if err := exactly(raw, &doc); err != nil {
		return err
	}
	switch found := pointedAt(doc, a.Get).(type) {
	case nil:
		_, err = io.WriteString(a.out, "\n")
	case string:
		_, err = fmt.Fprintln(a.out, found)
	default:
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		err = e.Encode(found)
	}
	return err
}

// pointedAt follows a JSON pointer (RFC 6901); nil when it leads nowhere.
func pointedAt(doc any, pointer string) any {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range strings.Split(pointer, "/")[1:] {
		switch at := doc.(type) {
		case map[string]any:
			doc = at[unescape.Replace(token)]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			doc = at[i]
		default:
			return nil
		}
	}
	return doc
}
