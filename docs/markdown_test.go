package docs_test

import (
	"fmt"
	"strings"
)

// block is a fenced block of a page.
type block struct {
	kind string // the language
	file string // what stands behind it
	line int    // of the opening fence, from 1: the body begins at the index of the same number
	end  int    // index of the closing fence
	body []string
}

// blocksOf finds the fenced blocks of a page.
func blocksOf(lines []string) ([]*block, error) {
	var out []*block
	var open *block
	for i, line := range lines {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case !fence && strings.HasPrefix(strings.TrimSpace(line), "```"):
			return nil, fmt.Errorf("line %d: a fence is not indented", i+1)
		case !fence:
		case open == nil:
			kind, file, _ := strings.Cut(strings.TrimSpace(info), " ")
			open = &block{kind: kind, file: strings.TrimSpace(file), line: i + 1}
		case info != "":
			return nil, fmt.Errorf("line %d: the block of line %d is still open", i+1, open.line)
		default:
			open.end, open.body = i, lines[open.line:i:i]
			out, open = append(out, open), nil
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block is never closed", open.line)
	}
	return out, nil
}
