package schema

import (
	"errors"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// pathFormat is {type: string, format: path}.
var pathFormat = &jsonschema.Format{Name: "path", Validate: func(v any) error {
	if s, ok := v.(string); ok {
		return CheckPath(s)
	}
	return nil
}}

// CheckPath reports why s is not a path inside the workspace: one that is relative, written with slashes, and never goes
// up. It looks at the text only; whoever opens the file must still do it through an os.Root, because of symbolic links.
func CheckPath(s string) error {
	switch {
	case s == "":
		return errors.New("a path cannot be empty")
	case strings.ContainsRune(s, 0):
		return errors.New("a path cannot hold a NUL byte")
	case strings.HasPrefix(s, "/"), len(s) > 1 && s[1] == ':' && isLetter(s[0]):
		return errors.New("a path must be relative to the workspace")
	case strings.Contains(s, `\`):
		return errors.New("a path is written with slashes")
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return errors.New(`a path must not hold ".."`)
		}
	}
	if Private(s) {
		return errors.New(privateFolder + " is for Tutti's own notes and for secrets, not for tools")
	}
	return nil
}

// privateFolder is the one folder of a workspace that no tool reads or writes for a step.
const privateFolder = ".tutti"

// Private reports whether a path, written with slashes, leads into a folder that is closed to tools.
func Private(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if strings.EqualFold(part, privateFolder) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
