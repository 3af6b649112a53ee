//go:build unix

package program_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
	"github.com/tuttirun/tutti/tools/program"
)

func ExampleNew() {
	workers, err := program.New(".", program.Settings{Programs: map[string]program.Program{
		"sort": {
			Run: []string{"sort"}, Args: []string{"--", "{files...}"}, Effect: coordinator.EffectRead,
			Input: json.RawMessage(`{
				"type": "object", "required": ["files"],
				"properties": {"files": {"type": "array", "items": {"type": "string", "format": "path"}}}}`),
		},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	byName, err := tools.Map(workers...)
	if err != nil {
		fmt.Println(err)
		return
	}
	sort := byName["exec.sort"]
	result, err := sort.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{"files": ["testdata/colours.txt"]}`)})
	fmt.Println(string(result.Output), err)
	_, err = sort.Do(context.Background(), coordinator.Attempt{Input: json.RawMessage(`{"files": ["/etc/passwd"]}`)})
	fmt.Println(err)
	// Output:
	// {"text":"blue\ngreen\nred"} <nil>
	// exec.sort: input: files[0] is "/etc/passwd", which is no path here: a path must be relative to the workspace
}
