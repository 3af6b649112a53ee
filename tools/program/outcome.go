package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// meaning is what an exit status says of the effect.
type meaning string

const (
	done      meaning = "done"
	notDone   meaning = "not_done"  // nothing happened, try again
	hopeless  meaning = "permanent" // nothing happened, and never will
	uncertain meaning = "unknown"
)

// contract is what exit statuses mean: those of sysexits.h that say that nothing was begun. The others of that list
// (a service is unavailable, an internal error, input and output) may strike in the middle of something.
var contract = map[int]meaning{
	0: done, 75: notDone, 64: hopeless, 65: hopeless, 66: hopeless, 67: hopeless, 68: hopeless, 77: hopeless, 78: hopeless,
}

func (p *program) readExit() error {
	p.exit = maps.Clone(contract)
	for key, what := range p.Exit {
		code, err := strconv.Atoi(key)
		if err != nil || code < 1 || code > 255 {
			return fmt.Errorf("exit: %q must be a status from 1 to 255", key)
		}
		if !slices.Contains([]meaning{done, notDone, hopeless, uncertain}, meaning(what)) {
			return fmt.Errorf("exit: %s: %q is none of done, not_done, permanent, unknown", key, what)
		}
		p.exit[code] = meaning(what)
	}
	return nil
}

// judge says what came of a program that was started.
func (p *program) judge(ctx context.Context, e ended) (json.RawMessage, error) {
	said := p.exit[e.state.ExitCode()] // -1 if a signal ended it: no meaning
	switch {
	case e.tooMuch:
		return nil, p.again(fmt.Errorf("it printed more than %d bytes, which is the limit (max_output), and was stopped", p.MaxOutput))
	case said == notDone:
		return nil, coordinator.NotDone(e.failure())
	case said == hopeless:
		return nil, coordinator.Permanent(e.failure())
	case e.stopped != nil: // a status of 0 then means that it stopped well, not that it did its work
		return nil, e.because(fmt.Errorf("%w, and was stopped", e.stopped))
	case said != done:
		return nil, e.failure()
	}
	if e.left {
		tools.Note(ctx, "it left a process behind that held its output open; that was ended")
	}
	if line := lastLine(e.stderr); line != "" {
		tools.Note(ctx, "stderr: %s", line)
	}
	return p.answer(ctx, e.stdout)
}

func (e ended) failure() error { return e.because(errors.New(e.state.String())) }

func (e ended) because(err error) error {
	if e.stderr == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, e.stderr)
}

// again marks an error that the same input would give again. Of a program with an effect, nobody knows what it did before.
func (p *program) again(err error) error {
	if p.Effect.Changes() {
		return err
	}
	return coordinator.Permanent(err)
}

// answer reads standard output.
func (p *program) answer(ctx context.Context, stdout []byte) (json.RawMessage, error) {
	if p.output == nil {
		text := strings.TrimRight(string(stdout), "\r\n")
		if fit := strings.ToValidUTF8(text, "\uFFFD"); fit != text {
			tools.Note(ctx, "its output is not UTF-8; what could not be read is replaced")
			text = fit
		}
		return json.Marshal(map[string]string{"text": text})
	}
	raw := bytes.TrimSpace(stdout)
	err := p.output.Validate(raw)
	if err == nil {
		raw, err = coordinator.Canonical(raw)
	}
	if err != nil {
		// Not wrapped: the text may quote the output, and is masked.
		return nil, p.again(errors.New(p.hidden.Mask(fmt.Sprintf("it ended well, but its output does not fit: %v; it begins %s", err, p.begin(raw)))))
	}
	return raw, nil
}

// maxQuoted is how much of an output stands in an error, in bytes.
const maxQuoted = 200

// begin quotes the beginning of an output.
func (p *program) begin(raw []byte) string {
	text := p.hidden.Mask(string(raw))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return strconv.Quote(text)
}

const maxLine = 200

func lastLine(text string) string {
	line := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "…"
	}
	return line
}
