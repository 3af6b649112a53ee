package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A JSON pointer (RFC 6901) is followed through the text itself, so that what it leads to keeps its digits, and what it does
// not lead to keeps everything.

// maxSteps bounds a pointer.
const maxSteps = 50

// span is a value's place in the text of a document.
type span struct{ start, end int }

// at returns the value that a pointer leads to.
func at(document json.RawMessage, pointer string) (json.RawMessage, error) {
	steps, err := split(pointer)
	if err != nil {
		return nil, err
	}
	here := whole(document)
	for i, step := range steps {
		next, found, err := child(document, here, step)
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", join(steps[:i+1]), err)
		}
		if !found {
			return nil, fmt.Errorf("at %s: there is nothing", join(steps[:i+1]))
		}
		here = next
	}
	return document[here.start:here.end], nil
}

// set exchanges the value that a pointer leads to. The last step may name a field that an object does not have yet; a list
// never grows, for then the same call would do it twice.
func set(document json.RawMessage, pointer string, value json.RawMessage, compact bool) (json.RawMessage, error) {
	steps, err := split(pointer)
	if err != nil {
		return nil, err
	}
	here := whole(document)
	for i, step := range steps {
		next, found, err := child(document, here, step)
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", join(steps[:i+1]), err)
		}
		switch {
		case found:
			here = next
		case i == len(steps)-1 && document[here.start] == '{':
			return insert(document, here, step, value, compact)
		default:
			return nil, fmt.Errorf("at %s: there is nothing", join(steps[:i+1]))
		}
	}
	text := indent(value, compact, marginOf(document, here.start))
	return splice(document, here.start, here.end, text), nil
}

// insert adds a field at the end of an object, in the style of the document.
func insert(document json.RawMessage, object span, name string, value json.RawMessage, compact bool) (json.RawMessage, error) {
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	inside := document[object.start+1 : object.end-1]
	last := object.start + 1 + len(bytes.TrimRight(inside, " \t\r\n"))
	comma, margin := ",", marginOf(document, object.end-1)
	if last == object.start+1 {
		comma = ""
	}
	if compact || !bytes.Contains(inside, []byte("\n")) {
		return splice(document, last, object.end-1, comma+string(key)+":"+string(value)), nil
	}
	text := comma + "\n" + margin + "  " + string(key) + ": " + indent(value, false, margin+"  ") + "\n" + margin
	return splice(document, last, object.end-1, text), nil
}

func splice(document json.RawMessage, start, end int, text string) json.RawMessage {
	return append(append(append(json.RawMessage{}, document[:start]...), text...), document[end:]...)
}

// marginOf is the white space that the line of a place begins with.
func marginOf(document json.RawMessage, place int) string {
	line := document[bytes.LastIndexByte(document[:place], '\n')+1:]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

func whole(document json.RawMessage) span {
	start := len(document) - len(bytes.TrimLeft(document, " \t\r\n"))
	return span{start, len(bytes.TrimRight(document, " \t\r\n"))}
}

// child finds a field of an object or an item of a list. Of two fields of one name the last one counts, as everywhere in Go.
func child(document json.RawMessage, parent span, step string) (out span, found bool, err error) {
	d := json.NewDecoder(bytes.NewReader(document[parent.start:parent.end]))
	opening, err := d.Token()
	if err != nil {
		return span{}, false, err
	}
	index := -1
	switch opening {
	case json.Delim('{'):
	case json.Delim('['):
		if index, err = strconv.Atoi(step); err != nil || index < 0 || strconv.Itoa(index) != step {
			return span{}, false, fmt.Errorf("%q is not the number of an item; they count from 0", step)
		}
	default:
		return span{}, false, fmt.Errorf("%s has no parts", clip(string(document[parent.start:parent.end])))
	}
	for n := 0; d.More(); n++ {
		hit := n == index
		if index < 0 {
			name, err := d.Token()
			if err != nil {
				return span{}, false, err
			}
			hit = name == step
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return span{}, false, err
		}
		if hit {
			end := parent.start + int(d.InputOffset())
			out, found = span{end - len(value), end}, true
		}
	}
	return out, found, nil
}

func split(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return nil, fmt.Errorf("at %q: a JSON pointer begins with a slash, such as /orders/0/total", pointer)
	}
	steps := strings.Split(rest, "/")
	if len(steps) > maxSteps { // each of them reads the rest of the document
		return nil, fmt.Errorf("at: a JSON pointer has at most %d steps here, and this one has %d", maxSteps, len(steps))
	}
	for i, s := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return steps, nil
}

func join(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
	}
	return b.String()
}
